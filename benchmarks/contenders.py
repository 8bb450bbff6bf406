"""What is measured inside this process, for one kind of key: ours, the bare library, botocore.

Every contender's result is verified before anything is measured.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from botocore.signers import CloudFrontSigner
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, HashAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from benchmarks.stopwatch import Contender
from signer import (
    Issuer,
    KeyAlgorithm,
    Policy,
    PrivateKey,
    TrustedKeyGroup,
    Verifier,
    ViewerRequest,
)

KINDS = {"rsa": KeyAlgorithm.RSA_2048, "ecdsa": KeyAlgorithm.ECDSA_P256}
KEY_PAIR_ID = "K2JCJMDEHXQW5F"
URLS = [
    f"https://d111111abcdef8.cloudfront.net/films/episode-{number % 8}/segment-{number:05}.ts"
    for number in range(256)
]

_FOLDER = "https://d111111abcdef8.cloudfront.net/films/*"
_LIFE = timedelta(hours=6)

Raw = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


class Subject:
    """A throw-away key, and everything that signs or verifies with it in this process.

    Attributes:
        pem: The private key.
        date_less_than: The end of access that the peers are given.
        contenders: In the order in which they take turns.
    """

    def __init__(self, kind: str, folder: Path) -> None:
        """Make a key and check what each contender does with it.

        Args:
            kind: ``rsa`` or ``ecdsa``.
            folder: Where the key is kept as a file, for the peer that opens one.
        """
        key = PrivateKey.generate(KINDS[kind])
        self.pem = key.to_pem()
        self.date_less_than = datetime.now(UTC) + _LIFE
        self._verifier = Verifier([TrustedKeyGroup({KEY_PAIR_ID: key.public_key()})])
        ours = self._ours(Issuer(key, key_pair_id=KEY_PAIR_ID))
        self.contenders = [
            Contender(f"{kind}.{each.name}", each.call, each.inputs)
            for each in (*self._bare(), *ours, *self._botocore(folder / f"{kind}.pem"))
        ]

    def check(self, url: str) -> None:
        """Make sure that a peer did sign what it was asked to."""
        verdict = self._verifier.verify(ViewerRequest(url))
        assert verdict.allowed, verdict.detail

    def _ours(self, issuer: Issuer) -> list[Contender]:
        signed = issuer.sign(Policy(_FOLDER, date_less_than=self.date_less_than))
        cookies = signed.cookies().header()

        def signed_url(url: str) -> str:
            return issuer.signed_url(url, expires_in=_LIFE)

        requests = {
            "verify_canned": [ViewerRequest(signed_url(url)) for url in URLS],
            "verify_custom": [ViewerRequest(signed.url(url)) for url in URLS],
            "verify_cookies": [ViewerRequest(url, cookies=cookies) for url in URLS],
        }
        for sent in requests.values():
            assert all(self._verifier.verify(request).allowed for request in sent)
        return [
            Contender("signed_url", signed_url, URLS),
            Contender("policy_url", signed.url, URLS),
            *(Contender(name, self._verifier.verify, sent) for name, sent in requests.items()),
        ]

    def _bare(self) -> list[Contender]:
        """The library alone, on policies of the same length, its arguments made beforehand."""
        sign, check = bare(_loaded(self.pem.encode()), SHA256())
        policies = [Policy(url, date_less_than=self.date_less_than) for url in URLS]
        messages = [policy.to_json().encode() for policy in policies]
        pairs = [(sign(message), message) for message in messages]
        return [Contender("bare_sign", sign, messages), Contender("bare_verify", check, pairs)]

    def _botocore(self, file: Path) -> list[Contender]:
        """AWS's signer for Python, which leaves signing to the caller.

        It cannot name SHA-256 to CloudFront, so it signs over SHA-1, as its documentation does.
        """
        file.touch(mode=0o600)
        file.write_text(self.pem, encoding="ascii")

        def parsed_at_each_call(message: bytes) -> bytes:
            return bare(_loaded(file.read_bytes()), SHA1())[0](message)  # noqa: S303 - theirs

        kept, _ = bare(_loaded(self.pem.encode()), SHA1())  # noqa: S303 - theirs
        contenders = []
        for name, callback in (("botocore_kept", kept), ("botocore_pem", parsed_at_each_call)):
            sign_url = self._botocore_url(callback)
            self.check(sign_url(URLS[0]))
            contenders.append(Contender(name, sign_url, URLS))
        return contenders

    def _botocore_url(self, callback: Callable[[bytes], bytes]) -> Callable[[str], str]:
        signer = CloudFrontSigner(KEY_PAIR_ID, callback)

        def sign_url(url: str) -> str:
            return signer.generate_presigned_url(url, date_less_than=self.date_less_than)

        return sign_url


def bare(
    key: Raw, digest: HashAlgorithm
) -> tuple[Callable[[bytes], bytes], Callable[[tuple[bytes, bytes]], None]]:
    """Return the shortest functions that sign a message, and check a signature and message."""
    if isinstance(key, rsa.RSAPrivateKey):
        scheme, rsa_public = padding.PKCS1v15(), key.public_key()
        return (
            lambda message: key.sign(message, scheme, digest),
            lambda pair: rsa_public.verify(*pair, scheme, digest),
        )
    ecdsa, ec_public = ec.ECDSA(digest), key.public_key()
    return lambda message: key.sign(message, ecdsa), lambda pair: ec_public.verify(*pair, ecdsa)


def _loaded(pem: bytes) -> Raw:
    key = load_pem_private_key(pem, password=None)
    assert isinstance(key, Raw)
    return key
