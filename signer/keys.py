"""Key pairs: the two kinds CloudFront accepts, and the only module that touches cryptography.

CloudFront verifies RSA 2048 signatures (PKCS#1 v1.5) and ECDSA P-256 signatures (ASN.1 DER), each
over SHA-1 or SHA-256. AWS source: "Specify signers that can create signed URLs and signed
cookies" (private-content-trusted-signers) and "Create a URL signature using Linux commands and
OpenSSL" (private-content-linux-openssl).

Private material lives inside :class:`PrivateKey`, whose ``repr`` shows the algorithm and the
fingerprint of the public half and which refuses to be pickled or copied. Loaders never echo
their input.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Final, NoReturn, Protocol, assert_never

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
    load_der_public_key,
    load_pem_private_key,
    load_pem_public_key,
)

from signer.errors import KeyMaterialError
from signer.pem import only_block, pem_blocks

if TYPE_CHECKING:
    from collections.abc import Callable

_RSA_BITS = 2048
_MAX_PASSPHRASE_BYTES = 1023  # what OpenSSL takes
_P256_RAW_BYTES = 64


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
_PKCS1V15: Final = padding.PKCS1v15()


def _hash(hash_algorithm: HashAlgorithm) -> hashes.HashAlgorithm:
    return _SHA256 if hash_algorithm is HashAlgorithm.SHA256 else _SHA1


def _ecdsa(hash_algorithm: HashAlgorithm) -> ec.ECDSA:
    return _ECDSA_SHA256 if hash_algorithm is HashAlgorithm.SHA256 else _ECDSA_SHA1


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
        _refuse_other_types(pem)
        if isinstance(pem, bytes) and b"-----" not in pem:
            return cls(_load(load_der_public_key, pem))
        blocks = pem_blocks(pem)
        if any(label.endswith("PRIVATE KEY") for label, _ in blocks):
            raise KeyMaterialError(
                "key_private",
                "a private key was given where a public key belongs",
                advice="extract the public key with: signer keys show FILE",
            )
        public = [block for block in blocks if block[0].endswith("PUBLIC KEY")]
        return cls(_load(load_pem_public_key, only_block(public, "public")))

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
        algorithm = _hash(hash_algorithm)
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


class PrivateKey:
    """A private key held in memory; implements :class:`SigningKey`.

    RSA keys are validated when loaded (some 40 ms): load once, sign often. Signing releases the
    GIL, so threads scale.
    """

    __slots__ = ("_key", "_make", "_public", "algorithm")

    def __init__(self, key: object) -> None:
        """Wrap a key object of the cryptography package; prefer :meth:`from_pem`.

        Raises:
            KeyMaterialError: ``key_type``, ``key_size``.
        """
        if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
            raise KeyMaterialError("key_type", "the key is neither RSA nor ECDSA")
        self._public = PublicKey(key.public_key())
        self._key = key
        self._make = _signature_maker(key)
        self.algorithm: Final = self._public.algorithm

    @classmethod
    def generate(cls, algorithm: KeyAlgorithm = KeyAlgorithm.ECDSA_P256) -> PrivateKey:
        """Make a new key pair from the operating system's random source."""
        match algorithm:
            case KeyAlgorithm.ECDSA_P256:
                return cls(ec.generate_private_key(ec.SECP256R1()))
            case KeyAlgorithm.RSA_2048:
                return cls(rsa.generate_private_key(public_exponent=65537, key_size=_RSA_BITS))
            case _ as unreachable:
                assert_never(unreachable)

    @classmethod
    def from_pem(cls, pem: str | bytes, passphrase: str | bytes | None = None) -> PrivateKey:
        r"""Load a private key in any shape in which people keep one.

        PKCS#1, PKCS#8 and SEC1 in PEM or DER; with a byte order mark, CRLF, indentation, other
        PEM blocks around it (certificate, EC PARAMETERS), line breaks written as ``\n`` as in an
        environment variable, or replaced by spaces.

        Args:
            pem: The key.
            passphrase: For an encrypted key.

        Raises:
            KeyMaterialError: ``key_malformed``, ``key_passphrase``, ``key_public``,
                ``key_several``, ``key_type`` or ``key_size``. The message contains nothing of
                the input.
        """
        secret = _secret_bytes(passphrase)
        _refuse_other_types(pem)
        if isinstance(pem, bytes) and b"-----" not in pem:
            return cls(_load(load_der_private_key, pem, secret))
        blocks = pem_blocks(pem)
        private = [block for block in blocks if block[0].endswith("PRIVATE KEY")]
        if not private and any(label.endswith("PUBLIC KEY") for label, _ in blocks):
            raise KeyMaterialError("key_public", "a public key was given, not a private one")
        if any(label == "OPENSSH PRIVATE KEY" for label, _ in private):
            raise KeyMaterialError(
                "key_type",
                "the key is in OpenSSH's own format",
                advice="convert a copy with: ssh-keygen -p -m PEM -f COPY",
            )
        return cls(_load(load_pem_private_key, only_block(private, "private"), secret))

    def public_key(self) -> PublicKey:
        """Return the public half."""
        return self._public

    def sign(self, message: bytes, hash_algorithm: HashAlgorithm) -> bytes:
        """Sign a message; see :meth:`SigningKey.sign`.

        Raises:
            KeyMaterialError: ``hash_forbidden`` when OpenSSL's policy on this machine does not
                allow the hash (SHA-1 on Fedora, RHEL 9 and in FIPS mode).
        """
        try:
            return self._make(message, hash_algorithm)
        except UnsupportedAlgorithm:
            raise KeyMaterialError(
                "hash_forbidden",
                f"this machine does not allow signatures with {hash_algorithm.value}",
                advice="use HashAlgorithm.SHA256",
            ) from None

    def to_pem(self, passphrase: str | bytes | None = None) -> str:
        """Return the private key as PKCS#8 PEM. The result is secret.

        Args:
            passphrase: Encrypts the PEM when given; up to 1,023 bytes, never empty.

        Raises:
            KeyMaterialError: ``key_passphrase``.
        """
        secret = _secret_bytes(passphrase)
        if secret is not None and not 0 < len(secret) <= _MAX_PASSPHRASE_BYTES:
            raise KeyMaterialError(
                "key_passphrase",
                f"the passphrase is empty or longer than {_MAX_PASSPHRASE_BYTES} bytes",
                advice="pass None for a key that is not encrypted",
            )
        encryption = NoEncryption() if secret is None else BestAvailableEncryption(secret)
        return self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption).decode()

    def __repr__(self) -> str:
        """Show algorithm and public fingerprint, never the key."""
        return f"PrivateKey({self.algorithm.value}, sha256:{self._public.fingerprint[:16]})"

    def __reduce__(self) -> NoReturn:
        """Refuse pickling and copying: private keys do not travel."""
        raise KeyMaterialError("key_not_serialisable", "a PrivateKey cannot be pickled or copied")


def _accepted_public_key(key: object) -> rsa.RSAPublicKey | ec.EllipticCurvePublicKey:
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size != _RSA_BITS:
            raise KeyMaterialError(
                "key_size",
                f"the RSA key has {key.key_size} bits and CloudFront takes {_RSA_BITS}",
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
            signature, message, _PKCS1V15, _hash(name)
        )
    return lambda signature, message, name: key.verify(signature, message, _ecdsa(name))


def _signature_maker(
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey,
) -> Callable[[bytes, HashAlgorithm], bytes]:
    if isinstance(key, rsa.RSAPrivateKey):
        return lambda message, name: key.sign(message, _PKCS1V15, _hash(name))
    return lambda message, name: key.sign(message, _ecdsa(name))


def _secret_bytes(passphrase: str | bytes | None) -> bytes | None:
    if not isinstance(passphrase, str):
        return passphrase
    if any("\ud800" <= character <= "\udfff" for character in passphrase):
        # Before encoding, whose own error would carry the passphrase.
        raise KeyMaterialError("key_passphrase", "the passphrase is not valid text")
    return passphrase.encode()


def _refuse_other_types(pem: object) -> None:
    if not isinstance(pem, str | bytes):
        raise KeyMaterialError("key_type", f"a key must be str or bytes, not {type(pem).__name__}")


def _load(loader: Callable[..., object], data: bytes, *secret: bytes | None) -> object:
    """Call a loader of the cryptography package and translate its errors.

    The original exceptions are not chained: their text is not under our control.
    """
    try:
        return loader(data, *secret)
    except TypeError:
        raise KeyMaterialError(
            "key_passphrase",
            "the key is encrypted and no passphrase was given, or the other way round",
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        hint = "; or the passphrase is wrong" if any(secret) else ""
        raise KeyMaterialError(
            "key_malformed", f"the key cannot be read: damaged, incomplete or unsupported{hint}"
        ) from None
