from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import example, given
from hypothesis import strategies as st

from signer.errors import KeyMaterialError
from signer.keys import KeyAlgorithm, PrivateKey, PublicKey
from tests.key_forms import assert_says_nothing_of, certificate, pem, raw

if TYPE_CHECKING:
    from collections.abc import Callable

    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

SECRET = "correct horse battery staple"
EC_PARAMETERS = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"


@pytest.fixture(scope="session", params=list(KeyAlgorithm), ids=lambda item: item.value)
def key(request: pytest.FixtureRequest, rsa_key: PrivateKey, p256_key: PrivateKey) -> PrivateKey:
    return rsa_key if request.param is KeyAlgorithm.RSA_2048 else p256_key


@pytest.fixture(scope="session")
def refused_keys() -> dict[str, PrivateKeyTypes]:
    return {
        "RSA 1024": rsa.generate_private_key(65537, 1024),
        "RSA 3072": rsa.generate_private_key(65537, 3072),
        "RSA 4096": rsa.generate_private_key(65537, 4096),
        "P-384": ec.generate_private_key(ec.SECP384R1()),
        "P-521": ec.generate_private_key(ec.SECP521R1()),
        "secp256k1": ec.generate_private_key(ec.SECP256K1()),
        "Ed25519": ed25519.Ed25519PrivateKey.generate(),
        "DSA": dsa.generate_private_key(1024),
    }


@pytest.mark.parametrize("encoding", [Encoding.PEM, Encoding.DER])
@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("RSA 1024", "key_size"),
        ("RSA 3072", "key_size"),
        ("RSA 4096", "key_size"),
        ("P-384", "key_type"),
        ("P-521", "key_type"),
        ("secp256k1", "key_type"),
        ("Ed25519", "key_type"),
        ("DSA", "key_type"),
    ],
)
def test_keys_that_cloudfront_does_not_take_are_refused(
    refused_keys: dict[str, PrivateKeyTypes], name: str, code: str, encoding: Encoding
) -> None:
    key = refused_keys[name]
    private = key.private_bytes(encoding, PrivateFormat.PKCS8, NoEncryption())
    public = key.public_key().public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)
    with pytest.raises(KeyMaterialError) as caught:
        PrivateKey.from_pem(private)
    assert caught.value.code == code
    assert_says_nothing_of(caught.value, private, private[60:90])
    with pytest.raises(KeyMaterialError) as caught:
        PublicKey.from_pem(public)
    assert caught.value.code == code


@pytest.mark.parametrize("data", [None, 1, bytearray(b"x"), Path("key.pem"), ["x"]])
def test_what_is_neither_text_nor_bytes_is_refused(data: object) -> None:
    loaders: tuple[Callable[..., object], ...] = (PrivateKey.from_pem, PublicKey.from_pem)
    for loader in loaders:
        with pytest.raises(KeyMaterialError) as caught:
            loader(data)
        assert caught.value.code == "key_type"


def test_only_key_objects_are_wrapped() -> None:
    with pytest.raises(KeyMaterialError) as caught:
        PrivateKey(object())
    assert caught.value.code == "key_type"
    with pytest.raises(KeyMaterialError) as caught:
        PublicKey("-----BEGIN PUBLIC KEY-----")
    assert caught.value.code == "key_type"


BAD_PRIVATE: dict[str, tuple[Callable[[PrivateKey], str | bytes], str]] = {
    "empty": (lambda _: "", "key_malformed"),
    "empty bytes": (lambda _: b"", "key_malformed"),
    "words": (lambda _: "not a key", "key_malformed"),
    "binary": (lambda _: bytes(range(256)), "key_malformed"),
    "placeholder": (lambda _: "REPLACE-ME", "key_malformed"),
    "no end line": (lambda key: key.to_pem()[:-30], "key_malformed"),
    "half": (lambda key: key.to_pem()[: len(key.to_pem()) // 2], "key_malformed"),
    "half, end line kept": (
        lambda key: key.to_pem()[:120] + "\n-----END PRIVATE KEY-----\n",
        "key_malformed",
    ),
    "one character changed": (
        lambda key: key.to_pem().replace("MI", "NI", 1),
        "key_malformed",
    ),
    "labels differ": (
        lambda key: key.to_pem().replace("END PRIV", "END RSA PRIV"),
        "key_malformed",
    ),
    "empty block": (
        lambda _: "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n",
        "key_malformed",
    ),
    "not base64": (
        lambda _: "-----BEGIN PRIVATE KEY-----\n!!!!\n-----END PRIVATE KEY-----\n",
        "key_malformed",
    ),
    "lone surrogate inside": (
        lambda _: "-----BEGIN PRIVATE KEY-----\nAAAA\ud800\n-----END PRIVATE KEY-----\n",
        "key_malformed",
    ),
    "not UTF-8 inside": (
        lambda _: b"-----BEGIN PRIVATE KEY-----\nAAAA\xff\n-----END PRIVATE KEY-----\n",
        "key_malformed",
    ),
    "not ASCII inside": (
        lambda key: key.to_pem().replace("MI", "M\u0406", 1),
        "key_malformed",
    ),
    "truncated DER": (
        lambda key: raw(key).private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())[:-9],
        "key_malformed",
    ),
    "public": (lambda key: key.public_key().to_pem(), "key_public"),
    "certificate": (lambda key: certificate(raw(key)), "key_malformed"),
    "two keys": (lambda key: key.to_pem() * 2, "key_several"),
    "two keys of two shapes": (
        lambda key: key.to_pem() + pem(raw(key), PrivateFormat.TraditionalOpenSSL),
        "key_several",
    ),
    "OpenSSH": (lambda key: pem(raw(key), PrivateFormat.OpenSSH), "key_type"),
}


@pytest.mark.parametrize(("make", "code"), BAD_PRIVATE.values(), ids=BAD_PRIVATE.keys())
def test_what_is_no_private_key_is_refused(
    key: PrivateKey, make: Callable[[PrivateKey], str | bytes], code: str
) -> None:
    data = make(key)
    with pytest.raises(KeyMaterialError) as caught:
        PrivateKey.from_pem(data)
    assert caught.value.code == code
    assert_says_nothing_of(caught.value, data[28:60], data)


BAD_PUBLIC: dict[str, tuple[Callable[[PrivateKey], str | bytes], str]] = {
    "empty": (lambda _: "", "key_malformed"),
    "empty bytes": (lambda _: b"", "key_malformed"),
    "binary": (lambda _: bytes(range(256)), "key_malformed"),
    "private": (lambda key: key.to_pem(), "key_private"),
    "private beside public": (lambda key: key.public_key().to_pem() + key.to_pem(), "key_private"),
    "encrypted": (lambda key: key.to_pem(SECRET), "key_private"),
    "private DER": (
        lambda key: raw(key).private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),
        "key_malformed",
    ),
    "certificate": (lambda key: certificate(raw(key)), "key_malformed"),
    "two": (lambda key: key.public_key().to_pem() * 2, "key_several"),
    "SSH": (
        lambda key: (
            raw(key).public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
        ),
        "key_malformed",
    ),
    "cut": (lambda key: key.public_key().to_pem()[:-40], "key_malformed"),
}


@pytest.mark.parametrize(("make", "code"), BAD_PUBLIC.values(), ids=BAD_PUBLIC.keys())
def test_what_is_no_public_key_is_refused(
    key: PrivateKey, make: Callable[[PrivateKey], str | bytes], code: str
) -> None:
    data = make(key)
    with pytest.raises(KeyMaterialError) as caught:
        PublicKey.from_pem(data)
    assert caught.value.code == code
    assert_says_nothing_of(caught.value, data[40:80], data)


ARMOURED = st.builds(
    lambda label, body, end: f"-----BEGIN {label}-----{body}-----END {end}-----",
    st.sampled_from(["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "PUBLIC KEY"]),
    st.one_of(
        st.text(max_size=60), st.binary(max_size=60).map(lambda b: base64.b64encode(b).decode())
    ),
    st.sampled_from(["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "PUBLIC KEY"]),
)


@given(data=st.one_of(st.binary(max_size=200), st.text(max_size=80), ARMOURED))
@example(data=b"-----BEGIN PRIVATE KEY-----\n\xff\xfe\n-----END PRIVATE KEY-----")
@example(
    data="-----BEGIN RSA PRIVATE KEY-----Proc-Type: 4\nDEK-Info: x\n-----END RSA PRIVATE KEY-----"
)
def test_no_input_raises_anything_but_our_error(data: str | bytes) -> None:
    loaders: tuple[Callable[[str | bytes], object], ...] = (PrivateKey.from_pem, PublicKey.from_pem)
    for loader in loaders:
        with pytest.raises(KeyMaterialError):
            loader(data)
