"""Ordinary typed use of the public names: read by mypy and pyright, never run."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import assert_type

from signer import (
    Assumptions,
    Check,
    CookieAttributes,
    DecodedPolicy,
    HashAlgorithm,
    InputError,
    Issuer,
    KeyAlgorithm,
    Policy,
    PrivateKey,
    PublicKey,
    SignedCookies,
    SignedPolicy,
    SignerError,
    SigningKey,
    TrustedKeyGroup,
    Verdict,
    Verifier,
    ViewerRequest,
    object_key_path,
    open_issuer,
    wire_url,
)
from signer.custody import CustodyIssuer


class KeyService:
    """A key that lives elsewhere needs no base class."""

    @property
    def algorithm(self) -> KeyAlgorithm:
        return KeyAlgorithm.ECDSA_P256

    def sign(self, message: bytes, hash_algorithm: HashAlgorithm) -> bytes:
        return message + hash_algorithm.value.encode()


def keys(text: str, data: bytes) -> SigningKey:
    key = PrivateKey.from_pem(text, passphrase="secret")
    assert_type(PrivateKey.from_pem(data, b"secret"), PrivateKey)
    assert_type(PrivateKey.generate(KeyAlgorithm.RSA_2048), PrivateKey)
    assert_type(key.public_key(), PublicKey)
    assert_type(key.algorithm, KeyAlgorithm)
    assert_type(key.to_pem(), str)
    assert_type(PublicKey.from_pem(data).fingerprint, str)
    assert_type(key.public_key().verify(b"", b"", HashAlgorithm.SHA1), bool)
    return key


def issuing(key: SigningKey) -> None:
    issuer = Issuer(
        key,
        key_pair_id="K2JCJMDEHXQW5F",
        hash_algorithm=HashAlgorithm.SHA1,
        max_lifetime=timedelta(hours=1),
        clock=lambda: 0,
    )
    assert_type(Issuer(KeyService(), key_pair_id="K1"), Issuer)
    assert_type(open_issuer("file:keys/dev.json"), CustodyIssuer)
    url = wire_url("https://cdn.example.com" + object_key_path("films/a.mp4"))
    assert_type(issuer.signed_url(url, expires_in=60), str)
    assert_type(issuer.signed_url(url, expires_in=timedelta(minutes=1)), str)
    assert_type(
        issuer.signed_url(
            url,
            date_less_than=datetime.now(UTC),
            date_greater_than=1,
            ip_address="192.0.2.1",
            resource="https://cdn.example.com/films/*",
        ),
        str,
    )
    cookies = issuer.signed_cookies(
        "https://cdn.example.com/films/*",
        expires_in=60,
        attributes=CookieAttributes(domain="example.com", same_site="Strict"),
    )
    assert_type(cookies, SignedCookies)
    mapping: Mapping[str, str] = cookies
    assert_type(mapping["CloudFront-Policy"], str)
    assert_type(cookies.set_cookie_headers(), list[str])
    assert_type(SignedCookies.clearing_headers(CookieAttributes.cross_site(path="/")), list[str])
    signed = issuer.sign(Policy(url, date_less_than=datetime.now(UTC)))
    assert_type(signed, SignedPolicy)
    assert_type(signed.url(url), str)
    assert_type(signed.cookies(), SignedCookies)
    assert_type(signed.policy.end, int)
    assert_type(issuer.generate_presigned_url(url, date_less_than=datetime.now(UTC)), str)
    assert_type(issuer.generate_presigned_url(url, policy="{}"), str)


def verifying(public: PublicKey, cookies: SignedCookies) -> None:
    verifier = Verifier(
        [TrustedKeyGroup({"K1": public}, name="films"), TrustedKeyGroup({})],
        assumptions=Assumptions(clock_skew_seconds=5, duplicate_cookies="first"),
    )
    verdict = verifier.verify(
        ViewerRequest("https://cdn.example.com/", cookies=cookies, ip="192.0.2.1"), now=1.5
    )
    for shape in ("a=b; c=d", {"a": "b"}, [("a", "b")]):
        assert_type(verifier.verify(ViewerRequest("https://cdn.example.com/", shape)), Verdict)
    assert_type(verdict.allowed, bool)
    assert_type(verdict.reason, str)
    assert_type(verdict.message, str | None)
    assert_type(verdict.policy, DecodedPolicy | None)
    assert_type(verdict.checks, tuple[Check, ...])
    assert_type(verdict.assumptions, tuple[str, ...])
    assert_type(Assumptions.describe(), dict[str, str])
    if verdict.code == "MissingKey":
        assert_type(verdict.status, int)


def refusing() -> tuple[str, str]:
    try:
        wire_url("../a")
    except InputError as error:
        assert_type(error.evidence, Mapping[str, object])
        return error.code, error.advice
    except (SignerError, ValueError):
        return "", ""
    return "", ""
