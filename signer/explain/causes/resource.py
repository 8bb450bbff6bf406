"""The Resource against the URL."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from signer.errors import ResourceError
from signer.explain.case import Case
from signer.explain.finding import Finding, found, shown
from signer.explain.url_variants import url_variants
from signer.resource import (
    MatchResult,
    Sections,
    match_cookie_resource,
    match_url_resource,
    split_resource,
    wire_resource,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_S3: Final = re.compile(
    r"(?:.+\.)?s3(?:[.-][a-z0-9-]+)*\.amazonaws\.com(?:\.cn)?(?::[0-9]+)?", re.IGNORECASE
)
_PRESIGNED: Final = (
    "S3 checks it, not CloudFront: it ends X-Amz-Expires seconds after X-Amz-Date, or with the "
    "credentials that signed it. signer s3-url makes a new one."
)
_AMAZON: Final = re.compile(r"(?:.+\.)?amazonaws\.com(?:\.cn)?(?::[0-9]+)?", re.IGNORECASE)


def s3_findings(case: Case) -> Iterator[Finding]:
    """Find the bucket's host in the URL or in the Resource (8)."""
    resource = split_resource(case.policy.resource or "") if case.policy else None
    if case.sections and _AMAZON.fullmatch(case.sections.domain):
        bucket = _S3.fullmatch(case.sections.domain)
        name = shown(case.sections.domain, limit=100)
        if bucket and case.presigned:
            yield found(8, f"The URL is presigned for {name}.", advice=_PRESIGNED)
            return
        yield found(8, f"The host {name} is {'an S3 bucket' if bucket else 'not CloudFront'}.")
    elif resource and case.kind == "custom" and _S3.fullmatch(resource.domain):
        yield found(8, f"The Resource names the bucket {shown(resource.domain, limit=100)}.")


def wildcard_findings(case: Case) -> Iterator[Finding]:
    """Find a wildcard in a URL with a canned policy (32)."""
    if case.kind == "canned" and "*" in case.shown.url:
        refused = case.on_trust.reason == "wildcard_in_canned"
        yield found(
            32,
            f"The URL {shown(case.shown.url)} has a * and the policy is canned.",
            severity="cause" if refused else "warning",
        )


def match_findings(case: Case) -> Iterator[Finding]:
    """Say which section of a custom Resource failed, and why (15-17, 28-30)."""
    resource = case.policy.resource if case.policy else None
    if case.kind != "custom" or resource is None or case.sections is None:
        return
    result = _match(case, resource, case.shown.url)
    if result.matched:
        return
    by_section = match_url_resource(resource, case.shown.url)
    section = by_section.failed_section or result.failed_section
    pattern, url = by_section.resource, case.sections
    if pattern is None or section == "syntax":
        yield found(30, f"{shown(resource)!r} is no URL pattern: it has no scheme.")
    elif section == "protocol":
        yield _scheme(case, pattern, url)
    elif section == "domain":
        yield _host(pattern, url)
    else:
        yield _rewritten(case, resource) or _path_or_query(pattern, url, section)


def _match(case: Case, resource: str, url: str) -> MatchResult:
    if case.shown.transport == "cookies":
        return match_cookie_resource(resource, url)
    return match_url_resource(resource, url)


def _scheme(case: Case, pattern: Sections, url: Sections) -> Finding:
    if pattern.protocol in {"http", "https"}:
        return found(29, f"The Resource is for {pattern.protocol}, requested was {url.protocol}.")
    advice = "Begin it with https://; *:// is for signed URLs only, not for cookies."
    name = shown(pattern.protocol, limit=40)
    transport = "cookies" if case.shown.transport == "cookies" else "a signed URL"
    return found(30, f"The protocol {name}:// does not count with {transport}.", advice=advice)


def _host(pattern: Sections, url: Sections) -> Finding:
    signed, arrived = shown(pattern.domain, limit=100), shown(url.domain, limit=100)
    seen = f"The Resource is for the host {signed}, requested was {arrived}."
    if pattern.domain.lower() == url.domain.lower():
        return found(28, seen, advice="Sign host names in lower case; clients send them so.")
    if _S3.fullmatch(pattern.domain):
        return found(28, seen, advice="Sign the distribution's host name, not the bucket's.")
    if pattern.domain.startswith("*.") and url.domain == pattern.domain[2:]:
        return found(28, seen, advice="*. needs a subdomain; name the bare domain as well.")
    return found(28, seen)


def _rewritten(case: Case, resource: str) -> Finding | None:
    """Find a spelling of the URL, or of the Resource, with which they would match."""
    try:
        encoded = wire_resource(resource)
    except ResourceError:
        encoded = resource
    if encoded != resource and _match(case, encoded, case.shown.url).matched:
        return found(17, f"The Resource {shown(resource)} is not percent-encoded.")
    for variant in url_variants(case):
        if variant.cause in {15, 16, 17} and _match(case, resource, variant.url).matched:
            return _attributed(case, variant.cause, variant.seen)
    return None


def _attributed(case: Case, cause: int, seen: str) -> Finding | None:
    """Tell an added parameter from a Resource that ought to cover the query."""
    issued = case.context.issued_url
    resource = (case.policy.resource if case.policy else None) or ""
    wild = "*" in resource
    if cause == 15 and wild and issued is None:  # noqa: PLR2004 - the cause's number
        return None
    return found(cause, seen)


def _path_or_query(pattern: Sections, url: Sections, section: str | None) -> Finding:
    path, query = shown(pattern.path), shown(pattern.query or "")
    seen = f"The {section} did not match: the Resource has {path}" + (f"?{query}" if query else "")
    seen += f", requested was {shown(url.path)}" + (f"?{shown(url.query)}" if url.query else "")
    return found(30, f"{seen}.", advice=_hint(pattern, url, section))


def _hint(pattern: Sections, url: Sections, section: str | None) -> str | None:
    """Name the slip behind a path or query that does not match."""
    if section == "query" and "*" in pattern.path:
        return "End the Resource in *: a pattern such as *.m3u8 does not cover a query."
    if section == "query" or (pattern.query is not None and url.query is None):
        return (
            "The first ? of a Resource opens the query and stands for no character of the path; "
            "end the Resource in * to cover any query."
        )
    if pattern.path == "/" and pattern.protocol == "*":
        return "Without a path the pattern covers the root / only; add /*."
    if _matches_in_lower_case(pattern.path, url):
        return "Paths are compared in the case in which they are written."
    if pattern.path.endswith("/") and url.path.startswith(pattern.path):
        return "A directory covers what is below it only with a * at its end."
    outside = "The request is outside the Resource; sign one that includes it."
    return outside if pattern.path.endswith("*") else None


def _matches_in_lower_case(path: str, url: Sections) -> bool:
    origin = f"{url.protocol}://{url.domain}"
    return match_url_resource(origin + path.lower(), origin + url.path.lower()).matched
