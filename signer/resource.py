r"""Resources: the patterns in a custom policy, and what they match.

Two pages of the CloudFront developer guide describe the same field differently, so there are two
matchers:

* signed URLs (private-content-creating-signed-url-custom-policy): the pattern is split into
  protocol, domain, path and query, and a wildcard matches only inside its own section. ``*`` is
  any number of characters, ``?`` exactly one. A ``*`` that ends the path also covers any query;
  a ``*`` that ends a pattern without a path covers every path and query; a lone ``*`` covers
  every URL; a pattern without a protocol that begins with ``*`` has protocol ``*``.
* signed cookies (private-content-setting-signed-cookie-custom-policy): the pattern begins with
  ``http://`` or ``https://`` and wildcards match anywhere in the string.

The ``?`` that opens a query is the first one. Older texts of the page wanted it written ``\?``;
both spellings are understood, the bare one is written (docs/decisions/0003).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from signer.errors import ResourceError, UrlError, excerpt
from signer.host import host_label, host_name, port_suffix, split_authority
from signer.wire import refuse_hazards, reserved_names, wire_path, wire_query

MAX_WILDCARDS = 64
"""Most wildcards in a Resource that we sign or match; comparing more would take noticeable time."""

PROTOCOLS = ("http", "https", "*", "http*")
"""Protocols a Resource may name. ``http*`` is old usage that is common in the field."""

_PROTOCOL = re.compile(r"(?P<protocol>[^:/?]*)://(?P<rest>.*)", re.DOTALL)
_URL = re.compile(r"(?P<protocol>[a-z]+)://(?P<domain>[^/?]*)(?P<path>/[^?]*)(?:\?(?P<query>.*))?")
_CHARACTER = re.compile(r"\\\?|.", re.DOTALL)
_WILD_LABEL = re.compile(r"[a-z0-9_*-]{1,63}")
_SHARED_DOMAINS = (".cloudfront.net", ".amazonaws.com")
_REGISTRABLE = re.compile(r"\.[a-z0-9_-]+\.[a-z0-9_-]+$")


class Sections(NamedTuple):
    """The four sections of a Resource or URL; ``query`` is None when there is no ``?``."""

    protocol: str
    domain: str
    path: str
    query: str | None


class MatchResult(NamedTuple):
    """Whether a Resource covers a URL, and the first section that does not.

    Attributes:
        matched: True when it does.
        failed_section: ``protocol``, ``domain``, ``path``, ``query``, ``whole`` (matchers
            without sections) or ``syntax`` (not a Resource at all); None when matched.
        resource: The sections of the Resource, when it has any.
        url: The sections of the URL, when it has any.
    """

    matched: bool
    failed_section: str | None = None
    resource: Sections | None = None
    url: Sections | None = None


def is_exact(resource: str) -> bool:
    """Tell whether a Resource names one URL: no wildcard, a plain protocol."""
    return (
        resource.startswith(("https://", "http://"))
        and "*" not in resource
        and resource.count("?") <= 1
        and "\\" not in resource
    )


def is_entire_distribution(resource: str) -> bool:
    """Tell whether a Resource opens a whole site, or hosts that it does not name.

    True for a lone ``*``, for a host without two literal labels at its end, for a host that ends
    in ``*`` with nothing behind it, for every host under a domain that many owners share, and
    for a path made of slashes and wildcards only.
    """
    sections = split_resource(resource)
    if sections is None:
        return True
    host = sections.domain.partition(":")[0]
    if "*" in host and (not _REGISTRABLE.search(host) or host.endswith(_SHARED_DOMAINS)):
        return True
    return "*" in sections.path and not sections.path.strip("/*?")


def wire_resource(resource: str) -> str:
    """Return a Resource in the one form that is signed.

    Args:
        resource: URL or pattern. It decides about access: never build it from a user's string
            without :func:`signer.wire.object_key_path`.

    Returns:
        The pattern in ASCII: protocol and host in lower case, characters encoded as
        :func:`signer.wire.wire_url` encodes them, a protocol in front.

    Raises:
        ResourceError: Hazardous characters, unknown protocol, malformed host, or CloudFront's own
            parameters in the query.
    """
    try:
        return _normalise(resource)
    except UrlError as error:
        raise ResourceError(
            error.code, f"in the Resource, {error.message}", advice=error.advice, **error.evidence
        ) from None


def _normalise(resource: str) -> str:
    if not isinstance(resource, str):
        raise ResourceError(
            "resource_type", f"a Resource must be a str, not {type(resource).__name__}"
        )
    refuse_hazards(resource)
    if resource == "*":
        return resource
    sections = split_resource(resource)
    protocol = sections.protocol.lower() if sections else ""
    if sections is None or protocol not in PROTOCOLS:
        raise ResourceError(
            "resource_protocol",
            f"the Resource {excerpt(resource)} does not begin with http://, https:// or *://",
        )
    _refuse_reserved(sections.query or "")
    if resource.count("*") + resource.count("?") > MAX_WILDCARDS:
        raise ResourceError(
            "resource_wildcards", f"the Resource has more than {MAX_WILDCARDS} wildcards"
        )
    query = wire_query(sections.query or "", wildcards=True)
    domain = _wire_domain(sections.domain, protocol)
    path = "" if sections.path == "*" else wire_path(sections.path)
    return f"{protocol}://{domain}{path}" + (f"?{query}" if query else "")


def _wire_domain(domain: str, protocol: str) -> str:
    host, port = split_authority(domain)
    suffix = port_suffix(protocol, port)
    if "*" not in host:
        return host_name(host) + suffix
    labels = host.split(".")
    for index, label in enumerate(labels):
        lowered = label.lower()
        if "*" not in label:
            labels[index] = host_label(label)
        elif _WILD_LABEL.fullmatch(lowered):
            labels[index] = lowered
        else:
            raise ResourceError("resource_host", f"{excerpt(label)} is not a host name label")
    return ".".join(labels) + suffix


def _refuse_reserved(query: str) -> None:
    if reserved := reserved_names(query):
        raise ResourceError(
            "resource_reserved_parameter",
            f"the Resource's query names CloudFront's parameter {reserved[0]}",
            advice="CloudFront removes its own parameters before it compares; leave them out",
        )


@lru_cache(maxsize=512)
def split_resource(resource: str) -> Sections | None:
    """Split a Resource by the rules of the signed URL page.

    Returns:
        The sections; an absent path is ``/``, or ``*`` when the domain ends in ``*`` and covers
        every path; an absent query is None. None when the text has no protocol.
    """
    if resource == "*":
        return Sections("*", "*", "*", "*")
    match = _PROTOCOL.fullmatch(resource)
    if match:
        protocol, rest = match["protocol"], match["rest"]
    elif resource.startswith("*"):
        protocol, rest = "*", resource
    else:
        return None
    before, escaped, query = rest.partition("\\?")
    if not escaped:
        before, escaped, query = rest.partition("?")
    domain, slash, path = before.partition("/")
    everything = not slash and not escaped and domain.endswith("*")
    return Sections(protocol, domain, "*" if everything else f"/{path}", query if escaped else None)


def split_url(url: str) -> Sections | None:
    """Split a viewer's URL as it arrived, nothing decoded; None when it has no path."""
    match = _URL.fullmatch(url)
    return Sections(*match.group("protocol", "domain", "path", "query")) if match else None


def match_url_resource(resource: str, url: str, *, http_star: bool = True) -> MatchResult:
    """Match section by section, as documented for signed URLs.

    Args:
        resource: Pattern from a policy.
        url: Absolute URL as the viewer sent it, without CloudFront's parameters.
        http_star: Whether ``http*://`` stands for both protocols.
    """
    pattern, target = split_resource(resource), split_url(url)
    if pattern is None or target is None:
        return MatchResult(matched=False, failed_section="syntax", resource=pattern, url=target)
    for section, matched in (
        ("protocol", _protocol_matches(pattern.protocol, target.protocol, http_star=http_star)),
        ("domain", _glob(pattern.domain).fullmatch(target.domain)),
        ("path", _glob(pattern.path).fullmatch(target.path)),
        ("query", _query_matches(pattern, target.query)),
    ):
        if not matched:
            return MatchResult(matched=False, failed_section=section, resource=pattern, url=target)
    return MatchResult(matched=True, resource=pattern, url=target)


def match_cookie_resource(resource: str, url: str, *, http_star: bool = True) -> MatchResult:
    """Match anywhere in the string, as documented for signed cookies.

    Args:
        resource: Pattern from a policy.
        url: Absolute URL as the viewer sent it.
        http_star: Whether ``http*://`` is accepted beside ``http://`` and ``https://``.
    """
    sections = split_resource(resource), split_url(url)
    allowed = ("http://", "https://", "http*://") if http_star else ("http://", "https://")
    if not resource.startswith(allowed):
        return MatchResult(
            matched=False, failed_section="protocol", resource=sections[0], url=sections[1]
        )
    # http*:// would also match what no viewer can request, such as httpx:// or http:x://.
    is_url = sections[1] is not None and sections[1].protocol in {"http", "https"}
    matched = is_url and _glob(resource).fullmatch(url) is not None
    return MatchResult(matched, None if matched else "whole", *sections)


def _protocol_matches(pattern: str, protocol: str, *, http_star: bool) -> bool:
    if pattern == "*" or (pattern == "http*" and http_star):
        return protocol in {"http", "https"}
    return pattern == protocol and pattern in {"http", "https"}


def _query_matches(pattern: Sections, query: str | None) -> bool:
    if pattern.path.endswith("*") and pattern.query in {None, "*"}:
        return True
    if pattern.query is None or query is None:
        return pattern.query is None and query is None
    return _glob(pattern.query).fullmatch(query) is not None


@lru_cache(maxsize=512)
def _glob(pattern: str) -> re.Pattern[str]:
    """Compile wildcards so that matching never backtracks beyond the last ``*``.

    An atomic group around each "anything, then this literal run" takes the first place where the
    run occurs, which is always as good as a later one; only the run behind the last ``*`` must
    sit at the end. An escaped ``?`` is a literal one.
    """
    runs = [
        "".join("." if wild == "?" else re.escape(wild[-1]) for wild in _CHARACTER.findall(run))
        for run in re.split(r"\*+", pattern)
    ]
    if len(runs) == 1:
        return re.compile(runs[0], re.DOTALL)
    middle = "".join(f"(?>.*?{run})" for run in runs[1:-1])
    return re.compile(f"{runs[0]}{middle}.*{runs[-1]}", re.DOTALL)
