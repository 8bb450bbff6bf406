"""What tests of Access share: a key, clocks, and signers of other kinds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from signer import HashAlgorithm, Issuer, PrivateKey, TrustedKeyGroup, Verifier
from signer.access import Access, UrlSigner
from signer.cookies import CookieAttributes
from signer.grants import GrantTable
from tests.grants.tables import table

NOW = 1_800_000_000
KID = "K2JCJMDEHXQW5F"
KEY = PrivateKey.generate()
VERIFIER = Verifier([TrustedKeyGroup({KID: KEY.public_key()})], clock=lambda: NOW)
COURSES = 'path = "/c/{course}/*"'


class Presigner:
    """Signs URLs in another way than CloudFront's, as for S3."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, object]] = []

    def signed_url(self, url: str, /, *, expires_in: timedelta | int) -> str:
        self.asked.append((url, expires_in))
        return f"{url}?presigned"


@dataclass
class Ending:
    url: str
    expires_at: int


class EndingPresigner(Presigner):
    """Its credentials end ten seconds from now."""

    max_lifetime = timedelta(hours=1)

    def presigned(self, url: str, /, *, expires_in: timedelta | int) -> Ending:
        return Ending(self.signed_url(url, expires_in=expires_in), NOW + 10)


def issuer(
    *, hash_algorithm: HashAlgorithm = HashAlgorithm.SHA256, max_lifetime: timedelta = timedelta(7)
) -> Issuer:
    return Issuer(
        KEY,
        key_pair_id=KID,
        hash_algorithm=hash_algorithm,
        max_lifetime=max_lifetime,
        clock=lambda: NOW,
    )


def access(
    grants: GrantTable | None = None,
    signer: Issuer | UrlSigner | None = None,
    *,
    attributes: CookieAttributes | None = None,
) -> Access:
    clock = lambda: NOW + 0.9  # noqa: E731 - a clock that is between two seconds
    return Access(grants or table(), signer or issuer(), attributes=attributes, clock=clock)
