"""What can be seen, and what can be done about it: the words of the plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from signer.rotation.ring import RingKey


class Act(Enum):
    """What a tick may do."""

    WAIT = "wait"
    HALT = "halt"
    PLAN = "plan a key"
    STORE = "make and store the private half"
    UPLOAD = "upload the public half"
    CREATE_GROUP = "create the key group"
    PUBLISH = "put the key into the group"
    TEST = "test the key at the edge"
    STAGE = "stage the credential"
    PROMOTE = "switch issuers to the key"
    RESTORE = "switch issuers back to the key"
    RETIRE = "let the key go"
    REMOVE = "take the key out of the group"
    DESTROY = "destroy the private half"
    DELETE = "delete the public half"
    HEAL = "put the key back into the group"
    REVOKE = "revoke the key"
    GIVE_UP = "give the key up"
    NOTE_PUBLISHED = "note that the key is in the group"
    NOTE_ACTIVE = "note that issuers sign with the key"
    NOTE_LOST = "note that the public half is gone"
    NOTE_REMOVED = "note that the key is out of the group"


@dataclass(frozen=True, slots=True)
class Step:
    """What to do next.

    Attributes:
        act: The step.
        kid: The key that it is about; None when it is about none.
        why: For people: why this, and why now.
        until: For WAIT: when there is something to do next, if that is known.
    """

    act: Act
    kid: str | None = None
    why: str = ""
    until: int | None = None


@dataclass(frozen=True, slots=True)
class Observed:
    """What AWS says.

    Attributes:
        now: Epoch seconds, by AWS's clock.
        group: Key pair ids in the key group; None when there is no group.
        uploaded: Public keys with a name of ours: kid to the id that CloudFront gave.
        public_key_ids: All public keys of the account.
        current: Version of the signing secret that issuers read; None when there is none.
        staged: Version of the signing secret that is ready to become the current one.
    """

    now: int
    group: tuple[str, ...] | None = None
    uploaded: Mapping[str, str] = field(default_factory=dict)
    public_key_ids: frozenset[str] = frozenset()
    current: str | None = None
    staged: str | None = None

    def has(self, key: RingKey) -> bool:
        """Tell whether a key is in the group."""
        return key.public_key_id is not None and key.public_key_id in (self.group or ())

    def has_public_half(self, key: RingKey) -> bool:
        """Tell whether CloudFront has the public half."""
        # A group cannot have a key that is not there.
        return self.has(key) or key.public_key_id in self.public_key_ids
