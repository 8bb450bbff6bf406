"""What of a viewer's request reaches the origin.

AWS sources: "Cache content based on query string parameters" (QueryStringParameters): on
behaviors with trusted key groups the signing parameters are removed; "Request and response
behavior for custom origins" for the headers. Whether ``CloudFront-*`` cookies reach the origin is
not documented; here they do not, on those behaviors.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from signer.cookies import COOKIE_NAMES
from signer.edge.distribution import Behavior
from signer.edge.origins.request import OriginRequest, without_hop_by_hop
from signer.edge.responses import Headers, RequestIdentity
from signer.edge.viewer import Arrival
from signer.viewer_request import cookie_pairs
from signer.wire import RESERVED_PARAMETERS

LOCATION_HEADER = b"x-edge-location"
"""Chooses a simulated edge location; meant for this edge, and so never for an origin."""

_REPLACED = frozenset(
    {b"host", b"cookie", b"expect", b"via", b"x-forwarded-for", b"x-amz-cf-id", LOCATION_HEADER}
)
_EDGE_PREFIX = b"cloudfront-"


@dataclass(frozen=True, slots=True)
class Forwarded:
    """An origin request, and what of the viewer's request is not in it.

    Attributes:
        request: For the origin.
        parameters: Names of the query parameters that were removed.
        cookies: Names of the cookies that were removed.
    """

    request: OriginRequest
    parameters: tuple[str, ...]
    cookies: tuple[str, ...]


def forwarded(
    arrival: Arrival,
    behavior: Behavior,
    identity: RequestIdentity,
    *,
    path: str,
    body: AsyncIterator[bytes] | None,
) -> Forwarded:
    """Make the origin request.

    Args:
        arrival: What the viewer sent.
        behavior: The behavior that takes it.
        identity: For ``via`` and ``x-amz-cf-id``.
        path: Raw path to ask for.
        body: The viewer's body, if any.
    """
    signed = bool(behavior.trusted_key_groups)
    query, removed = _own_parameters(arrival.query) if signed else (arrival.query, ())
    kept, dropped = _cookies(arrival, behavior)
    headers = _headers(arrival, identity)
    if kept:
        headers.append((b"cookie", "; ".join(kept).encode("latin-1")))
    request = OriginRequest(
        method=arrival.method,
        path=path,
        query=query,
        headers=headers,
        body=body,
        host=arrival.host,
        scheme=arrival.scheme,
        viewer=arrival.peer,
    )
    return Forwarded(request, removed, dropped)


def _own_parameters(query: str) -> tuple[str, tuple[str, ...]]:
    """Return the query without CloudFront's parameters, and the names that were removed."""
    parts = query.split("&")
    names = [part.partition("=")[0] for part in parts]
    own = [part for part, name in zip(parts, names, strict=True) if name not in RESERVED_PARAMETERS]
    removed = dict.fromkeys(name for name in names if name in RESERVED_PARAMETERS)
    return "&".join(own), tuple(removed)


def _cookies(arrival: Arrival, behavior: Behavior) -> tuple[list[str], tuple[str, ...]]:
    """Return the cookie pairs that go to the origin, and the names of the others."""
    kept: list[str] = []
    dropped: list[str] = []
    for raw in arrival.cookies.split(";"):
        pair = raw.strip(" \t")
        if not pair:
            continue
        (name, _), *_ = cookie_pairs(pair)
        ours = bool(behavior.trusted_key_groups) and name in COOKIE_NAMES
        if behavior.forward_cookies and not ours:
            kept.append(pair)
        else:
            dropped.append(name)
    return kept, tuple(dict.fromkeys(dropped))


def _headers(arrival: Arrival, identity: RequestIdentity) -> Headers:
    replaced = set(_REPLACED)
    if arrival.values(b"transfer-encoding"):
        # The body was read by its chunks, so a length that came as well means nothing and must
        # not be passed on (RFC 9112, section 6.3).
        replaced.add(b"content-length")
    headers = [
        (name, value)
        for name, value in without_hop_by_hop(arrival.headers)
        # Gateway interfaces give a name with underscores to applications as the one with hyphens.
        if name not in replaced and not name.replace(b"_", b"-").startswith(_EDGE_PREFIX)
    ]
    via = ", ".join([*arrival.values(b"via"), identity.via])
    headers += [
        (b"via", via.encode("latin-1")),
        (b"x-amz-cf-id", identity.request_id.encode()),
        (b"cloudfront-forwarded-proto", arrival.scheme.encode()),
    ]
    if arrival.peer:
        address, port = arrival.peer
        chain = ", ".join([*arrival.values(b"x-forwarded-for"), address])
        headers += [
            (b"x-forwarded-for", chain.encode("latin-1")),
            (b"cloudfront-viewer-address", f"{address}:{port}".encode("latin-1")),
        ]
    return headers
