"""What a framework's session keeps of a viewer: plain JSON values under one key."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

SESSION_KEY: Final = "signer"
"""Where the session keeps it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A viewer who is logged in.

    Attributes:
        site: Base URL of the grants table: apps that share a secret key share no viewers.
        subject: Who it is, for whoever loads newer claims.
        claims: Those that the grants table reads.
        held: Paths of the signed cookies that the browser was given.
        logged_in_at: Epoch seconds.
        checked_at: When the claims were read.
        refresh_at: When to issue cookies anew.
    """

    site: str
    subject: str
    claims: dict[str, object]
    held: list[str]
    logged_in_at: int
    checked_at: int
    refresh_at: int

    @classmethod
    def read(cls, session: MutableMapping[str, Any], *, site: str) -> Record | None:
        """Return what a session keeps; None when it is nothing, another version's or site's."""
        match session.get(SESSION_KEY):
            case {
                "site": str(stored_site),
                "subject": str(subject),
                "claims": dict(claims),
                "held": list(held),
                "logged_in_at": int(logged_in_at),
                "checked_at": int(checked_at),
                "refresh_at": int(refresh_at),
                **more,
            } if stored_site == site and not more:
                return cls(
                    site=site,
                    subject=subject,
                    claims=claims,
                    held=held,
                    logged_in_at=logged_in_at,
                    checked_at=checked_at,
                    refresh_at=refresh_at,
                )
            case _:
                return None

    @staticmethod
    def is_in(session: MutableMapping[str, Any]) -> bool:
        """Tell whether a session still keeps somebody."""
        return SESSION_KEY in session

    @staticmethod
    def remove(session: MutableMapping[str, Any]) -> None:
        """Let a session keep nobody."""
        session.pop(SESSION_KEY, None)

    def write(self, session: MutableMapping[str, Any]) -> None:
        """Let a session keep this."""
        session[SESSION_KEY] = asdict(self)

    def changed(self, **fields: Any) -> Record:  # noqa: ANN401 - as in dataclasses.replace
        """Return the record with some fields changed."""
        return replace(self, **fields)
