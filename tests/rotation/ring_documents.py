"""A ring with everything in it, its document, and changes of that by place."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from signer.errors import RotationError
from signer.keys import HashAlgorithm, KeyAlgorithm
from signer.rotation.document import from_json, to_json
from signer.rotation.ring import (
    DAY,
    Custody,
    Event,
    KeyKind,
    KeyState,
    Lease,
    Ring,
    RingKey,
    Settings,
)

KMS = KeyKind(KeyAlgorithm.RSA_2048, HashAlgorithm.SHA256, Custody.KMS, 7 * DAY)
FULL = Ring(
    name="media",
    rev=7,
    settings=Settings(
        signing_secret="media/signing",
        standby_secret="media/standby",
        probe_url="https://cdn.example.com/private/probe",
        issuer_role_arn="arn:aws:iam::111122223333:role/issuer",
        next_key=KMS,
    ),
    key_group_id="group",
    keys=(
        RingKey(
            kid="first",
            state=KeyState.ACTIVE,
            kind=KMS,
            since=1_800_000_000,
            created_at=1_700_000_000,
            version="adopted",
            attempts=1,
            public_key_id="K2JCJMDEHXQW5F",
            fingerprint="0f" * 32,
            kms_key_arn="arn:aws:kms:eu-central-1:111122223333:key/1",
            published_at=1_700_000_001,
            passes=3,
            staged_at=1_800_000_003,
            promoted_at=1_800_000_000,
            demoted_at=1_800_000_001,
            drain_until=1_800_000_002,
            private_destroyed=True,
            revoked="lost",
        ),
    ),
    started=True,
    frozen="we look into it",
    rotate_requested=True,
    lease=Lease("tick", 1_800_000_120),
    history=(Event(1_700_000_000, "first", "PLANNED"),),
)


def document() -> dict[str, Any]:
    read: dict[str, Any] = json.loads(to_json(FULL))
    return read


def refused(changed: object) -> RotationError:
    with pytest.raises(RotationError) as caught:
        from_json(changed if isinstance(changed, str) else json.dumps(changed))
    assert caught.value.code == "ring_document"
    assert caught.value.__context__ is None
    return caught.value


def reads(changed: object) -> bool:
    try:
        from_json(json.dumps(changed))
    except RotationError:
        return False
    return True


Place = tuple[str | int, ...]


def places(part: object, place: Place = ()) -> Iterator[Place]:
    """Return where each member is, at any depth."""
    members = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()  # fmt: skip
    for name, value in members:
        yield (*place, name)
        yield from places(value, (*place, name))


def field(place: Place) -> str:
    return "".join(f"[{one}]" if isinstance(one, int) else f".{one}" for one in place).lstrip(".")


def part_at(written: Any, place: Place) -> Any:  # noqa: ANN401 - any of JSON's types
    for one in place:
        written = written[one]
    return written


ALL = list(places(document()))
MEMBERS = [place for place in ALL if isinstance(place[-1], str)]
OBJECTS = [(), *(place for place in ALL if isinstance(part_at(document(), place), dict))]
