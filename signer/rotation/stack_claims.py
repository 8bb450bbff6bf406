"""Which resources of stacks use a ring, so that none of them destroys what another one needs.

A resource that gets another name in its template is made before the one of the old name is
deleted, and both have the same ring; a roll-back deletes the new one instead. So each is noted in
the ring's history when it takes the ring and when it leaves it.

A history ends somewhere. What cannot be told from it any more counts as used by somebody else.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from signer.rotation import orders
from signer.rotation.ring import Event

if TYPE_CHECKING:
    from signer.rotation.driver import Rotation
    from signer.rotation.ring import Ring

USED: Final = "used by a resource of a stack"
LEFT: Final = "left by a resource of a stack"


def users(ring: Ring) -> frozenset[str]:
    """Return the resources that took a ring and did not leave it, as far as it remembers."""
    found: set[str] = set()
    for event in ring.history:
        if event.what == orders.DESTROYED:
            found.clear()
        elif event.what == USED:
            found.add(event.kid)
        elif event.what == LEFT:
            found.discard(event.kid)
    return frozenset(found)


def take(rotation: Rotation, resource: str) -> Ring:
    """Note that a resource uses the ring; done if it is noted.

    Raises:
        RotationError: ``ring_missing``.
        PassingError: ``ring_changed``: somebody else wrote the ring; the same call again does it.
        RemoteError: The store did not answer.
    """
    ring = rotation.ring()
    return ring if resource in users(ring) else _noted(rotation, ring, resource, USED)


def leave(rotation: Rotation, resource: str) -> None:
    """Note that a resource uses the ring no longer; done if it does not. Raises as :func:`take`."""
    ring = rotation.ring()
    if resource in users(ring):
        _noted(rotation, ring, resource, LEFT)


def _noted(rotation: Rotation, ring: Ring, resource: str, what: str) -> Ring:
    told = Event(rotation.aws.time.now(), resource, what)
    noted = replace(ring.with_keys([], [told]), rev=ring.rev + 1)
    rotation.store.write(noted, over=ring.rev)
    return noted
