"""The credential document: a key, its key pair id, its algorithm and its hash in one record.

The four always travel together and are read in one go; a signer that reads them from two places
can pair a key with the id of another one during a rotation. The same document may lie in a file,
an environment variable or a secret store. Instead of the key it may name one that never leaves AWS
KMS. Its JSON Schema is docs/credential.schema.json.
"""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from signer.errors import CredentialError, KeyPairIdError, SignerError
from signer.issuer import DEFAULT_MAX_LIFETIME, LONGEST_LIFETIME, Issuer
from signer.keys import HashAlgorithm, KeyAlgorithm, PrivateKey, SigningKey
from signer.signed_policy import checked_key_pair_id

if TYPE_CHECKING:
    from collections.abc import Callable

VERSION: Final = 1

_REQUIRED = {"version", "key_pair_id", "algorithm", "hash_algorithm"}
_KEYS = {"private_key_pem", "kms_key_arn"}
_OPTIONAL = {"kid", "max_lifetime", "activated_at"}

# The ARN of the key itself: an alias can be moved to another key, and CloudFront's id would stay.
_KMS_KEY_ARN = re.compile(
    r"arn:aws[a-z-]{0,16}:kms:(?P<region>[a-z0-9-]{1,32}):[0-9]{12}:key/[A-Za-z0-9-]{1,64}"
)


@dataclass(frozen=True, slots=True)
class KmsKeyName:
    """A key that never leaves AWS KMS, as a credential document names it.

    Attributes:
        arn: ARN of the key, not of an alias.
        algorithm: Kind of the key pair.
    """

    arn: str
    algorithm: KeyAlgorithm

    def __post_init__(self) -> None:
        """Refuse what is not the ARN of a key."""
        if not isinstance(self.arn, str) or not _KMS_KEY_ARN.fullmatch(self.arn):
            raise CredentialError(
                "credential_field",
                "the credential's kms_key_arn is not the ARN of a KMS key",
                advice="take the one that ends in key/..., not the alias",
                field="kms_key_arn",
            )

    @property
    def region(self) -> str:
        """The AWS Region in which the key lives."""
        return self.arn.split(":")[3]


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """A validated credential document.

    Attributes:
        kid: Our own name of the key, stable from its making to its removal.
        key_pair_id: CloudFront's id of the public key.
        private_key: The key, validated once; None when it lives in KMS.
        kms_key: The key in KMS; None when the document holds the key itself.
        hash_algorithm: Hash for everything signed with it.
        max_lifetime: Longest life of anything signed with it.
        activated_at: When it began to sign, ISO 8601; None when unknown.
    """

    kid: str
    key_pair_id: str
    private_key: PrivateKey | None = None
    kms_key: KmsKeyName | None = None
    hash_algorithm: HashAlgorithm = HashAlgorithm.SHA256
    max_lifetime: timedelta = DEFAULT_MAX_LIFETIME
    activated_at: str | None = field(default=None)

    def __post_init__(self) -> None:
        """Refuse two keys, none, and a hash that KMS does not know."""
        if (self.private_key is None) == (self.kms_key is None):
            raise CredentialError(
                "credential_field",
                "the credential has both private_key_pem and kms_key_arn, or neither",
                advice="give exactly one",
                field="private_key_pem",
            )
        if self.kms_key is not None and self.hash_algorithm is not HashAlgorithm.SHA256:
            # https://docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html lists no SHA-1.
            raise _bad_field("hash_algorithm", "SHA256, the only hash that KMS signs with")

    @property
    def held_key(self) -> PrivateKey:
        """The key that the document holds.

        Raises:
            CredentialError: ``credential_kms``: there is none, it lives in KMS.
        """
        if self.private_key is None:
            raise CredentialError(
                "credential_kms",
                "the credential's key lives in KMS and never leaves it",
                advice="give a credential that holds its key",
            )
        return self.private_key

    @classmethod
    def new(
        cls,
        *,
        key_pair_id: str,
        algorithm: KeyAlgorithm,
        clock: Callable[[], float] = time.time,
    ) -> Credential:
        """Make a new key pair with its document.

        Args:
            key_pair_id: CloudFront's id of the public key.
            algorithm: Kind of the key pair.
            clock: Returns seconds since 1970, for ``activated_at``.
        """
        import uuid  # noqa: PLC0415 - reading a document is common, making one is not

        return cls(
            kid=str(uuid.uuid4()),
            key_pair_id=key_pair_id,
            private_key=PrivateKey.generate(algorithm),
            activated_at=datetime.fromtimestamp(clock(), UTC).isoformat(timespec="seconds"),
        )

    @classmethod
    def from_json(cls, text: str) -> Credential:
        """Read a document strictly.

        Args:
            text: JSON. It is secret; no part of it appears in an error.

        Raises:
            CredentialError: ``credential_json``, ``credential_uninitialised`` (an empty or
                placeholder document: the key has not been made yet), ``credential_field``,
                ``credential_mismatch`` (the key is not of the stated algorithm).
        """
        document = _document(text)
        if document == {} or document.get("status") == "not-initialised":
            raise CredentialError(
                "credential_uninitialised",
                "the credential is not initialised yet",
                advice="make the first key with: signer keys new",
            )
        _check_members(document)
        hash_name = _text(document, "hash_algorithm")
        if hash_name not in HashAlgorithm.__members__:
            raise _bad_field("hash_algorithm", "SHA256 or SHA1")
        lifetime = document.get("max_lifetime", int(DEFAULT_MAX_LIFETIME.total_seconds()))
        if (
            isinstance(lifetime, bool)
            or not isinstance(lifetime, int)
            or not 1 <= lifetime <= LONGEST_LIFETIME.total_seconds()
        ):
            raise _bad_field("max_lifetime", "a number of seconds up to 100 years")
        in_kms = "kms_key_arn" in document
        return cls(
            kid=_text(document, "kid") if "kid" in document else "",
            key_pair_id=_key_pair_id(document),
            private_key=None if in_kms else _private_key(document),
            kms_key=_kms_key(document) if in_kms else None,
            hash_algorithm=HashAlgorithm[hash_name],
            max_lifetime=timedelta(seconds=lifetime),
            activated_at=_text(document, "activated_at") if "activated_at" in document else None,
        )

    def to_json(self) -> str:
        """Return the document. It is secret."""
        document: dict[str, object] = {
            "version": VERSION,
            "kid": self.kid,
            "key_pair_id": self.key_pair_id,
            "algorithm": self.algorithm.value,
            "hash_algorithm": self.hash_algorithm.value,
        }
        if self.private_key is not None:
            document["private_key_pem"] = self.private_key.to_pem()
        if self.kms_key is not None:
            document["kms_key_arn"] = self.kms_key.arn
        document["max_lifetime"] = int(self.max_lifetime.total_seconds())
        if self.activated_at is not None:
            document["activated_at"] = self.activated_at
        return json.dumps(document, indent=2) + "\n"

    @property
    def algorithm(self) -> KeyAlgorithm:
        """Kind of the key pair."""
        key = self.private_key or self.kms_key
        assert key is not None  # noqa: S101 - __post_init__ has seen to it
        return key.algorithm

    def issuer(self, *, clock: Callable[[], float], key: SigningKey | None = None) -> Issuer:
        """Return an issuer bound to this credential.

        Args:
            clock: Returns seconds since 1970.
            key: What signs for a key in KMS; :func:`signer.open_issuer` supplies it.

        Raises:
            CredentialError: ``credential_kms``: the key is in KMS and nothing was given to reach
                it by; or something else was given than the key of this document.
            KeyPairIdError: The document's key pair id is malformed.
        """
        signing = key or self.private_key
        if signing is None or signing.algorithm is not self.algorithm:
            raise CredentialError(
                "credential_kms",
                "the key of this credential is in KMS",
                advice="open it with signer.open_issuer, which asks KMS to sign",
            )
        return Issuer(
            signing,
            key_pair_id=self.key_pair_id,
            hash_algorithm=self.hash_algorithm,
            max_lifetime=self.max_lifetime,
            clock=clock,
        )


def _private_key(document: dict[str, object]) -> PrivateKey:
    try:
        # What writes documents validates the key in them; decision 0009.
        key = PrivateKey.from_pem(_text(document, "private_key_pem"), vetted=True)
    except SignerError as error:
        raise CredentialError(
            error.code, f"private_key_pem: {error.message}", field="private_key_pem"
        ) from None
    if key.algorithm.value != document["algorithm"]:
        raise CredentialError(
            "credential_mismatch",
            f"the key is {key.algorithm.value} but the document states another algorithm",
            field="algorithm",
        )
    return key


def _key_pair_id(document: dict[str, object]) -> str:
    """Return the id, checked before anything prints it: a key may have been put in its place."""
    try:
        return checked_key_pair_id(_text(document, "key_pair_id"))
    except KeyPairIdError as error:
        raise CredentialError(
            "credential_field",
            f"key_pair_id: {error.message}",
            advice=error.advice,
            field="key_pair_id",
        ) from None


def _kms_key(document: dict[str, object]) -> KmsKeyName:
    name = _text(document, "algorithm")
    if name not in KeyAlgorithm.__members__:
        raise _bad_field("algorithm", "RSA_2048 or ECDSA_P256")
    return KmsKeyName(_text(document, "kms_key_arn"), KeyAlgorithm[name])


def _document(text: str) -> dict[str, object]:
    try:
        document: object = json.loads(text.removeprefix("\ufeff")) if text.strip() else {}
    except (ValueError, RecursionError):
        document = None
    # Raised here and not above, where the decoder's error, which carries the whole text, would
    # stay attached to ours.
    if not isinstance(document, dict):
        raise CredentialError("credential_json", "the credential is not a JSON object")
    return document


def _check_members(document: dict[str, object]) -> None:
    if document.get("version") != VERSION:
        raise _bad_field("version", str(VERSION))
    if missing := _REQUIRED - document.keys():
        name = min(missing)
        raise CredentialError("credential_field", f"the credential has no {name}", field=name)
    if len(_KEYS & document.keys()) != 1:
        raise CredentialError(
            "credential_field",
            "the credential has both private_key_pem and kms_key_arn, or neither",
            advice="give exactly one",
            field="private_key_pem",
        )
    if unknown := document.keys() - _REQUIRED - _KEYS - _OPTIONAL:
        raise CredentialError(
            "credential_field",
            f"the credential has {len(unknown)} unknown members",
            advice=f"known are {', '.join(sorted(_REQUIRED | _KEYS | _OPTIONAL))}",
        )


def _text(document: dict[str, object], name: str) -> str:
    value = document[name]
    if not isinstance(value, str):
        raise _bad_field(name, "a string")
    return value


def _bad_field(name: str, expected: str) -> CredentialError:
    return CredentialError(
        "credential_field", f"the credential's {name} is not {expected}", field=name
    )
