"""The ring document as JSON: every field is written, and only exactly that is read.

docs/ring.schema.json describes it. There is no field for key material. A document that was cut
short, or that another version of this library wrote, is refused as a whole: what is guessed about a
ring may take a key out of use that viewers need.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from enum import Enum
from typing import Any, Final, TypeVar

from signer.errors import ConfigurationError, RotationError, excerpt
from signer.keys import HashAlgorithm, KeyAlgorithm
from signer.rotation.ring import (
    Custody,
    Event,
    KeyKind,
    KeyState,
    Lease,
    Ring,
    RingKey,
    Schedule,
    Settings,
)

VERSION: Final = 1
LARGEST_NUMBER: Final = 2**53 - 1
"""Above it, programs that read JSON's numbers as floating point lose digits."""

_Made = TypeVar("_Made")
_Kind = TypeVar("_Kind", bound=Enum)


def to_json(ring: Ring) -> str:
    """Return the document: ASCII, what people look for first at its beginning."""
    document = {
        "version": VERSION,
        "name": ring.name,
        "rev": ring.rev,
        "key_group_id": ring.key_group_id,
        "started": ring.started,
        "frozen": ring.frozen,
        "rotate_requested": ring.rotate_requested,
        "lease": ring.lease and {"owner": ring.lease.owner, "until": ring.lease.until},
        "keys": [_key_members(key) for key in ring.keys],
        "settings": _settings_members(ring.settings),
        "history": [
            {"at": event.at, "kid": event.kid, "what": event.what} for event in ring.history
        ],
    }
    return json.dumps(document, indent=1) + "\n"


def from_json(text: str) -> Ring:
    """Read a document strictly.

    Raises:
        RotationError: ``ring_document``: it is not JSON, a member is missing, unknown, of another
            type or out of its range, or the ring contradicts itself. Evidence names the ``field``,
            as in ``keys[0].state``; it is empty for the whole document.
    """
    try:
        document: object = json.loads(text, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        document = None
    # Read here and not above, where the decoder's error, which carries the whole text, would stay
    # attached to ours.
    return _read(document, "", _ring)


def _key_members(key: RingKey) -> dict[str, object]:
    return {
        "kid": key.kid,
        "state": key.state.value,
        "since": key.since,
        "attempts": key.attempts,
        "version": key.version,
        "public_key_id": key.public_key_id,
        "fingerprint": key.fingerprint,
        "kms_key_arn": key.kms_key_arn,
        "created_at": key.created_at,
        "published_at": key.published_at,
        "passes": key.passes,
        "staged_at": key.staged_at,
        "promoted_at": key.promoted_at,
        "demoted_at": key.demoted_at,
        "drain_until": key.drain_until,
        "private_destroyed": key.private_destroyed,
        "revoked": key.revoked,
        "kind": _kind_members(key.kind),
    }


def _kind_members(kind: KeyKind) -> dict[str, object]:
    return {
        "algorithm": kind.algorithm.value,
        "hash_algorithm": kind.hash_algorithm.value,
        "custody": kind.custody.value,
        "max_lifetime": kind.max_lifetime,
    }


def _settings_members(settings: Settings) -> dict[str, object]:
    schedule = settings.schedule
    return {
        "signing_secret": settings.signing_secret,
        "standby_secret": settings.standby_secret,
        "probe_url": settings.probe_url,
        "issuer_role_arn": settings.issuer_role_arn,
        "next_key": _kind_members(settings.next_key),
        "schedule": {
            "period": schedule.period,
            "soak": schedule.soak,
            "stale_limit": schedule.stale_limit,
            "skew": schedule.skew,
            "rollback_window": schedule.rollback_window,
            "probes": schedule.probes,
        },
    }


class _Part:
    """A JSON object of the document; what nobody takes from it does not belong there."""

    def __init__(self, value: object, where: str) -> None:
        if not isinstance(value, dict):
            raise _wrong(where, "is not a JSON object with each member once")
        self._left: dict[str, Any] = dict(value)
        self._where = where

    def text(self, name: str) -> str:
        value = self._take(name)
        if not isinstance(value, str):
            raise self._wrong(name, "is not a text")
        return value

    def number(self, name: str) -> int:
        value = self._take(name)
        # True is an int to isinstance.
        if type(value) is not int or not 0 <= value <= LARGEST_NUMBER:
            raise self._wrong(name, "is not a whole number from 0 to 2^53 - 1")
        return value

    def flag(self, name: str) -> bool:
        value = self._take(name)
        if not isinstance(value, bool):
            raise self._wrong(name, "is neither true nor false")
        return value

    def choice(self, name: str, kinds: type[_Kind]) -> _Kind:
        known = {kind.value: kind for kind in kinds}
        kind = known.get(self.text(name))
        if kind is None:
            raise self._wrong(name, f"is not one of {', '.join(known)}")
        return kind

    def maybe(self, name: str, take: Callable[[str], _Made]) -> _Made | None:
        """Take a member that may be null."""
        if self._left.get(name, ...) is None:
            del self._left[name]
            return None
        return take(name)

    def part(self, name: str, read: Callable[[_Part], _Made]) -> _Made:
        return _read(self._take(name), _inside(self._where, name), read)

    def parts(self, name: str, read: Callable[[_Part], _Made]) -> tuple[_Made, ...]:
        values = self._take(name)
        where = _inside(self._where, name)
        if not isinstance(values, list):
            raise _wrong(where, "is not a list")
        return tuple(_read(value, f"{where}[{index}]", read) for index, value in enumerate(values))

    def end(self) -> None:
        for name in self._left:
            raise self._wrong(excerpt(name), "is not known", advice=_OTHER_VERSION)

    def _take(self, name: str) -> Any:  # noqa: ANN401 - any of JSON's types
        if name not in self._left:
            raise self._wrong(name, "is missing", advice=_OTHER_VERSION)
        return self._left.pop(name)

    def _wrong(self, name: str, problem: str, *, advice: str = "") -> RotationError:
        return _wrong(_inside(self._where, name), problem, advice=advice)


_OTHER_VERSION: Final = "another version of this library may have written it"


def _read(value: object, where: str, read: Callable[[_Part], _Made]) -> _Made:
    """Read one object to its end; what the ring's own classes refuse is told with its place."""
    part = _Part(value, where)
    try:
        made = read(part)
    except ConfigurationError as error:
        field = _inside(where, str(error.evidence["field"]))
        refused = RotationError(
            "ring_document",
            f"the ring document cannot be used: {error.message}",
            advice=error.advice,
            field=field,
        )
    else:
        part.end()
        return made
    raise refused


def _ring(part: _Part) -> Ring:
    if part.number("version") != VERSION:
        raise _wrong("version", f"is not {VERSION}", advice=_OTHER_VERSION)
    return Ring(
        name=part.text("name"),
        rev=part.number("rev"),
        key_group_id=part.maybe("key_group_id", part.text),
        started=part.flag("started"),
        frozen=part.text("frozen"),
        rotate_requested=part.flag("rotate_requested"),
        lease=part.maybe("lease", lambda name: part.part(name, _lease)),
        keys=part.parts("keys", _key),
        settings=part.part("settings", _settings),
        history=part.parts("history", _event),
    )


def _lease(part: _Part) -> Lease:
    return Lease(owner=part.text("owner"), until=part.number("until"))


def _event(part: _Part) -> Event:
    return Event(at=part.number("at"), kid=part.text("kid"), what=part.text("what"))


def _key(part: _Part) -> RingKey:
    return RingKey(
        kid=part.text("kid"),
        state=part.choice("state", KeyState),
        since=part.number("since"),
        attempts=part.number("attempts"),
        version=part.text("version"),
        public_key_id=part.maybe("public_key_id", part.text),
        fingerprint=part.maybe("fingerprint", part.text),
        kms_key_arn=part.maybe("kms_key_arn", part.text),
        created_at=part.number("created_at"),
        published_at=part.maybe("published_at", part.number),
        passes=part.number("passes"),
        staged_at=part.maybe("staged_at", part.number),
        promoted_at=part.maybe("promoted_at", part.number),
        demoted_at=part.maybe("demoted_at", part.number),
        drain_until=part.maybe("drain_until", part.number),
        private_destroyed=part.flag("private_destroyed"),
        revoked=part.text("revoked"),
        kind=part.part("kind", _kind),
    )


def _kind(part: _Part) -> KeyKind:
    return KeyKind(
        algorithm=part.choice("algorithm", KeyAlgorithm),
        hash_algorithm=part.choice("hash_algorithm", HashAlgorithm),
        custody=part.choice("custody", Custody),
        max_lifetime=part.number("max_lifetime"),
    )


def _settings(part: _Part) -> Settings:
    return Settings(
        signing_secret=part.text("signing_secret"),
        standby_secret=part.text("standby_secret"),
        probe_url=part.maybe("probe_url", part.text),
        issuer_role_arn=part.maybe("issuer_role_arn", part.text),
        next_key=part.part("next_key", _kind),
        schedule=part.part("schedule", _schedule),
    )


def _schedule(part: _Part) -> Schedule:
    return Schedule(
        period=part.number("period"),
        soak=part.number("soak"),
        stale_limit=part.number("stale_limit"),
        skew=part.number("skew"),
        rollback_window=part.number("rollback_window"),
        probes=part.number("probes"),
    )


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Make an object of its members."""
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError
    return members


def _inside(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


def _wrong(where: str, problem: str, *, advice: str = "") -> RotationError:
    what = f"the ring document's {where}" if where else "the ring document"
    return RotationError("ring_document", f"{what} {problem}", advice=advice, field=where)
