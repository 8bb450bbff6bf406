from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from signer.errors import KeyMaterialError
from signer.keys import KeyAlgorithm, PrivateKey, PublicKey
from tests.key_forms import assert_says_nothing_of, certificate, pem, raw

if TYPE_CHECKING:
    from collections.abc import Callable


SECRET = "correct horse battery staple"
EC_PARAMETERS = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"


@pytest.fixture(scope="session", params=list(KeyAlgorithm), ids=lambda item: item.value)
def key(request: pytest.FixtureRequest, rsa_key: PrivateKey, p256_key: PrivateKey) -> PrivateKey:
    return rsa_key if request.param is KeyAlgorithm.RSA_2048 else p256_key


LINE_BREAKS: dict[str, Callable[[str], str | bytes]] = {
    "as written": lambda text: text,
    "bytes": lambda text: text.encode(),
    "byte order mark": lambda text: "\ufeff" + text,
    "byte order mark, bytes": lambda text: b"\xef\xbb\xbf" + text.encode(),
    "CRLF": lambda text: text.replace("\n", "\r\n"),
    "CR": lambda text: text.replace("\n", "\r"),
    "indented": lambda text: "".join(f"    {line}\n" for line in text.splitlines()),
    "trailing spaces": lambda text: text.replace("\n", "  \t\n"),
    "empty lines": lambda text: text.replace("\n", "\n\n"),
    "no last line break": lambda text: text.rstrip("\n"),
    r"literal \n": lambda text: text.replace("\n", r"\n"),
    r"literal \r\n": lambda text: text.replace("\n", r"\r\n"),
    "spaces for line breaks": lambda text: text.replace("\n", " "),
    "no line breaks": lambda text: text.replace("\n", ""),
    "quoted": lambda text: f"'{text}'",
    "words around it": lambda text: f"Bag Attributes\n    name: x\n{text}and more\n",
    "not UTF-8 before it": lambda text: b"caf\xe9\n" + text.encode(),
}


@pytest.mark.parametrize("change", LINE_BREAKS.values(), ids=LINE_BREAKS.keys())
@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
def test_a_private_key_is_read_whatever_was_done_to_its_lines(
    key: PrivateKey, form: PrivateFormat, change: Callable[[str], str | bytes]
) -> None:
    loaded = PrivateKey.from_pem(change(pem(raw(key), form)))
    assert loaded.public_key() == key.public_key()
    assert loaded.algorithm is key.algorithm


@pytest.mark.parametrize("change", LINE_BREAKS.values(), ids=LINE_BREAKS.keys())
def test_a_public_key_is_read_whatever_was_done_to_its_lines(
    key: PrivateKey, change: Callable[[str], str | bytes]
) -> None:
    assert PublicKey.from_pem(change(key.public_key().to_pem())) == key.public_key()


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
def test_a_private_key_is_read_from_der(key: PrivateKey, form: PrivateFormat) -> None:
    der = raw(key).private_bytes(Encoding.DER, form, NoEncryption())
    assert PrivateKey.from_pem(der).public_key() == key.public_key()


@pytest.mark.parametrize("encoding", [Encoding.PEM, Encoding.DER])
def test_a_public_key_is_read_from_pkcs1(rsa_key: PrivateKey, encoding: Encoding) -> None:
    data = raw(rsa_key).public_key().public_bytes(encoding, PublicFormat.PKCS1)
    assert PublicKey.from_pem(data) == rsa_key.public_key()


def test_a_public_key_is_read_from_der(key: PrivateKey) -> None:
    data = raw(key).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert PublicKey.from_pem(data) == key.public_key()


def test_the_parameters_that_openssl_writes_first_are_passed_over(p256_key: PrivateKey) -> None:
    sec1 = pem(raw(p256_key), PrivateFormat.TraditionalOpenSSL)
    assert sec1.startswith("-----BEGIN EC PRIVATE KEY-----")
    assert PrivateKey.from_pem(EC_PARAMETERS + sec1).public_key() == p256_key.public_key()


def test_certificates_around_the_key_are_passed_over(key: PrivateKey) -> None:
    chain = certificate(raw(key))
    text = chain + key.to_pem() + chain
    assert PrivateKey.from_pem(text).public_key() == key.public_key()
    assert PublicKey.from_pem(chain + key.public_key().to_pem()) == key.public_key()


def test_the_public_half_beside_the_private_one_is_passed_over(key: PrivateKey) -> None:
    text = key.public_key().to_pem() + key.to_pem()
    assert PrivateKey.from_pem(text).public_key() == key.public_key()


@pytest.mark.parametrize("passphrase", [SECRET, SECRET.encode(), "p\u00e4ss"])
def test_an_encrypted_key_is_read_with_its_passphrase(
    key: PrivateKey, passphrase: str | bytes
) -> None:
    text = key.to_pem(passphrase)
    assert "ENCRYPTED PRIVATE KEY" in text
    assert PrivateKey.from_pem(text, passphrase).public_key() == key.public_key()
    for name in ("CRLF", "indented", r"literal \n", "spaces for line breaks"):
        changed = LINE_BREAKS[name](text)
        assert PrivateKey.from_pem(changed, passphrase).public_key() == key.public_key()


@pytest.mark.parametrize("passphrase", ["", b"", "x" * 1024, "\u00e4" * 512])
def test_a_passphrase_that_would_not_protect_is_refused(
    key: PrivateKey, passphrase: str | bytes
) -> None:
    with pytest.raises(KeyMaterialError) as caught:
        key.to_pem(passphrase)
    assert caught.value.code == "key_passphrase"
    longest = "x" * 1023
    again = PrivateKey.from_pem(key.to_pem(longest), longest)
    assert again.public_key() == key.public_key()


def test_an_encrypted_key_is_read_from_der(key: PrivateKey) -> None:
    encryption = BestAvailableEncryption(SECRET.encode())
    der = raw(key).private_bytes(Encoding.DER, PrivateFormat.PKCS8, encryption)
    assert PrivateKey.from_pem(der, SECRET).public_key() == key.public_key()
    with pytest.raises(KeyMaterialError) as caught:
        PrivateKey.from_pem(der)
    assert caught.value.code == "key_passphrase"


@pytest.mark.parametrize("name", ["as written", "CRLF", "CR", "indented", r"literal \n"])
def test_a_legacy_encrypted_key_is_read_with_its_passphrase(key: PrivateKey, name: str) -> None:
    encryption = BestAvailableEncryption(SECRET.encode())
    text = pem(raw(key), PrivateFormat.TraditionalOpenSSL, encryption)
    assert "DEK-Info" in text
    changed = LINE_BREAKS[name](text)
    assert PrivateKey.from_pem(changed, SECRET).public_key() == key.public_key()


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize(
    ("passphrase", "code"),
    [("hunter2", "key_malformed"), (None, "key_passphrase"), ("", "key_passphrase")],
)
def test_a_missing_or_wrong_passphrase_is_told(
    key: PrivateKey, passphrase: str | None, code: str, legacy: bool
) -> None:
    form = PrivateFormat.TraditionalOpenSSL if legacy else PrivateFormat.PKCS8
    text = pem(raw(key), form, BestAvailableEncryption(SECRET.encode()))
    with pytest.raises(KeyMaterialError) as caught:
        PrivateKey.from_pem(text, passphrase)
    assert caught.value.code == code
    assert_says_nothing_of(caught.value, text[100:140], SECRET, passphrase or "")


def test_a_passphrase_for_a_key_that_has_none_is_told(key: PrivateKey) -> None:
    with pytest.raises(KeyMaterialError) as caught:
        PrivateKey.from_pem(key.to_pem(), SECRET)
    assert caught.value.code == "key_passphrase"
    assert_says_nothing_of(caught.value, SECRET)


def test_a_passphrase_that_is_not_text_is_refused(key: PrivateKey) -> None:
    encrypted = key.to_pem(SECRET)
    with pytest.raises(KeyMaterialError) as caught:
        PrivateKey.from_pem(encrypted, "secret\ud800")
    assert_says_nothing_of(caught.value, "secret")
    with pytest.raises(KeyMaterialError) as caught:
        key.to_pem("secret\ud800")
    assert_says_nothing_of(caught.value, "secret")
