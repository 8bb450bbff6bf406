"""When things are due: times from the ring and its schedule. Pure.

All are epoch seconds by AWS's clock.
"""

from __future__ import annotations

from typing import Final

from signer.rotation.ring import HOUR, Custody, KeyState, Ring, RingKey
from signer.rotation.steps import Observed

GRANT_SECONDS: Final = 300
"""How long AWS may take until everybody knows that issuers may sign with a key in KMS."""

NEVER: Final = float("inf")
"""When something is due whose time is missing: nothing is cut short for want of a number."""

_FAILURES_AN_HOUR: Final = 3


def rotation_due(ring: Ring, observed: Observed) -> int:
    """Return when issuers are switched to the next key, if one stands by."""
    active = ring.active
    if active is None or ring.rotate_requested or is_urgent(ring, observed):
        return observed.now
    return (active.promoted_at or active.since) + ring.settings.schedule.period


def is_urgent(ring: Ring, observed: Observed) -> bool:
    """Whether whatever is signed now is refused, must not be signed any more, or cannot be.

    A public half that was deleted cannot be put back: CloudFront would give it another id.
    """
    active = ring.active
    if active is None:
        return False
    cannot_sign = active.private_destroyed or observed.active_is_dead
    return bool(active.revoked) or cannot_sign or not observed.has_public_half(active)


def permitted_at(key: RingKey) -> int:
    """Return when issuers may sign with a key that was staged.

    AWS page "CreateGrant" (API_CreateGrant): a grant takes up to five minutes to hold everywhere.
    """
    wait = GRANT_SECONDS if key.kind.custody is Custody.KMS else 0
    return (key.staged_at or 0) + wait


def soaked_at(ring: Ring, observed: Observed, key: RingKey) -> float:
    """Return when a published key was in the group for long enough to be tried."""
    # Where it is urgent, the probes alone have to do.
    soak = 0 if is_urgent(ring, observed) else ring.settings.schedule.soak
    return NEVER if key.published_at is None else key.published_at + soak


def drained_at(key: RingKey) -> float:
    """Return when all that a draining key signed has ended."""
    return NEVER if key.drain_until is None else key.drain_until


def destruction_due(ring: Ring, key: RingKey) -> float:
    """Return when the private half of a key is destroyed; infinity for one that is needed."""
    schedule = ring.settings.schedule
    if key.private_destroyed or key.state in {KeyState.ACTIVE, KeyState.PLANNED}:
        return NEVER
    if key.state in {KeyState.REVOKED, KeyState.QUARANTINED} or (
        key.state in {KeyState.RETIRING, KeyState.REMOVED}
        and (key.demoted_at is None or bool(key.revoked))
    ):
        return key.since
    if key.demoted_at is None:
        return NEVER
    return key.demoted_at + schedule.stale_limit + schedule.rollback_window


def deletion_due(ring: Ring, key: RingKey) -> int:
    """Return when the public half of a key that is out of the group is deleted."""
    return key.since + ring.settings.schedule.soak


def next_try(ring: Ring) -> int:
    """Return when another key may be planned: not for ever where every one has to be given up."""
    failures = [event.at for event in ring.history if event.what.startswith("QUARANTINED")]
    if len(failures) < _FAILURES_AN_HOUR:
        return 0
    return failures[-_FAILURES_AN_HOUR] + HOUR
