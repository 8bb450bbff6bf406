"""What is asked of AWS, and how its failures are told: no text of an answer is ever repeated."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)

from signer import HashAlgorithm, Issuer, KeyAlgorithm
from signer.aws import KmsKey, SecretsManagerReader, SsmReader
from signer.errors import ConfigurationError, CredentialError, RemoteError, SigningError

ARN = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
CANARY = "canary-5d1e"


class Client:
    """Answers, or raises, whatever it is asked."""

    def __init__(self, answer: Mapping[str, Any] | Exception) -> None:
        self._answer = answer
        self.asked: list[dict[str, object]] = []

    def _called(self, **members: object) -> Mapping[str, Any]:
        self.asked.append(members)
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer

    get_secret_value = get_parameter = sign = get_public_key = _called


def client_error(code: str) -> ClientError:
    answer: Any = {"Error": {"Code": code, "Message": CANARY}, "ResponseMetadata": {}}
    return ClientError(answer, "Operation")


def test_a_secret_is_read_as_it_is() -> None:
    client = Client({"SecretString": "text"})
    assert SecretsManagerReader("media/signing", client).read() == "text"
    assert client.asked == [{"SecretId": "media/signing"}]


def test_a_parameter_is_read_decrypted() -> None:
    client = Client({"Parameter": {"Value": "text"}})
    assert SsmReader("/media/signing", client).read() == "text"
    assert client.asked == [{"Name": "/media/signing", "WithDecryption": True}]


READERS: list[Callable[[Any], str]] = [
    lambda client: SecretsManagerReader("a", client).read(),
    lambda client: SsmReader("a", client).read(),
]
FAILURES = [
    (client_error("AccessDeniedException"), "credential_denied"),
    (client_error("ExpiredTokenException"), "credential_denied"),
    (client_error("ResourceNotFoundException"), "credential_missing"),
    (client_error("ParameterNotFound"), "credential_missing"),
    (client_error("InvalidRequestException"), "credential_unavailable"),
    (client_error("ThrottlingException"), "credential_unavailable"),
    (client_error("InternalServiceError"), "credential_unavailable"),
    (client_error(CANARY), "credential_unavailable"),
    (EndpointConnectionError(endpoint_url=f"https://{CANARY}/"), "credential_unavailable"),
    (ReadTimeoutError(endpoint_url=f"https://{CANARY}/"), "credential_unavailable"),
    (NoCredentialsError(), "credential_denied"),
    (RemoteError("aws_error", "x", error="AccessDeniedException"), "credential_denied"),
    (RemoteError("aws_error", "x", error="ResourceNotFoundException"), "credential_missing"),
    (RemoteError("remote_timeout", "x"), "credential_unavailable"),
    (RuntimeError(CANARY), "credential_unavailable"),
]
NAMES = [f"{index}-{code}" for index, (_, code) in enumerate(FAILURES)]


@pytest.mark.parametrize("read", READERS, ids=["secretsmanager", "ssm"])
@pytest.mark.parametrize(("failure", "code"), FAILURES, ids=NAMES)
def test_failures_are_told_by_their_kind(
    read: Callable[[Any], str], failure: Exception, code: str
) -> None:
    with pytest.raises(CredentialError) as caught:
        read(Client(failure))
    assert caught.value.code == code
    assert caught.value.__context__ is None
    assert caught.value.__cause__ is None
    assert CANARY not in f"{caught.value!r} {caught.value} {dict(caught.value.evidence)}"


def test_a_refusal_names_the_missing_action() -> None:
    denied = Client(client_error("AccessDeniedException"))
    with pytest.raises(CredentialError, match="secretsmanager:GetSecretValue"):
        SecretsManagerReader("a", denied).read()
    with pytest.raises(CredentialError, match="ssm:GetParameter"):
        SsmReader("a", denied).read()
    with pytest.raises(SigningError, match="kms:Sign"):
        KmsKey(ARN, KeyAlgorithm.RSA_2048, denied).sign(b"", HashAlgorithm.SHA256)


@pytest.mark.parametrize("answer", [{}, {"SecretBinary": b"x"}, {"SecretString": b"x"}])
def test_a_binary_secret_is_none(answer: dict[str, object]) -> None:
    with pytest.raises(CredentialError) as caught:
        SecretsManagerReader("a", Client(answer)).read()
    assert caught.value.code == "credential_json"


@pytest.mark.parametrize("answer", [{}, {"Parameter": None}, {"Parameter": {"Value": 1}}])
def test_an_odd_answer_of_ssm_is_told(answer: dict[str, object]) -> None:
    with pytest.raises(CredentialError) as caught:
        SsmReader("a", Client(answer)).read()
    assert caught.value.code == "credential_unavailable"


@pytest.mark.parametrize("name", ["", "a b", "a\n", "ä", "a" * 3000])
def test_what_cannot_be_a_name_is_refused(name: str) -> None:
    for make in (SecretsManagerReader, SsmReader):
        with pytest.raises(CredentialError) as caught:
            make(name)
        assert caught.value.code == "credential_uri"


@pytest.mark.parametrize(
    ("algorithm", "named"),
    [
        (KeyAlgorithm.RSA_2048, "RSASSA_PKCS1_V1_5_SHA_256"),
        (KeyAlgorithm.ECDSA_P256, "ECDSA_SHA_256"),
    ],
)
def test_kms_signs_the_message_as_it_is(algorithm: KeyAlgorithm, named: str) -> None:
    client = Client({"Signature": b"signature"})
    key = KmsKey(ARN, algorithm, client)
    assert key.sign(b"m" * 4096, HashAlgorithm.SHA256) == b"signature"
    assert client.asked == [
        {
            "KeyId": ARN,
            "Message": b"m" * 4096,
            "MessageType": "RAW",
            "SigningAlgorithm": named,
        }
    ]
    assert key.algorithm is algorithm


@pytest.mark.parametrize(
    ("message", "hash_algorithm", "code"),
    [
        (b"m" * 4097, HashAlgorithm.SHA256, "kms_message"),
        (b"m", HashAlgorithm.SHA1, "kms_hash"),
    ],
)
def test_what_kms_cannot_sign_is_not_sent(
    message: bytes, hash_algorithm: HashAlgorithm, code: str
) -> None:
    client = Client({"Signature": b"signature"})
    with pytest.raises(SigningError) as caught:
        KmsKey(ARN, KeyAlgorithm.RSA_2048, client).sign(message, hash_algorithm)
    assert caught.value.code == code
    assert client.asked == []


@pytest.mark.parametrize(("failure", "code"), FAILURES, ids=NAMES)
def test_failures_of_kms_reach_the_issuers_caller(failure: Exception, code: str) -> None:
    key = KmsKey(ARN, KeyAlgorithm.ECDSA_P256, Client(failure))
    issuer = Issuer(key, key_pair_id="K2JCJMDEHXQW5F")
    with pytest.raises(SigningError) as caught:
        issuer.signed_url("https://cdn.example.com/a", expires_in=60)
    assert caught.value.code == code.replace("credential_", "kms_")
    assert CANARY not in f"{caught.value!r} {caught.value}"


def test_a_key_in_kms_shows_its_name_and_nothing_else() -> None:
    assert repr(KmsKey(ARN, KeyAlgorithm.ECDSA_P256)) == f"KmsKey({ARN}, ECDSA_P256)"


def test_boto3_is_imported_for_the_first_call_only() -> None:
    code = (
        "import sys; from signer.aws import KmsKey, SecretsManagerReader\n"
        "SecretsManagerReader('a'); assert 'boto3' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_without_boto3_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(ConfigurationError, match=r"cloudfront-issuer\[aws\]") as caught:
        SecretsManagerReader("a").read()
    assert caught.value.code == "extra_missing"


def test_without_a_region_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "nowhere")
    with pytest.raises(ConfigurationError) as caught:
        SecretsManagerReader("a").read()
    assert caught.value.code == "aws_client"


def test_an_arn_is_asked_for_in_its_own_region(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[str, object]] = []

    def client(service: str, *, region_name: str | None, config: object) -> Client:
        del config
        made.append((service, region_name))
        return Client({"Signature": b"s"})

    monkeypatch.setattr("boto3.client", client)
    KmsKey(ARN, KeyAlgorithm.ECDSA_P256).sign(b"", HashAlgorithm.SHA256)
    assert made == [("kms", "eu-central-1")]
