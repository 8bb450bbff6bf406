"""The conditions of a policy whose signature is genuine: Resource, dates, viewer IP.

Each function raises :class:`Denied` or returns; the names of the assumptions that its answer
rests on are appended to ``leaned_on``.
"""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING

from signer.assumptions import Assumptions
from signer.resource import MatchResult, match_cookie_resource, match_url_resource
from signer.wire import normal_escapes

if TYPE_CHECKING:
    from signer.verdict import Code, Step
    from signer.viewer_request import Transport

_PLAIN_ORIGIN = re.compile(r"https?://[a-z0-9.-]+/")
_HOST = re.compile(r"[a-z]+://[^/?]*")
_DEFAULT_PORT = re.compile(
    r"(?P<origin>https://[^/?:]+(?=:443[/?])|http://[^/?:]+(?=:80[/?])):[0-9]+", re.IGNORECASE
)
# An origin may take encoded slashes and backslashes for separators too.
_DOT_SEGMENT = re.compile(r"(?:/|\\|%2f|%5c)(?:\.|%2e){1,2}(?:/|\\|%2f|%5c|\Z)", re.IGNORECASE)
_MOST_WILDCARDS = Assumptions().most_wildcards
_DOCUMENTED_LATEST = Assumptions().latest_epoch_seconds
_NEAR = 300  # seconds within which clock skew may explain a refusal


class Denied(Exception):  # noqa: N818 - a decision, not an error; verifiers turn it into a verdict
    """Ends the checks; never leaves the verifier."""

    def __init__(self, step: Step, code: Code, reason: str, detail: str) -> None:
        super().__init__(reason)
        self.step: Step = step
        self.code: Code = code
        self.reason = reason
        self.detail = detail


def compared_url(url: str, rules: Assumptions, leaned_on: list[str]) -> str:
    """Return the URL with which Resources are compared, as the assumptions have it."""
    if _PLAIN_ORIGIN.match(url):
        return _compared_escapes(url, rules, leaned_on)
    host = _HOST.match(url)
    if host and host[0] != host[0].lower():
        leaned_on.append("host_case_matters")
        if not rules.host_case_matters:
            url = host[0].lower() + url[host.end() :]
    if port := _DEFAULT_PORT.match(url):
        leaned_on.append("default_port_matters")
        if not rules.default_port_matters:
            url = port["origin"] + url[port.end() :]
    return _compared_escapes(url, rules, leaned_on)


def _compared_escapes(text: str, rules: Assumptions, leaned_on: list[str]) -> str:
    if "%" not in text or (normal := normal_escapes(text)) == text:
        return text
    leaned_on.append("percent_encoding_matters")
    return text if rules.percent_encoding_matters else normal


def check_dot_segments(url: str, rules: Assumptions, leaned_on: list[str]) -> None:
    """Refuse a path that may lead elsewhere than the Resource does; no client sends one."""
    if "/." not in url and "%" not in url and "\\" not in url:
        return
    path = url.partition("?")[0]
    if _DOT_SEGMENT.search(path, path.find("/", path.find("://") + 3)) is None:
        return
    leaned_on.append("dot_segments_denied")
    if rules.dot_segments_denied:
        raise Denied(
            "resource",
            "AccessDenied",
            "dot_segment",
            "The path has a . or .. segment, so what the Resource covers may not be what the "
            "origin serves.",
        )


def check_canned_resource(url: str, rules: Assumptions, leaned_on: list[str]) -> None:
    """Refuse a wildcard; that the URL is the signed one follows from the signature.

    A backslash is refused like one: the text of a custom policy may escape a ``?`` with it.
    """
    if "*" not in url and "\\" not in url:
        return
    leaned_on.append("wildcard_in_canned_policy")
    if not rules.wildcard_in_canned_policy:
        raise Denied(
            "resource",
            "AccessDenied",
            "wildcard_in_canned",
            "A canned policy names one URL and cannot contain a wildcard.",
        )


def _has_too_many_wildcards(resource: str, rules: Assumptions, leaned_on: list[str]) -> bool:
    wildcards = resource.count("*") + resource.count("?")
    if wildcards > min(rules.most_wildcards, _MOST_WILDCARDS):
        leaned_on.append("most_wildcards")
    return wildcards > rules.most_wildcards


def compare_resource(
    resource: str, url: str, transport: Transport | None, rules: Assumptions, leaned_on: list[str]
) -> MatchResult:
    """Compare by the rules of the transport's documentation page."""
    http_star = rules.http_star_protocol
    if _has_too_many_wildcards(resource, rules, leaned_on):
        return MatchResult(matched=False, failed_section="syntax")
    resource = _compared_escapes(resource, rules, leaned_on)
    if resource.startswith("http*"):
        leaned_on.append("http_star_protocol")
    if "\\?" in resource:
        leaned_on.append("escaped_query_delimiter")
        if not rules.escaped_query_delimiter:
            return MatchResult(matched=False, failed_section="syntax")
    result = match_url_resource(resource, url, http_star=http_star)
    if transport == "cookies":
        anywhere = match_cookie_resource(resource, url, http_star=http_star)
        if anywhere.matched != result.matched:
            leaned_on.append("cookie_wildcards_anywhere")
        if rules.cookie_wildcards_anywhere:
            return anywhere
    return result


def check_date_range(end: int, start: int, rules: Assumptions, leaned_on: list[str]) -> None:
    """Refuse dates that CloudFront cannot mean."""
    latest, highest = rules.latest_epoch_seconds, max(end, start)
    if highest > min(latest, _DOCUMENTED_LATEST):
        leaned_on.append("latest_epoch_seconds")
    if highest > latest or min(end, start) < 0:
        raise Denied(
            "policy readable",
            "MalformedPolicy",
            "date_range",
            "A date is out of range; it may be in milliseconds.",
        )


def check_dates(
    now: float, end: int, start: int | None, rules: Assumptions, leaned_on: list[str]
) -> None:
    """Refuse a request that arrives too late or too early."""
    skew = rules.clock_skew_seconds
    if end + skew <= now < end + skew + 1:
        leaned_on.append("last_second_denied")
    near = max(_NEAR, abs(skew) + 1)
    if abs(now - end) < near or (start is not None and abs(now - start) < near):
        leaned_on.append("clock_skew_seconds")
    if now >= end + skew + (not rules.last_second_denied):
        raise Denied(
            "dates", "AccessDenied", "expired", f"Access ended {int(now - end)} seconds ago."
        )
    # "On or before" the second that is named: the whole of it is too early.
    if start is not None and int(now) <= start - skew:
        raise Denied(
            "dates",
            "AccessDenied",
            "not_yet_valid",
            f"Access begins in {start - int(now) + 1} seconds.",
        )


def check_viewer_ip(
    condition: str, address: str | None, rules: Assumptions, leaned_on: list[str]
) -> None:
    """Refuse a viewer outside the policy's IPv4 range, or whose address is not IPv4."""
    if "/" not in condition:
        leaned_on.append("bare_ip_is_one_host")
        if rules.bare_ip_is_one_host:
            condition += "/128" if ":" in condition else "/32"
    if ":" in condition:
        leaned_on.append("ipv6_ranges")
    viewer = _address(address, rules, leaned_on)
    version = 6 if rules.ipv6_ranges and ":" in condition else 4
    if viewer is None or viewer.version != version or not _is_in_range(condition, viewer):
        raise Denied(
            "viewer ip",
            "AccessDenied",
            "ip_mismatch" if address else "ip_unknown",
            "The viewer's address is not in the policy's IPv4 range.",
        )


def _address(
    address: str | None, rules: Assumptions, leaned_on: list[str]
) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        viewer = ipaddress.ip_address(address or "")
    except ValueError:
        return None
    if isinstance(viewer, ipaddress.IPv6Address) and viewer.ipv4_mapped:
        leaned_on.append("mapped_ipv4_viewer")
        return viewer.ipv4_mapped if rules.mapped_ipv4_viewer else viewer
    return viewer


def _is_in_range(condition: str, viewer: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    network, slash, mask = condition.partition("/")
    if not (slash and mask.isascii() and mask.isdigit()):
        return False
    try:
        return viewer in ipaddress.ip_network(f"{network}/{mask}", strict=False)
    except ValueError:
        return False
