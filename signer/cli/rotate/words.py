"""What happened and what comes, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from signer.cli.times import LocalZone
from signer.errors import RotationError
from signer.explain.moments import moment
from signer.rotation.driver import Result
from signer.rotation.ring import KeyState
from signer.rotation.steps import Act

if TYPE_CHECKING:
    from collections.abc import Mapping

    from signer.rotation.driver import Tick
    from signer.rotation.report import Coming
    from signer.rotation.ring import Ring, RingKey
    from signer.rotation.steps import Step

_OUTCOMES: Final[Mapping[Act, str]] = {
    Act.STAGE: "the credential is ready for the switch",
    Act.DESTROY: "nobody can sign with it any more",
    Act.HEAL: "it is in the group again",
}


def short(kid: str) -> str:
    """Return the beginning of a kid, which is enough to tell the keys of a ring apart."""
    return kid[:8]


def local(epoch: int, now: int) -> str:
    """Return a point in time in the local zone."""
    return moment(epoch, now=now, zone=LocalZone()).local


def at(epoch: int, now: int) -> str:
    """Return a point in time for a person: in the local zone, and how far away."""
    when = moment(epoch, now=now, zone=LocalZone())
    return f"{when.local} ({when.relative})"


def doing(step: Step) -> str:
    """Name a step and its key."""
    return step.act.words if step.kid is None else f"{step.act.words} ({short(step.kid)})"


def when(coming: Coming, now: int) -> str:
    """Say when something comes."""
    if coming.at is None:
        return "as soon as that can be done"
    return "with the next tick" if coming.at <= now else at(coming.at, now)


def waiting(step: Step, now: int) -> str:
    """Say what is waited for, and until when."""
    if step.until is None:
        return step.why
    name = step.why if step.kid is None else f"{step.why} ({short(step.kid)})"
    return f"to {name}, until {at(step.until, now)}"


def outcome(tick: Tick) -> str:
    """Say what became of a step: one that was taken need not have had the effect hoped for."""
    step, ring = tick.step, tick.ring
    key = ring.coming if step.act is Act.PLAN else ring.key(step.kid or "")
    if key is None:
        return "nothing is left of it"
    if key.state is KeyState.QUARANTINED and step.act is not Act.DESTROY:
        return ring.history[-1].what
    if step.act is Act.TEST:
        return _tested(ring, key)
    if step.act is Act.PROMOTE and key.state is not KeyState.ACTIVE:
        return "an edge location does not know it: its soak begins anew"
    return _OUTCOMES.get(step.act) or f"it is {key.state.value} now"


def halted(tick: Tick, *, ordered: bool = False) -> RotationError:
    """Return what to raise when nothing is done until a person does something."""
    frozen = bool(tick.ring.frozen)
    asked = "the order is kept, but " if ordered else ""
    return RotationError(
        "rotation_halted",
        f"{asked}nothing is done: {tick.step.why}",
        advice="go on with: signer rotate unfreeze" if frozen else "see: signer rotate status",
    )


def facts(tick: Tick) -> dict[str, object]:
    """Return a tick for JSON."""
    return tick.facts() | {"outcome": outcome(tick) if tick.result is Result.DONE else ""}


def _tested(ring: Ring, key: RingKey) -> str:
    if key.state is KeyState.STANDBY:
        return "it stands by now"
    if key.passes:
        return f"accepted, {key.passes} of {ring.settings.schedule.probes} times in a row"
    return "not accepted yet: it is tried again"
