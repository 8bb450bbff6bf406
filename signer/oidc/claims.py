"""Checks of single claims. The error names the claim and never shows its value."""

from __future__ import annotations

import hashlib
import hmac
import math
from collections.abc import Mapping
from typing import Final

from signer.errors import IdentityError
from signer.oidc.compact import base64url_encode

LONGEST_SUBJECT: Final = 255

Claims = Mapping[str, object]


def equal(claims: Claims, name: str, expected: str, *, code: str) -> None:
    """Require a claim to be exactly a string.

    Raises:
        IdentityError: The given code.
    """
    if claims.get(name) != expected:
        raise IdentityError(code, f"{name} of the token is not the one expected", claim=name)


def audience(claims: Claims, expected: str, *, authorized_party: bool = False) -> None:
    """Require ``aud`` to be or to contain a string.

    Args:
        claims: The token's claims.
        expected: Our audience.
        authorized_party: Check ``azp`` too (OpenID Connect Core, section 3.1.3.7): several
            audiences need it, and if it is there it must be us.

    Raises:
        IdentityError: ``token_audience``.
    """
    value = claims.get("aud")
    audiences = [value] if isinstance(value, str) else value
    if (
        not isinstance(audiences, list)
        or not all(isinstance(entry, str) for entry in audiences)
        or expected not in audiences
    ):
        raise IdentityError(
            "token_audience", "the token is not meant for this application", claim="aud"
        )
    party = claims.get("azp")
    if authorized_party and (len(audiences) > 1 or party is not None) and party != expected:
        raise IdentityError(
            "token_audience", "the token was issued to another application", claim="azp"
        )


def times(claims: Claims, *, now: float, leeway: float) -> None:
    """Require ``exp`` ahead, and ``nbf`` and ``iat``, where they are, behind.

    Raises:
        IdentityError: ``token_expired``, ``token_not_yet``, ``token_claims``.
    """
    if number(claims, "exp") + leeway <= now:
        raise IdentityError("token_expired", "the token has expired", claim="exp")
    for name in ("nbf", "iat"):
        if name in claims and number(claims, name) - leeway > now:
            raise IdentityError(
                "token_not_yet",
                "the token is not valid yet",
                advice="compare the clocks of the provider and of this host",
                claim=name,
            )


def number(claims: Claims, name: str) -> float:
    """Return a claim that must be a date in seconds since 1970.

    Raises:
        IdentityError: ``token_claims``.
    """
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong(name, "a number")
    try:
        seconds = float(value)
    except OverflowError:
        seconds = math.inf
    if not math.isfinite(seconds) or seconds < 0:
        raise _wrong(name, "a date")
    return seconds


def subject(claims: Claims) -> str:
    """Return ``sub``.

    Raises:
        IdentityError: ``token_claims``.
    """
    value = claims.get("sub")
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST_SUBJECT:
        raise _wrong("sub", f"a string of 1 to {LONGEST_SUBJECT} characters")
    return value


def nonce(claims: Claims, expected: str) -> None:
    """Require the nonce of the log-in.

    Raises:
        IdentityError: ``token_nonce``.
    """
    value = claims.get("nonce")
    if not isinstance(value, str) or not same_text(value, expected):
        raise IdentityError("token_nonce", "the id token belongs to another log-in", claim="nonce")


def access_token_hash(claims: Claims, access_token: str, *, alg: str) -> None:
    """Require ``at_hash``, where it is, to be that of the access token (section 3.1.3.6).

    Raises:
        IdentityError: ``token_binding``.
    """
    if "at_hash" not in claims:
        return
    digest = hashlib.new(f"sha{alg[-3:]}", access_token.encode()).digest()
    expected = base64url_encode(digest[: len(digest) // 2])
    value = claims["at_hash"]
    if not isinstance(value, str) or not same_text(value, expected):
        raise IdentityError(
            "token_binding", "id token and access token do not belong together", claim="at_hash"
        )


def same_text(given: str, expected: str) -> bool:
    """Compare without telling by the time it takes how much was right."""
    return hmac.compare_digest(
        given.encode("utf-8", "surrogatepass"), expected.encode("utf-8", "surrogatepass")
    )


def _wrong(name: str, expected: str) -> IdentityError:
    return IdentityError("token_claims", f"{name} of the token is not {expected}", claim=name)
