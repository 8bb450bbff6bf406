"""The picture of a ring: a table where there is room for one, a list where there is not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from signer.cli.rotate.words import at, local, short, when
from signer.cli.terminal import Report, Row, Section, Terminal, Tone, printable
from signer.explain.moments import duration
from signer.rotation.plan import MAX_KEYS_IN_GROUP
from signer.rotation.ring import KeyState

if TYPE_CHECKING:
    from signer.rotation.report import Coming, KeyReport
    from signer.rotation.report import Report as RingReport

_NARROWEST_TABLE: Final = 76
_EVENTS_SHOWN: Final = 5
_STYLES: Final[dict[Tone, str]] = {
    "good": "green",
    "bad": "red",
    "warning": "yellow",
    "plain": "",
    "quiet": "dim",
}
_TONES: Final[dict[str, Tone]] = {
    KeyState.ACTIVE.value: "good",
    KeyState.DRAINING.value: "quiet",
    KeyState.RETIRING.value: "quiet",
    KeyState.REMOVED.value: "quiet",
    KeyState.REVOKED.value: "bad",
    KeyState.QUARANTINED.value: "bad",
}
_ALGORITHMS: Final = {"ECDSA_P256": "P-256", "RSA_2048": "RSA-2048"}


class RingTerminal(Terminal):
    """A terminal that shows rings too."""

    @property
    def is_interactive(self) -> bool:
        """Whether a person is looking."""
        return self._console.is_terminal

    def warn(self, text: str) -> None:
        """Write a line below what was shown, on a terminal."""
        self._console.print()
        self._console.print(Text(printable(text), style=_STYLES["bad"]))

    def ring(self, seen: RingReport) -> None:
        """Write how a ring stands."""
        report = _report(seen)
        events = _events(seen)
        if not self.is_interactive or self._console.width < _NARROWEST_TABLE:
            report.sections += [_section(key, seen.now) for key in seen.keys]
            if events:
                report.sections.append(Section("History", tuple(Row("", one) for one in events)))
            self.report(report)
            return
        self.report(report)
        if seen.keys:
            self._console.print()
            self._console.print(Padding(_table(seen), (0, 0, 0, 2)))
        if events:
            self._console.print()
            self._console.print(Text("History", style="bold"))
            lines = Text("\n".join(printable(one) for one in events), style="dim")
            self._console.print(Padding(lines, (0, 0, 0, 2)))


def _report(seen: RingReport) -> Report:
    word, tone = _headline(seen)
    group = f"{seen.totals.keys_in_group} of {MAX_KEYS_IN_GROUP} keys"
    rows = [
        Row(
            "Key group",
            "none yet" if seen.key_group_id is None else f"{seen.key_group_id}, {group}",
        ),
        Row("Issuers", f"secretsmanager:{seen.signing_secret}"),
    ]
    if seen.next is not None:
        rows.append(Row("Next", _next(seen.next, seen.now)))
    if seen.rotate_requested:
        rows.append(Row("Ordered", "a rotation, as soon as a key stands by"))
    if seen.totals.healed:
        healed = f"{seen.totals.healed} in 24 h: somebody takes keys out of the group"
        rows.append(Row("Put back", healed, "warning"))
    if seen.totals.quarantined:
        count = seen.totals.quarantined
        keys = "1 key" if count == 1 else f"{count} keys"
        rows.append(Row("Given up", f"{keys} in 24 h", "warning"))
    rows += [
        Row("Late", f"{short(key.kid)} is {key.state} for longer than that takes", "warning")
        for key in seen.keys
        if key.stale
    ]
    sections = [Section("Ring", tuple(rows))]
    if seen.concerns:
        tone_of: Tone = "warning" if seen.frozen else "bad"
        concerns = tuple(
            Row("", one, tone_of if one == seen.halted else "bad") for one in seen.concerns
        )
        sections.insert(0, Section("What needs a person", concerns))
    return Report(word, tone, seen.name, sections)


def _events(seen: RingReport) -> list[str]:
    return [
        f"{local(event.at, seen.now)}  {short(event.kid)}  {event.what}"
        for event in seen.history[-_EVENTS_SHOWN:]
    ]


def _headline(seen: RingReport) -> tuple[str, Tone]:
    if seen.frozen:
        return "FROZEN", "warning"
    if seen.halted:
        return "HALTED", "bad"
    if seen.concerns:
        return "NEEDS YOU", "bad"
    signing = any(key.state == KeyState.ACTIVE.value for key in seen.keys)
    return ("OK", "good") if signing else ("STARTING", "plain")


def _next(coming: Coming, now: int) -> str:
    if coming.at is None:
        return coming.why or coming.words
    name = coming.words if coming.kid is None else f"{coming.words} ({short(coming.kid)})"
    return f"{name}, {when(coming, now)}"


def _section(key: KeyReport, now: int) -> Section:
    rows = [
        Row("Key pair id", key.key_pair_id or "none yet"),
        Row("Kind", _kind(key)),
        Row("Since", at(key.since, now)),
    ]
    rows += _notes(key)
    if key.next is not None:
        rows.append(Row("Next", f"{key.next.words}, {when(key.next, now)}"))
    return Section(f"{key.state} {short(key.kid)}", tuple(rows))


def _notes(key: KeyReport) -> list[Row]:
    notes = []
    if not key.in_place:
        notes.append(Row("But", "it is not in the key group", "bad"))
    if key.revoked:
        notes.append(Row("Revoked", key.revoked, "bad"))
    return notes


def _table(seen: RingReport) -> Table:
    table = Table(box=None, padding=(0, 3, 0, 0), header_style="dim")
    table.add_column("State", no_wrap=True)
    table.add_column("Key", no_wrap=True)
    table.add_column("Since", no_wrap=True)
    table.add_column("What happens next", overflow="fold")
    for index, key in enumerate(seen.keys):
        if index:
            table.add_row()
        state = Text()
        state.append(key.state, style=_STYLES[_TONES.get(key.state, "plain")])
        state.append(f"\n{_kind(key)}", style="dim")
        name = Text(f"{short(key.kid)}\n{key.key_pair_id or ''}")
        table.add_row(state, name, f"{duration(key.age)} ago", _ahead(key, seen.now))
    return table


def _ahead(key: KeyReport, now: int) -> Text:
    lines = [
        Text(f"{row.value if row.label == 'But' else f'revoked: {printable(row.value)}'}", "red")
        for row in _notes(key)
    ]
    if key.next is not None:
        lines.append(Text(key.next.words))
        lines.append(Text(when(key.next, now), style="dim"))
    return Text("\n").join(lines)


def _kind(key: KeyReport) -> str:
    place = " in KMS" if key.custody == "kms" else ""
    return f"{_ALGORITHMS[key.algorithm]}{place}, {key.hash_algorithm}"
