"""docs/threat-model.md: every threat names tests that exist, or says why it has none."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs" / "threat-model.md"
TEST_NAME = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")
NO_TEST = "No test: "


class Row(NamedTuple):
    number: int
    threat: str
    measure: str
    shown_by: str


def rows() -> list[Row]:
    lines = DOCUMENT.read_text(encoding="utf-8").splitlines()
    cells = [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        for line in lines
        if re.match(r"\| *\d+ *\|", line)
    ]
    return [Row(int(number), *rest) for number, *rest in cells]


@cache
def functions_in(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, kinds))


def test_the_threats_are_numbered_without_a_gap() -> None:
    numbers = [row.number for row in rows()]
    assert numbers == list(range(1, len(numbers) + 1))
    # As many as the research lists; none is dropped silently.
    assert len(numbers) >= 28


@pytest.mark.parametrize("row", rows(), ids=lambda row: f"{row.number}")
def test_every_threat_names_tests_that_exist_or_says_why_not(row: Row) -> None:
    named = TEST_NAME.findall(row.shown_by)
    assert named or NO_TEST in row.shown_by, row.threat
    for path, function in named:
        assert (ROOT / path).is_file(), path
        assert not function or function in functions_in(path), f"{path}::{function}"


@pytest.mark.parametrize("row", rows(), ids=lambda row: f"{row.number}")
def test_a_reason_for_no_test_is_a_sentence(row: Row) -> None:
    if NO_TEST in row.shown_by:
        assert len(row.shown_by.partition(NO_TEST)[2].split()) >= 6
