"""Signed cookies: their values, and the header lines that set and clear them.

CloudFront reads three or four cookies whose names are fixed, so no ``__Host-`` prefix is
possible. AWS advises ``Secure``, ``HttpOnly``, the narrowest ``Domain`` and no lifetime (session
cookies): "Use signed cookies" (private-content-signed-cookies). The defaults here are exactly
that, host-only, with ``SameSite=Lax``.

A leftover of another kind beside a new set (``CloudFront-Expires`` beside ``CloudFront-Policy``,
or a stale ``CloudFront-Hash-Algorithm``) changes how CloudFront reads the set, so every issue
also expires the names that it does not set.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal, get_args

from signer.errors import CookieError, excerpt
from signer.resource import split_resource

COOKIE_NAMES: Final = (
    "CloudFront-Policy",
    "CloudFront-Expires",
    "CloudFront-Signature",
    "CloudFront-Key-Pair-Id",
    "CloudFront-Hash-Algorithm",
)
"""All names CloudFront reads; no issue sets all five."""

MAX_COOKIE_BYTES: Final = 4096
"""What browsers guarantee to keep of one cookie (RFC 6265, section 6.1)."""

SameSite = Literal["Strict", "Lax", "None"]

_SHARED_DOMAINS = ("cloudfront.net", "amazonaws.com", "localhost")
_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]")
_PATH = re.compile(r"/[A-Za-z0-9/:@!$&'()+,=\-._~%]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class CookieAttributes:
    """Attributes of every cookie of a set.

    Attributes:
        domain: Share the cookies with this domain and all its subdomains; None for the host that
            sets them, which is safer.
        path: Where the browser sends them; None for the literal directory of the Resource.
            Browsers compare it literally: ``/images/``, never ``/images/*``.
        secure: Send over HTTPS only. Browsers treat ``localhost`` as secure.
        http_only: Hide from scripts.
        same_site: ``Lax`` suffices wherever page and CDN are on one registrable domain.
        partitioned: Keep one jar per embedding site (CHIPS).
        max_age: Lifetime in seconds; None for a session cookie, as AWS advises. Access ends with
            the policy in any case.

    Raises:
        CookieError: A value that could break out of its attribute or that browsers ignore, a
            domain shared by many owners, ``SameSite=None`` or ``Partitioned`` without ``Secure``.
    """

    domain: str | None = None
    path: str | None = None
    secure: bool = True
    http_only: bool = True
    same_site: SameSite = "Lax"
    partitioned: bool = False
    max_age: int | None = None

    def __post_init__(self) -> None:
        """Refuse what no browser would honour, or what would not stay in its attribute."""
        if self.domain is not None:
            object.__setattr__(self, "domain", _checked_domain(self.domain))
        if self.path is not None and not (
            isinstance(self.path, str) and _PATH.fullmatch(self.path)
        ):
            raise CookieError(
                "cookie_path",
                f"{excerpt(str(self.path))} is not a literal cookie path",
                advice="write a directory such as /films/; cookie paths have no wildcards",
            )
        if self.same_site not in get_args(SameSite):
            raise CookieError("cookie_same_site", "same_site is not 'Strict', 'Lax' or 'None'")
        if not self.secure and (self.same_site == "None" or self.partitioned):
            raise CookieError(
                "cookie_insecure", "SameSite=None and Partitioned cookies must be Secure"
            )
        if self.max_age is not None and (
            isinstance(self.max_age, bool) or not isinstance(self.max_age, int) or self.max_age < 1
        ):
            raise CookieError("cookie_max_age", "max_age is not a positive number of seconds")

    @classmethod
    def cross_site(cls, *, path: str | None = None) -> CookieAttributes:
        """Return the preset for pages of other sites that embed the content.

        ``SameSite=None; Partitioned``: the response that sets the cookies must itself be loaded
        inside the embedding page, since each embedding site gets its own jar.
        """
        return cls(same_site="None", partitioned=True, path=path)

    def suffix(self, path: str, *, expired: bool = False) -> str:
        """Return the attribute part of a ``Set-Cookie`` line, beginning with a semicolon."""
        parts = [f"; Path={path}"]
        if self.domain is not None:
            parts.append(f"; Domain={self.domain}")
        if expired:
            parts.append("; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT")
        elif self.max_age is not None:
            parts.append(f"; Max-Age={self.max_age}")
        parts.append("; Secure" if self.secure else "")
        parts.append("; HttpOnly" if self.http_only else "")
        parts.append(f"; SameSite={self.same_site}")
        parts.append("; Partitioned" if self.partitioned else "")
        return "".join(parts)


class SignedCookies(Mapping[str, str]):
    """The cookies of one signature: a mapping of cookie name to value.

    Its ``repr`` shows names only: the values are credentials until the policy ends.
    """

    __slots__ = ("_path", "_values", "attributes", "resource")

    def __init__(
        self, values: Mapping[str, str], *, resource: str, attributes: CookieAttributes
    ) -> None:
        """Bind values to the attributes with which they will be set.

        Raises:
            CookieError: A header line above 4,096 bytes; no usable cookie path; a domain that does
                not contain the Resource's host.
        """
        self._values = dict(values)
        self.attributes: Final = attributes
        self.resource: Final = resource
        self._path = _cookie_path(attributes, resource)
        _check_domain_covers(attributes.domain, resource)
        for line in self.set_cookie_headers():
            if len(line) > MAX_COOKIE_BYTES:
                raise CookieError(
                    "cookie_too_large",
                    f"the cookie {line.partition('=')[0]} has {len(line)} bytes with its "
                    f"attributes and browsers keep {MAX_COOKIE_BYTES}",
                    advice="shorten the Resource",
                )

    def set_cookie_headers(self) -> list[str]:
        """Return one ``Set-Cookie`` header value a cookie: those set, then companions expired.

        Send each as a header of its own; they cannot be joined with commas.
        """
        live = self.attributes.suffix(self._path)
        return [f"{name}={value}{live}" for name, value in self._values.items()] + _expired(
            (name for name in COOKIE_NAMES if name not in self._values), self.attributes, self._path
        )

    def header(self) -> str:
        """Return the value of a ``Cookie`` request header, for clients that are not browsers."""
        return "; ".join(f"{name}={value}" for name, value in self._values.items())

    @staticmethod
    def clearing_headers(
        attributes: CookieAttributes | None = None, *, resource: str | None = None
    ) -> list[str]:
        """Return ``Set-Cookie`` values that remove all five cookies, for log-out.

        A browser removes a cookie only under the ``Domain`` and ``Path`` it was set with.

        Args:
            attributes: The attributes used when setting.
            resource: The Resource used when setting; needed when ``attributes.path`` is None.

        Raises:
            CookieError: Neither a path nor a Resource to derive it from.
        """
        attributes = attributes or CookieAttributes()
        return _expired(COOKIE_NAMES, attributes, _cookie_path(attributes, resource))

    def __getitem__(self, name: str) -> str:
        """Return the value of a cookie."""
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names."""
        return iter(self._values)

    def __len__(self) -> int:
        """Return how many cookies are set."""
        return len(self._values)

    def __repr__(self) -> str:
        """Show names and path, never values."""
        return f"SignedCookies({', '.join(self._values)}; Path={self._path})"


def _expired(
    names: Iterator[str] | tuple[str, ...], attributes: CookieAttributes, path: str
) -> list[str]:
    gone = attributes.suffix(path, expired=True)
    return [f"{name}={gone}" for name in names]


def _cookie_path(attributes: CookieAttributes, resource: str | None) -> str:
    """Return the path attribute: as given, else the directory in front of any wildcard."""
    if attributes.path is not None:
        return attributes.path
    sections = split_resource(resource) if resource is not None else None
    if sections is None:
        raise CookieError(
            "cookie_path_unknown",
            "the cookies' path is not known",
            advice="set CookieAttributes(path=...), or give the Resource",
        )
    literal = sections.path.partition("*")[0]
    directory = literal[: literal.rfind("/") + 1] or "/"
    if not _PATH.fullmatch(directory):
        raise CookieError(
            "cookie_path",
            f"the Resource's directory {excerpt(directory)} cannot be a cookie path",
            advice="set CookieAttributes(path=...) to a directory above it",
        )
    return directory


def _checked_domain(domain: str) -> str:
    name = domain.removeprefix(".").lower() if isinstance(domain, str) else ""
    if not _DOMAIN.fullmatch(name) or len(name) > 253:  # noqa: PLR2004 - DNS limit
        raise CookieError(
            "cookie_domain",
            f"{excerpt(str(domain))} is not a domain that a browser accepts",
            advice="leave domain out for a host-only cookie",
        )
    if name in _SHARED_DOMAINS:
        raise CookieError(
            "cookie_domain_shared",
            f"browsers refuse cookies for {name}, which many owners share",
            advice="use your own domain name, or leave domain out",
        )
    return name


def _check_domain_covers(domain: str | None, resource: str) -> None:
    sections = split_resource(resource)
    if domain is None or sections is None:
        return
    host = sections.domain.rpartition(":")[0] or sections.domain
    if host != domain and not host.endswith(f".{domain}"):
        raise CookieError(
            "cookie_domain_mismatch",
            f"cookies for {domain} are not sent to the Resource's host {excerpt(host)}",
            advice="name a parent domain of the host, or leave domain out",
        )
