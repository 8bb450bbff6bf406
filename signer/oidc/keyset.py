"""The identity provider's public keys (JWKS): read, sorted out, cached.

Everything that may not verify a token is left out when the set is read: keys for encryption,
symmetric keys, RSA below 2048 bits. What remains is searched completely; sets with several keys
of one ``kid`` exist, and the first is not always the right one.
"""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, cast

from signer import https
from signer.errors import RemoteError
from signer.oidc.freshness import Refreshed
from signer.oidc.strict_json import read_object

KEY_SHAPES: Final[Mapping[str, tuple[str, str | None]]] = {
    "RS256": ("RSA", None),
    "RS384": ("RSA", None),
    "RS512": ("RSA", None),
    "PS256": ("RSA", None),
    "PS384": ("RSA", None),
    "PS512": ("RSA", None),
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "ES512": ("EC", "P-521"),
}
"""Every algorithm that can be configured, with key type and curve. No symmetric one, no none."""

SHORTEST_RSA: Final = 2048
LONGEST_RSA: Final = 8192

_LIMIT: Final = 1 << 18
_MOST_KEYS: Final = 100
_BASE64URL = re.compile(r"[A-Za-z0-9_-]{1,4096}")
# A list, since what is compared with them may be of any type.
_CURVES = [curve for _kind, curve in KEY_SHAPES.values() if curve is not None]


@dataclass(frozen=True, slots=True)
class Jwk:
    """A public key that may verify signatures.

    Attributes:
        kid: Its name; None where the provider gives none.
        alg: The one algorithm it is for; None where the provider does not say.
        parameters: The members of the key itself, sorted: ``kty``, ``n``, ``e`` or ``crv``,
            ``x``, ``y``.
    """

    kid: str | None
    alg: str | None
    parameters: tuple[tuple[str, str], ...]

    def fits(self, alg: str, kid: str | None) -> bool:
        """Tell whether it may have made a signature with this header."""
        kind, curve = KEY_SHAPES[alg]
        parameters = dict(self.parameters)
        return (
            (kid is None or kid == self.kid)
            and self.alg in (None, alg)
            and parameters["kty"] == kind
            and parameters.get("crv") == curve
        )


class KeySet:
    """The keys behind a ``jwks_uri``.

    Args:
        jwks_uri: Returns the address; called at each fetch, since providers move their keys.
        clock: Returns seconds since 1970.
    """

    def __init__(
        self, jwks_uri: Callable[[], str], *, clock: Callable[[], float] = time.time
    ) -> None:
        self._jwks_uri = jwks_uri
        self._keys = Refreshed(
            self._fetch,
            code="keys_unavailable",
            what="the identity provider's keys",
            clock=clock,
        )

    def matching(self, alg: str, kid: str | None) -> Iterator[Jwk]:
        """Yield every key that may have made a signature.

        When the header names a key that is not there, or names none and no key fits, the set is
        fetched again, at most once a minute, and what it brings is yielded too.

        Raises:
            RemoteError: ``keys_unavailable``: there are no keys, or only too old ones.
        """
        held = self._keys.get()
        found = [key for key in held if key.fits(alg, kid)]
        yield from found
        if found and kid is not None:
            return
        newer = self._keys.newer_than(held)
        yield from (key for key in newer if key.fits(alg, kid) and key not in found)

    def _fetch(self) -> tuple[Jwk, ...]:
        address = self._jwks_uri()
        answer = https.request("GET", address, headers={"Accept": "application/json"}, limit=_LIMIT)
        if answer.status != 200:  # noqa: PLR2004 - OK
            raise RemoteError(
                "keys_status",
                f"the key set's address answered {answer.status}",
                status=answer.status,
            )
        return read_key_set(answer.body)


def read_key_set(body: bytes) -> tuple[Jwk, ...]:
    """Return the usable keys of a JWKS document (RFC 7517).

    Raises:
        RemoteError: ``keys_malformed``: not a JWKS document, one with too many keys, or without
            a single usable one.
    """
    document = read_object(body)
    entries = document.get("keys") if document is not None else None
    if not isinstance(entries, list) or len(entries) > _MOST_KEYS:
        raise RemoteError("keys_malformed", "the key set is not a JWKS document")
    # RFC 7517, section 5: keys that are not understood are passed over.
    keys = tuple(key for entry in entries if (key := _usable_key(entry)) is not None)
    if not keys:
        raise RemoteError(
            "keys_malformed",
            "the key set holds no usable key",
            advice=f"usable are RSA keys of {SHORTEST_RSA} bits and more, and P-256 to P-521",
        )
    return keys


def _usable_key(entry: object) -> Jwk | None:
    if not isinstance(entry, dict):
        return None
    members = cast("dict[str, object]", entry)
    operations = members.get("key_ops", ["verify"])
    for_signatures = (
        members.get("use", "sig") == "sig"
        and isinstance(operations, list)
        and "verify" in operations
    )
    kid, alg = members.get("kid"), members.get("alg")
    if not for_signatures or not _optional_text(kid) or not _optional_text(alg):
        return None
    parameters = _parameters(members)
    return Jwk(cast("str | None", kid), cast("str | None", alg), parameters) if parameters else None


def _optional_text(value: object) -> bool:
    return value is None or isinstance(value, str)


def _parameters(members: Mapping[str, object]) -> tuple[tuple[str, str], ...] | None:
    """Return the key's own members when they are those of a key that is strong enough."""
    kind = members.get("kty")
    if kind == "RSA":
        names = ["e", "n"]
    elif kind == "EC" and members.get("crv") in _CURVES:
        names = ["x", "y"]
    else:
        return None
    values = {name: members.get(name) for name in names}
    if not all(isinstance(text, str) and _BASE64URL.fullmatch(text) for text in values.values()):
        return None
    if kind == "RSA" and not SHORTEST_RSA <= _bits(str(values["n"])) <= LONGEST_RSA:
        return None
    values["kty"] = kind
    if kind == "EC":
        values["crv"] = members["crv"]
    return tuple(sorted((name, str(value)) for name, value in values.items()))


def _bits(number: str) -> int:
    try:
        octets = base64.urlsafe_b64decode(number + "=" * (-len(number) % 4))
    except ValueError:
        return 0
    return int.from_bytes(octets, "big").bit_length()
