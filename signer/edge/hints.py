"""What to look at next, for each reason of a refusal; shown in the inspector."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from signer.cookies import COOKIE_NAMES
from signer.edge.exchange import Exchange
from signer.verdict import Verdict
from signer.viewer_request import cookie_pairs
from signer.wire import RESERVED_PARAMETERS

_SEND_AS_SIGNED = (
    "Send the URL exactly as it was signed: same scheme, host, port, encoding, query and order."
)
_HTML: Final = re.compile(rf"&(?:amp;)+(?:{'|'.join(RESERVED_PARAMETERS)})=", re.IGNORECASE)
HINTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "key_unknown": (
            "Compare the key pair id with the key groups that this behavior trusts, and check "
            "that the behavior is the one you meant: the first matching pattern wins."
        ),
        "policy_missing": "Send Expires (canned policy) or Policy (custom policy) as well.",
        "expires_malformed": "Expires is a plain number of seconds since 1970.",
        "policy_json": "The Policy is not base64 in CloudFront's alphabet over JSON.",
        "policy_statements": "A policy has exactly one statement, in a list.",
        "policy_members": "A policy has no other members than those that CloudFront documents.",
        "policy_date": "Dates are plain numbers of seconds, without quotes.",
        "date_range": "Dates are seconds since 1970; this one looks like milliseconds.",
        "hash_unknown": "Hash-Algorithm is SHA1 or SHA256, in upper case.",
        "signature_missing": "Send Signature as well; something may have cut the URL short.",
        "signature_malformed": (
            "CloudFront's base64 has - _ ~ where others have + = /, and keeps its padding."
        ),
        "signature_wrong": (
            f"{_SEND_AS_SIGNED} Otherwise the key, or its hash, is not the one that signed: "
            "SHA-256 needs Hash-Algorithm=SHA256 beside it."
        ),
        "resource_protocol": "The policy is for the other one of http and https.",
        "resource_domain": "The Resource names the host, and port, that viewers use.",
        "resource_path": "The path is not covered: compare the two lines below.",
        "resource_query": (
            "A Resource covers any query only when its path ends in *; otherwise the query is "
            "compared too."
        ),
        "resource_whole": "For cookies, the Resource is compared with the whole URL.",
        "wildcard_in_canned": "Use a custom policy for wildcards.",
        "expired": "Sign again; if it should still be valid, compare the clocks.",
        "not_yet_valid": "DateGreaterThan excludes the second it names; begin a minute earlier.",
        "ip_mismatch": (
            "The address of the TCP connection counts, not X-Forwarded-For; on one machine that "
            "is a loopback address."
        ),
        "duplicate": "Something added a parameter twice, or cookies of two paths overlap.",
        "dot_segment": "Ask for the path that remains when the dots are resolved.",
    }
)
"""One sentence for each reason that has a usual remedy."""


def hints(exchange: Exchange) -> list[str]:
    """Return what the person at the inspector should look at next."""
    verdict = exchange.verdict
    if verdict is None or verdict.allowed:
        return _of_origin(exchange)
    if _HTML.search(exchange.arrival.query):
        return [
            "The URL was escaped for HTML: write & instead of &amp; everywhere but in HTML itself."
        ]
    found = [HINTS[verdict.reason]] if verdict.reason in HINTS else []
    return found + (_of_cookies(exchange, verdict))


def _of_cookies(exchange: Exchange, verdict: Verdict) -> list[str]:
    names = {name for name, _ in cookie_pairs(exchange.arrival.cookies)}
    present = sorted(names.intersection(COOKIE_NAMES))
    if verdict.transport == "url" and present:
        parameters = {part.partition("=")[0] for part in exchange.arrival.query.split("&")}
        reserved = sorted(parameters.intersection(RESERVED_PARAMETERS))
        return [
            f"The signed cookies were not looked at, because the URL has {', '.join(reserved)}."
        ]
    if verdict.reason != "key_pair_id_missing":
        return []
    if present:
        return [f"Of the signed cookies only these arrived: {', '.join(present)}."]
    advice = (
        "No signed cookie arrived. Browsers leave cookies out when Domain, Path, Secure or "
        "SameSite do not fit, and scripts must ask for them (credentials: 'include')."
    )
    return [
        advice,
        *(["A preflight never carries cookies."] if exchange.arrival.method == "OPTIONS" else []),
    ]


def _of_origin(exchange: Exchange) -> list[str]:
    if exchange.reason == "origin_403":
        return ["This refusal comes from the origin; the signature had nothing to do with it."]
    if exchange.reason == "origin_failed":
        return ["The edge let the request through; see whether the origin is running."]
    return []
