"""Tick after tick, until something is so, with a line about each on standard error."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from time import sleep
from typing import Final

import click

from signer.cli.rotate.words import doing, facts, halted, outcome, waiting
from signer.cli.terminal import printable
from signer.cli.times import LocalZone
from signer.errors import PassingError, RemoteError, RotationError, SignerError
from signer.explain.moments import moment
from signer.rotation.driver import Result, Rotation, Tick
from signer.rotation.ring import KeyState
from signer.rotation.steps import Act

_LONGEST_PAUSE: Final = 60
"""Seconds between two looks while nothing is due: somebody may change what there is to do."""

_PAUSE: Final = 5
"""Seconds after a probe, for the next one to say more than this one, and after a failure."""

_TRIES: Final = 5

_PROBES_IN_VAIN: Final = 3
"""Tests in a row, five seconds apart, after which the probe itself may be what is at fault."""

_WITHOUT_PROBES: Final = (
    "issuers go on signing with a key that is revoked, since no probe of the next key was accepted "
    "for some time; if the probe is at fault, do without it: signer rotate configure --no-probe-url"
)
_ABOUT_PROBES: Final = ("probe_", "remote_")
"""What the codes of errors begin with that come from sending a probe."""


class Progress:
    """Tells a person of each tick, as it happens, and keeps what was done."""

    def __init__(self, *, quiet: bool) -> None:
        """Begin.

        Args:
            quiet: Whether standard error is for errors in JSON only.
        """
        self.done: list[dict[str, object]] = []
        self._quiet = quiet
        self._said = ""
        self._in_vain = 0

    def tell(self, tick: Tick) -> None:
        """Tell of a tick, unless it waits for what the one before waited for."""
        now = tick.observed.now
        match tick.result:
            case Result.DONE:
                self.done.append(facts(tick))
                said = f"{doing(tick.step)}: {tick.step.why}; {outcome(tick)}"
            case Result.WAITING:
                said = f"waiting {waiting(tick.step, now)}"
            case _:
                said = "waiting for another process, which is at work"
        # Without the distance, which is another one each time.
        known = f"{tick.result} {tick.step}"
        if tick.result is Result.DONE or known != self._said:
            self._say(now, said)
        self._said = known
        if tick.result is Result.DONE and tick.step.act is Act.TEST:
            self._in_vain = 0 if _is_accepted(tick) else self._in_vain + 1
            if self._in_vain == _PROBES_IN_VAIN:
                self.without_probes(tick)

    def without_probes(self, tick: Tick) -> None:
        """Say how to go on without probes, if a key that was revoked is signed with meanwhile."""
        active = tick.ring.active
        if active is not None and active.revoked:
            self._say(tick.observed.now, _WITHOUT_PROBES)

    def failed(self, error: SignerError, now: int) -> None:
        """Tell of a failure that is tried again."""
        self._say(now, f"{error.message} ({error.code}); it is tried again")

    def _say(self, now: int, what: str) -> None:
        if not self._quiet:
            clock = moment(now, now=now, zone=LocalZone()).local.split()[1]
            click.echo(f"{clock}  {printable(what)}", err=True)


def go_on(
    rotation: Rotation,
    progress: Progress,
    *,
    until: Callable[[Tick], bool],
    ordered: bool = False,
) -> Tick:
    """Tick until something is so.

    Args:
        rotation: The ring.
        progress: Is told of each tick.
        until: Whether a tick was the last one.
        ordered: Whether this is about an order, which is kept when nothing is done at present.

    Raises:
        RotationError: ``rotation_halted``; what a tick raises and no other tick would put right.
        RemoteError: AWS did not answer, five times in a row.
    """
    failures, before = 0, None
    while True:
        try:
            tick = rotation.tick()
        except (RemoteError, RotationError) as error:
            failures += 1
            if failures == _TRIES or not isinstance(error, RemoteError | PassingError):
                if error.code.startswith(_ABOUT_PROBES):
                    with suppress(SignerError):
                        progress.without_probes(rotation.next_step())
                raise
            progress.failed(error, rotation.aws.time.now())
            sleep(_PAUSE)
            continue
        if tick.result is Result.HALTED:
            raise halted(tick, ordered=ordered)
        progress.tell(tick)
        if until(tick):
            return tick
        sleep(_pause_after(tick, before))
        failures, before = 0, tick


def until_idle(rotation: Rotation, progress: Progress) -> Tick:
    """Tick until nothing is due, or a probe has to be tried again later; raises as :func:`go_on`.

    Returns:
        The last tick.
    """
    before: Tick | None = None

    def idle(tick: Tick) -> bool:
        nonlocal before
        repeated = _repeats(tick, before)
        before = tick
        return repeated or tick.result is Result.WAITING

    return go_on(rotation, progress, until=idle)


def _pause_after(tick: Tick, before: Tick | None) -> int:
    now, until = tick.observed.now, tick.step.until
    if tick.result is Result.WAITING:
        return _LONGEST_PAUSE if until is None else min(max(until - now, 1), _LONGEST_PAUSE)
    again = tick.result is Result.BUSY or tick.step.act is Act.TEST or _repeats(tick, before)
    return _PAUSE if again else 0


def _repeats(tick: Tick, before: Tick | None) -> bool:
    """Whether a step had to be taken again and is not nearer to its end."""
    if before is None or Result.BUSY in {tick.result, before.result}:
        return False
    same = (tick.step.act, tick.step.kid) == (before.step.act, before.step.kid)
    return same and _passes(tick) <= _passes(before)


def _is_accepted(tick: Tick) -> bool:
    key = tick.ring.key(tick.step.kid or "")
    return key is not None and (key.state is KeyState.STANDBY or key.passes > 0)


def _passes(tick: Tick) -> int:
    key = tick.ring.key(tick.step.kid or "")
    return 0 if key is None else key.passes
