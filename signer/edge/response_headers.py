"""Headers that a behavior adds to what its origin answers, and removes from it.

AWS source: "Understanding response headers policies" (understanding-response-headers-policies):
what is to be removed goes first, then CORS, security and custom headers are added; each says
whether it takes the place of the origin's own. Signature refusals are not the origin's, and get
none of it: docs/edge.md, "Assumptions".
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from signer.edge.responses import Headers
from signer.edge.viewer import Arrival
from signer.errors import ConfigurationError, excerpt

CORS_METHODS: Final = ("GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE")
"""What a policy can allow; ``ALL`` stands for all of them."""

_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_VALUE: Final = re.compile(r"[\t -~\x80-\xff]*")
_ALLOWED_ORIGIN: Final = re.compile(
    r"\*|(?:(?P<scheme>https?)://)?(?P<host>(?:\*\.)?[A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])"
    r"(?::(?P<port>[0-9]{1,5}|\*))?"
)
_MOST_SECONDS: Final = 2**31 - 1
_HSTS: Final = "strict-transport-security"
_LOOPBACK: Final = re.compile(
    r"(?:(?:.+\.)?localhost|127\.[0-9.]+|\[::1\])(?::[0-9]*)?", re.IGNORECASE
)
# What a server needs for sending a response at all.
_FRAMING: Final = re.compile(
    r"connection|content-encoding|content-length|keep-alive|trailer|transfer-encoding|upgrade"
)
# "Headers that you can't remove", on that page.
_KEPT: Final = re.compile(
    r"connection|content-encoding|content-length|expect|host|keep-alive|proxy-(?:authenticate|"
    r"authorization|connection)|trailer|transfer-encoding|upgrade|via|warning|x-accel-(?:buffering|"
    r"charset|limit-rate|redirect)|x-amz-cf-.*|x-amzn-(?:auth|cf-billing|cf-id|cf-xff|errortype|"
    r"fle-profile|header-count|header-order|lambda-integration-tag|requestid)|x-cache|x-edge-.*|"
    r"x-forwarded-proto|x-real-ip"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AddedHeader:
    """A header that is added.

    Attributes:
        name: Its name.
        value: Its value, which may be empty.
        override: Whether it takes the place of the origin's own.
    """

    name: str
    value: str = ""
    override: bool = False

    def __post_init__(self) -> None:
        """Check name and value."""
        _check_names("name", [self.name])
        if _FRAMING.fullmatch(self.name.lower()):
            raise _wrong("name", f"{excerpt(self.name)} is CloudFront's own to set")
        if not _VALUE.fullmatch(self.value):
            raise _wrong("value", "has characters that no header can have")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cors:
    """What scripts of other sites may do.

    Attributes:
        allow_origins: Origins such as ``https://app.example.com``; ``*`` for any. The host may
            begin with ``*.`` and the port be ``*``; without a scheme both of them fit.
        allow_methods: Told to preflight requests; ``ALL`` for all.
        allow_headers: Told to preflight requests.
        expose_headers: Told to all other requests.
        allow_credentials: Whether cookies may be sent. No browser takes ``*`` with that.
        max_age: Seconds that the answer to a preflight request may be kept.
        origin_override: Whether these headers take the place of the origin's own.
    """

    allow_origins: tuple[str, ...]
    allow_methods: tuple[str, ...] = ("GET", "HEAD", "OPTIONS")
    allow_headers: tuple[str, ...] = ()
    expose_headers: tuple[str, ...] = ()
    allow_credentials: bool = False
    max_age: int | None = None
    origin_override: bool = False

    def __post_init__(self) -> None:
        """Check everything that could only fail in a browser."""
        for name in ("allow_origins", "allow_methods", "allow_headers", "expose_headers"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if not self.allow_origins:
            raise _wrong("allow_origins", "names nobody")
        for index, one in enumerate(self.allow_origins):
            if not _ALLOWED_ORIGIN.fullmatch(one):
                raise _wrong(f"allow_origins[{index}]", f"{excerpt(one)} is not an origin")
        for index, one in enumerate(self.allow_methods):
            if one not in {*CORS_METHODS, "ALL"}:
                raise _wrong(f"allow_methods[{index}]", f"{excerpt(one)} is not a method")
        _check_names("allow_headers", self.allow_headers)
        _check_names("expose_headers", self.expose_headers)
        if self.max_age is not None and not 0 <= self.max_age <= _MOST_SECONDS:
            raise _wrong("max_age", "is not a number of seconds")

    def headers_for(self, origin: str, *, preflight: bool) -> list[tuple[str, str]]:
        """Return the headers for a request.

        Args:
            origin: The request's ``Origin``.
            preflight: Whether a browser asks in advance.

        Returns:
            Nothing for an origin that is not allowed.
        """
        allowed = "*" if "*" in self.allow_origins else origin if self._allows(origin) else None
        if allowed is None:
            return []
        methods = CORS_METHODS if "ALL" in self.allow_methods else self.allow_methods
        told = [
            ("access-control-allow-origin", allowed),
            ("access-control-allow-credentials", "true" if self.allow_credentials else ""),
        ]
        if preflight:
            told += [
                ("access-control-allow-methods", ", ".join(methods)),
                ("access-control-allow-headers", ", ".join(self.allow_headers)),
                ("access-control-max-age", "" if self.max_age is None else str(self.max_age)),
            ]
        else:
            told.append(("access-control-expose-headers", ", ".join(self.expose_headers)))
        return [(name, value) for name, value in told if value]

    def _allows(self, origin: str) -> bool:
        return any(_fits(origin, allowed) for allowed in self.allow_origins)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseHeadersPolicy:
    """CloudFront's response headers policy.

    Attributes:
        remove: Names of the origin's headers that viewers do not get.
        cors: Headers for scripts of other sites.
        headers: Security headers and custom ones.
    """

    remove: tuple[str, ...] = ()
    cors: Cors | None = None
    headers: tuple[AddedHeader, ...] = ()

    def __post_init__(self) -> None:
        """Check the names."""
        object.__setattr__(self, "remove", tuple(one.lower() for one in self.remove))
        object.__setattr__(self, "headers", tuple(self.headers))
        _check_names("remove", self.remove)
        for index, name in enumerate(self.remove):
            if _KEPT.fullmatch(name):
                raise _wrong(f"remove[{index}]", f"CloudFront does not remove {excerpt(name)}")
        seen: set[str] = set()
        for index, header in enumerate(self.headers):
            if header.name.lower() in seen:
                raise _wrong(f"headers[{index}].name", f"{excerpt(header.name)} is there already")
            seen.add(header.name.lower())

    def applied(self, headers: Headers, arrival: Arrival) -> Headers:
        """Return what a viewer gets.

        Args:
            headers: The origin's.
            arrival: The viewer's request.
        """
        removed = {name.encode() for name in self.remove}
        answer = [(name, value) for name, value in headers if name not in removed]
        answer = self._with_cors(answer, arrival)
        for header in self.headers:
            name = header.name.lower()
            if name != _HSTS or _may_pin(arrival):
                answer = _added(answer, name, header.value, override=header.override)
        if b"server" in removed:
            answer = _added(answer, "server", "CloudFront", override=False)
        return answer

    def _with_cors(self, headers: Headers, arrival: Arrival) -> Headers:
        origins = arrival.values(b"origin")
        if self.cors is None or len(origins) != 1:
            return headers
        asked = arrival.values(b"access-control-request-method")
        preflight = arrival.method == "OPTIONS" and bool(asked)
        told = self.cors.headers_for(origins[0], preflight=preflight)
        if not told and self.cors.origin_override:
            # The policy knows better than the origin whom it does not allow.
            return [pair for pair in headers if pair[0] != b"access-control-allow-origin"]
        for name, value in told:
            headers = _added(headers, name, value, override=self.cors.origin_override)
        return headers


def _added(headers: Headers, name: str, value: str, *, override: bool) -> Headers:
    key = name.encode("ascii")
    if not override and any(present == key for present, _ in headers):
        return headers
    others = [pair for pair in headers if pair[0] != key]
    return [*others, (key, value.encode("latin-1"))]


def _may_pin(arrival: Arrival) -> bool:
    """Tell whether a browser may be told to use nothing but TLS for this name, for years.

    Never for this machine's own names: all that ever listens there would be locked out.
    """
    return not (arrival.scheme == "https" and _LOOPBACK.fullmatch(arrival.host))


def _fits(origin: str, allowed: str) -> bool:
    """Compare an ``Origin`` with one that is allowed; both are scheme, host and port."""
    wanted, given = _ALLOWED_ORIGIN.fullmatch(allowed), _ALLOWED_ORIGIN.fullmatch(origin)
    if wanted is None or given is None or not given["scheme"] or "*" in origin:
        return False
    host, name = wanted["host"].lower(), given["host"].lower()
    return (
        wanted["scheme"] in {None, given["scheme"]}
        and (name == host or (host.startswith("*.") and name.endswith(host[1:])))
        and (wanted["port"] == given["port"] or (wanted["port"] == "*" and bool(given["port"])))
    )


def _check_names(field: str, names: Iterable[str]) -> None:
    for name in names:
        if not _NAME.fullmatch(name):
            raise _wrong(field, f"{excerpt(name)} is not the name of a header")


def _wrong(name: str, problem: str) -> ConfigurationError:
    return ConfigurationError("configuration_field", f"{name}: {problem}", field=name)
