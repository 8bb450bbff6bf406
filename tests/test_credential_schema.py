"""docs/credential.schema.json says what the reader does: each rule of it is tried on both sides."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from signer import HashAlgorithm, KeyAlgorithm, PrivateKey
from signer.credential import Credential, KmsKeyName
from signer.errors import CredentialError, SignerError
from signer.issuer import LONGEST_LIFETIME

SCHEMA = json.loads(
    (Path(__file__).parents[1] / "docs" / "credential.schema.json").read_text(encoding="utf-8")
)
ARN = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"


def in_kms(**changed: object) -> dict[str, Any]:
    return {
        "version": 1,
        "kid": "k",
        "key_pair_id": "K2JCJMDEHXQW5F",
        "algorithm": "ECDSA_P256",
        "hash_algorithm": "SHA256",
        "kms_key_arn": ARN,
        "max_lifetime": 900,
        "activated_at": "2026-01-01T00:00:00+00:00",
        **changed,
    }


def with_key(key: PrivateKey, **changed: object) -> dict[str, Any]:
    own: dict[str, object] = {"algorithm": key.algorithm.value, "private_key_pem": key.to_pem()}
    document = in_kms(**{**own, **changed})
    del document["kms_key_arn"]
    return document


def reads(document: dict[str, Any]) -> bool:
    try:
        Credential.from_json(json.dumps(document)).issuer(clock=lambda: 0)
    except CredentialError as error:
        return error.code == "credential_kms"
    except SignerError:
        return False
    return True


def test_both_kinds_of_document_are_read_and_written_alike(p256_key: PrivateKey) -> None:
    for document in (in_kms(), with_key(p256_key)):
        read = Credential.from_json(json.dumps(document))
        assert json.loads(read.to_json()) == document
        assert set(document) <= set(SCHEMA["properties"])


def test_a_key_in_kms_has_no_key_here() -> None:
    read = Credential.from_json(json.dumps(in_kms()))
    assert read.kms_key == KmsKeyName(ARN, KeyAlgorithm.ECDSA_P256)
    assert read.kms_key.region == "eu-central-1"
    assert read.private_key is None
    for use in (lambda: read.held_key, lambda: read.issuer(clock=lambda: 0)):
        with pytest.raises(CredentialError) as caught:
            use()
        assert caught.value.code == "credential_kms"


def test_what_is_required_is_required(p256_key: PrivateKey) -> None:
    for name in SCHEMA["required"]:
        document = with_key(p256_key)
        del document[name]
        assert not reads(document), name
    for name in set(SCHEMA["properties"]) - set(SCHEMA["required"]) - {"private_key_pem"}:
        document = with_key(p256_key)
        document.pop(name, None)
        assert reads(document), name


def test_nothing_else_may_be_there(p256_key: PrivateKey) -> None:
    assert SCHEMA["additionalProperties"] is False
    assert not reads(with_key(p256_key, comment="x"))


def test_exactly_one_key(p256_key: PrivateKey) -> None:
    assert [one["required"] for one in SCHEMA["oneOf"]] == [["private_key_pem"], ["kms_key_arn"]]
    assert not reads({**with_key(p256_key), "kms_key_arn": ARN})
    neither = in_kms()
    del neither["kms_key_arn"]
    assert not reads(neither)


def test_names_are_those_of_the_code(rsa_key: PrivateKey, p256_key: PrivateKey) -> None:
    properties = SCHEMA["properties"]
    assert set(properties["algorithm"]["enum"]) == {kind.value for kind in KeyAlgorithm}
    assert set(properties["hash_algorithm"]["enum"]) == {one.value for one in HashAlgorithm}
    for key in (rsa_key, p256_key):
        for name in properties["hash_algorithm"]["enum"]:
            assert reads(with_key(key, hash_algorithm=name))
    assert not reads(with_key(p256_key, algorithm="RSA_2048"))
    assert not reads(with_key(p256_key, hash_algorithm="SHA512"))


def test_kms_signs_with_sha256_only() -> None:
    assert SCHEMA["then"]["properties"]["hash_algorithm"] == {"const": "SHA256"}
    assert reads(in_kms())
    assert not reads(in_kms(hash_algorithm="SHA1"))


@pytest.mark.parametrize(
    "arn",
    [
        "",
        ARN.replace("key/", "alias/"),
        ARN + "\n",
        ARN.replace("111122223333", "1111"),
        ARN.replace(":kms:", ":s3:"),
        "1234abcd-12ab-34cd-56ef-1234567890ab",
        7,
    ],
)
def test_the_arn_is_that_of_a_key(arn: object) -> None:
    pattern = SCHEMA["properties"]["kms_key_arn"]["pattern"].removeprefix("^").removesuffix("$")
    assert re.fullmatch(pattern, ARN)
    assert not (isinstance(arn, str) and re.fullmatch(pattern, arn))
    assert not reads(in_kms(kms_key_arn=arn))


@pytest.mark.parametrize("key_pair_id", ["", "k2", "K-2", "K" * 65, 1])
def test_the_key_pair_id(p256_key: PrivateKey, key_pair_id: object) -> None:
    pattern = SCHEMA["properties"]["key_pair_id"]["pattern"].removeprefix("^").removesuffix("$")
    assert not (isinstance(key_pair_id, str) and re.fullmatch(pattern, key_pair_id))
    assert not reads(with_key(p256_key, key_pair_id=key_pair_id))


def test_the_longest_life(p256_key: PrivateKey) -> None:
    lifetime = SCHEMA["properties"]["max_lifetime"]
    assert lifetime["maximum"] == int(LONGEST_LIFETIME.total_seconds())
    for value, taken in [
        (lifetime["minimum"] - 1, False),
        (lifetime["minimum"], True),
        (lifetime["maximum"], True),
        (lifetime["maximum"] + 1, False),
        ("900", False),
        (True, False),
        (1.5, False),
    ]:
        assert reads(with_key(p256_key, max_lifetime=value)) is taken
    document = with_key(p256_key)
    del document["max_lifetime"]
    read = Credential.from_json(json.dumps(document))
    assert int(read.max_lifetime.total_seconds()) == lifetime["default"]
