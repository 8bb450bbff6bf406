"""docs/ring.schema.json says what the reader does: each rule of it is tried on both sides."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from signer.errors import ConfigurationError
from signer.keys import HashAlgorithm, KeyAlgorithm
from signer.rotation.ring import Custody, KeyKind, KeyState
from tests.rotation.ring_documents import ALL, Place, document, field, part_at, reads

SCHEMA = json.loads(
    (Path(__file__).parents[2] / "docs" / "ring.schema.json").read_text(encoding="utf-8")
)
ENUMS: dict[str, Any] = {
    "state": KeyState,
    "algorithm": KeyAlgorithm,
    "hash_algorithm": HashAlgorithm,
    "custody": Custody,
}
NAMES = ["media", "m", "m" * 64, "m" * 65, "", "a b", "-m", "m-", "é", "m\n"]
PROBES = [
    "https://media.example.com/", "https://media.example.com/p?a=b", "http://localhost:8080/p", "http://127.0.0.1/p",
    "/private/probe", "/.signer/probe", "/a.b_c~d-e", "/...", "/a/..b", "https://media.example.com", "http://media.example.com/p",
    "https://a@b/p", "", "/", "//evil.example/p", "/a//b", "/a/", "/a/../b", "/a/..", "/./a", "/.", "/a?b", "/a#b", "/%2e%2e/a",
    "/a b", "/*", "/\u00e4", "/a\n", "a", "a/b",
]  # fmt: skip
# What a member of each type may be, and what it may not.
TYPES: dict[str, tuple[object, object]] = {
    "string": ("", 1),
    "boolean": (False, 0),
    "array": ([], {}),
    "null": (None, 1.5),
}


def branches(schema: dict[str, Any], place: Place = ()) -> Iterator[tuple[Place, dict[str, Any]]]:
    """Return each member's schema with a place of it."""
    if "$ref" in schema:
        schema = SCHEMA["$defs"][schema["$ref"].removeprefix("#/$defs/")]
    if place:
        yield place, schema
    for one in schema.get("oneOf", ()):
        if one != {"type": "null"}:
            yield from branches(one, place)
    for name, inner in schema.get("properties", {}).items():
        yield from branches(inner, (*place, name))
    if "items" in schema:
        yield from branches(schema["items"], (*place, 0))


BRANCHES = list(branches(SCHEMA))


def test_the_schema_has_every_member_requires_it_and_knows_no_other() -> None:
    assert {place for place, _ in BRANCHES} == set(ALL)
    for place, schema in [((), SCHEMA), *BRANCHES]:
        if "properties" in schema:
            assert schema["additionalProperties"] is False
            assert schema["required"] == list(schema["properties"]), place
            assert list(part_at(document(), place)) == schema["required"], place


def taken_at(place: Place, value: object) -> bool:
    changed = document()
    changed["keys"][0]["kind"]["custody"] = "secret"
    changed["settings"]["next_key"]["custody"] = "secret"
    part_at(changed, place[:-1])[place[-1]] = value
    return reads(changed)


def of_kind(kind: str) -> list[Any]:
    """Return the members, with their place, whose schema has a keyword."""
    found = [pytest.param(place, one, id=field(place)) for place, one in BRANCHES if kind in one]
    assert found
    return found


def test_each_members_schema_is_tried_below() -> None:
    for place, schema in BRANCHES:
        assert {"const", "enum", "type", "oneOf"} & schema.keys(), place


def test_the_version_is_the_one_that_is_read() -> None:
    version = SCHEMA["properties"]["version"]["const"]
    assert taken_at(("version",), version)
    assert not taken_at(("version",), version + 1)


@pytest.mark.parametrize(("place", "schema"), of_kind("enum"))
def test_names_are_those_of_the_code(place: Place, schema: dict[str, Any]) -> None:
    assert schema["enum"] == [value for value in schema["enum"] if taken_at(place, value)]
    assert set(schema["enum"]) == {one.value for one in ENUMS[str(place[-1])]}


@pytest.mark.parametrize(("place", "schema"), of_kind("maximum"))
def test_numbers_have_the_same_bounds(place: Place, schema: dict[str, Any]) -> None:
    least, most = schema["minimum"], schema["maximum"]
    assert not taken_at(place, least - 1)
    assert not taken_at(place, most + 1)
    # The period has to be longer than the soak.
    assert taken_at(place, least) is (place[-1] != "period")
    assert taken_at(place, most) is (place[-1] != "soak")


@pytest.mark.parametrize("name", NAMES)
def test_the_name_has_the_same_pattern(name: str) -> None:
    pattern = SCHEMA["properties"]["name"]["pattern"].removeprefix("^").removesuffix("$")
    assert taken_at(("name",), name) is bool(re.fullmatch(pattern, name))


@pytest.mark.parametrize("url", PROBES)
def test_a_probe_has_the_same_pattern(url: str) -> None:
    [schema] = [one for place, one in BRANCHES if place == ("settings", "probe_url")]
    pattern = schema["pattern"].removeprefix("^").removesuffix("$")
    assert taken_at(("settings", "probe_url"), url) is bool(re.fullmatch(pattern, url))
    assert taken_at(("settings", "probe_url"), url) is (url in PROBES[:9])


@pytest.mark.parametrize(("place", "schema"), of_kind("type"))
def test_types_are_the_same(place: Place, schema: dict[str, Any]) -> None:
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    for kind in kinds:
        good, bad = TYPES.get(kind, (part_at(document(), place), "x"))
        assert taken_at(place, good) or "pattern" in schema
        assert not taken_at(place, bad)


@pytest.mark.parametrize("place", [place for place, _ in BRANCHES], ids=field)
def test_null_is_taken_where_the_schema_says_so(place: Place) -> None:
    said = any(
        schema.get("type") == ["string", "null"] or {"type": "null"} in schema.get("oneOf", ())
        for one, schema in BRANCHES
        if one == place
    )
    assert taken_at(place, None) is said


def test_the_schema_and_the_reader_know_what_kms_needs() -> None:
    kind = SCHEMA["$defs"]["kind"]
    assert kind["if"] == {"properties": {"custody": {"const": "kms"}}}
    assert kind["then"] == {"properties": {"hash_algorithm": {"const": "SHA256"}}}
    with pytest.raises(ConfigurationError):
        KeyKind(custody=Custody.KMS, hash_algorithm=HashAlgorithm.SHA1)
