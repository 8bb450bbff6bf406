"""What keys and signatures there are, and what signs."""

from __future__ import annotations

from enum import Enum
from typing import Final, Protocol

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding

RSA_BITS: Final = 2048


class HashAlgorithm(Enum):
    """Hash under the signature; the value is what ``Hash-Algorithm`` carries."""

    SHA1 = "SHA1"
    SHA256 = "SHA256"


class KeyAlgorithm(Enum):
    """Kind of key pair, named as in AWS KMS key specs where they exist."""

    RSA_2048 = "RSA_2048"
    ECDSA_P256 = "ECDSA_P256"


class SigningKey(Protocol):
    """A private key that may live elsewhere: bytes in, signature out, hash named.

    :class:`PrivateKey` implements it; so can an adapter for AWS KMS or an HSM.
    """

    @property
    def algorithm(self) -> KeyAlgorithm:
        """Kind of the key pair."""

    def sign(self, message: bytes, hash_algorithm: HashAlgorithm) -> bytes:
        """Sign a message.

        Args:
            message: The policy document; not yet hashed.
            hash_algorithm: Hash to apply.

        Returns:
            RSA: the PKCS#1 v1.5 signature. ECDSA: the ASN.1 DER signature, not raw r and s.
        """


_SHA1: Final = hashes.SHA1()  # noqa: S303 - CloudFront's default; used only when named
_SHA256: Final = hashes.SHA256()
_ECDSA_SHA1: Final = ec.ECDSA(_SHA1)
_ECDSA_SHA256: Final = ec.ECDSA(_SHA256)
PKCS1V15: Final = padding.PKCS1v15()


def hash_of(hash_algorithm: HashAlgorithm) -> hashes.HashAlgorithm:
    """Return the hash as the cryptography package names it."""
    return _SHA256 if hash_algorithm is HashAlgorithm.SHA256 else _SHA1


def ecdsa_of(hash_algorithm: HashAlgorithm) -> ec.ECDSA:
    """Return ECDSA over that hash."""
    return _ECDSA_SHA256 if hash_algorithm is HashAlgorithm.SHA256 else _ECDSA_SHA1
