"""Ways of forging a token."""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
import json
from collections.abc import Callable

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc.jwk import ECKey, RSAKey

from tests.oidc.token_maker import (
    Maker,
    compact,
    ec_key,
    ec_private,
    encoded,
    es256,
    rs256,
    rsa_private,
)

Forge = Callable[[Maker], str]

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def hs256(secret: Callable[[RSAKey], bytes], **header: object) -> Forge:
    """A token whose HMAC key is something public."""

    def forge(maker: Maker) -> str:
        def sign(text: bytes) -> bytes:
            return hmac.digest(secret(maker.rsa), text, hashlib.sha256)

        return compact(maker.header(**{"alg": "HS256", **header}), maker.claims(), sign)

    return forge


def pem(form: PublicFormat) -> Callable[[RSAKey], bytes]:
    return lambda key: rsa_private(key).public_key().public_bytes(Encoding.PEM, form)


def public_jwk(key: RSAKey) -> bytes:
    return json.dumps(key.as_dict(private=False)).encode()


def modulus(key: RSAKey) -> bytes:
    return rsa_private(key).public_key().public_numbers().n.to_bytes(256, "big")


def by_stranger(**header: object) -> Forge:
    return lambda maker: compact(maker.header(**header), maker.claims(), rs256(maker.stranger))


def stranger_jwk(maker: Maker) -> dict[str, object]:
    return dict(maker.stranger.as_dict(private=False))


def embedding(name: str, make: Callable[[Maker], object], kid: str | None = "rsa") -> Forge:
    return lambda maker: by_stranger(**{name: make(maker), "kid": kid})(maker)


def rsa_signed(sign: Callable[[rsa.RSAPrivateKey, bytes], bytes]) -> Forge:
    return lambda maker: compact(
        maker.header(), maker.claims(), lambda text: sign(rsa_private(maker.rsa), text)
    )


def ec_signed(change: Callable[[bytes], bytes]) -> Forge:
    return lambda maker: maker.es256(lambda text: change(es256(maker.ec)(text)))


def der(maker: Maker) -> str:
    return maker.es256(lambda text: ec_private(maker.ec).sign(text, ec.ECDSA(hashes.SHA256())))


def other_curve(name: str) -> Forge:
    return lambda maker: maker.es256(es256(ec_key("ec", name)))


def numbers(r: int, s: int) -> Callable[[bytes], bytes]:
    return lambda _: r.to_bytes(32, "big") + s.to_bytes(32, "big")


def flipped(octets: bytes) -> bytes:
    return octets[:-1] + bytes([octets[-1] ^ 1])


def unsigned(alg: str) -> Forge:
    return lambda maker: compact(maker.header(alg=alg), maker.claims(), lambda _: b"")


def spliced(maker: Maker) -> str:
    """Header and signature of one token around the payload of another."""
    header, _, signature = maker.token().split(".")
    return f"{header}.{encoded(maker.claims(sub='root'))}.{signature}"


def changed(change: Callable[[str], str]) -> Forge:
    return lambda maker: change(maker.token())


def members(text: str) -> Forge:
    """A payload whose JSON text begins with the given members."""
    return lambda maker: maker.raw(
        payload=f"{{{text},{json.dumps(maker.claims())[1:]}".encode(),
    )


def headers(text: str) -> Forge:
    return lambda maker: maker.raw(f"{{{text},{json.dumps(maker.header())[1:]}".encode())


def claim(**changes: object) -> Forge:
    return lambda maker: maker.token(**changes)


def header(**changes: object) -> Forge:
    return lambda maker: maker.headed(**changes)


def at(name: str, seconds: float) -> Forge:
    return lambda maker: maker.token(**{name: maker.now + seconds})


def null(name: str) -> Forge:
    return lambda maker: maker.raw(payload=json.dumps({**maker.claims(), name: None}).encode())


def signature(change: Callable[[bytes], bytes]) -> Forge:
    def forge(maker: Maker) -> str:
        signed, _, text = maker.token().rpartition(".")
        octets = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        return f"{signed}.{encoded(change(octets))}"

    return forge


def json_form(text: str) -> str:
    names = ("protected", "payload", "signature")
    return json.dumps(dict(zip(names, text.split("."), strict=True)))


@functools.cache
def weak_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 1024)


@functools.cache
def p384_key() -> ECKey:
    return ec_key("p384", "P-384")


def by_weak_key(maker: Maker) -> str:
    return compact(
        maker.header(kid="weak"),
        maker.claims(),
        lambda text: weak_key().sign(text, padding.PKCS1v15(), hashes.SHA256()),
    )


def odd_keys(maker: Maker) -> list[dict[str, object]]:
    """Keys that a provider may publish and that must not verify a token here."""
    ours = maker.rsa.as_dict(private=False)
    weak = encoded(weak_key().public_key().public_numbers().n.to_bytes(128, "big"))
    point = maker.ec.as_dict(private=False)
    return [
        {**ours, "kid": "enc", "use": "enc"},
        {**ours, "kid": "signs", "key_ops": ["sign"]},
        {**ours, "kid": "rs512", "alg": "RS512"},
        {"kty": "RSA", "kid": "weak", "n": weak, "e": "AQAB"},
        {"kty": "oct", "kid": "oct", "k": encoded(b"0" * 32), "alg": "RS256"},
        {**point, "kid": "k1", "crv": "secp256k1"},
        {**p384_key().as_dict(private=False)},
        {**point, "kid": "off", "x": encoded(b"\1" * 32)},
    ]


def noncanonical(text: str) -> str:
    """The same signature with unused bits set: another spelling, the same bytes for many."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return text[:-1] + alphabet[alphabet.index(text[-1]) + 1]
