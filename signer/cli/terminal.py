"""Writing answers: tables and colours on a terminal, plain lines in a pipe, or JSON."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import click
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Tone = Literal["good", "bad", "warning", "plain", "quiet"]

_BADGES: dict[Tone, str] = {
    "good": "bold black on green",
    "bad": "bold white on red",
    "warning": "bold black on yellow",
    "plain": "bold",
    "quiet": "dim",
}
_STYLES: dict[Tone, str] = {
    "good": "green",
    "bad": "red",
    "warning": "yellow",
    "plain": "",
    "quiet": "dim",
}
_WIDEST = 100


@dataclass(frozen=True, slots=True)
class Row:
    """A labelled value; with an empty label it continues the one above."""

    label: str
    value: str
    tone: Tone = "plain"


@dataclass(frozen=True, slots=True)
class Section:
    """A titled list of rows."""

    title: str
    rows: tuple[Row, ...]
    tone: Tone = "plain"
    mark: str = ""


@dataclass(slots=True)
class Report:
    """An answer for a person: a word, what it is about, and sections."""

    word: str
    tone: Tone
    about: str
    sections: list[Section] = field(default_factory=list)


class Terminal:
    """Standard output, in the way that was asked for."""

    def __init__(self, *, as_json: bool, no_color: bool) -> None:
        self.as_json = as_json
        self._console = Console(
            no_color=True if no_color else None,
            highlight=False,
            markup=False,
            emoji=False,
        )
        self._console.width = min(self._console.width, _WIDEST)

    def document(self, document: Mapping[str, object]) -> None:
        """Write a JSON document."""
        click.echo(json.dumps(document, indent=2))

    def lines(self, *lines: str) -> None:
        """Write lines for another program: never wrapped, never coloured."""
        for line in lines:
            click.echo(line)

    def report(self, report: Report) -> None:
        """Write a report."""
        if self._console.is_terminal:
            self._rich(report)
        else:
            self._plain(report)

    def _plain(self, report: Report) -> None:
        click.echo(f"{report.word} {printable(report.about)}".rstrip())
        for section in report.sections:
            mark = f"{section.mark}. " if section.mark else ""
            click.echo(f"\n{mark}{printable(section.title)}")
            for row in section.rows:
                label = f"{row.label}: " if row.label else ""
                click.echo(f"  {label}{printable(row.value)}")

    def _rich(self, report: Report) -> None:
        head = Text(f" {report.word} ", style=_BADGES[report.tone])
        self._console.print(head, Text(printable(report.about)), sep=" ", soft_wrap=True)
        width = max((len(row.label) for part in report.sections for row in part.rows), default=0)
        for section in report.sections:
            self._console.print()
            self._console.print(_title(section))
            table = Table.grid(padding=(0, 2))
            table.add_column(width=width, style="cyan", no_wrap=True)
            table.add_column(overflow="fold")
            for row in section.rows:
                table.add_row(row.label, Text(printable(row.value), style=_STYLES[row.tone]))
            self._console.print(Padding(table, (0, 0, 0, 2)))


def _title(section: Section) -> Text:
    text = Text()
    if section.mark:
        text.append(f" {section.mark} ", style=_BADGES[section.tone])
        text.append(" ")
    text.append(printable(section.title), style="bold")
    return text


def printable(text: str) -> str:
    """Escape whatever a terminal would act on, or that reorders what is read."""
    return "".join(
        ascii(character)[1:-1] if unicodedata.category(character)[0] == "C" else character
        for character in text
    )


def output_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--json`` and ``--no-color``."""
    for option in (
        click.option("--no-color", is_flag=True, help="No colours (as with NO_COLOR)."),
        click.option("--json", "as_json", is_flag=True, help="Print JSON."),
    ):
        command = option(command)
    return command
