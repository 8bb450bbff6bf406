"""A pool of genuine signed URLs and cookies of every kind, from which tampered requests are made."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import product

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from signer.encoding import encode_base64
from signer.issuer import Issuer
from signer.keys import HashAlgorithm, KeyAlgorithm, PrivateKey
from signer.policy import Policy
from signer.verifier import TrustedKeyGroup, Verifier

NOW = 1_800_000_000
VIEWER = "203.0.113.9"
HOST = "cdn.example.com"
START, END = NOW - 600, NOW + 3600

TRUSTED = ("KRSA1", "KRSA2", "KEC1", "KEC2")
UNTRUSTED = "KSTRANGER"

_EXACT = f"https://{HOST}/films/a.mp4"
_QUERY = f"https://{HOST}/films/a.mp4?size=large&v=2"

# Resource, the URL that is asked for, start, IP range
_GRANTS: tuple[tuple[str, str, int | None, str | None], ...] = (
    (_EXACT, _EXACT, None, None),
    (_QUERY, _QUERY, None, None),
    (_EXACT, _EXACT, None, "203.0.113.0/28"),
    (_QUERY, _QUERY, START, f"{VIEWER}/32"),
    (f"https://{HOST}/films/*", f"https://{HOST}/films/2026/a.mp4?v=1", None, None),
    (f"https://{HOST}/films/*", f"https://{HOST}/films/b/seg-1.ts", START, "203.0.113.0/24"),
    (f"https://{HOST}/films/*.m3u8", f"https://{HOST}/films/x/index.m3u8", START, None),
    (f"https://{HOST}/films/a.mp4?v=*&t=?", f"https://{HOST}/films/a.mp4?v=20&t=1", None, None),
    (f"http*://{HOST}/songs/*", f"http://{HOST}/songs/a.mp3", None, None),
    ("https://*.media.example.com/films/*", "https://de.media.example.com/films/a", START, None),
)


@dataclass(frozen=True)
class Genuine:
    """One credential as issued: where it is good, and its parameters as a URL carries them."""

    transport: str
    url: str
    resource: str
    start: int | None
    ip: str | None
    text: str
    parameters: tuple[tuple[str, str], ...]

    @property
    def is_canned(self) -> bool:
        """Whether CloudFront rebuilds the policy."""
        return self.parameters[0][0] == "Expires"

    @property
    def key_pair_id(self) -> str:
        """The id of the key that signed."""
        return dict(self.parameters)["Key-Pair-Id"]

    @property
    def hash_name(self) -> str:
        """The hash under the signature."""
        return dict(self.parameters).get("Hash-Algorithm", "SHA1")


@dataclass(frozen=True)
class Pool:
    """Keys, credentials, and the signatures that a forger could come by elsewhere."""

    keys: dict[str, PrivateKey]
    credentials: tuple[Genuine, ...]
    by_a_stranger: dict[tuple[str, str], str]
    by_pss: dict[tuple[str, str, str], str]

    def verifier(self) -> Verifier:
        """Return a verifier that trusts all keys but the stranger's, in two groups."""
        public = {name: key.public_key() for name, key in self.keys.items() if name in TRUSTED}
        halves = ({name: public[name] for name in half} for half in (TRUSTED[:2], TRUSTED[2:]))
        return Verifier([TrustedKeyGroup(half) for half in halves], clock=lambda: NOW)


@cache
def pool() -> Pool:
    """Make keys and sign everything once in a process."""
    keys = {
        name: PrivateKey.generate(
            KeyAlgorithm.ECDSA_P256 if "EC" in name else KeyAlgorithm.RSA_2048
        )
        for name in TRUSTED
    }
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    credentials = tuple(
        _issue(keys[name], name, hash_algorithm, grant, transport)
        for name, hash_algorithm, grant, transport in product(
            TRUSTED, HashAlgorithm, _GRANTS, ("url", "cookies")
        )
    )
    texts = {(one.text, one.hash_name) for one in credentials}
    hashing = {"SHA1": hashes.SHA1(), "SHA256": hashes.SHA256()}
    pss: dict[tuple[str, str, str], str] = {}
    for name in TRUSTED[:2]:
        key = keys[name]._key
        assert isinstance(key, rsa.RSAPrivateKey)
        for text, hash_name in sorted(texts):
            scheme = padding.PSS(padding.MGF1(hashing[hash_name]), padding.PSS.MAX_LENGTH)
            signature = key.sign(text.encode(), scheme, hashing[hash_name])
            pss[name, text, hash_name] = encode_base64(signature)
    by_a_stranger = {
        (text, hash_name): encode_base64(
            stranger.sign(text.encode(), padding.PKCS1v15(), hashing[hash_name])
        )
        for text, hash_name in sorted(texts)
    }
    return Pool(keys, credentials, by_a_stranger, pss)


def _issue(
    key: PrivateKey,
    key_pair_id: str,
    hash_algorithm: HashAlgorithm,
    grant: tuple[str, str, int | None, str | None],
    transport: str,
) -> Genuine:
    resource, url, start, ip = grant
    policy = Policy(
        resource,
        date_less_than=END,
        date_greater_than=start,
        ip_address=ip,
        allow_entire_distribution=True,
    )
    signed = Issuer(
        key, key_pair_id=key_pair_id, hash_algorithm=hash_algorithm, clock=lambda: NOW
    ).sign(policy)
    if transport == "url":
        added = signed.url(url).removeprefix(url)
        assert added[0] in "?&"
        parameters = [tuple(part.split("=", 1)) for part in added[1:].split("&")]
    else:
        parameters = [
            (name.removeprefix("CloudFront-"), value) for name, value in signed.cookies().items()
        ]
    return Genuine(
        transport,
        url,
        resource,
        start,
        policy.ip_address,
        policy.to_json(),
        tuple((name, value) for name, value in parameters),
    )
