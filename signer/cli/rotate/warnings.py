"""What may be meant, and is dangerous where it is not: said and done all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from signer.explain.moments import duration
from signer.rotation.ring import HOUR

if TYPE_CHECKING:
    from signer.cli.terminal import Terminal
    from signer.rotation.ring import Settings


def warnings(before: Settings, after: Settings) -> list[str]:
    """Return what to warn of when settings change.

    Args:
        before: What was there; for a new ring, what is usual.
        after: What is wanted.
    """
    found = []
    was, now = before.schedule, after.schedule
    if now.soak != was.soak and now.soak < HOUR:
        found.append(
            f"a soak of {duration(now.soak)} is short: AWS documents no time after which every "
            "edge location knows a key, and one that does not know it refuses what it signs"
        )
    if now.stale_limit < was.stale_limit:
        found.append(
            f"the stale limit is lowered from {duration(was.stale_limit)} to "
            f"{duration(now.stale_limit)}: viewers are refused who come to an issuer that signs "
            "for longer with a credential it read earlier"
        )
    return found


def tell(terminal: Terminal, told: list[str]) -> None:
    """Write warnings to standard error, a line each; in JSON they are in the answer."""
    if not terminal.as_json:
        for one in told:
            click.echo(f"warning: {one}", err=True)
