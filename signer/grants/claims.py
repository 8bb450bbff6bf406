"""Comparing an identity provider's claims with a grants table, and filling slots from them.

Claims are taken as hostile: whatever they hold, a slot is filled with one plain segment or not at
all. Text, whole numbers and true/false are compared by kind as well as by value, so that ``1`` is
neither ``true`` nor ``"1"``; in a deny row doubt falls on the side of denial.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from signer.errors import GrantError, excerpt
from signer.grants.paths import SLOT_VALUE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Scalar = str | int | bool
Conditions = tuple[tuple[str, tuple[Scalar, ...]], ...]

MAX_SLOT_VALUES: Final = 20
"""Most permits that one grant gives to one viewer."""

_SHOWN = 32
_HASHABLE = 1024
LARGEST_NUMBER: Final = 2**63
"""Whole numbers are compared below this, as JSON readers agree on no larger ones."""


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a slot takes its value.

    Attributes:
        name: Name in the path.
        claim: Name of the claim.
        hashed: Take the first 32 hexadecimal digits of the SHA-256 of the value.
    """

    name: str
    claim: str
    hashed: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a grant, or one value of a slot, was not given.

    Attributes:
        code: Short name of the reason in snake case.
        message: One clause for a person; long values are not repeated.
        claim: The claim it is about, if any.
    """

    code: str
    message: str
    claim: str | None = None


def values_of(claims: Mapping[str, object], name: str) -> tuple[object, ...]:
    """Return the values of a claim: none when it is absent or null, one, or those of a list."""
    value = claims.get(name)
    if value is None:
        return ()
    return tuple(value) if type(value) in {list, tuple} else (value,)  # type: ignore[arg-type]


def unmet(conditions: Conditions, claims: Mapping[str, object]) -> Refusal | None:
    """Return why the claims do not meet all conditions; None when they do."""
    for name, wanted in conditions:
        values = values_of(claims, name)
        if not values:
            return Refusal("claim_missing", f"the claim {excerpt(name)} is missing", name)
        if not any(_same(value, one) for value in values for one in wanted):
            return Refusal(
                "claim_mismatch",
                f"the claim {excerpt(name)} has none of the values that the grant asks for",
                name,
            )
    return None


def denies(conditions: Conditions, claims: Mapping[str, object]) -> bool:
    """Tell whether a deny row applies.

    Values are compared as text without regard to case, since providers send ``"true"`` for
    ``true``; a value of a kind that cannot be compared counts as a match.
    """
    return all(
        any(_may_be(value, one) for value in values_of(claims, name) for one in wanted)
        for name, wanted in conditions
    )


def slot_values(slot: Slot, claims: Mapping[str, object]) -> tuple[list[str], list[Refusal]]:
    """Return the values for a slot, each once, and why others were refused.

    Returns:
        At most one value more than :data:`MAX_SLOT_VALUES`.
    """
    given = values_of(claims, slot.claim)
    if not given:
        return [], [
            Refusal("claim_missing", f"the claim {excerpt(slot.claim)} is missing", slot.claim)
        ]
    values: dict[str, None] = {}
    refusals: list[Refusal] = []
    for value in given:
        text = _hashed(value) if slot.hashed else _plain(value)
        if text is not None:
            values[text] = None
        elif len(refusals) < MAX_SLOT_VALUES:
            refusals.append(_refused(slot, value))
        if len(values) > MAX_SLOT_VALUES:
            break  # Too many already, however many more there are.
    return list(values), refusals


def too_many(grant: str) -> GrantError:
    """Return the error for a grant that would give too many permits; evidence names it."""
    return GrantError(
        "grant_too_many",
        f"the claims ask for more than {MAX_SLOT_VALUES} directories of one grant",
        advice="grant a directory above them",
        grant=grant,
    )


def _same(value: object, wanted: Scalar) -> bool:
    return type(value) is type(wanted) and value == wanted


def _may_be(value: object, wanted: Scalar) -> bool:
    text = _text(value)
    return text is None or text.casefold() == str(wanted).casefold()


def _text(value: object) -> str | None:
    """Return a value as text; None for what has none."""
    if type(value) in {str, bool} or (type(value) is int and abs(value) < LARGEST_NUMBER):
        return str(value)
    return None


def _decimal(value: object) -> str | None:
    return str(value) if type(value) is int and 0 <= value < LARGEST_NUMBER else None


def _plain(value: object) -> str | None:
    text = value if type(value) is str else _decimal(value)
    return text if text is not None and SLOT_VALUE.fullmatch(text) else None


def _hashed(value: object) -> str | None:
    text = value if type(value) is str else _decimal(value)
    if not text or len(text) > _HASHABLE:
        return None
    try:
        return hashlib.sha256(text.encode()).hexdigest()[:32]
    except UnicodeEncodeError:  # a lone surrogate
        return None


def _refused(slot: Slot, value: object) -> Refusal:
    if type(value) is not str:
        shown = f"a value of type {type(value).__name__}"
    elif len(value) > _SHOWN:
        shown = f"a text of {len(value)} characters"
    else:
        shown = excerpt(value)
    return Refusal(
        "slot_value",
        f"{shown} cannot fill the slot {slot.name}, which takes 1 to 64 letters, digits, - and _",
        slot.claim,
    )


def claim_names(conditions: Iterable[Conditions], slots: Iterable[Slot]) -> frozenset[str]:
    """Return the names of all claims that conditions and slots read."""
    return frozenset(name for condition in conditions for name, _ in condition) | frozenset(
        slot.claim for slot in slots
    )
