"""A request under explanation: everything that was read from it, in one place.

Detectors look at a :class:`Case` and nothing else.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field, replace
from datetime import UTC, tzinfo
from functools import cached_property
from typing import TYPE_CHECKING, Final, Literal, cast

from signer.explain.client_form import as_sent, html_unescaped
from signer.explain.cookie_lines import CookieFate, judge_cookies
from signer.explain.reading import ReadBase64, ReadPolicy, read_base64, read_policy
from signer.keys import HashAlgorithm, KeyAlgorithm, PublicKey
from signer.policy import canned_policy_text
from signer.resource import Sections, split_url
from signer.verifier import TrustedKeyGroup, Verifier
from signer.viewer_request import Presented, ViewerRequest, presented
from signer.wire import RESERVED_PARAMETERS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from signer.assumptions import Assumptions
    from signer.errors import SignerError
    from signer.verdict import Verdict

SignatureState = Literal["genuine", "wrong", "unchecked"]

_EPOCH: Final = re.compile(r"[0-9]{1,17}")
_DER_SEQUENCE: Final = 0x30
_RSA_BYTES: Final = 256
_P256_RAW_BYTES: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What is known beside the request; every field is optional.

    Attributes:
        issued_url: The URL as it was issued, when the viewer sent another one.
        hosts: Other host names of the distribution (its CNAMEs and its cloudfront.net name).
        set_cookies: ``Set-Cookie`` lines of the response that set the cookies.
        cookies_set_by: URL of that response; the request's own host when None.
        signing_key: Public half of the private key that signs.
        unusable_keys: Name of a key that was given, and why it could not be loaded.
        playlist: Text of the HLS playlist that the URL delivers.
        download_seconds: How long the download or playback takes.
        zone: The reader's time zone.
    """

    issued_url: str | None = None
    hosts: tuple[str, ...] = ()
    set_cookies: tuple[str, ...] = ()
    cookies_set_by: str | None = None
    signing_key: PublicKey | None = None
    unusable_keys: Mapping[str, SignerError] = field(default_factory=dict)
    playlist: str | None = None
    download_seconds: int | None = None
    zone: tzinfo = UTC


class _Unchecked:
    """Stands in for a public key that is not there, so that the other checks can be made."""

    algorithm = KeyAlgorithm.ECDSA_P256

    def verify(self, *_: object) -> bool:
        """Take the signature on trust."""
        return True


class Case:
    """One request, read once; attributes are computed when a detector first asks."""

    def __init__(
        self,
        request: ViewerRequest,
        *,
        keys: Mapping[str, PublicKey],
        assumptions: Assumptions | None,
        context: Context,
        now: float,
    ) -> None:
        self.context = context
        self.now = now
        self.pasted: str = _with_credentials(request.url, context.issued_url)
        self.url: str = as_sent(self.pasted)
        self.fates: tuple[CookieFate, ...] = judge_cookies(
            context.set_cookies, url=self.url, set_by=context.cookies_set_by, now=now
        )
        if context.set_cookies:
            request = replace(
                request, cookies=[(fate.name, fate.value) for fate in self.fates if fate.sent]
            )
        self.request: ViewerRequest = replace(request, url=self.url)
        self.shown: Presented = presented(self.request)
        # Signers append their parameters, so of two in a query the last is CloudFront's.
        which = -1 if self.shown.transport == "url" else 0
        self.values: dict[str, str] = {
            name: values[which] for name, values in self.shown.values.items()
        }
        self.key_pair_id: str = self.values.get("Key-Pair-Id", "")
        self.keys: dict[str, PublicKey] = dict(keys)
        if not self.keys and context.signing_key and self.key_pair_id:
            self.keys[self.key_pair_id] = context.signing_key
        self.assumptions = assumptions

    @cached_property
    def verdict(self) -> Verdict:
        """What the edge decides; with no key at hand, as if the signature were genuine."""
        return self._judged(self.request, self.keys) if self.keys else self.on_trust

    @cached_property
    def on_trust(self) -> Verdict:
        """What the edge would decide if key and signature were right."""
        return self.judged_on_trust(self.request)

    def _judged(self, request: ViewerRequest, keys: Mapping[str, PublicKey]) -> Verdict:
        request = replace(request, ip=request.ip or _address_in(self.policy_ip))
        verifier = Verifier([TrustedKeyGroup(keys)], assumptions=self.assumptions)
        return verifier.verify(request, now=self.now)

    def judged(self, request: ViewerRequest) -> Verdict:
        """Judge another request of the same viewer."""
        return self._judged(request, self.keys) if self.keys else self.judged_on_trust(request)

    def judged_on_trust(self, request: ViewerRequest) -> Verdict:
        """Judge another request of the same viewer, as if key and signature were right."""
        names = presented(request).values.get("Key-Pair-Id", [""])
        return self._judged(request, {names[0]: cast("PublicKey", _Unchecked())})

    @cached_property
    def signed_text(self) -> str | None:
        """The policy text that the signature ought to cover."""
        if self.policy is None:
            return None
        if self.kind == "custom":
            return self.policy.text
        return canned_policy_text(self.shown.url, self.values["Expires"])

    @property
    def cookies_switched_off(self) -> bool:
        """Whether a stray parameter keeps the edge from looking at complete cookies."""
        if self.shown.transport != "url" or missing_names(self.values.keys()) == []:
            return False
        return self.with_own_url.shown.transport == "cookies"

    @property
    def presigned(self) -> bool:
        """Whether the URL has S3's signature in its query."""
        return "X-Amz-Signature=" in self.url.partition("?")[2]

    @cached_property
    def html_escaped_names(self) -> list[str]:
        """CloudFront's parameters that do not arrive as such because of an HTML ``&amp;``."""
        repaired = presented(ViewerRequest(html_unescaped(self.pasted))).values
        return [name for name in repaired if name not in presented(ViewerRequest(self.url)).values]

    @cached_property
    def with_plain_ampersands(self) -> Case:
        """The same request with the URL as it was before it was escaped for HTML."""
        return Case(
            replace(self.request, url=html_unescaped(self.pasted)),
            keys=self.keys,
            assumptions=self.assumptions,
            context=self.context,
            now=self.now,
        )

    @cached_property
    def with_own_url(self) -> Case:
        """The same request without CloudFront's parameters in the URL."""
        return Case(
            replace(self.request, url=own_url(self.url)),
            keys=self.keys,
            assumptions=self.assumptions,
            context=replace(self.context, issued_url=None),
            now=self.now,
        )

    @cached_property
    def signature_state(self) -> SignatureState:
        """Whether the signature is genuine for what arrived, however badly it was encoded."""
        read, text = self.signature_base64, self.signed_text
        if self.key is None or text is None or read is None or not self.request.url:
            return "unchecked"
        message = text.encode("utf-8", errors="backslashreplace")
        genuine = (
            self.key.verify(signature, message, self.hash_algorithm)
            for signature in read.candidates
        )
        return "genuine" if any(genuine) else "wrong"

    @property
    def key(self) -> PublicKey | None:
        """The public key that the request names, if it was given."""
        return self.keys.get(self.key_pair_id)

    @property
    def kind(self) -> Literal["canned", "custom"] | None:
        """Kind of the policy, by what carries it."""
        if "Policy" in self.values:
            return "custom"
        return "canned" if "Expires" in self.values else None

    @property
    def hash_algorithm(self) -> HashAlgorithm:
        """The hash that the request names, in any spelling; SHA-1 when it names none."""
        named = self.values.get("Hash-Algorithm", "").upper().replace("-", "")
        return HashAlgorithm.SHA256 if named == "SHA256" else HashAlgorithm.SHA1

    @cached_property
    def policy_base64(self) -> ReadBase64 | None:
        """The Policy value, decoded with good will."""
        value = self.values.get("Policy")
        return None if value is None else read_base64(value)

    @cached_property
    def policy(self) -> ReadPolicy | None:
        """The policy, read with good will; a canned one as rebuilt from the request."""
        if self.policy_base64 is not None:
            read = [read_policy(data) for data in self.policy_base64.candidates]
            return next((policy for policy in read if policy.statements is not None), None) or (
                read[0] if read else None
            )
        expires = self.values.get("Expires")
        if expires is None:
            return None
        digits = expires.strip("\"' ").partition(".")[0]
        return ReadPolicy(
            text="",
            resource=self.shown.url or None,
            date_less_than=int(digits) if _EPOCH.fullmatch(digits) else None,
            statements=1,
        )

    @property
    def policy_ip(self) -> str | None:
        """The source address condition."""
        return self.policy.ip_address if self.policy else None

    @cached_property
    def signature_base64(self) -> ReadBase64 | None:
        """The Signature value, decoded with good will."""
        value = self.values.get("Signature")
        return None if value is None else read_base64(value)

    @property
    def signature(self) -> bytes:
        """The signature's likeliest bytes; empty when there are none."""
        candidates = self.signature_base64.candidates if self.signature_base64 else ()
        likely = [data for data in candidates if _looks_signed(data)]
        return (likely or list(candidates) or [b""])[0]

    @cached_property
    def sections(self) -> Sections | None:
        """The request's URL without CloudFront's parameters, in sections."""
        return split_url(self.shown.url)

    @property
    def runs(self) -> bool:
        """Whether the policy's end lies ahead."""
        end = self.policy.date_less_than if self.policy else None
        return end is not None and end > self.now


def missing_names(names: Collection[str]) -> list[str]:
    """Return what a set of parameter names lacks."""
    missing = [] if "Policy" in names or "Expires" in names else ["Expires or Policy"]
    return missing + [name for name in ("Signature", "Key-Pair-Id") if name not in names]


def own_url(url: str) -> str:
    """Return a URL without CloudFront's parameters, nothing else changed."""
    base, _, query = url.partition("?")
    own = "&".join(part for part in query.split("&") if not _is_reserved(part))
    return f"{base}?{own}" if own else base


def _with_credentials(url: str, issued: str | None) -> str:
    """Add the issued URL's parameters to the viewer's URL, unless it has its own."""
    if issued is None or _credentials(url):
        return url
    credentials = "&".join(_credentials(issued))
    if not credentials:
        return url
    return f"{url}{'&' if '?' in url else '?'}{credentials}"


def _credentials(url: str) -> list[str]:
    return [part for part in url.partition("?")[2].split("&") if _is_reserved(part)]


def _is_reserved(parameter: str) -> bool:
    return parameter.partition("=")[0] in RESERVED_PARAMETERS


def _address_in(condition: str | None) -> str | None:
    """Return an address that satisfies the condition, for requests whose viewer is not known."""
    try:
        network = ipaddress.IPv4Network(condition or "", strict=False)
    except ValueError:
        return None
    return str(network.network_address)


def _looks_signed(data: bytes) -> bool:
    return len(data) in {_RSA_BYTES, _P256_RAW_BYTES} or (
        len(data) > 1 and data[0] == _DER_SEQUENCE and data[1] == len(data) - 2
    )
