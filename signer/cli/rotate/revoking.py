"""``signer rotate revoke`` and ``rollback``."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING, Final

import click

from signer.cli.rotate.going import Progress, go_on
from signer.cli.rotate.place import on_ring
from signer.cli.rotate.words import at, halted, short
from signer.cli.terminal import Report, Row, Section, Terminal, printable
from signer.errors import RotationError
from signer.explain.moments import duration
from signer.rotation import orders
from signer.rotation.driver import Result
from signer.rotation.ring import LEAVING, KeyState

if TYPE_CHECKING:
    from signer.rotation.driver import Rotation, Tick
    from signer.rotation.ring import Ring, RingKey

_GONE: Final = (KeyState.REMOVED, *LEAVING)
_WIDEST: Final = 88
_FROZEN: Final = (
    "The ring is frozen: the order is kept, and nothing happens until signer rotate unfreeze. "
    "Until then the key stays trusted."
)
_REFUSED: Final = (
    "Everything that it signed is refused with 403 (InvalidKey) as soon as edge locations have "
    "learnt of it; those clients have to ask for new cookies and URLs."
)


@click.command()
@click.argument("kid")
@click.option("--reason", required=True, metavar="TEXT", help="Why, for the record.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--no-wait", is_flag=True, help="Only order it; the next ticks do it.")
@on_ring
def revoke(
    *, rotation: Rotation, terminal: Terminal, kid: str, reason: str, yes: bool, no_wait: bool
) -> None:
    """Trust a key no longer: it may be stolen.

    KID is the key's kid, the beginning of it, or its key pair id. It says first what viewers will
    see, and asks. Then it ticks until the key is out of the key group; a signing key is replaced
    before that. Interrupted, it leaves the order standing.
    """
    ring, observed = rotation.look()
    key = orders.find(ring, kid)
    # One that is gone is refused below; there is nothing to ask.
    if not yes and key.state not in _GONE:
        told = _consequences(ring, key, observed.now)
        _ask(terminal, [_FROZEN, *told] if ring.frozen else told, short(key.kid))
    orders.revoke(rotation, key.kid, reason)
    progress = Progress(quiet=terminal.as_json)
    if no_wait:
        ticked = rotation.next_step()
        if ticked.result is Result.HALTED:
            raise halted(ticked, ordered=True)
    else:
        ticked = go_on(rotation, progress, until=lambda one: _is_out(one.ring, key), ordered=True)
    if terminal.as_json:
        terminal.document(
            {
                "kid": key.kid,
                "key_pair_id": key.public_key_id,
                "reason": reason,
                "in_group": not _is_out(ticked.ring, key),
                "steps": progress.done,
            }
        )
        return
    terminal.report(_revoked(ticked, key, no_wait=no_wait))


@click.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@on_ring
def rollback(*, rotation: Rotation, terminal: Terminal, yes: bool) -> None:
    """Let issuers sign with the key before again.

    For a switch that went wrong. It can be taken back for some time only (stale limit and
    rollback window): then the private half of the key before is destroyed. What both keys signed
    stays good.
    """
    ring, observed = rotation.look()
    present, former = ring.active, orders.former(ring, observed)
    # Where there is none to go back to, the order is refused below; there is nothing to ask.
    if not yes and former is not None and present is not None:
        told = (
            f"Issuers stop signing with {short(present.kid)} and sign with {short(former.kid)} "
            f"({former.public_key_id}) again. What both signed stays good; no viewer is refused."
        )
        _ask(terminal, [told], short(present.kid))
    signing = orders.rollback(rotation)
    ring = rotation.ring()
    progress = Progress(quiet=terminal.as_json)
    if not ring.frozen:
        go_on(rotation, progress, until=lambda one: one.ring.active == one.ring.key(signing.kid))
    if terminal.as_json:
        terminal.document(
            {
                "signing": signing.kid,
                "key_pair_id": signing.public_key_id,
                "steps": progress.done,
            }
        )
        return
    rows = [Row("Key pair id", signing.public_key_id or "none")]
    if ring.frozen:
        # Issuers are switched all the same.
        rows.append(Row("Frozen", "the ring shows it after signer rotate unfreeze", "warning"))
    about = f"{ring.name}: issuers sign with {short(signing.kid)} again"
    terminal.report(Report("TAKEN BACK", "good", about, [Section("Keys", tuple(rows))]))


def _ask(terminal: Terminal, paragraphs: list[str], answer: str) -> None:
    """Say what will happen, on standard error, and go on only if a person means this key.

    Raises:
        click.UsageError: There is nobody to ask.
        RotationError: ``not_confirmed``.
    """
    if terminal.as_json:
        raise click.UsageError("--json asks nothing: give --yes.")
    width = min(shutil.get_terminal_size().columns, _WIDEST)
    for paragraph in paragraphs:
        click.echo(f"{click.wrap_text(printable(paragraph), width)}\n", err=True)
    try:
        said = click.prompt(f"Type {answer} to go on", default="", show_default=False, err=True)
    except click.Abort:
        if sys.stdin.isatty():
            raise  # Ctrl-C
        raise click.UsageError("Nobody answers: give --yes.") from None
    if said.strip() != answer:
        raise RotationError("not_confirmed", "it is not confirmed, so nothing was done")


def _consequences(ring: Ring, key: RingKey, now: int) -> list[str]:
    """Say exactly what viewers will see, a paragraph each."""
    name = f"{short(key.kid)} ({key.public_key_id or 'no key pair id yet'}) is {key.state.value}."
    if key.state is KeyState.DRAINING:
        return [
            f"{name} Issuers do not sign with it any more.",
            f"What it signed would be good until {at(key.drain_until or now, now)}. {_REFUSED}",
        ]
    if key.state is not KeyState.ACTIVE:
        return [f"{name} Nothing was signed with it: no viewer notices. Another key is made."]
    stale = duration(ring.settings.schedule.stale_limit)
    return [
        f"{name} It signs everything that is issued now. {_REFUSED}",
        _switch(ring.coming),
        (
            "Issuers learn of the switch when they read the secret again, which they do every few "
            f"minutes, and after {stale} at the latest. What they sign until then is refused too."
        ),
    ]


def _switch(coming: RingKey | None) -> str:
    if coming is not None and coming.state is KeyState.STANDBY:
        return f"Issuers are switched first, to {short(coming.kid)}, which stands by."
    where = "No key stands by"
    if coming is not None:
        where = f"{where}: the next one, {short(coming.kid)}, is {coming.state.value}"
    return (
        f"{where}. Until one has passed its probes, issuers go on signing with this key, and it "
        "stays trusted. There is no time for a soak: edge locations that do not know the next key "
        "yet refuse what it signs. That is an outage until they do."
    )


def _is_out(ring: Ring, key: RingKey) -> bool:
    there = ring.key(key.kid)
    return there is None or there.state is KeyState.REMOVED


def _revoked(ticked: Tick, key: RingKey, *, no_wait: bool) -> Report:
    active = ticked.ring.active
    rows = [Row("Key pair id", key.public_key_id or "none")]
    if active is not None:
        rows.append(Row("Signing", f"{short(active.kid)}, {active.public_key_id}"))
    about = f"{short(key.kid)} is out of the key group"
    if no_wait:
        about = f"the next ticks take {short(key.kid)} out of the key group"
    keys = [Section("Keys", tuple(rows))]
    return Report("ORDERED" if no_wait else "REVOKED", "good", about, keys)
