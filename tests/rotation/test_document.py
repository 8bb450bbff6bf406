"""The ring document: all of a ring goes through JSON, and nothing but a whole one is read."""

from __future__ import annotations

import dataclasses
import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signer.keys import HashAlgorithm, KeyAlgorithm, PrivateKey
from signer.rotation.document import LARGEST_NUMBER, VERSION, from_json, to_json
from signer.rotation.ring import (
    BEFORE_ACTIVE,
    DAY,
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
from tests.rotation.ring_documents import (
    ALL,
    FULL,
    KMS,
    MEMBERS,
    OBJECTS,
    Place,
    document,
    field,
    part_at,
    reads,
    refused,
)

# Whatever Python's texts can be, lone surrogates included.
TEXTS = st.text(st.characters(codec=None), max_size=20)
NUMBERS = st.integers(0, LARGEST_NUMBER)
KINDS = st.builds(
    KeyKind,
    st.sampled_from(KeyAlgorithm),
    st.sampled_from(HashAlgorithm),
    st.just(Custody.SECRET),
    st.integers(1, 366 * DAY),
) | st.just(KMS)
SECONDS = st.integers(0, 1000 * DAY)
SCHEDULES = st.builds(
    Schedule,
    period=st.integers(1001 * DAY, 3660 * DAY),
    soak=SECONDS,
    stale_limit=SECONDS,
    skew=SECONDS,
    rollback_window=SECONDS,
    probes=st.integers(0, 100),
)


@st.composite
def rings(draw: st.DrawFn) -> Ring:
    kids = draw(st.lists(st.uuids().map(str), max_size=5, unique=True))
    # At most one key of a ring is ACTIVE, and one is being made.
    free = [
        state for state in KeyState if state not in BEFORE_ACTIVE and state is not KeyState.ACTIVE
    ]
    states = [
        draw(st.sampled_from([*BEFORE_ACTIVE, *free])),
        draw(st.sampled_from([KeyState.ACTIVE, *free])),
        *(draw(st.sampled_from(free)) for _ in kids),
    ]
    keys = tuple(
        draw(
            st.builds(
                RingKey,
                kid=st.just(kid),
                state=st.just(state),
                kind=KINDS,
                since=NUMBERS,
                created_at=NUMBERS,
                version=TEXTS,
                attempts=NUMBERS,
                public_key_id=st.sampled_from([None, "", f"K{kid}"]),
                fingerprint=st.none() | TEXTS,
                kms_key_arn=st.none() | TEXTS,
                published_at=st.none() | NUMBERS,
                passes=NUMBERS,
                staged_at=st.none() | NUMBERS,
                promoted_at=st.none() | NUMBERS,
                demoted_at=st.none() | NUMBERS,
                drain_until=st.none() | NUMBERS,
                private_destroyed=st.booleans(),
                revoked=TEXTS,
            )
        )
        for kid, state in zip(kids, states, strict=False)
    )
    return draw(
        st.builds(
            Ring,
            name=st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9_-]{0,62}[A-Za-z0-9])?", fullmatch=True),
            rev=NUMBERS,
            settings=st.builds(
                Settings,
                signing_secret=TEXTS.map("s{}".format),
                standby_secret=TEXTS.map("t{}".format),
                probe_url=st.none() | st.just("https://cdn.example.com/p?a=b"),
                issuer_role_arn=TEXTS,
                next_key=KINDS,
                schedule=SCHEDULES,
            ),
            key_group_id=st.none() | TEXTS,
            keys=st.just(keys),
            started=st.booleans(),
            frozen=TEXTS,
            rotate_requested=st.booleans(),
            lease=st.none() | st.builds(Lease, TEXTS, NUMBERS),
            history=st.lists(st.builds(Event, NUMBERS, TEXTS, TEXTS), max_size=3).map(tuple),
        )
    )


@given(rings())
def test_what_is_written_is_read_again(ring: Ring) -> None:
    text = to_json(ring)
    assert text.isascii()
    assert from_json(text) == ring
    assert to_json(from_json(text)) == text


def test_every_field_of_every_part_is_written() -> None:
    written = document()
    assert written.pop("version") == VERSION
    pairs: list[tuple[Any, dict[str, Any]]] = [
        (Ring, written),
        (Lease, written["lease"]),
        (RingKey, written["keys"][0]),
        (KeyKind, written["keys"][0]["kind"]),
        (Settings, written["settings"]),
        (KeyKind, written["settings"]["next_key"]),
        (Schedule, written["settings"]["schedule"]),
        (Event, written["history"][0]),
    ]
    for kind, members in pairs:
        assert {field.name for field in dataclasses.fields(kind)} == set(members), kind


def test_a_ring_with_everything_goes_through_and_is_easy_to_read() -> None:
    text = to_json(FULL)
    assert from_json(text) == FULL
    assert text.startswith('{\n "version": 1,\n "name": "media",\n "rev": 7,\n')
    assert text.endswith("\n}\n")


@pytest.mark.parametrize("place", MEMBERS, ids=field)
def test_a_missing_member_is_named(place: Place) -> None:
    changed = document()
    del part_at(changed, place[:-1])[place[-1]]
    assert refused(changed).evidence["field"] == field(place)


@pytest.mark.parametrize("place", OBJECTS, ids=field)
def test_an_unknown_member_is_named(place: Place) -> None:
    changed = document()
    part_at(changed, place)["colour"] = None
    assert refused(changed).evidence["field"] == field((*place, "'colour'"))


@pytest.mark.parametrize("place", ALL, ids=field)
def test_a_member_of_another_type_is_named(place: Place) -> None:
    was = part_at(document(), place)
    others: list[Any] = ["x", 1, 1.0, True, [], {}, [None], float("nan")]
    for other in others:
        if type(other) is type(was) and other not in ([], [None], {}):
            continue
        changed = document()
        part_at(changed, place[:-1])[place[-1]] = other
        if reads(changed):
            # A list of keys, or of events, may be empty.
            assert other == []
            assert isinstance(was, list)
        else:
            assert str(refused(changed).evidence["field"]).startswith(field(place))


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("version",), 2),
        (("rev",), -1),
        (("rev",), LARGEST_NUMBER + 1),
        (("keys", 0, "state"), "active"),
        (("keys", 0, "since"), -1),
        (("keys", 0, "kind", "algorithm"), "RSA_4096"),
        (("keys", 0, "kind", "hash_algorithm"), "SHA1"),
        (("keys", 0, "kind", "max_lifetime"), 0),
        (("settings", "standby_secret"), "media/signing"),
        (("settings", "issuer_role_arn"), None),
        (("settings", "schedule", "soak"), 3661 * DAY),
        (("settings", "schedule", "period"), 0),
        (("name",), "a b"),
    ],
)
def test_a_value_that_cannot_be_is_named(place: Place, value: object) -> None:
    changed = document()
    part_at(changed, place[:-1])[place[-1]] = value
    assert refused(changed).evidence["field"] == field(place)


def test_a_ring_that_contradicts_itself_is_refused() -> None:
    changed = document()
    changed["keys"].append(dict(changed["keys"][0]))
    refused(changed)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "null",
        "7",
        "[]",
        "{",
        "[" * 100_000,
        '{"a":' * 100_000,
        "9" * 10_000,
        '{"version": ' + "9" * 10_000 + "}",
        "\ufeff{}",
        "\ud800",
        "\0",
    ],
    ids=range(13),
)
def test_what_is_no_document_is_refused(text: str) -> None:
    refused(text)


@pytest.mark.parametrize("name", ["rev", "owner", "kid", "period"])
def test_a_member_that_is_there_twice_is_refused(name: str) -> None:
    text = re.sub(rf'("{name}": [^,\n]+)', r"\1, \1", to_json(FULL), count=1)
    assert json.loads(text) == document()
    assert refused(text).evidence["field"] == ""


def test_a_document_that_was_cut_short_is_refused() -> None:
    text = to_json(FULL)
    for end in range(0, len(text) - 2, 7):
        refused(text[:end])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@given(st.sampled_from(ALL), JSON)
@settings(max_examples=300)
def test_whatever_lies_in_a_members_place_is_read_or_refused(place: Place, value: object) -> None:
    changed = document()
    part_at(changed, place[:-1])[place[-1]] = value
    if reads(changed):
        assert from_json(to_json(from_json(json.dumps(changed)))) == from_json(json.dumps(changed))


@given(st.text() | JSON.map(json.dumps))
def test_whatever_is_read_instead_is_refused(text: str) -> None:
    refused(text)


def test_no_key_is_shown_that_was_put_into_a_document(p256_key: PrivateKey) -> None:
    pem = p256_key.to_pem()
    secret = pem.splitlines()[1]
    for place in MEMBERS:
        changed = document()
        part_at(changed, place[:-1])[place[-1]] = pem
        part_at(changed, place[:-1])[pem] = pem
        error = refused(changed)
        assert secret not in f"{error!r} {error} {dict(error.evidence)}"
