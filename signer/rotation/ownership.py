"""What a ring may delete at its end: what it made itself, told by names and by its own record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from signer.rotation.key_groups import Seen
    from signer.rotation.ring import Ring

ADOPTED: Final = "adopted"
"""What the history says of a key that was there before the ring."""


def made_here(ring: Ring, uploaded: Mapping[str, str]) -> Mapping[str, str]:
    """Return the public halves that a ring made: key pair id by kid.

    Others have no name of ours, or that of a key which this ring never had: another one of the
    same name, in another Region, say.

    Args:
        ring: The ring.
        uploaded: The public keys that are named as the ring's are, by kid.
    """
    ids = {key.kid: key.public_key_id for key in ring.keys}
    known = {*ids, *(event.kid for event in ring.history)}
    adopted = {event.kid for event in ring.history if event.what == ADOPTED}
    return {
        kid: found
        for kid, found in uploaded.items()
        if kid in known - adopted and ids.get(kid) in {None, found}
    }


def is_own_group(ring: Ring, seen: Seen) -> bool:
    """Tell whether the key group that was found by the ring's name is one that it made.

    Where the answer to its making was lost, the ring does not know its id, but all of its keys.
    """
    if seen.group_id is None or any(event.what == ADOPTED for event in ring.history):
        return False
    if ring.key_group_id is not None:
        return seen.group_id == ring.key_group_id
    return {*made_here(ring, seen.uploaded).values()}.issuperset(seen.items or ())
