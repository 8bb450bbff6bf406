"""Tokens made by hand, genuine and forged, with keys of this run."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from joserfc.jwk import ECKey, RSAKey

AUDIENCE = "media"
CLIENT_ID = "client-of-this-test"

Signer = Callable[[bytes], bytes]


def encoded(part: bytes | Mapping[str, object]) -> str:
    """Unpadded base64url of bytes, or of a JSON object."""
    octets = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def compact(
    header: bytes | Mapping[str, object], payload: bytes | Mapping[str, object], sign: Signer
) -> str:
    """Three parts, signed by whatever signs."""
    signed = f"{encoded(header)}.{encoded(payload)}"
    return f"{signed}.{encoded(sign(signed.encode()))}"


def rsa_key(kid: str) -> RSAKey:
    """A new RSA key."""
    return RSAKey.generate_key(2048, {"kid": kid, "use": "sig"}, private=True)


def ec_key(kid: str, curve: str = "P-256") -> ECKey:
    """A new key on a curve."""
    return ECKey.generate_key(curve, {"kid": kid, "use": "sig"}, private=True)


def rs256(key: RSAKey) -> Signer:
    """PKCS #1 v1.5 with SHA-256."""
    return lambda text: rsa_private(key).sign(text, padding.PKCS1v15(), hashes.SHA256())


def es256(key: ECKey) -> Signer:
    """ECDSA with SHA-256, r and s side by side."""

    def sign(text: bytes) -> bytes:
        private = ec_private(key)
        size = (private.curve.key_size + 7) // 8
        numbers = decode_dss_signature(private.sign(text, ec.ECDSA(hashes.SHA256())))
        return b"".join(number.to_bytes(size, "big") for number in numbers)

    return sign


def rsa_private(key: RSAKey) -> rsa.RSAPrivateKey:
    """The key itself."""
    private = key.private_key
    assert isinstance(private, rsa.RSAPrivateKey)
    return private


def ec_private(key: ECKey) -> ec.EllipticCurvePrivateKey:
    """The key itself."""
    private = key.private_key
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    return private


@dataclass(frozen=True)
class Maker:
    """Makes tokens for one provider, of one moment."""

    issuer: str
    now: float
    rsa: RSAKey
    ec: ECKey
    stranger: RSAKey
    audience: str = AUDIENCE

    def claims(self, **changes: object) -> dict[str, object]:
        """Claims that are fine; one changed to None is left out."""
        now = int(self.now)
        members: dict[str, object] = {
            "iss": self.issuer,
            "aud": self.audience,
            "sub": "ada",
            "iat": now,
            "exp": now + 600,
            **changes,
        }
        return {name: value for name, value in members.items() if value is not None}

    def header(self, **changes: object) -> dict[str, object]:
        """The header of an RS256 token; a member changed to None is left out."""
        members: dict[str, object] = {"alg": "RS256", "kid": "rsa", "typ": "JWT", **changes}
        return {name: value for name, value in members.items() if value is not None}

    def token(self, **changes: object) -> str:
        """An RS256 token with changed claims."""
        return compact(self.header(), self.claims(**changes), rs256(self.rsa))

    def headed(self, **changes: object) -> str:
        """An RS256 token with a changed header."""
        return compact(self.header(**changes), self.claims(), rs256(self.rsa))

    def raw(self, header: bytes | None = None, payload: bytes | None = None) -> str:
        """A truly signed RS256 token of bytes that no honest library would write."""
        return compact(header or self.header(), payload or self.claims(), rs256(self.rsa))

    def es256(self, sign: Signer | None = None, **changes: object) -> str:
        """An ES256 token."""
        header = {"alg": "ES256", "kid": "ec", **changes}
        return compact(header, self.claims(), sign or es256(self.ec))

    def id_token(self, **changes: object) -> str:
        """An id token with changed claims."""
        return self.token(**{"aud": CLIENT_ID, "nonce": "n-1", **changes})
