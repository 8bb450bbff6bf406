"""Lines, held against files that are generated together with the line of every key."""

from __future__ import annotations

import json
import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signer.errors import SignerError
from signer.grants import GrantTable
from signer.grants.document import read_json, read_toml
from tests.grants.tables import BASE

KEYS = st.text(string.ascii_letters + string.digits + "_-", min_size=1, max_size=5)
ODD_KEYS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=6)
COMMENTS = st.sampled_from(
    ["", "", " # plain", ' # "quoted" = 1', " # '''", ' # """', " # [[x]]", " # {"]
)
VALUES = st.sampled_from(
    [
        "1", "-0.5", "true", "1979-05-27 07:32:00", "07:32:00", "[]", "{}", "''", '""', "'\\'",
        "'''\n[x]\n\n# = '''", '"""a\\"\n\n"b""c"""""', '"""\\\\"""', '"#\\"]"', "''''x'''''",
        '["]", \'[\', """\n""", {a = "}"}]', "[\n1, # ]\n2,\n]", "[[1, 2], [\n3]]",
    ]
)  # fmt: skip


def quoted(key: str) -> str:
    return (
        key
        if key and all(c.isascii() and (c.isalnum() or c in "_-") for c in key)
        else json.dumps(key, ensure_ascii=False)
    )


@st.composite
def toml_files(draw: st.DrawFn) -> tuple[str, dict[tuple[str | int, ...], int]]:
    """Draw a file, and the line of every key and header as they are written."""
    lines: list[str] = []
    places: dict[tuple[str | int, ...], int] = {}

    def write(text: str) -> int:
        number = sum(line.count("\n") + 1 for line in lines) + 1
        lines.append(text + draw(COMMENTS))
        return number

    def pairs(around: tuple[str | int, ...]) -> None:
        for key in draw(st.lists(KEYS | ODD_KEYS, max_size=3, unique=True)):
            for _ in range(draw(st.integers(0, 2))):
                write("")
            space = draw(st.sampled_from(["", " ", "\t"]))
            places[(*around, f"k{key}")] = write(
                f"{space}{quoted(f'k{key}')}{space}={space}{draw(VALUES)}"
            )

    pairs(())
    for name in draw(st.lists(KEYS, max_size=3, unique=True)):
        if draw(st.booleans()):
            for index in range(draw(st.integers(1, 3))):
                places[(f"t{name}", index)] = write(f"[[ t{name} ]]")
                pairs((f"t{name}", index))
                places[(f"t{name}", index, "s")] = write(f'["t{name}" . s]')
                pairs((f"t{name}", index, "s"))
        else:
            places[(f"t{name}",)] = write(f"[t{name}]")
            pairs((f"t{name}",))
            places[(f"t{name}", "d", "e")] = write("d . 'e' = 1")
    end = draw(st.sampled_from(["\n", "\r\n"]))
    return end.join(lines).replace("\r\n", "\n").replace("\n", end), places


@given(toml_files())
def test_lines_of_toml_are_right(drawn: tuple[str, dict[tuple[str | int, ...], int]]) -> None:
    text, places = drawn
    lines = read_toml(text, "f.toml")._lines
    assert {place: lines.line(place) for place in places} == places


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.text(max_size=5), JSON_VALUES, max_size=4), st.booleans())
def test_lines_of_json_are_right(document: dict[str, Any], ascii_only: bool) -> None:
    text = json.dumps(document, indent=1, ensure_ascii=ascii_only)
    places: dict[tuple[str | int, ...], int] = {}
    counted = 0

    def count(value: object, place: tuple[str | int, ...]) -> None:
        """Walk in the order in which json writes: with an indent, each item is on its own line."""
        nonlocal counted
        if isinstance(value, dict | list) and value:
            inner = value.items() if isinstance(value, dict) else enumerate(value)
            for key, item in inner:
                counted += 1
                places[(*place, key)] = counted + 1
                count(item, (*place, key))
            counted += 1

    count(document, ())
    lines = read_json(text, "f.json")._lines
    assert {place: lines.line(place) for place in places} == places
    assert lines.repeated == []


@given(st.text())
def test_any_text_is_a_table_or_a_typed_error(text: str) -> None:
    for read in (GrantTable.from_toml, GrantTable.from_json):
        with pytest.raises(SignerError):
            read(text, base_url=BASE)
