from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime, timedelta

import pytest

from signer.credential import Credential
from signer.errors import CredentialError, KeyMaterialError
from signer.issuer import DEFAULT_MAX_LIFETIME
from signer.keys import HashAlgorithm, KeyAlgorithm, PrivateKey

KEY_ID = "K2JCJMDEHXQW5F"


@pytest.fixture
def document(p256_key: PrivateKey) -> dict[str, object]:
    return {
        "version": 1,
        "kid": "4d3ba0f3-0b1c-4a0e-9b5f-1f9b0c6e8f11",
        "key_pair_id": KEY_ID,
        "algorithm": "ECDSA_P256",
        "hash_algorithm": "SHA256",
        "private_key_pem": p256_key.to_pem(),
        "max_lifetime": 86400,
        "activated_at": "2027-01-15T08:00:00+00:00",
    }


@pytest.mark.parametrize("algorithm", list(KeyAlgorithm))
def test_a_new_credential_survives_its_document(algorithm: KeyAlgorithm) -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)
    made = Credential.new(key_pair_id=KEY_ID, algorithm=algorithm)
    again = Credential.from_json(made.to_json())
    assert again.held_key.public_key() == made.held_key.public_key()
    assert dataclasses.replace(again, private_key=made.held_key) == made
    assert (again.held_key.algorithm, again.hash_algorithm) == (algorithm, HashAlgorithm.SHA256)
    assert len(again.kid) == 36
    assert again.kid != Credential.new(key_pair_id=KEY_ID, algorithm=KeyAlgorithm.ECDSA_P256).kid
    assert again.activated_at
    assert before <= datetime.fromisoformat(again.activated_at) <= datetime.now(UTC)
    assert made.to_json().endswith("}\n")


def test_a_document_is_read(document: dict[str, object], p256_key: PrivateKey) -> None:
    credential = Credential.from_json("\ufeff" + json.dumps(document))
    assert credential.key_pair_id == KEY_ID
    assert credential.held_key.public_key() == p256_key.public_key()
    assert credential.max_lifetime == timedelta(days=1)
    assert json.loads(credential.to_json()) == document


def test_what_is_optional_has_a_default(document: dict[str, object]) -> None:
    for name in ("kid", "max_lifetime", "activated_at"):
        del document[name]
    credential = Credential.from_json(json.dumps(document))
    assert (credential.kid, credential.activated_at) == ("", None)
    assert credential.max_lifetime == DEFAULT_MAX_LIFETIME
    assert "activated_at" not in json.loads(credential.to_json())


def test_key_id_hash_and_lifetime_travel_into_the_issuer_together(
    document: dict[str, object],
) -> None:
    document["hash_algorithm"] = "SHA1"
    issuer = Credential.from_json(json.dumps(document)).issuer(clock=lambda: 1000)
    assert (issuer.key_pair_id, issuer.hash_algorithm) == (KEY_ID, HashAlgorithm.SHA1)
    assert issuer.max_lifetime == timedelta(days=1)
    assert "?Expires=1060&" in issuer.signed_url("https://cdn.example.com/a", expires_in=60)


def test_the_key_pair_id_is_checked_when_it_is_read(document: dict[str, object]) -> None:
    document["key_pair_id"] = "e9fcd3cf-f3f4-4b61-bd85-9ba9e091b309"
    with pytest.raises(CredentialError, match="looks like the id of a key group") as caught:
        Credential.from_json(json.dumps(document))
    assert (caught.value.code, caught.value.evidence["field"]) == (
        "credential_field",
        "key_pair_id",
    )


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "credential_uninitialised"),
        (" \n", "credential_uninitialised"),
        ("{}", "credential_uninitialised"),
        ('{"status": "not-initialised"}', "credential_uninitialised"),
        ("{", "credential_json"),
        ("not json", "credential_json"),
        ("[]", "credential_json"),
        ("null", "credential_json"),
        ('"text"', "credential_json"),
        ("[" * 100_000, "credential_json"),
        ('{"version": 1}', "credential_field"),
        ('{"status": "ready"}', "credential_field"),
    ],
    ids=lambda value: value[:30],
)
def test_what_is_no_document_is_refused(text: str, code: str) -> None:
    with pytest.raises(CredentialError) as caught:
        Credential.from_json(text)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("version", 2),
        ("version", "1"),
        ("version", None),
        ("kid", 1),
        ("kid", None),
        ("key_pair_id", None),
        ("private_key_pem", None),
        ("private_key_pem", ["x"]),
        ("hash_algorithm", "sha256"),
        ("hash_algorithm", "SHA512"),
        ("hash_algorithm", None),
        ("max_lifetime", 0),
        ("max_lifetime", -1),
        ("max_lifetime", True),
        ("max_lifetime", 1.5),
        ("max_lifetime", "86400"),
        ("max_lifetime", None),
        ("max_lifetime", 10**20),
        ("activated_at", 1),
        ("activated_at", None),
    ],
)
def test_a_field_of_a_wrong_kind_is_named(
    document: dict[str, object], name: str, value: object
) -> None:
    with pytest.raises(CredentialError) as caught:
        Credential.from_json(json.dumps({**document, name: value}))
    assert caught.value.code == "credential_field"
    assert caught.value.evidence["field"] == name


@pytest.mark.parametrize(
    "name", ["version", "key_pair_id", "algorithm", "hash_algorithm", "private_key_pem"]
)
def test_a_missing_field_is_named(document: dict[str, object], name: str) -> None:
    del document[name]
    with pytest.raises(CredentialError) as caught:
        Credential.from_json(json.dumps(document))
    assert caught.value.code == "credential_field"
    assert caught.value.evidence["field"] == name


def test_an_unknown_field_is_not_echoed(document: dict[str, object]) -> None:
    document["secret passphrase"] = "hunter2"
    with pytest.raises(CredentialError) as caught:
        Credential.from_json(json.dumps(document))
    assert caught.value.code == "credential_field"
    assert "passphrase" not in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("algorithm", ["RSA_2048", "ECDSA_P384", "", None, 1])
def test_the_key_must_be_of_the_stated_algorithm(
    document: dict[str, object], algorithm: object
) -> None:
    with pytest.raises(CredentialError) as caught:
        Credential.from_json(json.dumps({**document, "algorithm": algorithm}))
    assert caught.value.code == "credential_mismatch"


def test_a_bad_key_is_told_with_the_keys_own_code(
    document: dict[str, object], p256_key: PrivateKey
) -> None:
    for pem, code in (
        ("not a key", "key_malformed"),
        ("-----BEGIN PRIVATE KEY-----\nAAAA\ud800\n-----END PRIVATE KEY-----", "key_malformed"),
        (p256_key.public_key().to_pem(), "key_public"),
        (p256_key.to_pem("hunter2"), "key_passphrase"),
    ):
        with pytest.raises(CredentialError) as caught:
            Credential.from_json(json.dumps({**document, "private_key_pem": pem}))
        assert caught.value.code == code
        assert caught.value.evidence["field"] == "private_key_pem"
        assert not isinstance(caught.value, KeyMaterialError)
