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

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from signer.assumptions import Assumptions, Duplicates
from signer.conditions import (
    Denied,
    check_canned_resource,
    check_date_range,
    check_dates,
    check_dot_segments,
    check_viewer_ip,
    compare_resource,
    compared_url,
)
from signer.encoding import decode_base64
from signer.errors import PolicyError, UrlError
from signer.keys import HashAlgorithm, PublicKey
from signer.policy import DecodedPolicy, canned_policy_text, decode_policy, needed_leniencies
from signer.resource import MatchResult
from signer.verdict import Code, Kind, Step, Verdict
from signer.viewer_request import ViewerRequest, presented
from signer.wire import MAX_URL_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_WHY_ALLOWED = (
    "OPTIONS needs no signature, by assumption.",
    "The signature is genuine and covers the request.",
)
_HASH_ALGORITHMS = {item.value: item for item in HashAlgorithm}
_EPOCH = re.compile(r"0|[1-9][0-9]{0,18}")
_MAX_REQUEST_BYTES = 32_768  # quota page, "Maximum length of a request"
_STANDARD_TO_CLOUDFRONT = str.maketrans("+=/", "-_~")


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
        case = _Case(request, self._keys, self._assumptions, moment)
        try:
            case.decide()
        except Denied as denied:
            return case.verdict(denied)
        return case.verdict(None)


class _Case:
    """One request on its way through the checks."""

    def __init__(
        self,
        request: ViewerRequest,
        keys: Mapping[str, tuple[PublicKey, str]],
        rules: Assumptions,
        now: float,
    ) -> None:
        self._request = request
        self._keys = keys
        self._rules = rules
        self._now = now
        self._shown = presented(request, any_case=not rules.parameter_case_matters)
        self._policy: DecodedPolicy | None = None
        self._match: MatchResult | None = None
        self.kind: Kind | None = None
        self.key_pair_id: str | None = None
        self.key_group: str | None = None
        self.hash_algorithm: str | None = None
        self.leaned_on: list[str] = []

    def decide(self) -> None:
        """Run the checks in CloudFront's order."""
        if len(self._request.url) > MAX_URL_BYTES:
            raise Denied(
                "request form",
                "AccessDenied",
                "url_too_long",
                f"The URL is longer than {MAX_URL_BYTES} bytes.",
            )
        url = self._request.url
        # No client sends such a request; what an origin would make of it is anybody's guess.
        if not (url.isascii() and url.isprintable()) or " " in url or "#" in url:
            raise Denied(
                "request form",
                "AccessDenied",
                "url_malformed",
                "The URL has a character that no request may contain.",
            )
        if self._request.method == "OPTIONS":
            self.leaned_on.append("options_needs_signature")
            if not self._rules.options_needs_signature:
                return
        key = self._known_key()
        if not self._rules.policy_read_before_signature:
            self._read_signature()
        policy = self._read_policy()
        self._check_signature(key, policy, self._named_hash())
        self._check_resource(policy)
        rules, leaned_on = self._rules, self.leaned_on
        check_dates(self._now, policy.date_less_than, policy.date_greater_than, rules, leaned_on)
        if policy.ip_address is not None:
            check_viewer_ip(policy.ip_address, self._request.ip, rules, leaned_on)

    def verdict(self, denied: Denied | None) -> Verdict:
        """Sum up."""
        if denied or not self._rules.parameter_case_matters:
            self._lean_on_spelling()
        if denied and denied.step in {"policy readable", "signature readable"}:
            self._lean_on_order(denied)
        return Verdict(
            allowed=denied is None,
            code=denied.code if denied else None,
            failed_step=denied.step if denied else None,
            reason=denied.reason if denied else "allowed",
            detail=denied.detail if denied else _WHY_ALLOWED[self._policy is not None],
            now=self._now,
            transport=self._shown.transport,
            kind=self.kind,
            key_pair_id=self.key_pair_id,
            key_group=self.key_group,
            hash_algorithm=self.hash_algorithm,
            policy=self._policy,
            match=self._match,
            assumptions=tuple(dict.fromkeys(self.leaned_on)) if self.leaned_on else (),
        )

    def _lean_on_spelling(self) -> None:
        if presented(self._request, any_case=True) != presented(self._request):
            self.leaned_on.append("parameter_case_matters")

    def _lean_on_order(self, denied: Denied) -> None:
        other = self._read_policy if denied.step == "signature readable" else self._read_signature
        seen = len(self.leaned_on)
        try:
            other()
        except Denied:
            self.leaned_on[seen:] = ["policy_read_before_signature"]

    def _known_key(self) -> PublicKey:
        key_pair_id = self._one("Key-Pair-Id", step="key present", code="InvalidKey")
        if not key_pair_id:
            raise Denied(
                "key present",
                "MissingKey",
                "key_pair_id_missing",
                "Neither the URL nor the cookies carry a key pair id."
                if self._shown.transport is None
                else f"The {self._shown.transport} credentials carry no key pair id.",
            )
        self.key_pair_id = key_pair_id
        if key_pair_id not in self._keys:
            raise Denied(
                "key known",
                "InvalidKey",
                "key_unknown",
                "No key group that this behavior trusts has the key pair id.",
            )
        key, self.key_group = self._keys[key_pair_id]
        return key

    def _read_policy(self) -> DecodedPolicy:
        encoded = self._one("Policy", step="policy readable", code="MalformedPolicy")
        if encoded is not None and "Expires" in self._shown.values:
            self.leaned_on.append("policy_before_expires")
        if encoded is None or not (
            self._rules.policy_before_expires or "Expires" not in self._shown.values
        ):
            policy = self._canned_policy()
        else:
            policy = self._custom_policy(encoded)
        self._policy = policy
        end, start = policy.date_less_than, policy.date_greater_than or 0
        check_date_range(end, start, self._rules, self.leaned_on)
        return policy

    def _canned_policy(self) -> DecodedPolicy:
        self.kind = "canned"
        expires = self._one("Expires", step="policy readable", code="MalformedPolicy")
        if expires is None or not _EPOCH.fullmatch(expires):
            raise Denied(
                "policy readable",
                "MalformedPolicy",
                "policy_missing" if expires is None else "expires_malformed",
                "There is neither a policy nor an expiry."
                if expires is None
                else "The expiry is not a plain number of seconds.",
            )
        resource = compared_url(self._shown.url, self._rules, self.leaned_on)
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
            return self._decoded(self._base64(encoded))
        except (UrlError, PolicyError) as error:
            raise Denied(
                "policy readable",
                "MalformedPolicy",
                error.code,
                f"{error.message[0].upper()}{error.message[1:]}.",
            ) from None

    def _decoded(self, data: bytes) -> DecodedPolicy:
        try:
            return decode_policy(data)
        except PolicyError:
            self.leaned_on += needed_leniencies(data)
            return decode_policy(
                data,
                bare_statement=self._rules.bare_statement,
                extra_members=self._rules.extra_members,
                duplicate_members=self._rules.duplicate_members,
            )

    def _named_hash(self) -> HashAlgorithm:
        named = self._one("Hash-Algorithm", step="hash known", code="AccessDenied")
        if named is None:
            # CloudFront's default; SHA-256 must be named.
            named = "SHA1"
        elif named not in _HASH_ALGORITHMS:
            self.leaned_on.append("exact_hash_algorithm")
            lenient = named.upper()
            if lenient not in _HASH_ALGORITHMS or self._rules.exact_hash_algorithm:
                raise Denied(
                    "hash known",
                    "AccessDenied",
                    "hash_unknown",
                    "Hash-Algorithm is neither SHA1 nor SHA256.",
                )
            named = lenient
        self.hash_algorithm = named
        return _HASH_ALGORITHMS[named]

    def _read_signature(self) -> bytes:
        encoded = self._one("Signature", step="signature readable", code="MalformedSignature")
        try:
            signature = self._base64(encoded or "")
        except UrlError:
            signature = b""
        if not signature:
            raise Denied(
                "signature readable",
                "MalformedSignature",
                "signature_missing" if not encoded else "signature_malformed",
                "There is no signature."
                if not encoded
                else "The signature is not base64 in CloudFront's alphabet.",
            )
        return signature

    def _check_signature(
        self, key: PublicKey, policy: DecodedPolicy, hash_algorithm: HashAlgorithm
    ) -> None:
        signature = self._read_signature()
        # Text that cannot be encoded was never signed; the replacement keeps it from matching.
        text = policy.text.encode("utf-8", errors="backslashreplace")
        if not key.verify(signature, text, hash_algorithm):
            raise Denied(
                "signature genuine",
                "AccessDenied",
                "signature_wrong",
                "The signature does not belong to this policy, key and hash.",
            )

    def _check_resource(self, policy: DecodedPolicy) -> None:
        check_dot_segments(self._shown.url, self._rules, self.leaned_on)
        if policy.resource is None:
            return  # documented: the policy opens everything that the key signs for
        if self.kind == "canned":
            check_canned_resource(policy.resource, self._rules, self.leaned_on)
            return
        url = compared_url(self._shown.url, self._rules, self.leaned_on)
        self._match = compare_resource(
            policy.resource, url, self._shown.transport, self._rules, self.leaned_on
        )
        if not self._match.matched:
            raise Denied(
                "resource",
                "AccessDenied",
                f"resource_{self._match.failed_section}",
                f"The Resource does not cover the URL: {self._match.failed_section}.",
            )

    def _one(self, name: str, *, step: Step, code: Code) -> str | None:
        """Return the one value of a parameter or cookie; None when it is absent."""
        values = self._shown.values.get(name)
        if values is None or len(values) == 1:
            return values[0] if values else None
        rule = "duplicate_parameters" if self._shown.transport == "url" else "duplicate_cookies"
        self.leaned_on.append(rule)
        choice: Duplicates = getattr(self._rules, rule)
        if choice == "deny":
            raise Denied(step, code, "duplicate", f"{name} is given {len(values)} times.")
        return values[0 if choice == "first" else -1]

    def _base64(self, text: str) -> bytes:
        """Decode, after the repairs that the assumptions allow."""
        if len(text) > _MAX_REQUEST_BYTES:
            raise UrlError("base64_invalid", "the value is longer than a request may be")
        try:
            return decode_base64(text)
        except UrlError:
            if text != (repaired := text.translate(_STANDARD_TO_CLOUDFRONT)):
                self.leaned_on.append("standard_base64")
                text = repaired if self._rules.standard_base64 else text
            if len(text) % 4:
                self.leaned_on.append("unpadded_base64")
                text += "_" * (-len(text) % 4) if self._rules.unpadded_base64 else ""
            return decode_base64(text)
