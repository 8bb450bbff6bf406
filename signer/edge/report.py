"""An exchange as the inspector shows it: plain JSON, credentials cut short."""

from __future__ import annotations

import json
import logging
import re
import shlex
from typing import TYPE_CHECKING
from urllib.parse import unquote

from signer.assumptions import Assumptions
from signer.cookies import COOKIE_NAMES
from signer.edge.exchange import Exchange
from signer.edge.hints import hints
from signer.edge.source import Progress
from signer.verdict import STEPS
from signer.viewer_request import cookie_pairs

if TYPE_CHECKING:
    from signer.policy import DecodedPolicy
    from signer.resource import MatchResult
    from signer.verdict import Verdict

_log = logging.getLogger(__name__)

SHOWN = 8
"""Characters of a signature or cookie that are shown: enough to compare, useless to replay."""

_SECRET_PARAMETER = re.compile(
    r"(?i)signature|x-amz-(?:signature|security-token)|(?:\w+[_-])?(?:token|secret|password)|code"
    r"|api[_-]?key|auth|session"
)
# Also in the text of a policy, where the URL ends with the string.
_PARAMETER = re.compile(r"""(?P<start>^|[?&])(?P<name>[^?&=\s"]*)=(?P<value>[^&#\s"\\]*)""")
_SECRET_HEADER = re.compile(r"token|key|secret|auth|cookie")
_SECTIONS = ("protocol", "domain", "path", "query")
_PLAIN_COOKIES = frozenset(
    {"CloudFront-Expires", "CloudFront-Key-Pair-Id", "CloudFront-Hash-Algorithm"}
)
_LONGEST = 300


def as_json(exchange: Exchange) -> str:
    """Describe an exchange in ASCII JSON without line breaks, whatever is in it."""
    try:
        return json.dumps(report(exchange))
    except Exception as error:  # noqa: BLE001 - see below
        # One request that cannot be described must not hide the others.
        _log.exception("request %s cannot be described", exchange.number)
        return json.dumps(_placeholder(exchange, type(error).__name__))


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
        "location": exchange.location,
        "version": exchange.version,
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


def _placeholder(exchange: Exchange, kind: str) -> dict[str, object]:
    """Return a report with the members of :func:`report`, made of what cannot fail."""
    arrival = exchange.arrival
    return {
        "number": exchange.number,
        "time": exchange.started,
        "method": arrival.method,
        "scheme": arrival.scheme,
        "host": arrival.host,
        "path": arrival.path,
        "query": "",
        "viewer": None,
        "status": exchange.status,
        "sent": exchange.sent,
        "seconds": exchange.seconds,
        "aborted": exchange.aborted,
        "reason": exchange.reason,
        "refusal": None,
        "failure": f"The inspector cannot describe this request ({kind}).",
        "location": exchange.location,
        "version": exchange.version,
        **dict.fromkeys(("behavior", "decision", "origin")),
        "hints": [],
        "cookies": [],
        "headers": [],
        "curl": "",
    }


def progress_report(progress: Progress) -> dict[str, object]:
    """Describe how far the edge locations have caught up."""
    return {
        "now": progress.now,
        "newest": progress.newest,
        "problem": progress.problem,
        "locations": [
            {
                "name": location.name,
                "delay": location.delay,
                "version": location.version,
                "since": location.since,
                "catches_up": location.catches_up,
                "trusted": {group: list(ids) for group, ids in location.trusted.items()},
            }
            for location in progress.locations
        ],
    }


def shortened(value: str) -> str:
    """Cut a credential after its first characters."""
    return value if len(value) <= SHOWN else f"{value[:SHOWN]}…"


def shortened_query(query: str) -> str:
    """Return a query, or text with URLs, with credentials cut short; the rest stays as it is."""
    return _PARAMETER.sub(_shortened_parameter, query)


def _shortened_parameter(found: re.Match[str]) -> str:
    # A URL that was escaped for HTML by mistake has names such as amp;Signature.
    name = unquote(found["name"]).rpartition(";")[2]
    if not _SECRET_PARAMETER.fullmatch(name):
        return found[0]
    return f"{found['start']}{found['name']}={shortened(found['value'])}"


def _shortened_cookie(name: str, value: str) -> str:
    return value[:_LONGEST] if name in _PLAIN_COOKIES else shortened(value)


def _decision(verdict: Verdict) -> dict[str, object]:
    sentences = Assumptions.describe()
    return {
        "allowed": verdict.allowed,
        "code": verdict.code,
        "message": verdict.message,
        "reason": verdict.reason,
        "detail": shortened_query(verdict.detail),
        "transport": verdict.transport,
        "kind": verdict.kind,
        "key_pair_id": verdict.key_pair_id,
        "key_group": verdict.key_group,
        "hash_algorithm": verdict.hash_algorithm,
        "checks": [
            {
                "name": check.name,
                "passed": check.passed,
                "detail": shortened_query(check.detail),
            }
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
        "resource": None if policy.resource is None else shortened_query(policy.resource),
        "date_less_than": policy.date_less_than,
        "date_greater_than": policy.date_greater_than,
        "ip_address": policy.ip_address,
        "text": shortened_query(policy.text),
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
        rows.append(
            {
                "section": section,
                "pattern": None if pattern is None else shortened_query(pattern),
                "url": None if part is None else shortened_query(part),
                "outcome": outcome,
            }
        )
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
            secret = _SECRET_HEADER.search(name)
            text = shortened(value) if secret else shortened_query(value)[:_LONGEST]
            shown.append({"name": name, "value": text})
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
