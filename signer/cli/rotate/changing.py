"""``signer rotate freeze``, ``unfreeze`` and ``configure``."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import click

from signer.cli.rotate.kinds import changed, differences, setting_options
from signer.cli.rotate.place import on_ring
from signer.cli.rotate.warnings import tell, warnings
from signer.cli.rotate.words import at, short
from signer.cli.terminal import Report, Row, Section, Terminal
from signer.rotation import orders
from signer.rotation.due import is_urgent

if TYPE_CHECKING:
    from signer.rotation.driver import Rotation
    from signer.rotation.ring import Ring, RingKey, Settings


@click.command()
@click.option("--reason", default="", metavar="TEXT", help="Why, for those who look at the status.")
@on_ring
def freeze(*, rotation: Rotation, terminal: Terminal, reason: str) -> None:
    """Do nothing any more, until unfreeze.

    Issuers go on signing and viewers notice nothing. But nothing is rotated either, and a key
    that somebody takes out of the key group is not put back.
    """
    ring = orders.freeze(rotation, reason)
    if terminal.as_json:
        terminal.document({"name": ring.name, "frozen": ring.frozen})
        return
    about = f"{ring.name}: ticks do nothing until signer rotate unfreeze"
    why = Section("Ring", (Row("Why", ring.frozen),))
    terminal.report(Report("FROZEN", "warning", about, [why]))


@click.command()
@on_ring
def unfreeze(*, rotation: Rotation, terminal: Terminal) -> None:
    """Go on after freeze."""
    ring = orders.unfreeze(rotation)
    if terminal.as_json:
        terminal.document({"name": ring.name, "frozen": ring.frozen})
        return
    terminal.report(Report("GOING ON", "good", f"{ring.name}: ticks do what is due"))


@click.command()
@setting_options(defaults=False)
@click.option("--no-probe-url", is_flag=True, help="Do without probes.")
@on_ring
def configure(
    *, rotation: Rotation, terminal: Terminal, no_probe_url: bool, **given: object
) -> None:
    """Change the schedule or the next keys.

    Or the URL for probes. What is not given stays as it is. Keys keep what they were made with.
    When the next key is to be of another kind, one that stands by is replaced.
    """
    if no_probe_url and given["probe_url"] is not None:
        raise click.UsageError("Give either --probe-url or --no-probe-url.")
    if not no_probe_url and all(value is None for value in given.values()):
        raise click.UsageError("Say what to change; signer rotate configure --help lists it.")

    def change(settings: Settings) -> Settings:
        kept = replace(settings, probe_url=None) if no_probe_url else settings
        return changed(kept, given)

    before = rotation.ring().settings
    ring = orders.configure(rotation, change)
    found = differences(before, ring.settings)
    told = warnings(before, ring.settings)
    tell(terminal, told)
    let_go = _let_go(rotation, before, ring)
    if terminal.as_json:
        changes = {name: {"before": was, "after": now} for name, (was, now) in found.items()}
        document: dict[str, object] = {"name": ring.name, "changes": changes, "warnings": told}
        if let_go is not None:
            document["let_go"] = {"kid": let_go.key.kid, "none_stands_by_until": let_go.until}
        terminal.document(document)
        return
    rows = tuple(Row(name, f"{was} -> {now}") for name, (was, now) in found.items())
    sections = [Section("Before and after", rows)] if rows else []
    if let_go is not None:
        sections.append(_next_key(let_go))
    about = f"{ring.name}: {len(rows)} of its settings" if rows else f"{ring.name} is like that"
    terminal.report(Report("CHANGED" if rows else "UNCHANGED", "good", about, sections))


class _LetGo(NamedTuple):
    """The next key, when it is of another kind than is wanted now."""

    key: RingKey
    now: int
    until: int


def _let_go(rotation: Rotation, before: Settings, ring: Ring) -> _LetGo | None:
    """Return the key that a change of kind lets go, and until when none stands by at least."""
    coming, settings = ring.coming, ring.settings
    if coming is None or settings.next_key in {before.next_key, coming.kind}:
        return None
    _, observed = rotation.look()
    if observed.staged == coming.version:
        # Issuers are about to be switched to it.
        return None
    soak = 0 if is_urgent(ring, observed) else settings.schedule.soak
    return _LetGo(coming, observed.now, observed.now + soak)


def _next_key(let_go: _LetGo) -> Section:
    key, until = let_go.key, at(let_go.until, let_go.now)
    rows = (
        Row("Let go", f"{short(key.kid)}, {key.state.value}: it is of another kind", "warning"),
        Row("Stands by", f"no other key before {until}"),
    )
    return Section("Next key", rows)
