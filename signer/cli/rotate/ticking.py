"""``signer rotate tick`` and ``now``."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Final

import click

from signer.cli.rotate.going import Progress, go_on, until_idle
from signer.cli.rotate.place import on_ring
from signer.cli.rotate.words import at, doing, facts, halted, outcome, short, waiting, when
from signer.cli.terminal import Report, Row, Section, Terminal, Tone
from signer.rotation import orders
from signer.rotation.driver import Result
from signer.rotation.report import report
from signer.rotation.ring import BEFORE_ACTIVE, KeyState

if TYPE_CHECKING:
    from signer.rotation.driver import Rotation, Tick
    from signer.rotation.ring import RingKey

_WORDS: Final[dict[Result, tuple[str, Tone]]] = {
    Result.DONE: ("DONE", "good"),
    Result.WAITING: ("WAITING", "plain"),
    Result.BUSY: ("BUSY", "warning"),
}


@click.command()
@click.option("--dry-run", is_flag=True, help="Say what the next tick does, and do nothing.")
@click.option("--until-idle", "idle", is_flag=True, help="Go on until there is nothing to do.")
@on_ring
def tick(*, rotation: Rotation, terminal: Terminal, dry_run: bool, idle: bool) -> None:
    """Do one step of what is due.

    Run it every few minutes, by a timer or the Lambda function. Ticks may overlap and may be
    killed; the next one goes on. Exit code 0 when a step was taken, when there is nothing to do
    (WAITING), and when another process is at work (BUSY); 1 when a person is needed.
    """
    if dry_run and idle:
        raise click.UsageError("Give either --dry-run or --until-idle.")
    progress = Progress(quiet=terminal.as_json)
    if idle:
        ticked = until_idle(rotation, progress)
    else:
        ticked = rotation.next_step() if dry_run else rotation.tick()
    if ticked.result is Result.HALTED:
        raise halted(ticked)
    if terminal.as_json:
        document = facts(ticked) | ({"steps": progress.done} if idle else {})
        if dry_run:
            # Nothing came of it yet.
            document |= {"dry_run": True, "outcome": ""}
        terminal.document(document)
    else:
        terminal.report(_next_report(ticked) if dry_run else _report(ticked))


@click.command()
@click.option("--wait", is_flag=True, help="Tick until the next key signs.")
@on_ring
def now(*, rotation: Rotation, terminal: Terminal, wait: bool) -> None:
    """Replace the signing key before it is due.

    That is done as soon as another key stands by. Viewers notice nothing: what the key signed
    stays good. The next ticks do it; with --wait this command ticks itself. Interrupted, it
    leaves the order standing.
    """
    former = orders.rotate(rotation).active
    if wait:
        progress = Progress(quiet=terminal.as_json)
        ticked = go_on(
            rotation, progress, until=lambda one: _is_replaced(one, former), ordered=True
        )
        _show_replaced(terminal, ticked, progress)
        return
    ahead = rotation.next_step()
    if ahead.result is Result.HALTED:
        raise halted(ahead, ordered=True)
    seen = report(ahead.ring, ahead.observed, ahead.step)
    coming = next((key for key in seen.keys if KeyState(key.state) in BEFORE_ACTIVE), None)
    if terminal.as_json:
        terminal.document(
            {
                "requested": True,
                "signing": None if former is None else former.kid,
                "next_key": None if coming is None else asdict(coming),
            }
        )
        return
    rows = [Row("Signing", "no key yet" if former is None else short(former.kid))]
    if coming is None:
        rows.append(Row("Next key", "is made first"))
    else:
        rows.append(Row("Next key", f"{short(coming.kid)}, {coming.state}"))
        if coming.next is not None:
            rows.append(Row("Next", f"{coming.next.words}, {when(coming.next, seen.now)}"))
    about = f"{ahead.ring.name}: the next ticks replace the signing key"
    terminal.report(Report("ASKED", "good", about, [Section("Keys", tuple(rows))]))


def _is_replaced(ticked: Tick, former: RingKey | None) -> bool:
    active = ticked.ring.active
    return active is not None and (former is None or active.kid != former.kid)


def _show_replaced(terminal: Terminal, ticked: Tick, progress: Progress) -> None:
    active = ticked.ring.active
    if active is None:  # of which _is_replaced made sure
        return
    if terminal.as_json:
        terminal.document(
            {
                "signing": active.kid,
                "key_pair_id": active.public_key_id,
                "steps": progress.done,
            }
        )
        return
    rows = [Row("Key pair id", active.public_key_id or "")]
    rows += [
        Row("Before", f"{short(key.kid)}, what it signed is good until {_drained(key, ticked)}")
        for key in ticked.ring.in_state(KeyState.DRAINING)
    ]
    about = f"{ticked.ring.name}: issuers sign with {short(active.kid)}"
    terminal.report(Report("REPLACED", "good", about, [Section("Keys", tuple(rows))]))


def _drained(key: RingKey, ticked: Tick) -> str:
    return at(key.drain_until or ticked.observed.now, ticked.observed.now)


def _report(ticked: Tick) -> Report:
    word, tone = _WORDS[ticked.result]
    step, now = ticked.step, ticked.observed.now
    match ticked.result:
        case Result.WAITING:
            return Report(word, tone, waiting(step, now))
        case Result.BUSY:
            return Report(word, tone, f"another process is at work; due is: {doing(step)}")
        case _:
            rows = (Row("Why", step.why), Row("Result", outcome(ticked)))
            return Report(word, tone, doing(step), [Section("This tick", rows)])


def _next_report(ticked: Tick) -> Report:
    if ticked.result is Result.WAITING:
        return _report(ticked)
    rows = (Row("Why", ticked.step.why),)
    return Report("NEXT", "plain", doing(ticked.step), [Section("The next tick", rows)])
