"""What can be seen, and what can be done about it: the words of the plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from signer.rotation.ring import RingKey


class Act(Enum):
    """What a tick may do; the values are for programs."""

    WAIT = "wait"
    HALT = "halt"
    PLAN = "plan"
    STORE = "store"
    UPLOAD = "upload"
    CREATE_GROUP = "create_group"
    PUBLISH = "publish"
    TEST = "test"
    STAGE = "stage"
    PROMOTE = "promote"
    RESTORE = "restore"
    RETIRE = "retire"
    REMOVE = "remove"
    DESTROY = "destroy"
    DELETE = "delete"
    HEAL = "heal"
    REVOKE = "revoke"
    GIVE_UP = "give_up"
    NOTE_PUBLISHED = "note_published"
    NOTE_ACTIVE = "note_active"
    NOTE_LOST = "note_lost"
    NOTE_REMOVED = "note_removed"

    @property
    def words(self) -> str:
        """Return what it is, for people."""
        return _WORDS[self]


_WORDS: Final[Mapping[Act, str]] = {
    Act.WAIT: "wait",
    Act.HALT: "halt",
    Act.PLAN: "plan a key",
    Act.STORE: "make and store the private half",
    Act.UPLOAD: "upload the public half",
    Act.CREATE_GROUP: "create the key group",
    Act.PUBLISH: "put the key into the group",
    Act.TEST: "test the key at the edge",
    Act.STAGE: "stage the credential",
    Act.PROMOTE: "switch issuers to the key",
    Act.RESTORE: "switch issuers back to the key",
    Act.RETIRE: "let the key go",
    Act.REMOVE: "take the key out of the group",
    Act.DESTROY: "destroy the private half",
    Act.DELETE: "delete the public half",
    Act.HEAL: "put the key back into the group",
    Act.REVOKE: "revoke the key",
    Act.GIVE_UP: "give the key up",
    Act.NOTE_PUBLISHED: "note that the key is in the group",
    Act.NOTE_ACTIVE: "note that issuers sign with the key",
    Act.NOTE_LOST: "note that the public half is gone",
    Act.NOTE_REMOVED: "note that the key is out of the group",
}


@dataclass(frozen=True, slots=True)
class Step:
    """What to do next.

    Attributes:
        act: The step.
        kid: The key that it is about; None when it is about none.
        why: For people: why this, and why now.
        until: For WAIT: when there is something to do next, if that is known.
        then: For WAIT: what that is.
    """

    act: Act
    kid: str | None = None
    why: str = ""
    until: int | None = None
    then: Act | None = None


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
        active_is_dead: Whether the key in KMS that issuers sign with is out of use.
    """

    now: int
    group: tuple[str, ...] | None = None
    uploaded: Mapping[str, str] = field(default_factory=dict)
    public_key_ids: frozenset[str] = frozenset()
    current: str | None = None
    staged: str | None = None
    active_is_dead: bool = False

    def has(self, key: RingKey) -> bool:
        """Tell whether a key is in the group."""
        return key.public_key_id is not None and key.public_key_id in (self.group or ())

    def has_public_half(self, key: RingKey) -> bool:
        """Tell whether CloudFront has the public half."""
        # A group cannot have a key that is not there.
        return self.has(key) or key.public_key_id in self.public_key_ids
