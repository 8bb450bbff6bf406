"""Log-ins under way in one browser, kept in the log-in cookie.

A browser may have several: two tabs that each found their session expired. The cookie holds the
last few side by side, each with its own state, nonce and PKCE verifier, so that every tab can
come back; the oldest go first when there are too many.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from signer.errors import IdentityError, RequestError
from signer.oidc.claims import same_text
from signer.oidc.host_cookie import LOGIN_COOKIE, fits_cookie
from signer.oidc.seal import Seal

LOGIN_LIFETIME: Final = timedelta(minutes=10)
MOST_ATTEMPTS: Final = 5

_PURPOSE: Final = "login"
_ENTROPY: Final = 32


@dataclass(frozen=True, slots=True)
class Attempt:
    """One log-in under way.

    Attributes:
        state: Comes back in the callback's query.
        nonce: Comes back in the id token.
        verifier: PKCE's secret; only its hash leaves before the code is exchanged.
        return_to: Where the browser goes afterwards.
        expires_at: Seconds since 1970.
    """

    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)
    return_to: str
    expires_at: float

    @classmethod
    def new(cls, return_to: str, *, now: float) -> Attempt:
        """Draw the secrets of a new one."""
        state, nonce, verifier = (secrets.token_urlsafe(_ENTROPY) for _ in range(3))
        return cls(state, nonce, verifier, return_to, now + LOGIN_LIFETIME.total_seconds())

    @property
    def challenge(self) -> str:
        """PKCE's S256 challenge (RFC 7636, section 4.2)."""
        digest = hashlib.sha256(self.verifier.encode("ascii")).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")


def sealed(attempts: Sequence[Attempt], seal: Seal) -> str:
    """Return a cookie value with as many of the newest (the last) as fit.

    Raises:
        RequestError: ``return_to``: not even one fits.
    """
    for first in range(max(0, len(attempts) - MOST_ATTEMPTS), len(attempts)):
        value = _sealed(attempts[first:], seal)
        if fits_cookie(LOGIN_COOKIE, value):
            return value
    raise RequestError("return_to", "return_to is too long for a cookie")


def opened(cookie: str | None, seal: Seal) -> list[Attempt]:
    """Return the attempts of a cookie value that have not expired.

    Raises:
        IdentityError: ``seal_broken``, ``seal_expired``.
    """
    if not cookie:
        return []
    rows = seal.open(_PURPOSE, cookie).get("attempts")
    if not isinstance(rows, list):
        raise IdentityError("seal_broken", "the log-in cookie has another version's content")
    attempts = [_attempt(row) for row in rows]
    return [attempt for attempt in attempts if attempt.expires_at > seal.now()]


def find(attempts: Sequence[Attempt], state: object) -> Attempt | None:
    """Return the attempt with a state, comparing all in constant time."""
    if not isinstance(state, str):
        return None
    found = [attempt for attempt in attempts if same_text(state, attempt.state)]
    return found[0] if found else None


def _sealed(attempts: Sequence[Attempt], seal: Seal) -> str:
    rows = [[a.state, a.nonce, a.verifier, a.return_to, a.expires_at] for a in attempts]
    return seal.seal(_PURPOSE, {"attempts": rows}, lifetime=LOGIN_LIFETIME)


def _attempt(row: object) -> Attempt:
    match row:
        case [str(state), str(nonce), str(verifier), str(return_to), int() | float() as expires_at]:
            return Attempt(state, nonce, verifier, return_to, expires_at)
        case _:
            raise IdentityError("seal_broken", "the log-in cookie has another version's content")
