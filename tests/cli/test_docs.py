"""docs/cli.md shows every command's help, word for word."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from signer.cli.program import program

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "cli.md"
_BLOCK = re.compile(
    r"^```console\n\$ signer ?(?P<command>[a-z0-9 -]*?) ?--help\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the words of every command, groups before what is in them."""
    yield path
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name)


def help_text(path: tuple[str, ...]) -> str:
    """Return a command's help at the width of the document."""
    result = CliRunner().invoke(program, [*path, "--help"], prog_name="signer", terminal_width=80)
    assert result.exit_code == 0
    return result.stdout


@pytest.mark.parametrize("path", list(commands(program)), ids=" ".join)
def test_help_is_shown_as_it_is(path: tuple[str, ...]) -> None:
    shown = {
        match["command"]: match["text"]
        for match in _BLOCK.finditer(DOCUMENT.read_text(encoding="utf-8"))
    }
    assert shown.get(" ".join(path)) == help_text(path)


def test_nothing_else_is_shown() -> None:
    shown = [match["command"] for match in _BLOCK.finditer(DOCUMENT.read_text(encoding="utf-8"))]
    assert shown == [" ".join(path) for path in commands(program)]
