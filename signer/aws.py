"""What an issuer asks of AWS: a secret's text, a parameter's text, a signature by a key in KMS.

A client is anything with the one method that is needed, taking and returning what boto3's does:
boto3's own, or :class:`signer.aws_json.JsonClient`, which starts faster. Where none is given,
boto3's is made for the first call, with AWS's usual ways to find credentials and Region.

Every failure is told in our own errors, which name AWS's error and never any of its text: a
secret store's answers are secret.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

from signer.aws_client import DENIED, LaterClient, error_name
from signer.errors import ConfigurationError, CredentialError, SigningError, excerpt
from signer.keys import HashAlgorithm, KeyAlgorithm, PublicKey

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MAX_KMS_MESSAGE: Final = 4096
"""Bytes that KMS signs as they are (``MessageType=RAW``). AWS page: "Sign" (API_Sign)."""

_SIGNING_ALGORITHMS: Final = {
    KeyAlgorithm.RSA_2048: "RSASSA_PKCS1_V1_5_SHA_256",
    KeyAlgorithm.ECDSA_P256: "ECDSA_SHA_256",
}
_SECRET_ID = re.compile(r"[A-Za-z0-9/_+=.@!:-]{1,2048}")
_PARAMETER_NAME = re.compile(r"[A-Za-z0-9/_.:-]{1,2048}")

_MISSING: Final = frozenset(
    {
        "NotFoundException",
        "ParameterNotFound",
        "ParameterVersionNotFound",
        "ResourceNotFoundException",
    }
)
OUT_OF_USE: Final = frozenset(
    {
        "DisabledException",
        "InvalidRequestException",
        "KMSInvalidStateException",
        "KeyUnavailableException",
    }
)
"""AWS's errors for a secret that waits for its deletion, a key that is disabled or waits for it."""


class SecretsClient(Protocol):
    """A client of Secrets Manager."""

    def get_secret_value(self, *, SecretId: str) -> Mapping[str, Any]:  # noqa: N803 - boto3's name
        """Read a secret."""
        ...


class ParameterClient(Protocol):
    """A client of SSM."""

    def get_parameter(
        self,
        *,
        Name: str,  # noqa: N803 - boto3's name
        WithDecryption: bool,  # noqa: N803 - boto3's name
    ) -> Mapping[str, Any]:
        """Read a parameter."""
        ...


class KmsClient(Protocol):
    """A client of KMS."""

    def sign(
        self,
        *,
        KeyId: str,  # noqa: N803 - boto3's name
        Message: bytes,  # noqa: N803 - boto3's name
        MessageType: str,  # noqa: N803 - boto3's name
        SigningAlgorithm: str,  # noqa: N803 - boto3's name
    ) -> Mapping[str, Any]:
        """Sign a message."""
        ...

    def get_public_key(self, *, KeyId: str) -> Mapping[str, Any]:  # noqa: N803 - boto3's name
        """Read the public half of a key."""
        ...


class SecretsManagerReader:
    """Reads one secret's current version from AWS Secrets Manager.

    IAM actions: ``secretsmanager:GetSecretValue`` on the secret, and ``kms:Decrypt`` on its key if
    that is not the account's own ``aws/secretsmanager``.
    """

    def __init__(self, secret_id: str, client: object = None) -> None:
        """Remember which secret.

        Args:
            secret_id: Name or ARN. Across accounts it must be the ARN.
            client: A :class:`SecretsClient`; boto3's when None.

        Raises:
            CredentialError: ``credential_uri``: that cannot be a secret's name.
        """
        self._id = _checked(secret_id, _SECRET_ID, "a secret")
        self._client = client or _boto3("secretsmanager", _region_of(secret_id))

    def read(self) -> str:
        """Return the secret's text.

        Raises:
            CredentialError: ``credential_denied``, ``credential_missing``,
                ``credential_unavailable``; ``credential_json`` for a binary secret.
        """
        client = cast("SecretsClient", self._client)
        answer = _asked(
            lambda: client.get_secret_value(SecretId=self._id), "secretsmanager:GetSecretValue"
        )
        text = answer.get("SecretString")
        if not isinstance(text, str):
            raise CredentialError("credential_json", "the secret is not a text", advice=_AS_TEXT)
        return text


class SsmReader:
    """Reads one parameter from the SSM Parameter Store, decrypted.

    IAM actions: ``ssm:GetParameter`` on the parameter, and ``kms:Decrypt`` on its key if that is
    not the account's own ``aws/ssm``.
    """

    def __init__(self, name: str, client: object = None) -> None:
        """Remember which parameter.

        Args:
            name: Name or ARN.
            client: A :class:`ParameterClient`; boto3's when None.

        Raises:
            CredentialError: ``credential_uri``: that cannot be a parameter's name.
        """
        self._name = _checked(name, _PARAMETER_NAME, "a parameter")
        self._client = client or _boto3("ssm", _region_of(name))

    def read(self) -> str:
        """Return the parameter's text.

        Raises:
            CredentialError: ``credential_denied``, ``credential_missing``,
                ``credential_unavailable``.
        """
        client = cast("ParameterClient", self._client)
        answer = _asked(
            lambda: client.get_parameter(Name=self._name, WithDecryption=True), "ssm:GetParameter"
        )
        parameter = answer.get("Parameter")
        text = parameter.get("Value") if isinstance(parameter, dict) else None
        if not isinstance(text, str):
            raise CredentialError("credential_unavailable", "SSM answered without a value")
        return text


class KmsKey:
    """A key pair in AWS KMS that signs there; it is a :class:`signer.keys.SigningKey`.

    KMS signs with SHA-256 only, and messages up to 4,096 bytes as they are, which is more than any
    policy that fits into a cookie. Each signature is a request to KMS: sign once for many URLs
    (:meth:`signer.Issuer.sign`) where that is possible.

    IAM actions: ``kms:Sign`` on the key; ``kms:GetPublicKey`` for :meth:`public_key` only.
    """

    def __init__(self, arn: str, algorithm: KeyAlgorithm, client: object = None) -> None:
        """Remember which key.

        Args:
            arn: ARN of the key; its Region is where it is asked for.
            algorithm: Kind of the key pair (KMS: ``RSA_2048``, ``ECC_NIST_P256``).
            client: A :class:`KmsClient`; boto3's when None.
        """
        self._arn = arn
        self._algorithm = algorithm
        self._client = client or _boto3("kms", _region_of(arn))

    @property
    def algorithm(self) -> KeyAlgorithm:
        """Kind of the key pair."""
        return self._algorithm

    def sign(self, message: bytes, hash_algorithm: HashAlgorithm) -> bytes:
        """Sign a message; see :class:`signer.keys.SigningKey`.

        Raises:
            SigningError: ``kms_hash``: SHA-1; ``kms_message``: above 4,096 bytes; ``kms_denied``,
                ``kms_missing``, ``kms_unavailable``.
        """
        if hash_algorithm is not HashAlgorithm.SHA256:
            raise SigningError("kms_hash", "KMS does not sign with SHA-1", advice="use SHA256")
        if len(message) > MAX_KMS_MESSAGE:
            raise SigningError(
                "kms_message",
                f"the policy has {len(message)} bytes, and KMS signs up to {MAX_KMS_MESSAGE}",
                advice="shorten the Resource",
            )
        client = cast("KmsClient", self._client)
        answer = self._asked(
            lambda: client.sign(
                KeyId=self._arn,
                Message=message,
                MessageType="RAW",
                SigningAlgorithm=_SIGNING_ALGORITHMS[self._algorithm],
            ),
            "kms:Sign",
        )
        return self._bytes(answer, "Signature")

    def public_key(self) -> PublicKey:
        """Return the public half, to be uploaded to CloudFront.

        Raises:
            SigningError: ``kms_denied``, ``kms_missing``, ``kms_unavailable``.
            KeyMaterialError: The key is not of a kind that CloudFront takes.
        """
        client = cast("KmsClient", self._client)
        answer = self._asked(lambda: client.get_public_key(KeyId=self._arn), "kms:GetPublicKey")
        return PublicKey.from_pem(self._bytes(answer, "PublicKey"))

    def __repr__(self) -> str:
        """Show which key."""
        return f"KmsKey({self._arn}, {self._algorithm.value})"

    def _asked(self, call: Callable[[], Mapping[str, Any]], action: str) -> Mapping[str, Any]:
        try:
            return _asked(call, action)
        except CredentialError as error:
            code = error.code.replace("credential_", "kms_")
            failure = SigningError(code, error.message, advice=error.advice, **error.evidence)
        raise failure

    def _bytes(self, answer: Mapping[str, Any], name: str) -> bytes:
        value = answer.get(name)
        if not isinstance(value, bytes):
            raise SigningError("kms_unavailable", f"KMS answered without {name}")
        return value


_AS_TEXT: Final = "store the credential document as SecretString"


def _boto3(service: str, region: str | None) -> LaterClient:
    # Short: somebody waits for a signature.
    return LaterClient(service, region, connect_timeout=2, read_timeout=3, attempts=3)


def _asked(call: Callable[[], Mapping[str, Any]], action: str) -> Mapping[str, Any]:
    """Call AWS and tell a failure by its kind.

    Raises:
        CredentialError: ``credential_denied``, ``credential_missing``, ``credential_unavailable``.
    """
    try:
        return call()
    except ConfigurationError:
        raise
    except Exception as error:  # noqa: BLE001 - boto3's, which is perhaps not installed
        name = error_name(error)
    # Outside the handlers, so that AWS's answer does not hang on our error.
    raise _failure(name, action)


def _failure(name: str, action: str) -> CredentialError:
    if name in DENIED:
        return CredentialError(
            "credential_denied",
            f"AWS does not permit it ({name})",
            advice=f"the role needs {action}, and kms:Decrypt where a key of one's own encrypts",
            error=name,
        )
    if name in _MISSING:
        return CredentialError(
            "credential_missing",
            f"there is no such thing in this account and Region ({name})",
            advice="check the name and the Region",
            error=name,
        )
    if name in OUT_OF_USE:
        return CredentialError(
            "credential_unavailable",
            f"it is out of use ({name})",
            advice="it may be disabled, or about to be deleted",
            error=name,
        )
    return CredentialError(
        "credential_unavailable", f"AWS did not answer {action} ({name})", error=name
    )


def _checked(name: str, pattern: re.Pattern[str], what: str) -> str:
    if not pattern.fullmatch(name):
        raise CredentialError("credential_uri", f"{excerpt(name)} is not the name of {what}")
    return name


def _region_of(name: str) -> str | None:
    """Return the Region of an ARN; None for a name, which is looked for in the usual one."""
    parts = name.split(":")
    return parts[3] or None if parts[0] == "arn" and len(parts) > 3 else None  # noqa: PLR2004
