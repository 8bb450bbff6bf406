"""A token taken apart (RFC 7515, compact serialisation), before anything in it is believed.

Reading is strict, so that the token library behind and whoever else reads the token see the same
as these lines: three base64url segments in their one spelling, two JSON objects without
duplicates, nothing else.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from typing import Final

from signer.errors import IdentityError
from signer.oidc.strict_json import read_object

LONGEST_TOKEN: Final = 16 * 1024

_SEGMENT = re.compile(r"[A-Za-z0-9_-]+")
_SEGMENTS: Final = 3


@dataclass(frozen=True, slots=True)
class Compact:
    """The parts of a token, not verified.

    Attributes:
        text: The token.
        alg: Algorithm named in its header.
        kid: Key named in its header.
        typ: Type named in its header, lower case, without ``application/``.
        claims: The payload.
    """

    text: str = field(repr=False)
    alg: str
    kid: str | None
    typ: str | None
    claims: dict[str, object] = field(repr=False)


def take_apart(token: object) -> Compact:
    """Read a token's header and payload.

    Of the header only ``alg``, ``kid`` and ``typ`` are used. ``jku``, ``x5u``, ``jwk`` and ``x5c``
    are never looked at: keys come from the configured provider and from nowhere else.

    Raises:
        IdentityError: ``token_missing``, ``token_too_large``, ``token_malformed``,
            ``token_header`` (an extension that must be understood, or a member of another type).
    """
    if not isinstance(token, str) or not token:
        raise IdentityError("token_missing", "there is no token")
    if len(token) > LONGEST_TOKEN:
        raise IdentityError(
            "token_too_large",
            f"the token has {len(token)} characters, and {LONGEST_TOKEN} are read",
            advice="ask the provider for fewer claims",
        )
    segments = token.split(".")
    if len(segments) != _SEGMENTS or not all(_SEGMENT.fullmatch(part) for part in segments):
        raise IdentityError(
            "token_malformed",
            "the token is not a signed JWT of three parts",
            advice="opaque access tokens and encrypted tokens (JWE) cannot be verified here",
        )
    header, claims = (_json_segment(part) for part in segments[:2])
    if base64url_decode(segments[2]) is None or header is None or claims is None:
        raise IdentityError("token_malformed", "a part of the token cannot be decoded")
    # RFC 7515, section 4.1.11: whoever does not understand all of crit must refuse. b64
    # (RFC 7797) changes what is signed.
    if "crit" in header or "b64" in header:
        raise IdentityError("token_header", "the token asks for extensions that are not supported")
    alg, kid, typ = header.get("alg"), header.get("kid"), header.get("typ")
    if (
        not isinstance(alg, str)
        or not isinstance(kid, str | None)
        or not isinstance(typ, str | None)
    ):
        raise IdentityError("token_header", "a member of the token's header has the wrong type")
    short = None if typ is None else typ.lower().removeprefix("application/")
    return Compact(text=token, alg=alg, kid=kid, typ=short, claims=claims)


def base64url_decode(text: str) -> bytes | None:
    """Decode unpadded base64url; None for any spelling but the canonical one."""
    try:
        octets = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return None
    return octets if base64url_encode(octets) == text else None


def base64url_encode(octets: bytes) -> str:
    """Encode as unpadded base64url."""
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode("ascii")


def _json_segment(segment: str) -> dict[str, object] | None:
    octets = base64url_decode(segment)
    return None if octets is None else read_object(octets)
