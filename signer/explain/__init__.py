"""Explaining a signed URL or signed cookies: what they grant, and every reason for a 403.

Pure like the rest of the core: it looks at what it is given, asks no clock, opens nothing and
raises for nothing that a viewer sent. Signatures are tried against the usual accidents, at most a
few hundred of them.

Example:
    >>> from signer import ViewerRequest
    >>> from signer.explain import explain
    >>> url = "https://cdn.example.com/a.mp4?Expires=1700000000&Signature=&Key-Pair-Id=undefined"
    >>> for finding in explain(ViewerRequest(url), now=1_800_000_000).causes:
    ...     print(finding.cause, finding.title)
    2 The key pair id is empty or a placeholder
    9 Access has ended
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Final

from signer.assumptions import Assumptions
from signer.explain.case import Case, Context, SignatureState, own_url
from signer.explain.catalogue import CATALOGUE, Cause
from signer.explain.causes import DETECTORS
from signer.explain.causes.credentials import html_findings, presence_findings
from signer.explain.client_form import html_unescaped
from signer.explain.cookie_lines import split_cookie_text
from signer.explain.finding import Finding, Severity, noted, shown
from signer.explain.grant import Grant, grant_of
from signer.explain.moments import Moment, moment
from signer.explain.reading import read_base64, read_policy
from signer.keys import PublicKey
from signer.verdict import Verdict
from signer.verifier import TrustedKeyGroup
from signer.viewer_request import ViewerRequest, presented

__all__ = [
    "CATALOGUE",
    "Cause",
    "Context",
    "Explanation",
    "Finding",
    "Grant",
    "Moment",
    "Severity",
    "explain",
    "split_cookie_text",
]

_UNSEEN_BY_THE_VERIFIER: Final = frozenset(
    {"s3_host", "segments_unsigned", "raw_ecdsa", "signature_form"}
)
"""Codes that stand although nothing that the verifier could check is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Everything there is to say about a request.

    Attributes:
        url: The URL as sent, without CloudFront's parameters.
        now: The time for which it was explained.
        verdict: The edge's decision; with no public key, as if the signature were genuine.
        signature: Whether the signature is genuine, as far as that could be checked.
        grant: What the policy grants; None when there is no readable policy.
        findings: All findings, in the order in which the edge checks.
        assumptions: The undocumented rules that mattered, with a sentence each.
    """

    url: str
    now: Moment
    verdict: Verdict
    signature: SignatureState
    grant: Grant | None
    findings: tuple[Finding, ...]
    assumptions: Mapping[str, str]

    @property
    def refused(self) -> bool:
        """True when there is a reason why the request would be refused."""
        return bool(self.causes)

    @property
    def causes(self) -> tuple[Finding, ...]:
        """The reasons for a refusal."""
        return self._of("cause")

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """What may lead to a refusal elsewhere or later."""
        return self._of("warning")

    @property
    def notes(self) -> tuple[Finding, ...]:
        """What else is worth knowing."""
        return self._of("note")

    def to_dict(self) -> dict[str, object]:
        """Return everything as values that JSON can express."""
        return {
            "refused": self.refused,
            "code": self.verdict.code,
            "reason": self.verdict.reason,
            "url": self.url,
            "now": self.now.epoch,
            "signature": self.signature,
            "grant": asdict(self.grant) if self.grant else None,
            "causes": [asdict(finding) for finding in self.causes],
            "warnings": [asdict(finding) for finding in self.warnings],
            "notes": [asdict(finding) for finding in self.notes],
            "assumptions": dict(self.assumptions),
        }

    def _of(self, severity: Severity) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.severity == severity)


def explain(
    request: ViewerRequest,
    *,
    groups: Iterable[TrustedKeyGroup] = (),
    now: float,
    context: Context | None = None,
    assumptions: Assumptions | None = None,
) -> Explanation:
    """Explain a viewer's request.

    Args:
        request: The request. Its URL may be as written down rather than as sent, and empty when
            only cookies are to be explained.
        groups: The trusted key groups; with none the signature is not checked.
        now: Seconds since 1970 for which to explain.
        context: What else is known.
        assumptions: Rules where documentation is silent.
    """
    context = context or Context()
    if context.issued_url:
        context = replace(context, issued_url=html_unescaped(context.issued_url))
    keys: dict[str, PublicKey] = {}
    for group in groups:
        keys.update(group.keys)
    request, notes = _with_url(request, context)
    case = Case(
        request,
        keys=keys if request.url else {},
        assumptions=assumptions,
        context=context if request.url else replace(context, signing_key=None),
        now=now,
    )
    verdict, found = case.verdict, []
    if case.html_escaped_names:
        # As for the rest, only the unescaped URL tells; and no signature is left in what is shown.
        found = list(html_findings(case))
        case = case.with_plain_ampersands
    elif case.cookies_switched_off:
        # What is wrong with the cookies would be the next surprise.
        found = list(presence_findings(case))
        case = case.with_own_url
    found += [finding for detector in DETECTORS for finding in detector(case)]
    sentences = Assumptions.describe()
    return Explanation(
        url=shown(case.shown.url, limit=10_000),
        now=moment(int(now), now=now, zone=context.zone),
        verdict=verdict,
        signature=case.signature_state,
        grant=grant_of(case),
        findings=(*_reconciled(found, verdict), *notes),
        assumptions={name: sentences[name] for name in verdict.assumptions},
    )


def _with_url(request: ViewerRequest, context: Context) -> tuple[ViewerRequest, list[Finding]]:
    """Stand in for a URL that was not given with one that the cookies' Resource covers."""
    if request.url:
        return request, []
    if context.issued_url:
        return replace(request, url=own_url(context.issued_url)), []
    lines = [line.partition(";")[0].strip() for line in context.set_cookies]
    shown_cookies = presented(replace(request, cookies="; ".join(lines)) if lines else request)
    policies = read_base64(shown_cookies.values.get("Policy", [""])[0]).candidates
    resource = read_policy(policies[0]).resource if policies else None
    note = noted(
        "url_unknown",
        "No URL was given",
        "What was compared is a URL that the Resource covers."
        if resource
        else "The signature of a canned policy cannot be checked without it.",
        advice="Give the URL that was refused.",
    )
    return replace(request, url=_sample(resource or "")), [note]


def _sample(resource: str) -> str:
    """Return a plain URL that a Resource covers, if it is one that covers URLs at all."""
    scheme, separator, rest = resource.partition("://")
    if not separator:
        return ""
    host, slash, path = rest.replace("\\?", "?").partition("/")
    name = host.replace("*.", "www.").replace("*", "") or "www.example.com"
    return f"{scheme.replace('*', '') or 'https'}://{name}/{path.replace('*', '') if slash else ''}"


def _reconciled(findings: list[Finding], verdict: Verdict) -> list[Finding]:
    """Bring findings and verdict into line: none refuses what the edge serves, and vice versa."""
    unique = list(dict.fromkeys(findings))
    if verdict.allowed:
        return [
            replace(finding, severity="warning")
            if finding.severity == "cause" and finding.code not in _UNSEEN_BY_THE_VERIFIER
            else finding
            for finding in unique
        ]
    if any(finding.severity == "cause" for finding in unique):
        return unique
    plain = Finding(
        cause=None,
        code=verdict.reason,
        title=f"The edge refuses it: {verdict.code}",
        seen=verdict.detail,
        advice="Compare it with a URL that signer url issues.",
    )
    return [plain, *unique]
