"""An exchange as the inspector shows it: plain JSON, credentials cut short."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from signer.assumptions import Assumptions
from signer.cookies import COOKIE_NAMES
from signer.edge.exchange import Exchange
from signer.edge.hints import hints
from signer.verdict import STEPS
from signer.viewer_request import cookie_pairs

if TYPE_CHECKING:
    from signer.policy import DecodedPolicy
    from signer.resource import MatchResult
    from signer.verdict import Verdict

SHOWN = 8
"""Characters of a signature or cookie that are shown: enough to compare, useless to replay."""

_SECRET_PARAMETER = re.compile(
    r"(?i)signature|x-amz-(?:signature|security-token)|(?:access_|id_|refresh_)?token|code|password"
)
_SECRET_HEADERS = frozenset({"authorization", "proxy-authorization"})
_SECTIONS = ("protocol", "domain", "path", "query")
_PLAIN_COOKIES = frozenset(
    {"CloudFront-Expires", "CloudFront-Key-Pair-Id", "CloudFront-Hash-Algorithm"}
)
_LONGEST = 300


def report(exchange: Exchange) -> dict[str, object]:
    """Describe an exchange; every value in it came from a viewer or from us, none is markup."""
    arrival, behavior = exchange.arrival, exchange.behavior
    return {
        "number": exchange.number,
        "time": exchange.started,
        "method": arrival.method,
        "scheme": arrival.scheme,
        "host": arrival.host,
        "path": arrival.path,
        "query": shortened_query(arrival.query),
        "viewer": arrival.peer[0] if arrival.peer else None,
        "status": exchange.status,
        "sent": exchange.sent,
        "seconds": exchange.seconds,
        "aborted": exchange.aborted,
        "reason": exchange.reason,
        "refusal": exchange.refusal,
        "failure": exchange.failure,
        "hints": hints(exchange),
        "behavior": {
            "path_pattern": behavior.path_pattern,
            "origin": behavior.origin,
            "allowed_methods": behavior.allowed_methods,
            "trusted_key_groups": list(behavior.trusted_key_groups),
        }
        if behavior
        else None,
        "decision": _decision(exchange.verdict) if exchange.verdict is not None else None,
        "origin": _origin(exchange),
        "cookies": [
            {"name": name, "value": _shortened_cookie(name, value)}
            for name, value in cookie_pairs(arrival.cookies)
            if name
        ],
        "headers": _headers(exchange),
        "curl": _curl(exchange),
    }


def shortened(value: str) -> str:
    """Cut a credential after its first characters."""
    return value if len(value) <= SHOWN else f"{value[:SHOWN]}…"


def shortened_query(query: str) -> str:
    """Return a query with credentials in it cut short, otherwise byte for byte."""
    parts = []
    for part in query.split("&"):
        name, delimiter, value = part.partition("=")
        secret = _SECRET_PARAMETER.fullmatch(name)
        parts.append(name + delimiter + (shortened(value) if secret else value))
    return "&".join(parts)


def _shortened_cookie(name: str, value: str) -> str:
    return value[:_LONGEST] if name in _PLAIN_COOKIES else shortened(value)


def _decision(verdict: Verdict) -> dict[str, object]:
    sentences = Assumptions.describe()
    return {
        "allowed": verdict.allowed,
        "code": verdict.code,
        "message": verdict.message,
        "reason": verdict.reason,
        "detail": verdict.detail,
        "transport": verdict.transport,
        "kind": verdict.kind,
        "key_pair_id": verdict.key_pair_id,
        "key_group": verdict.key_group,
        "hash_algorithm": verdict.hash_algorithm,
        "checks": [
            {"name": check.name, "passed": check.passed, "detail": check.detail}
            for check in verdict.checks
        ],
        "not_reached": [] if verdict.allowed else list(STEPS[len(verdict.checks) :]),
        "assumptions": [
            {"name": name, "sentence": sentences.get(name, "")} for name in verdict.assumptions
        ],
        "policy": _policy(verdict.policy) if verdict.policy else None,
        "sections": _sections(verdict.match) if verdict.match else None,
    }


def _policy(policy: DecodedPolicy) -> dict[str, object]:
    return {
        "resource": policy.resource,
        "date_less_than": policy.date_less_than,
        "date_greater_than": policy.date_greater_than,
        "ip_address": policy.ip_address,
        "text": policy.text,
    }


def _sections(match: MatchResult) -> list[dict[str, object]] | None:
    """Put pattern and URL side by side; what comes behind the first mismatch was not compared."""
    if match.resource is None or match.url is None:
        return None
    rows: list[dict[str, object]] = []
    failed = False
    for section, pattern, part in zip(_SECTIONS, match.resource, match.url, strict=True):
        here = match.failed_section == section
        outcome = "differs" if here else "not compared" if failed else "matches"
        if match.failed_section in {"whole", "syntax"}:
            outcome = "compared as a whole"
        rows.append({"section": section, "pattern": pattern, "url": part, "outcome": outcome})
        failed = failed or here
    return rows


def _origin(exchange: Exchange) -> dict[str, object] | None:
    sent, behavior = exchange.forwarded, exchange.behavior
    if sent is None or behavior is None:
        return None
    return {
        "id": behavior.origin,
        "method": sent.request.method,
        "path": sent.request.path,
        "query": shortened_query(sent.request.query),
        "parameters_removed": list(sent.parameters),
        "cookies_removed": list(sent.cookies),
    }


def _headers(exchange: Exchange) -> list[dict[str, str]]:
    shown = []
    for raw_name, raw_value in exchange.arrival.headers:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        if name != "cookie":
            secret = name in _SECRET_HEADERS
            shown.append({"name": name, "value": shortened(value) if secret else value[:_LONGEST]})
    return shown


def _curl(exchange: Exchange) -> str:
    """Return the request as a command; with credentials cut short it shows, but opens nothing."""
    arrival = exchange.arrival
    query = shortened_query(arrival.query)
    url = f"{arrival.scheme}://{arrival.host}{arrival.path}" + (f"?{query}" if query else "")
    command = ["curl", "-i", "--path-as-is"]
    if arrival.method == "HEAD":
        command.append("--head")
    elif arrival.method != "GET":
        command += ["-X", arrival.method]
    for name in ("range", "if-none-match", "origin"):
        for value in arrival.values(name.encode()):
            command += ["-H", f"{name}: {value}"]
    cookies = [
        f"{name}={_shortened_cookie(name, value)}"
        for name, value in cookie_pairs(arrival.cookies)
        if name in COOKIE_NAMES
    ]
    if cookies:
        command += ["-H", f"cookie: {'; '.join(cookies)}"]
    return shlex.join([*command, url])
