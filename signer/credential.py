"""The credential document: a key, its key pair id, its algorithm and its hash in one record.

The four always travel together and are read in one go; a signer that reads them from two places
can pair a key with the id of another one during a rotation. The same document may lie in a file,
an environment variable or a secret store.
"""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from signer.errors import CredentialError, SignerError
from signer.issuer import DEFAULT_MAX_LIFETIME, LONGEST_LIFETIME, Issuer
from signer.keys import HashAlgorithm, KeyAlgorithm, PrivateKey

if TYPE_CHECKING:
    from collections.abc import Callable

VERSION: Final = 1

_REQUIRED = {"version", "key_pair_id", "algorithm", "hash_algorithm", "private_key_pem"}
_OPTIONAL = {"kid", "max_lifetime", "activated_at"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """A validated credential document.

    Attributes:
        kid: Our own name of the key, stable from its making to its removal.
        key_pair_id: CloudFront's id of the public key.
        private_key: The key, validated once.
        hash_algorithm: Hash for everything signed with it.
        max_lifetime: Longest life of anything signed with it.
        activated_at: When it began to sign, ISO 8601; None when unknown.
    """

    kid: str
    key_pair_id: str
    private_key: PrivateKey
    hash_algorithm: HashAlgorithm = HashAlgorithm.SHA256
    max_lifetime: timedelta = DEFAULT_MAX_LIFETIME
    activated_at: str | None = field(default=None)

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
        try:
            key = PrivateKey.from_pem(_text(document, "private_key_pem"))
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
        lifetime = document.get("max_lifetime", int(DEFAULT_MAX_LIFETIME.total_seconds()))
        if (
            isinstance(lifetime, bool)
            or not isinstance(lifetime, int)
            or not 1 <= lifetime <= LONGEST_LIFETIME.total_seconds()
        ):
            raise _bad_field("max_lifetime", "a number of seconds up to 100 years")
        hash_name = _text(document, "hash_algorithm")
        if hash_name not in HashAlgorithm.__members__:
            raise _bad_field("hash_algorithm", "SHA256 or SHA1")
        return cls(
            kid=_text(document, "kid") if "kid" in document else "",
            key_pair_id=_text(document, "key_pair_id"),
            private_key=key,
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
            "algorithm": self.private_key.algorithm.value,
            "hash_algorithm": self.hash_algorithm.value,
            "private_key_pem": self.private_key.to_pem(),
            "max_lifetime": int(self.max_lifetime.total_seconds()),
        }
        if self.activated_at is not None:
            document["activated_at"] = self.activated_at
        return json.dumps(document, indent=2) + "\n"

    def issuer(self, *, clock: Callable[[], float]) -> Issuer:
        """Return an issuer bound to this credential.

        Raises:
            KeyPairIdError: The document's key pair id is malformed.
        """
        return Issuer(
            self.private_key,
            key_pair_id=self.key_pair_id,
            hash_algorithm=self.hash_algorithm,
            max_lifetime=self.max_lifetime,
            clock=clock,
        )


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
    if unknown := document.keys() - _REQUIRED - _OPTIONAL:
        raise CredentialError(
            "credential_field",
            f"the credential has {len(unknown)} unknown members",
            advice=f"known are {', '.join(sorted(_REQUIRED | _OPTIONAL))}",
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
