"""The session cookie: who is logged in, and nothing that is not needed to decide about grants.

There is no session store. The cookie is the session, sealed; so it ends by its own expiry, by
log-out in this browser, or for everybody by new session keys, and in no other way.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from signer.errors import IdentityError
from signer.oidc.host_cookie import MAX_COOKIE_BYTES, SESSION_COOKIE, fits_cookie
from signer.oidc.seal import Seal

_PURPOSE: Final = "session"


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A logged-in browser.

    Attributes:
        subject: The provider's name of the user (``sub``).
        claims: The claims that the grants table reads.
        refresh_token: With which claims are read again; None if the provider gave none.
        held: Paths of the signed cookies that this browser was given.
        checked_at: When the claims were read from the provider, seconds since 1970.
        expires_at: When the session ends.
    """

    subject: str
    claims: Mapping[str, object] = field(repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    held: tuple[str, ...] = ()
    checked_at: float
    expires_at: float

    @classmethod
    def of(
        cls,
        claims: Mapping[str, object],
        *,
        needed: Collection[str],
        refresh_token: str | None,
        now: float,
        lifetime: timedelta,
    ) -> Session:
        """Begin a session with the needed ones of verified claims.

        Args:
            claims: From a verified token; ``sub`` is there.
            needed: Names of the claims to keep.
            refresh_token: From the token endpoint.
            now: Seconds since 1970.
            lifetime: Until the session ends.
        """
        return cls(
            subject=str(claims["sub"]),
            claims={name: claims[name] for name in sorted(needed) if name in claims},
            refresh_token=refresh_token,
            checked_at=now,
            expires_at=now + lifetime.total_seconds(),
        )

    def to_cookie_value(self, seal: Seal) -> str:
        """Return the value of ``__Host-signer-session``.

        Raises:
            IdentityError: ``session_too_large``: browsers would drop the cookie, and the user
                would be logged out without a word.
        """
        data: dict[str, object] = {
            "subject": self.subject,
            "claims": dict(self.claims),
            "held": list(self.held),
            "checked_at": self.checked_at,
            "expires_at": self.expires_at,
        }
        if self.refresh_token is not None:
            data["refresh_token"] = self.refresh_token
        value = seal.seal(_PURPOSE, data, lifetime=timedelta(seconds=self.expires_at - seal.now()))
        if not fits_cookie(SESSION_COOKIE, value):
            raise IdentityError(
                "session_too_large",
                f"the session cookie would be larger than the {MAX_COOKIE_BYTES} bytes that "
                "browsers keep",
                advice="let the grants read fewer or shorter claims, or log in without refresh "
                "tokens (leave out the scope offline_access)",
            )
        return value

    @classmethod
    def from_cookie_value(cls, seal: Seal, value: str) -> Session:
        """Open a session cookie.

        Raises:
            IdentityError: ``seal_broken``, ``seal_expired``.
        """
        data = seal.open(_PURPOSE, value)
        subject, claims, held = data.get("subject"), data.get("claims"), data.get("held")
        token = data.get("refresh_token")
        checked_at, expires_at = data.get("checked_at"), data.get("expires_at")
        if (
            not isinstance(subject, str)
            or not isinstance(claims, dict)
            or not isinstance(held, list)
            or not isinstance(token, str | None)
            or not isinstance(checked_at, int | float)
            or not isinstance(expires_at, int | float)
        ):
            raise IdentityError("seal_broken", "the session cookie has another version's content")
        if not seal.now() < expires_at < math.inf:
            raise IdentityError("seal_expired", "the session has ended", advice="log in again")
        return cls(
            subject=subject,
            claims=claims,
            refresh_token=token,
            held=tuple(str(path) for path in held),
            checked_at=checked_at,
            expires_at=expires_at,
        )
