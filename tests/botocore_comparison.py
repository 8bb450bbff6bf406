"""botocore's ``CloudFrontSigner`` beside ours, over generated URLs, counted by outcome and reason.

botocore signs the URL as it is given. That is right exactly when the URL is also what arrives at
CloudFront: every client sends it unchanged, CloudFront finds one set of its parameters in it, what
remains is the URL that was signed, and nothing in it acts as a wildcard. Then ours must return the
same bytes. In every other case ours refuses the URL, or returns another one, for a reason.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote

from botocore.signers import CloudFrontSigner
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from signer.errors import UrlError
from signer.issuer import Issuer
from signer.keys import HashAlgorithm, PrivateKey
from tests import clients, generated_urls

NOW = 1_800_000_000
KEY_PAIR_ID = "K2JCJMDEHXQW5F"
SEED = 20_261_123
COUNT = 10_000

_PARTS = re.compile(
    r"(?P<scheme>[^:/?#]+)://(?P<host>[^/?#]*?)(?P<port>:[0-9]*)?"
    r"(?P<path>/[^?#]*)?(?P<query>\?[^#]*)?(?P<fragment>#.*)?",
    re.DOTALL,
)
_LABEL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_OURS = ("Expires", "Signature", "Key-Pair-Id")
_RESERVED = (*_OURS, "Policy", "Hash-Algorithm")


@dataclass
class Comparison:
    """Counts of one run, and the URLs that broke the rule (none, unless there is a bug)."""

    identical: int = 0
    normalised: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    cautious: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        """All URLs that were compared."""
        others = self.normalised, self.refused, self.cautious
        return self.identical + sum(sum(counter.values()) for counter in others)


class Signers:
    """botocore and ours with one key and one clock."""

    def __init__(self) -> None:
        self.rsa_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.botocore = CloudFrontSigner(KEY_PAIR_ID, self._rsa_sha1)
        self.ours = Issuer(
            PrivateKey(self.rsa_key),
            key_pair_id=KEY_PAIR_ID,
            hash_algorithm=HashAlgorithm.SHA1,
            max_lifetime=timedelta(days=400),
            clock=lambda: NOW,
        )

    def _rsa_sha1(self, message: bytes) -> bytes:
        return self.rsa_key.sign(message, padding.PKCS1v15(), hashes.SHA1())

    def theirs_for(self, url: str, expires: int) -> str | None:
        """Return botocore's URL; None when it fails."""
        try:
            return str(
                self.botocore.generate_presigned_url(
                    url, date_less_than=datetime.fromtimestamp(expires, UTC)
                )
            )
        except UnicodeEncodeError:
            return None


def compare(count: int = COUNT, seed: int = SEED) -> Comparison:
    """Sign that many URLs with both and count the outcomes; the same counts on every machine."""
    signers, result = Signers(), Comparison()
    for index, url in enumerate(generated_urls.urls(seed, count)):
        _compare_one(signers, url, NOW + 1 + index * 977 % 30_000_000, result)
    return result


def _compare_one(signers: Signers, url: str, expires: int, result: Comparison) -> None:
    theirs = signers.theirs_for(url, expires)
    right = theirs is not None and arrives_as_signed(theirs, url)
    try:
        ours = signers.ours.signed_url(url, date_less_than=expires)
    except UrlError as error:
        if not right:
            result.refused[error.code] += 1
        elif caution := _caution(url):
            result.cautious[caution] += 1
        else:
            result.broken.append(url)
        return
    if ours == theirs:
        result.identical += 1
        if not right:
            result.broken.append(url)
    else:
        result.normalised[why_normalised(url, ours)] += 1
        if right or not arrives_as_signed(ours, ours[: ours.index("Expires=") - 1]):
            result.broken.append(url)


def arrives_as_signed(signed: str, base: str) -> bool:
    """Tell whether CloudFront, given a signed URL by any client, rebuilds the URL that was signed."""
    if not clients.every_client_sends(signed):
        return False
    parts = _PARTS.fullmatch(signed.partition("#")[0])
    if parts is None:
        return False
    query = (parts["query"] or "?")[1:].split("&")
    names = [unquote(one.partition("=")[0]) for one in query]
    if sorted(name for name in names if name in _RESERVED) != sorted(_OURS):
        return False
    own = "&".join(one for one in query if one.partition("=")[0] not in _OURS)
    host = parts["host"].rpartition("@")[2] + (parts["port"] or "")
    rebuilt = f"{parts['scheme']}://{host}{parts['path'] or ''}" + (f"?{own}" if own else "")
    wildcard = "*" in rebuilt or rebuilt.count("?") > 1
    return rebuilt == base and parts["scheme"] in {"http", "https"} and not wildcard


def _caution(url: str) -> str:
    """Name the hazard for which ours refuses a URL that clients do send unchanged."""
    parts = _PARTS.fullmatch(url)
    if parts is None:
        return ""
    segments = re.split(r"[/\\]", unquote(parts["path"] or ""))
    if ".." in segments or "." in segments:
        return "encoded separator beside a dot segment, which an origin may decode"
    if "xn--" in parts["host"]:
        return "Punycode that stands for no international name"
    if len(parts["host"]) > 253 or not all(map(_LABEL.fullmatch, parts["host"].split("."))):
        return "host that no name server can have"
    return ""


def why_normalised(url: str, ours: str) -> str:
    """Name the first difference between the input and what ours returned."""
    before, after = _PARTS.fullmatch(url), _PARTS.fullmatch(ours)
    assert before is not None
    assert after is not None
    if before["scheme"] != after["scheme"]:
        return "upper-case scheme"
    if before["host"] != after["host"]:
        if not before["host"].isascii():
            return "international host"
        return "upper-case host" if before["host"].lower() == after["host"] else "IP address"
    if before["port"] != after["port"]:
        return "default port, or a port with leading zeros"
    return _why_the_rest(before["path"], after["path"], before["query"] or "", after["query"])


def _why_the_rest(path: str | None, wire_path: str, query: str, wire_query: str) -> str:
    if path is None:
        return "no path"
    if path != wire_path:
        return f"{_difference(path, wire_path)} in the path"
    if query == "?":
        return "question mark without a query"
    return f"{_difference(query, wire_query)} in the query"


def _difference(before: str, after: str) -> str:
    for one, other in zip(before, after, strict=False):
        if one != other:
            if one == "%":
                return "escape of a character that needs none"
            if other != "%":
                return "escape in lower case"
            if not one.isascii():
                return "non-ASCII character"
            names = {" ": "space", "'": "apostrophe", "*": "asterisk", "?": "second question mark"}
            return names.get(one, "character that is not allowed raw")
    return "nothing"
