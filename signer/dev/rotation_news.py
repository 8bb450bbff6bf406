"""What a tick did, in a line for whoever watches the demo."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from signer.rotation.driver import Result
from signer.rotation.steps import Act

if TYPE_CHECKING:
    from collections.abc import Callable

    from signer.rotation.driver import Tick
    from signer.rotation.ring import Ring, RingKey


@dataclass(frozen=True, slots=True)
class News:
    """One line.

    Attributes:
        text: What happens.
        lasting: Whether it is worth reading later too: viewers or issuers may notice it.
    """

    text: str
    lasting: bool


def news(tick: Tick) -> News | None:
    """Tell what a tick did, or what the ring waits for; None when others were at work."""
    step, ring = tick.step, tick.ring
    if tick.result is Result.BUSY:
        return None
    if tick.result is Result.HALTED:
        return News(f"rotation stands still: {step.why}", lasting=True)
    if tick.result is Result.WAITING:
        return News(_waiting(tick), lasting=False)
    key = None if step.kid is None else ring.key(step.kid)
    # One that is only planned has no name yet, one that was deleted has none any more.
    name = _name(key) if key else "an old key" if step.kid else "the next key"
    if step.act in _TOLD:
        return News(_TOLD[step.act](ring, key, name), lasting=True)
    return News(f"{name}: {step.act.words}", lasting=False)


def _published(ring: Ring, key: RingKey | None, name: str) -> str:
    since = (key.published_at or 0) if key else 0
    if not ring.started:
        return f"{name} published: the first key"
    return f"{name} published, soaking until {_clock(since + ring.settings.schedule.soak)}"


def _promoted(ring: Ring, _: RingKey | None, name: str) -> str:
    former = [key for key in ring.keys if key.demoted_at is not None and key.drain_until]
    if not former:
        return f"issuers sign with {name}"
    latest = max(former, key=lambda key: key.demoted_at or 0)
    until = _clock(latest.drain_until or 0)
    return f"issuers switched to {name}; {_name(latest)} drains until {until}"


def _removed(_: Ring, key: RingKey | None, name: str) -> str:
    if key is not None and key.revoked:
        return f"{name} revoked and out of the key group: {key.revoked}"
    return f"{name} drained and out of the key group: all that it signed has ended"


_TOLD: Final[dict[Act, Callable[[Ring, RingKey | None, str], str]]] = {
    Act.CREATE_GROUP: _published,
    Act.PUBLISH: _published,
    Act.NOTE_PUBLISHED: _published,
    Act.PROMOTE: _promoted,
    Act.NOTE_ACTIVE: _promoted,
    Act.REMOVE: _removed,
    Act.NOTE_REMOVED: _removed,
    Act.HEAL: lambda _ring, _key, name: f"{name} put back into the key group",
}


def _waiting(tick: Tick) -> str:
    active, step = tick.ring.active, tick.step
    signing = f"signing with {_name(active)}" if active else "signing with nothing yet"
    if step.until is None:
        return f"{signing}; {step.why}"
    # The plan's words for a step: "switch issuers to the key".
    return f"{signing}; next, at {_clock(step.until)}: {step.why}"


def _name(key: RingKey) -> str:
    return key.public_key_id or key.kid[:8]


def _clock(seconds: int) -> str:
    return time.strftime("%H:%M:%S", time.localtime(seconds))
