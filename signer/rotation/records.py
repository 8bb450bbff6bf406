"""What is written down after a step: from one ring to the next. Pure, like the plan.

Times are AWS's, taken after the step had its effect: a key's drain, for instance, begins when
issuers were told of its successor, and counting from later only makes it longer.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from signer.rotation.ring import Custody, Event, KeyState, Ring, RingKey

if TYPE_CHECKING:
    from signer.keys import PublicKey


def planned(ring: Ring, kid: str, now: int) -> Ring:
    """A new key is to be made, of the kind that the settings ask for."""
    key = RingKey(
        kid=kid,
        state=KeyState.PLANNED,
        kind=ring.settings.next_key,
        since=now,
        created_at=now,
    )
    return _written(ring, key)


def stored(ring: Ring, key: RingKey, now: int, *, kms_key_arn: str | None) -> Ring:
    """Its private half is where it stays."""
    return _written(ring, key.moved(KeyState.STORED, now, kms_key_arn=kms_key_arn))


def uploaded(
    ring: Ring, key: RingKey, now: int, *, public_key_id: str, public_key: PublicKey
) -> Ring:
    """CloudFront has its public half."""
    return _written(
        ring,
        key.moved(
            KeyState.UPLOADED,
            now,
            public_key_id=public_key_id,
            fingerprint=public_key.fingerprint,
        ),
    )


def published(ring: Ring, key: RingKey, now: int, *, key_group_id: str | None = None) -> Ring:
    """It is in the key group; the soak begins."""
    moved = key.moved(KeyState.PUBLISHED, now, published_at=now, passes=0)
    return replace(_written(ring, moved), key_group_id=key_group_id or ring.key_group_id)


def tested(ring: Ring, key: RingKey, now: int, *, passed: bool) -> Ring:
    """It was tried at the edge; after enough good trials in a row it stands by."""
    if not passed:
        if key.state is KeyState.STANDBY:
            # Edges knew it, and one does not any more: the soak begins anew.
            return published(ring, key, now)
        return ring.with_keys([replace(key, passes=0)])
    key = replace(key, passes=key.passes + 1)
    if key.passes < ring.settings.schedule.probes:
        return ring.with_keys([key])
    return _written(ring, key.moved(KeyState.STANDBY, now))


def staged(ring: Ring, key: RingKey, now: int) -> Ring:
    """Its credential is ready, where issuers do not look yet."""
    told = Event(now, key.kid, "staged")
    return ring.with_keys([replace(key, staged_at=now, attempts=0)], [told])


def active(ring: Ring, key: RingKey, now: int) -> Ring:
    """Issuers are told to sign with it, and no longer with the one before."""
    successor = key.moved(
        KeyState.ACTIVE,
        now,
        # A key that is switched back to has been signed with all along.
        promoted_at=key.promoted_at or now,
        demoted_at=None,
        drain_until=None,
        # A secret's version can be read all the same. A disabled key in KMS signs no more.
        private_destroyed=key.private_destroyed and key.kind.custody is Custody.KMS,
    )
    changed = [successor]
    former = ring.active
    if former is not None:
        drained = ring.drain_until(former, now)
        changed.append(former.moved(KeyState.DRAINING, now, demoted_at=now, drain_until=drained))
    told = [_event(one, now) for one in changed]
    return replace(ring.with_keys(changed, told), started=True, rotate_requested=False)


def retired(ring: Ring, key: RingKey, now: int) -> Ring:
    """It may leave the group, and nothing puts it back."""
    return _written(ring, key.moved(KeyState.RETIRING, now))


def removed(ring: Ring, key: RingKey, now: int) -> Ring:
    """It is out of the group."""
    return _written(ring, key.moved(KeyState.REMOVED, now))


def destroyed(ring: Ring, key: RingKey, now: int) -> Ring:
    """Nobody can sign with it any more."""
    told = Event(now, key.kid, "private half destroyed")
    return ring.with_keys([replace(key, private_destroyed=True, attempts=0)], [told])


def deleted(ring: Ring, key: RingKey, now: int) -> Ring:
    """Nothing is left of it."""
    return ring.without(key.kid, Event(now, key.kid, "deleted"))


def restored(ring: Ring, key: RingKey, now: int) -> Ring:
    """Issuers are told to sign with it again."""
    told = Event(now, key.kid, "RESTORED: issuers were told to sign with another key")
    return ring.with_keys([replace(key, attempts=0)], [told])


def healed(ring: Ring, key: RingKey, now: int) -> Ring:
    """It is back in the group, from which somebody took it."""
    told = Event(now, key.kid, "HEALED: put back into the group")
    if key.state in {KeyState.PUBLISHED, KeyState.STANDBY}:
        return published(ring.with_keys([], [told]), key, now)
    return ring.with_keys([replace(key, attempts=0)], [told])


def lost(ring: Ring, key: RingKey, now: int) -> Ring:
    """CloudFront does not have its public half, which can be uploaded again."""
    return _written(ring, key.moved(KeyState.STORED, now, public_key_id=None))


def revoked(ring: Ring, key: RingKey, now: int) -> Ring:
    """It must not be trusted any more."""
    return _written(ring, key.moved(KeyState.REVOKED, now), why=key.revoked)


def given_up(ring: Ring, key: RingKey, now: int) -> Ring:
    """It is of no use without its public half, and CloudFront would give that another id."""
    return quarantined(ring, key, now, why="its public half was deleted")


def quarantined(ring: Ring, key: RingKey, now: int, *, why: str) -> Ring:
    """It cannot be used; another one is made."""
    return _written(ring, key.moved(KeyState.QUARANTINED, now), why=why)


def _written(ring: Ring, key: RingKey, *, why: str = "") -> Ring:
    return ring.with_keys([key], [_event(key, key.since, why=why)])


def _event(key: RingKey, now: int, *, why: str = "") -> Event:
    return Event(now, key.kid, f"{key.state.value}: {why}" if why else key.state.value)
