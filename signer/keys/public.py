"""The public half of a key pair."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
    load_pem_public_key,
)

from signer.errors import KeyMaterialError
from signer.keys.kinds import PKCS1V15, RSA_BITS, HashAlgorithm, KeyAlgorithm, ecdsa_of, hash_of
from signer.keys.loading import load, refuse_other_types
from signer.pem import only_block, pem_blocks

if TYPE_CHECKING:
    from collections.abc import Callable

_P256_RAW_BYTES = 64


class PublicKey:
    """The public half of a key pair, as uploaded to CloudFront."""

    __slots__ = ("_check", "_key", "algorithm", "fingerprint")

    def __init__(self, key: object) -> None:
        """Wrap a key object of the cryptography package; prefer :meth:`from_pem`.

        Raises:
            KeyMaterialError: ``key_type``, ``key_size``.
        """
        self._key = _accepted_public_key(key)
        is_rsa = isinstance(self._key, rsa.RSAPublicKey)
        self.algorithm: Final = KeyAlgorithm.RSA_2048 if is_rsa else KeyAlgorithm.ECDSA_P256
        self._check = _signature_check(self._key)
        digest = hashes.Hash(hashes.SHA256())
        digest.update(self._key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
        self.fingerprint: Final = digest.finalize().hex()

    @classmethod
    def from_pem(cls, pem: str | bytes) -> PublicKey:
        """Load a public key from PEM or DER.

        Args:
            pem: SubjectPublicKeyInfo ("BEGIN PUBLIC KEY") or PKCS#1 ("BEGIN RSA PUBLIC KEY").

        Raises:
            KeyMaterialError: ``key_private`` when a private key was given, ``key_malformed``,
                ``key_type`` or ``key_size``. The message contains nothing of the input.
        """
        refuse_other_types(pem)
        if isinstance(pem, bytes) and b"-----" not in pem:
            return cls(load(load_der_public_key, pem))
        blocks = pem_blocks(pem)
        if any(label.endswith("PRIVATE KEY") for label, _ in blocks):
            raise KeyMaterialError(
                "key_private",
                "a private key was given where a public key belongs",
                advice="extract the public key with: signer keys show FILE",
            )
        public = [block for block in blocks if block[0].endswith("PUBLIC KEY")]
        return cls(load(load_pem_public_key, only_block(public, "public")))

    def to_pem(self) -> str:
        """Return the key as CloudFront's CreatePublicKey takes it, ending in a line break."""
        return self._key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def verify(self, signature: bytes, message: bytes, hash_algorithm: HashAlgorithm) -> bool:
        """Tell whether a signature is genuine; False as well when that cannot be checked.

        Never raises for any bytes. On a machine whose OpenSSL forbids SHA-1, SHA-1 signatures
        are not genuine.
        """
        try:
            self._check(signature, message, hash_algorithm)
        except (InvalidSignature, UnsupportedAlgorithm):
            return False
        return True

    def verify_pss(self, signature: bytes, message: bytes, hash_algorithm: HashAlgorithm) -> bool:
        """Tell whether a signature is RSA-PSS, which CloudFront does not accept.

        Only for diagnosis: a signer that uses PSS gets AccessDenied and wonders why.
        """
        if not isinstance(self._key, rsa.RSAPublicKey):
            return False
        algorithm = hash_of(hash_algorithm)
        pss = padding.PSS(padding.MGF1(algorithm), padding.PSS.AUTO)
        try:
            self._key.verify(signature, message, pss, algorithm)
        except (InvalidSignature, UnsupportedAlgorithm):
            return False
        return True

    def verify_raw(self, signature: bytes, message: bytes, hash_algorithm: HashAlgorithm) -> bool:
        """Tell whether a signature is r and s side by side, which CloudFront does not accept.

        Only for diagnosis: WebCrypto, JWT libraries and some security modules write ECDSA
        signatures in this form (IEEE P1363) instead of ASN.1 DER.
        """
        if self.algorithm is not KeyAlgorithm.ECDSA_P256 or len(signature) != _P256_RAW_BYTES:
            return False
        half = _P256_RAW_BYTES // 2
        r, s = (int.from_bytes(part, "big") for part in (signature[:half], signature[half:]))
        return self.verify(encode_dss_signature(r, s), message, hash_algorithm)

    def __eq__(self, other: object) -> bool:
        """Compare by key, not by identity."""
        return isinstance(other, PublicKey) and other.fingerprint == self.fingerprint

    def __hash__(self) -> int:
        """Hash by fingerprint."""
        return hash(self.fingerprint)

    def __repr__(self) -> str:
        """Show algorithm and fingerprint."""
        return f"PublicKey({self.algorithm.value}, sha256:{self.fingerprint[:16]})"


def _accepted_public_key(key: object) -> rsa.RSAPublicKey | ec.EllipticCurvePublicKey:
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size != RSA_BITS:
            raise KeyMaterialError(
                "key_size",
                f"the RSA key has {key.key_size} bits and CloudFront takes {RSA_BITS}",
                advice="make a new one with: signer keys new",
            )
        return key
    if isinstance(key, ec.EllipticCurvePublicKey):
        if not isinstance(key.curve, ec.SECP256R1):
            raise KeyMaterialError(
                "key_type",
                f"the key is on curve {key.curve.name} and CloudFront takes P-256",
                advice="make a new one with: signer keys new",
            )
        return key
    raise KeyMaterialError("key_type", "the key is neither RSA nor ECDSA")


def _signature_check(
    key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey,
) -> Callable[[bytes, bytes, HashAlgorithm], None]:
    """Choose by kind of key once: the test costs as much as the rest of the call."""
    if isinstance(key, rsa.RSAPublicKey):
        return lambda signature, message, name: key.verify(
            signature, message, PKCS1V15, hash_of(name)
        )
    return lambda signature, message, name: key.verify(signature, message, ecdsa_of(name))
