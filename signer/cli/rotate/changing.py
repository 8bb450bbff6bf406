"""``signer rotate freeze``, ``unfreeze`` and ``configure``."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from signer.cli.rotate.kinds import changed, differences, setting_options
from signer.cli.rotate.place import on_ring
from signer.cli.terminal import Report, Row, Section, Terminal
from signer.rotation import orders

if TYPE_CHECKING:
    from signer.rotation.driver import Rotation
    from signer.rotation.ring import Settings


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
    """Change the schedule, the probe, or what the next keys are like.

    What is not given stays as it is. Keys keep what they were made with. When the next key is to
    be of another kind, one that stands by is replaced.
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
    if terminal.as_json:
        changes = {name: {"before": was, "after": now} for name, (was, now) in found.items()}
        terminal.document({"name": ring.name, "changes": changes})
        return
    rows = tuple(Row(name, f"{was} -> {now}") for name, (was, now) in found.items())
    sections = [Section("Before and after", rows)] if rows else []
    about = f"{ring.name}: {len(rows)} of its settings" if rows else f"{ring.name} is like that"
    terminal.report(Report("CHANGED" if rows else "UNCHANGED", "good", about, sections))
