"""``signer rotate status``."""

from __future__ import annotations

import contextlib
from time import sleep
from typing import TYPE_CHECKING, Final

import click

from signer.cli.ending import ending_like_ctrl_c
from signer.cli.program import REFUSED
from signer.cli.rotate.place import on_ring
from signer.errors import SignerError
from signer.rotation.report import report

if TYPE_CHECKING:
    from signer.cli.rotate.view import RingTerminal
    from signer.rotation.driver import Rotation
    from signer.rotation.report import Report

_SECONDS_BETWEEN_LOOKS: Final = 10


@click.command()
@click.option("--watch", is_flag=True, help="Look every ten seconds, until Ctrl-C.")
@on_ring
def status(*, rotation: Rotation, terminal: RingTerminal, watch: bool) -> None:
    """Show the keys and what happens next.

    Times are in this machine's zone, by AWS's clock. Exit code 0 when all is well; 1 when a
    person is needed: nothing is done (halted or frozen), a step fails again and again, a key is
    overdue, or revoked and still trusted, the key group is full, or has keys that this ring did
    not make or took out. --watch ends with 0.
    """
    if watch:
        if terminal.as_json or not terminal.is_interactive:
            raise click.UsageError("--watch is for a terminal, and without --json.")
        _watch(rotation, terminal)
        return
    seen = _look(rotation)
    if terminal.as_json:
        terminal.document(seen.document())
    else:
        terminal.ring(seen)
    raise click.exceptions.Exit(REFUSED if seen.concerns else 0)


def _look(rotation: Rotation) -> Report:
    ahead = rotation.next_step()
    return report(ahead.ring, ahead.observed, ahead.step)


def _watch(rotation: Rotation, terminal: RingTerminal) -> None:
    """Show what there is, again and again; a failure to look is shown below what was seen."""
    seen = _look(rotation)
    failure: SignerError | None = None
    with contextlib.suppress(KeyboardInterrupt), ending_like_ctrl_c():
        while True:
            click.clear()
            terminal.ring(seen)
            if failure is not None:
                terminal.warn(f"{failure.message} ({failure.code}): what is shown is older")
            sleep(_SECONDS_BETWEEN_LOOKS)
            try:
                seen, failure = _look(rotation), None
            except SignerError as error:
                failure = error
