"""A private key that is held in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NoReturn, assert_never

from cryptography.exceptions import InternalError, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
    load_pem_private_key,
)

from signer.errors import KeyMaterialError
from signer.keys.kinds import PKCS1V15, RSA_BITS, HashAlgorithm, KeyAlgorithm, ecdsa_of, hash_of
from signer.keys.loading import load, refuse_other_types, secret_bytes
from signer.keys.public import PublicKey
from signer.pem import only_block, pem_blocks
from signer.rsa_numbers import RsaNumbers, consistent

if TYPE_CHECKING:
    from collections.abc import Callable

_MAX_PASSPHRASE_BYTES = 1023  # what OpenSSL takes


class PrivateKey:
    """A private key held in memory; implements :class:`SigningKey`.

    RSA keys are validated when loaded (some 40 ms, or one if they are `vetted`): load once, sign
    often. Signing releases the GIL, so threads scale.
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
                return cls(rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS))
            case _ as unreachable:
                assert_never(unreachable)

    @classmethod
    def from_pem(
        cls, pem: str | bytes, passphrase: str | bytes | None = None, *, vetted: bool = False
    ) -> PrivateKey:
        r"""Load a private key in any shape in which people keep one.

        PKCS#1, PKCS#8 and SEC1 in PEM or DER; with a byte order mark, CRLF, indentation, other
        PEM blocks around it (certificate, EC PARAMETERS), line breaks written as ``\n`` as in an
        environment variable, or replaced by spaces.

        Args:
            pem: The key.
            passphrase: For an encrypted key.
            vetted: True for a key that was validated when it was stored, as those in credential
                documents: of an RSA key only the primality of p and q is taken on trust then.
                Everything else is checked, and a signature is made and verified.

        Raises:
            KeyMaterialError: ``key_malformed``, ``key_passphrase``, ``key_public``,
                ``key_several``, ``key_type`` or ``key_size``. The message contains nothing of
                the input.
        """
        secret = secret_bytes(passphrase)
        refuse_other_types(pem)
        if isinstance(pem, bytes) and b"-----" not in pem:
            return cls._loaded(load_der_private_key, pem, secret, vetted=vetted)
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
        block = only_block(private, "private")
        return cls._loaded(load_pem_private_key, block, secret, vetted=vetted)

    @classmethod
    def _loaded(
        cls, loader: Callable[..., object], data: bytes, secret: bytes | None, *, vetted: bool
    ) -> PrivateKey:
        key = cls(load(loader, data, secret, unsafe_skip_rsa_key_validation=vetted))
        if vetted and isinstance(key._key, rsa.RSAPrivateKey) and not key._signs():
            raise KeyMaterialError("key_malformed", "the numbers of the RSA key do not fit")
        return key

    def _signs(self) -> bool:
        """Tell whether an RSA key that OpenSSL did not validate is sound; see ``vetted``."""
        assert isinstance(self._key, rsa.RSAPrivateKey)  # noqa: S101 - P-256 keys are always validated
        own = self._key.private_numbers()
        public = own.public_numbers
        numbers = (public.n, public.e, own.d, own.p, own.q, own.dmp1, own.dmq1, own.iqmp)
        if not consistent(RsaNumbers(*numbers)):
            return False
        message = b"cloudfront-issuer"
        try:
            signature = self.sign(message, HashAlgorithm.SHA256)
        except (ValueError, InternalError):
            return False
        return self._public.verify(signature, message, HashAlgorithm.SHA256)

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
        secret = secret_bytes(passphrase)
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


def _signature_maker(
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey,
) -> Callable[[bytes, HashAlgorithm], bytes]:
    if isinstance(key, rsa.RSAPrivateKey):
        return lambda message, name: key.sign(message, PKCS1V15, hash_of(name))
    return lambda message, name: key.sign(message, ecdsa_of(name))
