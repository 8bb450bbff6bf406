"""Checking signed URLs and cookies as the edge does.

The order of the checks follows what is documented and observed of CloudFront: key pair id
present, key known, policy readable, hash known, signature readable, signature genuine, Resource,
dates, viewer IP. The first failure decides.

AWS sources: the pages named in :mod:`signer.viewer_request`, :mod:`signer.resource` and
:mod:`signer.policy`, and the troubleshooting article on re:Post for the error codes.

Nothing in a viewer's request makes :meth:`Verifier.verify` raise, and nothing is accepted on
doubt: where documentation is silent, :class:`signer.assumptions.Assumptions` decides.

Example:
    >>> from signer import TrustedKeyGroup, Verifier, ViewerRequest
    >>> verifier = Verifier([TrustedKeyGroup({})])
    >>> verdict = verifier.verify(ViewerRequest("https://cdn.example.com/films/a.mp4"))
    >>> verdict.allowed, verdict.code, verdict.reason
    (False, 'MissingKey', 'key_pair_id_missing')
"""

from __future__ import annotations

import ipaddress
import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn

from signer.assumptions import Assumptions, Duplicates
from signer.errors import PolicyError, UrlError
from signer.keys import HashAlgorithm, PublicKey
from signer.policy import DecodedPolicy, canned_policy_text, decode_policy
from signer.resource import MatchResult, match_cookie_resource, match_url_resource
from signer.verdict import MESSAGES, Check, Code, Kind, Verdict
from signer.viewer_request import Presented, ViewerRequest, presented
from signer.wire import MAX_URL_BYTES, decode_base64

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_EPOCH = re.compile(r"0|[1-9][0-9]{0,18}")
_DEFAULT_PORT = re.compile(r"\A(?:(https://[^/?]*):443|(http://[^/?]*):80)(?=[/?]|\Z)")
_HOST = re.compile(r"\A[a-z]+://[^/?]*")


@dataclass(frozen=True, slots=True)
class TrustedKeyGroup:
    """A key group that a cache behavior trusts.

    Attributes:
        keys: Key pair id to public key.
        name: For display.
    """

    keys: Mapping[str, PublicKey]
    name: str = ""


class Verifier:
    """Decides about viewer requests for one cache behavior.

    Immutable and safe to share between threads.
    """

    def __init__(
        self,
        groups: Iterable[TrustedKeyGroup],
        *,
        assumptions: Assumptions | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Collect the keys of all groups; a request may use any one of them.

        Args:
            groups: The behavior's trusted key groups.
            assumptions: Rules where documentation is silent; the cautious ones when None.
            clock: Returns seconds since 1970.
        """
        self._keys: dict[str, tuple[PublicKey, str]] = {
            key_pair_id: (key, group.name)
            for group in groups
            for key_pair_id, key in group.keys.items()
        }
        self._assumptions = assumptions or Assumptions()
        self._clock = clock

    def verify(self, request: ViewerRequest, *, now: float | None = None) -> Verdict:
        """Decide about a request. Never raises for anything a viewer sent.

        Args:
            request: The request as it arrived.
            now: Seconds since 1970; the clock's when None.
        """
        moment = self._clock() if now is None else now
        case = _Case(request, self._keys, self._assumptions, moment, presented(request))
        try:
            case.decide()
        except _Denied as denied:
            return case.verdict(denied)
        return case.verdict(None)


class _Denied(Exception):  # noqa: N818 - not an error: it ends a case and never leaves this module
    def __init__(self, code: Code, reason: str, detail: str) -> None:
        super().__init__(reason)
        self.code: Code = code
        self.reason = reason
        self.detail = detail


@dataclass(slots=True)
class _Case:
    """One request on its way through the checks."""

    request: ViewerRequest
    keys: Mapping[str, tuple[PublicKey, str]]
    rules: Assumptions
    now: float
    shown: Presented
    kind: Kind | None = None
    key_pair_id: str | None = None
    key_group: str | None = None
    hash_algorithm: HashAlgorithm = HashAlgorithm.SHA1
    policy: DecodedPolicy | None = None
    match: MatchResult | None = None
    checks: list[Check] = field(default_factory=list)
    leaned_on: list[str] = field(default_factory=list)

    def decide(self) -> None:
        """Run the checks in CloudFront's order."""
        if len(self.request.url) > MAX_URL_BYTES:
            self._fail(
                "size",
                "AccessDenied",
                "url_too_long",
                f"The URL is longer than {MAX_URL_BYTES} bytes.",
            )
        if self.request.method == "OPTIONS":
            self.leaned_on.append("options_needs_signature")
            if not self.rules.options_needs_signature:
                return
        key = self._key()
        policy = self._policy()
        self._hash()
        self._signature(key, policy)
        self._resource(policy)
        self._window(policy)
        self._viewer_ip(policy)

    def verdict(self, denied: _Denied | None) -> Verdict:
        """Sum up."""
        return Verdict(
            allowed=denied is None,
            code=denied.code if denied else None,
            message=MESSAGES[denied.code] if denied else None,
            reason=denied.reason if denied else "allowed",
            detail=denied.detail if denied else "The signature is genuine and covers the request.",
            transport=self.shown.transport,
            kind=self.kind,
            key_pair_id=self.key_pair_id,
            key_group=self.key_group,
            hash_algorithm=self.hash_algorithm.value if self.kind else None,
            policy=self.policy,
            match=self.match,
            assumptions=tuple(dict.fromkeys(self.leaned_on)),
            checks=tuple(self.checks),
        )

    def _key(self) -> PublicKey:
        key_pair_id = self._one("Key-Pair-Id", check="key present", code="MissingKey")
        if not key_pair_id:
            self._fail(
                "key present",
                "MissingKey",
                "key_pair_id_missing",
                "Neither the URL nor the cookies carry a key pair id."
                if self.shown.transport is None
                else f"The {self.shown.transport} credentials carry no key pair id.",
            )
        self.key_pair_id = key_pair_id
        self._pass("key present", f"key pair id found in the {self.shown.transport}")
        if key_pair_id not in self.keys:
            self._fail(
                "key known",
                "InvalidKey",
                "key_unknown",
                "No key group that this behavior trusts has the key pair id.",
            )
        key, self.key_group = self.keys[key_pair_id]
        self._pass("key known", f"{key.algorithm.value} key of {self.key_group or 'a key group'}")
        return key

    def _policy(self) -> DecodedPolicy:
        encoded = self._one("Policy", check="policy readable", code="MalformedPolicy")
        if encoded is not None and "Expires" in self.shown.values:
            self.leaned_on.append("policy_before_expires")
        if encoded is None or not (
            self.rules.policy_before_expires or "Expires" not in self.shown.values
        ):
            policy = self._canned_policy()
        else:
            policy = self._custom_policy(encoded)
        self.policy = policy
        dates = policy.date_less_than, policy.date_greater_than or 0
        if not all(0 <= date <= self.rules.latest_epoch_seconds for date in dates):
            self.leaned_on.append("latest_epoch_seconds")
            self._fail(
                "policy readable",
                "MalformedPolicy",
                "date_range",
                "A date is out of range; it may be in milliseconds.",
            )
        self._pass("policy readable", f"{self.kind} policy")
        return policy

    def _canned_policy(self) -> DecodedPolicy:
        self.kind = "canned"
        expires = self._one("Expires", check="policy readable", code="MalformedPolicy")
        if expires is None or not _EPOCH.fullmatch(expires):
            self._fail(
                "policy readable",
                "MalformedPolicy",
                "policy_missing" if expires is None else "expires_malformed",
                "There is neither a policy nor an expiry."
                if expires is None
                else "The expiry is not a plain number of seconds.",
            )
        resource = self._compared_url()
        return DecodedPolicy(
            resource=resource,
            date_less_than=int(expires),
            date_greater_than=None,
            ip_address=None,
            text=canned_policy_text(resource, expires),
        )

    def _custom_policy(self, encoded: str) -> DecodedPolicy:
        self.kind = "custom"
        try:
            return decode_policy(
                self._base64(encoded),
                bare_statement=self.rules.bare_statement,
                extra_members=self.rules.extra_members,
                duplicate_members=self.rules.duplicate_members,
            )
        except (UrlError, PolicyError) as error:
            self._fail(
                "policy readable", "MalformedPolicy", error.code, f"{error.message.capitalize()}."
            )

    def _hash(self) -> None:
        named = self._one("Hash-Algorithm", check="hash known", code="AccessDenied")
        if named is not None:
            if not self.rules.exact_hash_algorithm:
                named = named.upper()
            if named not in HashAlgorithm.__members__:
                self.leaned_on.append("exact_hash_algorithm")
                self._fail(
                    "hash known",
                    "AccessDenied",
                    "hash_unknown",
                    "Hash-Algorithm is neither SHA1 nor SHA256.",
                )
            self.hash_algorithm = HashAlgorithm[named]
        self._pass("hash known", self.hash_algorithm.value + ("" if named else " (not named)"))

    def _signature(self, key: PublicKey, policy: DecodedPolicy) -> None:
        encoded = self._one("Signature", check="signature readable", code="MalformedSignature")
        try:
            signature = self._base64(encoded or "")
        except UrlError:
            signature = b""
        if not signature:
            self._fail(
                "signature readable",
                "MalformedSignature",
                "signature_missing" if not encoded else "signature_malformed",
                "There is no signature."
                if not encoded
                else "The signature is not base64 in CloudFront's alphabet.",
            )
        self._pass("signature readable", f"{len(signature)} bytes")
        # Text that cannot be encoded was never signed; the replacement keeps it from matching.
        text = policy.text.encode("utf-8", errors="backslashreplace")
        if not key.verify(signature, text, self.hash_algorithm):
            self._fail(
                "signature genuine",
                "AccessDenied",
                "signature_wrong",
                "The signature does not belong to this policy, key and hash.",
            )
        self._pass("signature genuine", f"{key.algorithm.value} over {self.hash_algorithm.value}")

    def _resource(self, policy: DecodedPolicy) -> None:
        if self.kind == "canned":
            if "*" in (policy.resource or ""):
                self.leaned_on.append("wildcard_in_canned_policy")
                if not self.rules.wildcard_in_canned_policy:
                    self._fail(
                        "resource",
                        "AccessDenied",
                        "wildcard_in_canned",
                        "A canned policy names one URL and cannot contain a wildcard.",
                    )
        elif policy.resource is None:
            self._pass("resource", "the policy has no Resource and opens everything")
            return
        elif not (result := self._compare(policy.resource)).matched:
            self._fail(
                "resource",
                "AccessDenied",
                f"resource_{result.failed_section}",
                f"The Resource does not cover the URL: {result.failed_section}.",
            )
        self._pass("resource", "the Resource covers the URL")

    def _compare(self, resource: str) -> MatchResult:
        url = self._compared_url()
        http_star = self.rules.http_star_protocol
        if resource.startswith("http*"):
            self.leaned_on.append("http_star_protocol")
        if "\\?" in resource:
            self.leaned_on.append("escaped_query_delimiter")
            if not self.rules.escaped_query_delimiter:
                resource = resource.replace("\\?", "\\\0")  # a backslash that no URL has
        self.match = match_url_resource(resource, url, http_star=http_star)
        if self.shown.transport == "cookies":
            anywhere = match_cookie_resource(resource, url, http_star=http_star)
            if anywhere.matched != self.match.matched:
                self.leaned_on.append("cookie_wildcards_anywhere")
            if self.rules.cookie_wildcards_anywhere:
                self.match = anywhere
        return self.match

    def _compared_url(self) -> str:
        """Return the URL that signatures are compared with, as the assumptions have it."""
        url = self.shown.url
        if not self.rules.host_case_matters:
            url = _HOST.sub(lambda match: match[0].lower(), url)
        if not self.rules.default_port_matters:
            url = _DEFAULT_PORT.sub(lambda match: match[1] or match[2], url)
        return url

    def _window(self, policy: DecodedPolicy) -> None:
        skew = self.rules.clock_skew_seconds
        end, start = policy.date_less_than + skew, policy.date_greater_than
        if self.now >= end + (0 if self.rules.last_second_denied else 1):
            self._fail(
                "dates",
                "AccessDenied",
                "expired",
                f"Access ended {int(self.now - policy.date_less_than)} seconds ago.",
            )
        # "On or before" the second that is named: the whole of it is too early.
        if start is not None and int(self.now) <= start - skew:
            self._fail(
                "dates",
                "AccessDenied",
                "not_yet_valid",
                f"Access begins in {int(start - self.now) + 1} seconds.",
            )
        self._pass("dates", f"{int(policy.date_less_than - self.now)} seconds are left")

    def _viewer_ip(self, policy: DecodedPolicy) -> None:
        if policy.ip_address is None:
            return
        condition = policy.ip_address
        if "/" not in condition:
            self.leaned_on.append("bare_ip_is_one_host")
            if self.rules.bare_ip_is_one_host:
                condition += "/32"
        if not _ip_matches(condition, self.request.ip):
            self._fail(
                "viewer ip",
                "AccessDenied",
                "ip_mismatch" if self.request.ip else "ip_unknown",
                "The viewer's address is not in the policy's IPv4 range.",
            )
        self._pass("viewer ip", "the viewer's address is in the range")

    def _one(self, name: str, *, check: str, code: Code) -> str | None:
        """Return the one value of a parameter or cookie; None when it is absent."""
        values = self.shown.values.get(name)
        if values is None or len(values) == 1:
            return values[0] if values else None
        rule = "duplicate_parameters" if self.shown.transport == "url" else "duplicate_cookies"
        self.leaned_on.append(rule)
        choice: Duplicates = getattr(self.rules, rule)
        if choice == "deny":
            self._fail(check, code, "duplicate", f"{name} is given {len(values)} times.")
        return values[0 if choice == "first" else -1]

    def _base64(self, text: str) -> bytes:
        """Decode, after the repairs that the assumptions allow."""
        if re.search(r"[+=/]", text):
            self.leaned_on.append("standard_base64")
            if self.rules.standard_base64:
                text = text.translate(str.maketrans("+=/", "-_~"))
        if len(text) % 4:
            self.leaned_on.append("unpadded_base64")
            if self.rules.unpadded_base64:
                text += "_" * (-len(text) % 4)
        return decode_base64(text)

    def _pass(self, name: str, detail: str) -> None:
        self.checks.append(Check(name, passed=True, detail=detail))

    def _fail(self, name: str, code: Code, reason: str, detail: str) -> NoReturn:
        self.checks.append(Check(name, passed=False, detail=detail))
        raise _Denied(code, reason, detail)


def _ip_matches(condition: str, address: str | None) -> bool:
    """Compare as AWS documents: one IPv4 range with a mask, against an IPv4 viewer."""
    network, slash, mask = condition.partition("/")
    try:
        if not (slash and mask.isascii() and mask.isdigit()):
            return False
        return ipaddress.IPv4Address(address or "") in ipaddress.IPv4Network(
            f"{network}/{mask}", strict=False
        )
    except ValueError:
        return False
