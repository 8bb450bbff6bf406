"""What should concern an operator about a ring. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from signer.rotation.due import destruction_due, drained_at
from signer.rotation.ring import BEFORE_ACTIVE, HOUR, KeyState
from signer.rotation.steps import Act

if TYPE_CHECKING:
    from collections.abc import Iterator

    from signer.rotation.ring import Ring, RingKey
    from signer.rotation.steps import Observed, Step

_GRACE: Final = HOUR
"""Seconds that a key may be late: ticks come every few minutes, and a few of them may fail."""

_REVOKED_FOR: Final = 900
"""Seconds until a key that was revoked should be out of the group: three ticks of five minutes."""

_MOST_FAILURES: Final = 3


def overdue(ring: Ring, now: int) -> Iterator[str]:
    """Yield what is late."""
    schedule = ring.settings.schedule
    if ring.active is not None and signing_age(ring, now) > (
        schedule.period + schedule.soak + _GRACE
    ):
        yield f"the signing key {short(ring.active)} should have been replaced by now"
    coming = ring.coming
    # One that stands by waits for the end of the period, however long that is.
    if coming is not None and coming.state in BEFORE_ACTIVE[:-1]:
        late = now - coming.since - schedule.soak
        if late > _GRACE:
            yield f"the next key {short(coming)} is {coming.state.value} for too long"


def troubles(ring: Ring, observed: Observed, step: Step) -> Iterator[str]:
    """Yield what a person should look at: keys that must not be trusted, steps that fail."""
    for key in ring.keys:
        if key.revoked and key.state is KeyState.ACTIVE:
            told = f"the signing key {short(key)} is revoked and is still trusted"
            yield f"{told}: {_until_switched(ring, step)}"
        elif observed.active_is_dead and key.state is KeyState.ACTIVE:
            told = f"issuers cannot sign: the key in KMS of {short(key)} is out of use"
            yield f"{told}; {_until_switched(ring, step)}"
        elif _is_still_trusted(ring, observed, key):
            told = f"the key {short(key)} is revoked and is still trusted"
            yield f"{told}: it is {key.state.value} and in the key group"
        if _failures(key) >= _MOST_FAILURES:
            told = f"the step from {key.state.value} of key {short(key)} failed"
            yield f"{told} {_failures(key)} times: signer rotate tick says why"
    for key in put_back(ring, observed):
        name = f"{short(key)} ({key.public_key_id})"
        yield f"the key {name} is REMOVED and was put back into the key group by somebody"


def _until_switched(ring: Ring, step: Step) -> str:
    if step.act is Act.HALT:
        return "nothing is done about it"
    coming = ring.coming
    if coming is None:
        return "the next key is not made yet"
    if coming.state is KeyState.STANDBY:
        return f"issuers are to be switched to {short(coming)}, which stands by"
    return f"the next key {short(coming)} is {coming.state.value}"


def _is_still_trusted(ring: Ring, observed: Observed, key: RingKey) -> bool:
    """Whether a key that was revoked should be out of the group by now."""
    if not key.revoked or key.state is KeyState.REMOVED or not observed.has(key):
        return False
    ordered = (
        event.at
        for event in reversed(ring.history)
        if event.kid == key.kid and event.what.startswith("to be revoked")
    )
    # The history forgets; then the time seems longer, which only calls for a person earlier.
    return observed.now - next(ordered, key.since) > _REVOKED_FOR


def _failures(key: RingKey) -> int:
    """Return how often the step from a key's state was begun in vain; good tests were not."""
    return key.attempts - (key.passes if key.state is KeyState.PUBLISHED else 0)


def put_back(ring: Ring, observed: Observed) -> list[RingKey]:
    """Return the keys that left the group and are in it again."""
    return [key for key in ring.in_state(KeyState.REMOVED) if observed.has(key)]


def is_stale(ring: Ring, key: RingKey, now: int) -> bool:
    """Whether a key is in a passing state for longer than that takes."""
    if key.state in {KeyState.STANDBY, KeyState.ACTIVE}:
        return False
    due: float = key.since
    if key.state is KeyState.DRAINING:
        due = drained_at(key)
    elif key.state in {KeyState.PUBLISHED, KeyState.REMOVED}:
        due = key.since + ring.settings.schedule.soak
    if key.state is KeyState.REMOVED and not key.private_destroyed:
        due = max(due, destruction_due(ring, key))
    return now > due + _GRACE


def signing_age(ring: Ring, now: int) -> int:
    """Return how long issuers have signed with their key, in seconds."""
    active = ring.active
    return 0 if active is None else max(0, now - (active.promoted_at or active.since))


def short(key: RingKey) -> str:
    """Return what people call a key."""
    return key.kid[:8]
