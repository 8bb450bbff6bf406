"""The commands of README and runbook are commands that the command line takes."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from signer.cli.rotate import rotate

ROOT = Path(__file__).resolve().parents[2]
_FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SHELLS = {"", "sh", "console"}
_OF_THE_SHELL = re.compile(r"\s+(?:\d?>|\|).*")
DOCUMENTS = ("README.md", "docs/rotation.md", "docs/rotation-function.md")


def commands() -> Iterator[str]:
    for name in DOCUMENTS:
        text = (ROOT / name).read_text(encoding="utf-8")
        for language, block in _FENCED.findall(text):
            lines = block.replace("\\\n", " ").splitlines() if language in _SHELLS else []
            for line in lines:
                _, found, rest = line.partition("signer rotate ")
                if found:
                    yield _OF_THE_SHELL.sub("", rest)
        yield from re.findall(r"`signer rotate ((?:adopt|configure|tick|now|status) [^`]+)`", text)


@pytest.mark.parametrize("line", sorted(set(commands())))
def test_every_command_that_is_shown_is_taken(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGNER_RING", "dynamodb:media-rings/media")
    name, *arguments = shlex.split(line, comments=True)
    command = rotate.get_command(click.Context(rotate), name)
    assert command is not None
    command.make_context(name, list(arguments))


def test_there_are_some() -> None:
    assert {line.split()[0] for line in commands()} >= {"init", "adopt", "status", "tick", "revoke"}
