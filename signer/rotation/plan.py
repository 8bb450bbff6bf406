"""What to do next: one step, from what is written down and what was just observed.

Everything here is pure. A tick (:mod:`signer.rotation.driver`) observes, asks :func:`plan`, takes
the one step, and writes down what came of it; then everything begins anew at the next tick. Nothing
waits and nothing is remembered elsewhere, so that a crash anywhere leaves work for the next tick
and nothing else.

    from        to          when                                        by
    (none)      PLANNED     no key is being made, group has < 4 keys    PLAN
    PLANNED     STORED      -                                           STORE
    STORED      UPLOADED    -                                           UPLOAD
    UPLOADED    PUBLISHED   group has < 4 keys                          CREATE_GROUP, PUBLISH
    PUBLISHED   STANDBY     soaked, deployed, probed 3 times            TEST
    STANDBY     ACTIVE      rotation is due                             STAGE, then PROMOTE
    ACTIVE      DRAINING    with its successor's promotion
    DRAINING    RETIRING    all that it signed has ended                RETIRE
    RETIRING    REMOVED     ACTIVE is in the group                      REMOVE
    REMOVED     gone        out of the group for the soak, private
                            half destroyed                              DELETE

A key that must not be used any more goes by REVOKED or QUARANTINED to REMOVED.
Private halves are destroyed (DESTROY) when a switch cannot be taken back any more. A key that lost
its place in the group is put back (HEAL). What is true already is written down (NOTE_...): AWS
decides what happened, the ring only remembers it.

What always holds:

1.  Nothing is signed with a key before it was in the group for the soak and passed the probes; the
    very first key excepted, when there is nobody yet whom it could refuse.
2.  No key leaves the group while something that it signed can be good, but by ``revoke``.
3.  The ACTIVE key is in the group whenever another one is taken out.
4.  The group has 1 to 4 keys of ours; the fifth place is for people.
5.  A private half is stored before its public half is uploaded, and the public half is taken from
    what was stored.
6.  At most one key is between PLANNED and STANDBY.
7.  Keys that this ring did not make are never removed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from signer.rotation.ring import (
    HOUR,
    LEAVING,
    TRUSTED,
    Custody,
    KeyState,
    Ring,
    RingKey,
)
from signer.rotation.steps import Act, Observed, Step

MAX_KEYS_IN_GROUP: Final = 5
"""CloudFront's quota. AWS page: "Quotas" (cloudfront-limits)."""

GRANT_SECONDS: Final = 300
"""How long AWS may take until everybody knows that issuers may sign with a key in KMS."""

_OURS_IN_GROUP: Final = 4
_FAILURES_AN_HOUR: Final = 3


def plan(ring: Ring, observed: Observed) -> Step:
    """Return the one step to take now.

    Args:
        ring: What is written down.
        observed: What was just seen; the step is right for exactly this.

    Returns:
        The first step that any of the rules asks for, in their order; WAIT if none does.
    """
    for rule in _RULES:
        step = rule(ring, observed)
        if step is not None:
            return step
    return _wait(ring, observed)


def foreign_keys(ring: Ring, observed: Observed) -> tuple[str, ...]:
    """Return the key pair ids in the group that this ring did not make."""
    ours = {key.public_key_id for key in ring.keys}
    return tuple(one for one in observed.group or () if one not in ours)


def _contradicted(ring: Ring, observed: Observed) -> Step | None:
    """Do nothing where something is wrong that only people can put right."""
    if ring.frozen:
        return Step(Act.HALT, None, f"frozen: {ring.frozen}")
    if ring.key_group_id is not None and observed.group is None:
        return Step(Act.HALT, None, "the key group is gone")
    if not ring.started:
        return None
    signing = ring.by_version(observed.current)
    if signing is None:
        why = "the signing secret has a credential that this ring did not make"
        return Step(Act.HALT, None, why)
    if signing.state is not KeyState.ACTIVE and not observed.has(signing):
        healed = signing.state in TRUSTED and observed.has_public_half(signing)
        if not healed:
            why = f"issuers sign with a key that is {signing.state.value} and not in the group"
            return Step(Act.HALT, signing.kid, why)
    return None


def _noted(ring: Ring, observed: Observed) -> Step | None:
    """Write down what happened already."""
    signing = ring.by_version(observed.current)
    if signing is not None and signing.state is not KeyState.ACTIVE and observed.has(signing):
        return Step(Act.NOTE_ACTIVE, signing.kid, "the signing secret names it")
    for key in ring.keys:
        if key.state is KeyState.UPLOADED and observed.has(key):
            return Step(Act.NOTE_PUBLISHED, key.kid, "it is in the group")
        if key.state in LEAVING and not observed.has(key):
            return Step(Act.NOTE_REMOVED, key.kid, "it is not in the group")
        if key.state is KeyState.UPLOADED and not observed.has_public_half(key):
            return Step(Act.NOTE_LOST, key.kid, "CloudFront does not have its public half")
    return None


def _healed(ring: Ring, observed: Observed) -> Step | None:
    """Put back what lost its place in the group; first what viewers need most."""
    lost = [key for key in ring.keys if key.state in TRUSTED and not observed.has(key)]
    for key in sorted(lost, key=lambda key: TRUSTED.index(key.state)):
        if key.revoked and key.state is not KeyState.ACTIVE:
            continue
        if observed.has_public_half(key):
            if _has_room(observed, MAX_KEYS_IN_GROUP):
                return Step(Act.HEAL, key.kid, "somebody took it out of the group")
            return Step(Act.HALT, key.kid, "it belongs into the group, and the group is full")
        if key.state is KeyState.DRAINING:
            return Step(Act.NOTE_REMOVED, key.kid, "somebody deleted its public half")
        if key.state is not KeyState.ACTIVE:
            return Step(Act.GIVE_UP, key.kid, "somebody deleted its public half")
    return None


def _revoked(ring: Ring, observed: Observed) -> Step | None:
    """Take out what was revoked, once something else signs."""
    for key in ring.keys:
        asked = bool(key.revoked) and key.state is not KeyState.REMOVED
        if asked and key.state not in (KeyState.ACTIVE, *LEAVING):
            return Step(Act.REVOKE, key.kid, key.revoked)
        if key.state is KeyState.REVOKED and _others_can_go(ring, observed):
            return Step(Act.REMOVE, key.kid, f"it was revoked: {key.revoked}")
    return None


def _promoted(ring: Ring, observed: Observed) -> Step | None:
    """Switch issuers to the key that stands by, when that is due."""
    coming = ring.coming
    if coming is None or not observed.has(coming):
        return None
    if ring.started:
        ready = coming.state is KeyState.STANDBY and observed.now >= rotation_due(ring, observed)
    else:
        # Nothing is signed yet, so nobody can be refused: the very first key needs no soak.
        ready = coming.state in {KeyState.PUBLISHED, KeyState.STANDBY}
    if not ready:
        return None
    if observed.staged != coming.version or coming.staged_at is None:
        return Step(Act.STAGE, coming.kid, _why_due(ring))
    if ring.started and observed.now < _permitted(coming):
        return None
    return Step(Act.PROMOTE, coming.kid, _why_due(ring))


def _retired(ring: Ring, observed: Observed) -> Step | None:
    """Let go what has drained, destroy and delete what nobody needs."""
    for key in ring.keys:
        if observed.now >= destruction_due(ring, key):
            return Step(Act.DESTROY, key.kid, "it will not be signed with again")
        if key.state is KeyState.DRAINING and observed.now >= (key.drain_until or 0):
            return Step(Act.RETIRE, key.kid, "all that it signed has ended")
        if key.state in LEAVING and _others_can_go(ring, observed):
            return Step(Act.REMOVE, key.kid, "nothing that it signed can be good")
        if key.state is KeyState.REMOVED and key.private_destroyed:
            due = key.since + ring.settings.schedule.soak
            if key.public_key_id is None or observed.now >= due:
                return Step(Act.DELETE, key.kid, "it is out of the group for long enough")
    return None


def _built(ring: Ring, observed: Observed) -> Step | None:
    """Make the next key, long before it is needed."""
    coming = ring.coming
    if coming is None:
        return _begun(ring, observed)
    if coming.kind != ring.settings.next_key and coming.version != observed.staged:
        return Step(Act.RETIRE, coming.kid, "the settings ask for another kind of key")
    match coming.state:
        case KeyState.PLANNED:
            return Step(Act.STORE, coming.kid, "a new key is needed")
        case KeyState.STORED:
            return Step(Act.UPLOAD, coming.kid, "its private half is stored")
        case KeyState.UPLOADED:
            return _published(ring, observed, coming)
        case _:
            return _tested(ring, observed, coming)


def _begun(ring: Ring, observed: Observed) -> Step | None:
    if not _has_room(observed, _OURS_IN_GROUP) or observed.now < _next_try(ring):
        return None
    return Step(Act.PLAN, None, "no key stands by")


def _published(ring: Ring, observed: Observed, coming: RingKey) -> Step | None:
    if observed.group is None:
        return Step(Act.CREATE_GROUP, coming.kid, "there is no key group yet")
    most = MAX_KEYS_IN_GROUP if is_urgent(ring, observed) else _OURS_IN_GROUP
    if not _has_room(observed, most):
        return None
    return Step(Act.PUBLISH, coming.kid, "its public half is uploaded")


def _tested(ring: Ring, observed: Observed, coming: RingKey) -> Step | None:
    if coming.state is not KeyState.PUBLISHED or observed.now < _soaked(ring, observed, coming):
        return None
    return Step(Act.TEST, coming.kid, "it was in the group for long enough")


_RULES: Final[tuple[Callable[[Ring, Observed], Step | None], ...]] = (
    _contradicted,
    _noted,
    _healed,
    _revoked,
    _promoted,
    _retired,
    _built,
)


def rotation_due(ring: Ring, observed: Observed) -> int:
    """Return when issuers are switched to the next key, if one stands by."""
    active = ring.active
    if active is None or ring.rotate_requested or is_urgent(ring, observed):
        return observed.now
    return (active.promoted_at or active.since) + ring.settings.schedule.period


def destruction_due(ring: Ring, key: RingKey) -> float:
    """Return when the private half of a key is destroyed; infinity for one that is needed."""
    schedule = ring.settings.schedule
    if key.private_destroyed or key.state in {KeyState.ACTIVE, KeyState.PLANNED}:
        return float("inf")
    if key.state in {KeyState.REVOKED, KeyState.QUARANTINED} or (
        key.state in {KeyState.RETIRING, KeyState.REMOVED} and key.demoted_at is None
    ):
        return key.since
    if key.demoted_at is None:
        return float("inf")
    return key.demoted_at + schedule.stale_limit + schedule.rollback_window


def _permitted(key: RingKey) -> int:
    """Return when issuers may sign with a key that was staged.

    AWS page "CreateGrant" (API_CreateGrant): a grant takes up to five minutes to hold everywhere.
    """
    wait = GRANT_SECONDS if key.kind.custody is Custody.KMS else 0
    return (key.staged_at or 0) + wait


def is_urgent(ring: Ring, observed: Observed) -> bool:
    """Whether whatever is signed now is refused, or must not be signed any more.

    A public half that was deleted cannot be put back: CloudFront would give it another id.
    """
    active = ring.active
    return active is not None and (bool(active.revoked) or not observed.has_public_half(active))


def _soaked(ring: Ring, observed: Observed, key: RingKey) -> int:
    # Where it is urgent, the probes alone have to do.
    soak = 0 if is_urgent(ring, observed) else ring.settings.schedule.soak
    return (key.published_at or 0) + soak


def _others_can_go(ring: Ring, observed: Observed) -> bool:
    """Whether the group keeps a key to sign with when another one leaves it."""
    active = ring.active
    if not ring.started:
        # Nothing was signed yet. A group cannot be empty: its last key waits for another one.
        return len(observed.group or ()) > 1
    return active is not None and observed.has(active)


def _has_room(observed: Observed, most: int) -> bool:
    return len(observed.group or ()) < most


def _next_try(ring: Ring) -> int:
    """Return when another key may be planned: not for ever where every one has to be given up."""
    failures = [event.at for event in ring.history if event.what.startswith("QUARANTINED")]
    if len(failures) < _FAILURES_AN_HOUR:
        return 0
    return failures[-_FAILURES_AN_HOUR] + HOUR


def _why_due(ring: Ring) -> str:
    if not ring.started:
        return "it is the first key"
    if ring.active is not None and ring.active.revoked:
        return "the signing key was revoked"
    return "a rotation was asked for" if ring.rotate_requested else "the signing key is old enough"


def _wait(ring: Ring, observed: Observed) -> Step:
    """Return what comes next, and when; for people, and for those who simulate time."""
    coming: list[tuple[float, str | None, str]] = []
    for key in ring.keys:
        coming.append((destruction_due(ring, key), key.kid, Act.DESTROY.value))
        if key.state is KeyState.DRAINING:
            coming.append((key.drain_until or 0, key.kid, Act.RETIRE.value))
        if key.state is KeyState.REMOVED:
            due = key.since + ring.settings.schedule.soak
            coming.append((due, key.kid, Act.DELETE.value))
        if key.state is KeyState.PUBLISHED:
            coming.append((_soaked(ring, observed, key), key.kid, Act.TEST.value))
        if key.state is KeyState.STANDBY:
            due = max(rotation_due(ring, observed), _permitted(key))
            coming.append((due, key.kid, Act.PROMOTE.value))
    if ring.coming is None:
        coming.append((_next_try(ring), None, Act.PLAN.value))
    ahead = [one for one in coming if observed.now < one[0] < float("inf")]
    if not ahead:
        return Step(Act.WAIT, None, "there is no room in the key group for another key")
    when, kid, what = min(ahead, key=lambda one: one[0])
    return Step(Act.WAIT, kid, what, int(when))
