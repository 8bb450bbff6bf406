"""What may happen to a call, and how it goes on then."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

WRITES: Final = frozenset(
    {
        "create_grant",
        "create_key",
        "create_key_group",
        "create_public_key",
        "delete_public_key",
        "disable_key",
        "put_item",
        "put_secret_value",
        "schedule_key_deletion",
        "update_key_group",
        "update_secret_version_stage",
    }
)
PRECONDITIONS: Final = {
    "delete_public_key": "PreconditionFailed",
    "put_item": "ConditionalCheckFailedException",
    "update_key_group": "PreconditionFailed",
    "update_secret_version_stage": "InvalidParameterException",
}
CONSISTENT: Final = frozenset({"get_item"})
"""Reads that AWS promises are never stale."""

STALE_READS: Final = 3
CALLS_LATE: Final = 7
CALLS_DENIED: Final = 12
MOST_TICKS: Final = 400


class Fault(Enum):
    """What may happen to a call."""

    DIES_BEFORE = "the process dies before the call"
    DIES_AFTER = "the process dies after the call took effect"
    THROTTLED = "AWS asks to slow down"
    ERROR_WITH_EFFECT = "a server error, but it took effect"
    ERROR_WITHOUT = "a server error, and it took none"
    TIMEOUT = "no answer; it takes effect some calls later"
    PRECONDITION = "the precondition is said not to hold"
    STALE = "this read and the next ones answer what was so before"
    DENIED = "access is denied for a while"

    def fits(self, method: str) -> bool:
        """Whether it makes a difference for such a call that no other fault makes."""
        if self in {Fault.DIES_AFTER, Fault.ERROR_WITH_EFFECT}:
            return method in WRITES
        if self is Fault.PRECONDITION:
            return method in PRECONDITIONS
        if self is Fault.STALE:
            return method not in WRITES and method not in CONSISTENT
        return True


class Next(Enum):
    """How it goes on after the fault."""

    RETRY = "the same process ticks again"
    REPEAT = "a new process ticks when the lease is over"
    DUPLICATE = "another process ticks in the middle of the call"
    ABANDONED = "nobody ticks for a week"
    CANCELLED = "an operator freezes the ring for a day"


REFUSALS: Final = {
    Fault.THROTTLED: "ThrottlingException",
    Fault.ERROR_WITH_EFFECT: "InternalFailure",
    Fault.ERROR_WITHOUT: "InternalFailure",
    Fault.DENIED: "AccessDeniedException",
}


class DiedError(BaseException):
    """The process is gone: nothing of it runs any more, no handler and no cleaning up."""


@dataclass(frozen=True)
class Strike:
    """A fault at a call, counted from the beginning of a rotation."""

    at: int
    fault: Fault
    then: Next

    def __str__(self) -> str:
        return f"call {self.at}: {self.fault.name}, {self.then.name}"
