"""Key objects, PEM texts and certificates for the tests of keys; all made in this run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from signer.keys import PrivateKey

Raw = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def raw(key: PrivateKey) -> Raw:
    loaded = load_pem_private_key(key.to_pem().encode(), None)
    assert isinstance(loaded, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey)
    return loaded


def pem(key: Raw, form: PrivateFormat, encryption: KeySerializationEncryption | None = None) -> str:
    return key.private_bytes(Encoding.PEM, form, encryption or NoEncryption()).decode()


def certificate(key: Raw) -> str:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "throw-away")])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    return built.public_bytes(Encoding.PEM).decode()


def assert_says_nothing_of(error: BaseException, *secrets: str | bytes) -> None:
    told: list[str] = []
    link: BaseException | None = error
    while link is not None:
        told += [str(link), repr(link), repr(link.args), repr(vars(link))]
        link = link.__cause__ or link.__context__
    for secret in secrets:
        text = secret.decode("latin-1") if isinstance(secret, bytes) else secret
        assert not text or all(text not in line for line in told)
