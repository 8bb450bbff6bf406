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

    any         REVOKED     an operator revoked it, and it is not ACTIVE    REVOKE
    any         QUARANTINED it cannot be used; after three within an
                            hour no other is planned for an hour        GIVE_UP, or by the act

REVOKED and QUARANTINED keys go on like RETIRING ones, without waiting for anything but an ACTIVE
key in the group.
Private halves are destroyed (DESTROY) when a switch cannot be taken back any more. A key that lost
its place in the group is put back (HEAL). What is true already is written down (NOTE_...): AWS
decides what happened, the ring only remembers it.

What always holds:

1.  Nothing is signed with a key before it was in the group for the soak and passed the probes. Two
    exceptions: the very first key, when there is nobody yet whom it could refuse; and where what
    is signed now is refused anyway, or was revoked, the probes alone have to do.
2.  No key leaves the group while something that it signed can be good, but by ``revoke``.
3.  The ACTIVE key is in the group whenever another one is taken out.
4.  The group has 1 to 4 keys of ours; the fifth place is for people, and for emergencies.
5.  A private half is stored before its public half is uploaded, and the public half is taken from
    what was stored.
6.  At most one key is between PLANNED and STANDBY.
7.  Keys that this ring did not make are never removed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from signer.rotation.due import (
    NEVER,
    deletion_due,
    destruction_due,
    drained_at,
    is_urgent,
    next_try,
    permitted_at,
    rotation_due,
    soaked_at,
)
from signer.rotation.ring import (
    LEAVING,
    TRUSTED,
    KeyState,
    Ring,
    RingKey,
)
from signer.rotation.steps import Act, Observed, Step

MAX_KEYS_IN_GROUP: Final = 5
"""CloudFront's quota. AWS page: "Quotas" (cloudfront-limits)."""

_OURS_IN_GROUP: Final = 4


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


def _stopped(ring: Ring, observed: Observed) -> Step | None:
    """Do nothing where people said so, or where there is nothing to do it with."""
    if ring.frozen:
        return Step(Act.HALT, None, f"frozen: {ring.frozen}")
    if ring.key_group_id is not None and observed.group is None:
        return Step(Act.HALT, None, "the key group is gone")
    return None


def _contradicted(ring: Ring, observed: Observed) -> Step | None:
    """Do nothing else where issuers sign with what is refused, or with what nobody knows."""
    if not ring.started:
        return None
    signing = ring.by_version(observed.current)
    if signing is None and any(event.kid == observed.current for event in ring.history):
        return _restored(ring, observed, None, "issuers sign with a key that is gone")
    if signing is None:
        why = "the signing secret has a credential that this ring did not make"
        return Step(Act.HALT, None, why)
    if signing.state is not KeyState.ACTIVE and not observed.has(signing):
        healed = signing.state in TRUSTED and observed.has_public_half(signing)
        if not healed:
            why = f"issuers sign with a key that is {signing.state.value} and not in the group"
            return _restored(ring, observed, signing.kid, why)
    return None


def _restored(ring: Ring, observed: Observed, kid: str | None, why: str) -> Step:
    """Switch issuers back, if they were switched by a tick that overslept, or by hand."""
    active = ring.active
    if active is None or active.private_destroyed or not observed.has(active):
        return Step(Act.HALT, kid, why)
    return Step(Act.RESTORE, active.kid, why)


def _noted(ring: Ring, observed: Observed) -> Step | None:
    """Write down what happened already."""
    signing = ring.by_version(observed.current)
    if signing is not None and signing.state is not KeyState.ACTIVE and observed.has(signing):
        return Step(Act.NOTE_ACTIVE, signing.kid, "the signing secret names it")
    for key in ring.keys:
        known = ring.key_group_id is not None
        if key.state is KeyState.UPLOADED and known and observed.has(key):
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
            continue  # Perhaps what is due makes room; see _crowded.
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
        if not _others_can_go(ring, observed):
            continue
        if key.state is KeyState.REVOKED:
            return Step(Act.REMOVE, key.kid, f"it was revoked: {key.revoked}")
        if key.state is KeyState.REMOVED and observed.has(key):
            return Step(Act.REMOVE, key.kid, "somebody put it back into the group")
    return None


def _hurried(ring: Ring, observed: Observed) -> Step | None:
    """Switch issuers before anything else, where what they sign is refused or must not be."""
    return next(_promoted(ring, observed), None) if is_urgent(ring, observed) else None


def _due(ring: Ring, observed: Observed) -> Step | None:
    """Do what is due. What was tried in vain lets the others pass, so that nothing stops them."""
    steps = [
        *_promoted(ring, observed),
        *_retired(ring, observed),
        *_built(ring, observed),
    ]
    return min(steps, key=lambda step: _attempts(ring, step), default=None)


def _attempts(ring: Ring, step: Step) -> int:
    key = None if step.kid is None else ring.key(step.kid)
    return 0 if key is None else key.attempts


def _promoted(ring: Ring, observed: Observed) -> Iterator[Step]:
    """Switch issuers to the key that stands by, when that is due."""
    coming = ring.coming
    if coming is None or not observed.has(coming):
        return
    if ring.started:
        ready = coming.state is KeyState.STANDBY and observed.now >= rotation_due(ring, observed)
    else:
        # Nothing is signed yet, so nobody can be refused: the very first key needs no soak.
        ready = coming.state in {KeyState.PUBLISHED, KeyState.STANDBY}
    if not ready:
        return
    if observed.staged != coming.version or coming.staged_at is None:
        yield Step(Act.STAGE, coming.kid, _why_due(ring, observed))
    elif not ring.started or observed.now >= permitted_at(coming):
        yield Step(Act.PROMOTE, coming.kid, _why_due(ring, observed))


def _retired(ring: Ring, observed: Observed) -> Iterator[Step]:
    """Let go what has drained, destroy and delete what nobody needs."""
    for key in ring.keys:
        if observed.now >= destruction_due(ring, key):
            yield Step(Act.DESTROY, key.kid, "it will not be signed with again")
        elif key.state is KeyState.DRAINING and observed.now >= drained_at(key):
            yield Step(Act.RETIRE, key.kid, "all that it signed has ended")
        elif key.state in LEAVING and _others_can_go(ring, observed):
            yield Step(Act.REMOVE, key.kid, "nothing that it signed can be good")
        elif (
            key.state is KeyState.REMOVED and key.private_destroyed and _is_out(ring, observed, key)
        ):
            yield Step(Act.DELETE, key.kid, "it is out of the group for long enough")


def _is_out(ring: Ring, observed: Observed, key: RingKey) -> bool:
    return key.public_key_id is None or observed.now >= deletion_due(ring, key)


def _built(ring: Ring, observed: Observed) -> Iterator[Step]:
    """Make the next key, long before it is needed."""
    coming = ring.coming
    if coming is None:
        step = _begun(ring, observed)
    elif coming.kind != ring.settings.next_key and coming.version != observed.staged:
        step = Step(Act.RETIRE, coming.kid, "the settings ask for another kind of key")
    elif coming.state is KeyState.PLANNED:
        step = Step(Act.STORE, coming.kid, "a new key is needed")
    elif coming.state is KeyState.STORED:
        step = Step(Act.UPLOAD, coming.kid, "its private half is stored")
    elif coming.state is KeyState.UPLOADED:
        step = _published(ring, observed, coming)
    else:
        step = _tested(ring, observed, coming)
    if step is not None:
        yield step


def _begun(ring: Ring, observed: Observed) -> Step | None:
    if not _has_room(observed, _most_keys(ring, observed)) or observed.now < next_try(ring):
        return None
    return Step(Act.PLAN, None, "no key stands by")


def _crowded(ring: Ring, observed: Observed) -> Step | None:
    """Call for people where a key lost its place, and there is no room to put it back."""
    for key in ring.in_state(*TRUSTED):
        if observed.has_public_half(key) and not observed.has(key):
            return Step(Act.HALT, key.kid, "it belongs into the group, and the group is full")
    if is_urgent(ring, observed) and not _has_room(observed, MAX_KEYS_IN_GROUP):
        coming = ring.coming
        if coming is None or not observed.has(coming):
            return Step(Act.HALT, None, "another key is needed now, and the group is full")
    return None


def _published(ring: Ring, observed: Observed, coming: RingKey) -> Step | None:
    if ring.key_group_id is None:
        return Step(Act.CREATE_GROUP, coming.kid, "there is no key group yet")
    if not _has_room(observed, _most_keys(ring, observed)):
        return None
    return Step(Act.PUBLISH, coming.kid, "its public half is uploaded")


def _tested(ring: Ring, observed: Observed, coming: RingKey) -> Step | None:
    if coming.state is not KeyState.PUBLISHED or observed.now < soaked_at(ring, observed, coming):
        return None
    return Step(Act.TEST, coming.kid, "it was in the group for long enough")


_RULES: Final[tuple[Callable[[Ring, Observed], Step | None], ...]] = (
    _stopped,
    _contradicted,
    _noted,
    _healed,
    _revoked,
    _hurried,
    _due,
    _crowded,
)


def _others_can_go(ring: Ring, observed: Observed) -> bool:
    """Whether the group keeps a key to sign with when another one leaves it."""
    active = ring.active
    if not ring.started:
        # Nothing was signed yet. A group cannot be empty: its last key waits for another one.
        return len(observed.group or ()) > 1
    return active is not None and observed.has(active)


def _most_keys(ring: Ring, observed: Observed) -> int:
    return MAX_KEYS_IN_GROUP if is_urgent(ring, observed) else _OURS_IN_GROUP


def _has_room(observed: Observed, most: int) -> bool:
    return len(observed.group or ()) < most


def _why_due(ring: Ring, observed: Observed) -> str:
    if not ring.started:
        return "it is the first key"
    if ring.active is not None and ring.active.revoked:
        return "the signing key was revoked"
    if is_urgent(ring, observed):
        return "the signing key is of no use any more"
    return "a rotation was asked for" if ring.rotate_requested else "the signing key is old enough"


def _wait(ring: Ring, observed: Observed) -> Step:
    """Return what comes next, and when; for people, and for those who simulate time."""
    coming: list[tuple[float, str | None, Act]] = []
    for key in ring.keys:
        coming.append((destruction_due(ring, key), key.kid, Act.DESTROY))
        if key.state is KeyState.DRAINING:
            coming.append((drained_at(key), key.kid, Act.RETIRE))
        if key.state is KeyState.REMOVED:
            coming.append((deletion_due(ring, key), key.kid, Act.DELETE))
        if key.state is KeyState.PUBLISHED:
            coming.append((soaked_at(ring, observed, key), key.kid, Act.TEST))
        if key.state is KeyState.STANDBY:
            due = max(rotation_due(ring, observed), permitted_at(key))
            coming.append((due, key.kid, Act.PROMOTE))
    if ring.coming is None:
        coming.append((next_try(ring), None, Act.PLAN))
    ahead = [one for one in coming if observed.now < one[0] < NEVER]
    if not ahead:
        return Step(Act.WAIT, None, "there is no room in the key group for another key")
    when, kid, then = min(ahead, key=lambda one: one[0])
    return Step(Act.WAIT, kid, then.words, int(when), then)
