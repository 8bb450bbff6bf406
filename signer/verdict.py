"""The decision about a viewer's request.

The five error codes and their messages are CloudFront's own. AWS source: "Troubleshoot signed
URL and signed cookie issues in CloudFront" on re:Post.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from signer.policy import DecodedPolicy
    from signer.resource import MatchResult
    from signer.viewer_request import Transport

Kind = Literal["canned", "custom"]
Code = Literal["MissingKey", "InvalidKey", "MalformedSignature", "MalformedPolicy", "AccessDenied"]

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


@dataclass(frozen=True, slots=True)
class Check:
    """One step of a decision, in the order in which the edge takes them."""

    name: str
    passed: bool
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The decision about one request, and everything that led to it.

    Attributes:
        allowed: Whether the edge would serve the request.
        code: CloudFront's error code; None when allowed.
        message: CloudFront's error message; None when allowed.
        reason: Our own, precise code in snake case; ``allowed`` when allowed.
        detail: The reason in a sentence.
        transport: Where the credentials were found.
        kind: Kind of the policy.
        key_pair_id: The id that the request names.
        key_group: Name of the trusted key group that has it.
        hash_algorithm: Hash under the signature.
        policy: The policy, as far as it could be read. Not trusted unless allowed.
        match: How the Resource compared with the URL, once it was compared.
        assumptions: Names of the :class:`Assumptions` on which the decision rests.
        checks: Every check that was made; the last one failed unless allowed.
    """

    allowed: bool
    code: Code | None
    message: str | None
    reason: str
    detail: str
    transport: Transport | None
    kind: Kind | None
    key_pair_id: str | None
    key_group: str | None
    hash_algorithm: str | None
    policy: DecodedPolicy | None
    match: MatchResult | None
    assumptions: tuple[str, ...]
    checks: tuple[Check, ...]

    @property
    def status(self) -> int:
        """HTTP status: 200 or 403."""
        return 200 if self.allowed else 403

    def xml_body(self) -> str:
        """Return the body of CloudFront's refusal; empty when allowed."""
        if self.allowed:
            return ""
        return (
            '<?xml version="1.0" encoding="UTF-8"?>'
            f"<Error><Code>{self.code}</Code><Message>{self.message}</Message></Error>"
        )
