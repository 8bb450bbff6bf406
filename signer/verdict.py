"""The decision about a viewer's request, and how it came about.

The five error codes and their messages are CloudFront's own. AWS source: "Troubleshoot signed
URL and signed cookie issues in CloudFront" on re:Post.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, get_args

if TYPE_CHECKING:
    from collections.abc import Mapping

    from signer.policy import DecodedPolicy
    from signer.resource import MatchResult
    from signer.viewer_request import Transport

Kind = Literal["canned", "custom"]
Code = Literal["MissingKey", "InvalidKey", "MalformedSignature", "MalformedPolicy", "AccessDenied"]
Step = Literal[
    "request form",
    "key present",
    "key known",
    "policy readable",
    "hash known",
    "signature readable",
    "signature genuine",
    "resource",
    "dates",
    "viewer ip",
]

STEPS: Final[tuple[Step, ...]] = get_args(Step)
"""The checks in the order in which the edge makes them."""

MESSAGES: Final[Mapping[Code, str]] = MappingProxyType(
    {
        "MissingKey": "Missing Key-Pair-Id query parameter or cookie value",
        "InvalidKey": "Unknown Key",
        "MalformedSignature": "Could not unencode Signature",
        "MalformedPolicy": "Malformed Policy",
        "AccessDenied": "Access denied",
    }
)
"""CloudFront's own message for each of its error codes."""


_WHY_PASSED: Final[Mapping[Step, str]] = MappingProxyType(
    {
        "request form": "The URL is well-formed and not too long.",
        "key present": "A key pair id is given in the {verdict.transport}: {verdict.key_pair_id}.",
        "key known": "The key is in the trusted key group {verdict.key_group}.",
        "policy readable": "The policy is {verdict.kind}.",
        "hash known": "The hash is {verdict.hash_algorithm}.",
        "signature readable": "The signature is well-formed base64.",
        "signature genuine": "The key made this signature over this policy.",
        "resource": "The Resource covers the URL.",
        "dates": "The dates are met.",
        "viewer ip": "Any address may use it.",
    }
)


class Check(NamedTuple):
    """One step of a decision."""

    name: Step
    passed: bool
    detail: str


class Verdict(NamedTuple):
    """The decision about one request; true in a condition only when it is to be served.

    Attributes:
        allowed: Whether the edge would serve the request.
        code: CloudFront's error code; None when allowed.
        failed_step: The check that decided; None when allowed.
        reason: Our own, precise code in snake case; ``allowed`` when allowed.
        detail: The reason in a sentence.
        now: The moment of the decision, seconds since 1970.
        transport: Where the credentials were found.
        kind: Kind of the policy.
        key_pair_id: The id that the request names.
        key_group: Name of the trusted key group that has it.
        hash_algorithm: Hash under the signature.
        policy: The policy, as far as it could be read. Not trusted unless allowed.
        match: How the Resource compared with the URL, once it was compared.
        assumptions: Names of the :class:`signer.assumptions.Assumptions` that mattered.
    """

    allowed: bool
    code: Code | None
    failed_step: Step | None
    reason: str
    detail: str
    now: float
    transport: Transport | None
    kind: Kind | None
    key_pair_id: str | None
    key_group: str | None
    hash_algorithm: str | None
    policy: DecodedPolicy | None
    match: MatchResult | None
    assumptions: tuple[str, ...]

    def __bool__(self) -> bool:
        """Be false for a refusal, so that ``if verifier.verify(request)`` is safe."""
        return self.allowed

    @property
    def message(self) -> str | None:
        """CloudFront's error message; None when allowed."""
        return None if self.code is None else MESSAGES[self.code]

    @property
    def status(self) -> int:
        """HTTP status: 200, 403, 400 for a malformed URL, or 414 for one that is too long."""
        if self.failed_step == "request form":
            return 414 if self.reason == "url_too_long" else 400
        return 200 if self.allowed else 403

    @property
    def checks(self) -> tuple[Check, ...]:
        """Every check that was made, in order; the last one failed unless allowed."""
        made: list[Check] = []
        exempt = self.allowed and self.policy is None
        for step in STEPS[:1] if exempt else STEPS:
            if step == self.failed_step:
                return (*made, Check(step, passed=False, detail=self.detail))
            made.append(Check(step, passed=True, detail=self._why_passed(step)))
        return tuple(made)

    def xml_body(self) -> str:
        """Return the body of CloudFront's refusal; empty when allowed."""
        if self.allowed:
            return ""
        return (
            '<?xml version="1.0" encoding="UTF-8"?>'
            f"<Error><Code>{self.code}</Code><Message>{self.message}</Message></Error>"
        )

    def _why_passed(self, step: Step) -> str:
        policy = self.policy
        if step == "key known" and not self.key_group:
            return "The key is in a trusted key group (unnamed)."
        if step == "dates" and policy:
            return f"{policy.date_less_than - int(self.now)} seconds are left."
        if step == "resource" and policy and policy.resource is None:
            return "The policy has no Resource, so it opens everything."
        if step == "viewer ip" and policy and policy.ip_address:
            return f"The viewer's address is in {policy.ip_address}."
        return _WHY_PASSED[step].format(verdict=self)
