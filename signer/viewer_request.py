"""A viewer's request, and the credentials that it presents.

AWS source: "Choosing between signed URLs and signed cookies" (private-content-choosing-signed-
urls-cookies): a URL that has any one of CloudFront's five parameters is judged as a signed URL,
complete or not, and its cookies are not looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from signer.cookies import COOKIE_NAMES
from signer.wire import RESERVED_PARAMETERS

Transport = Literal["url", "cookies"]
Cookies = Mapping[str, str] | str | Iterable[tuple[str, str]]

_RESERVED = frozenset(RESERVED_PARAMETERS)
_ANY_CASE = {name.lower(): name for name in RESERVED_PARAMETERS}
_COOKIES = {name: name.removeprefix("CloudFront-") for name in COOKIE_NAMES}


@dataclass(frozen=True, slots=True)
class ViewerRequest:
    """What arrives at the edge.

    Attributes:
        url: Scheme, the ``Host`` header and the raw request target; nothing decoded. Make sure
            that the header is a plain host name before joining: with ``Host: cdn.example.com/a``
            a viewer would choose the path that is checked.
        cookies: A raw ``Cookie`` header, a mapping, or pairs (which can show duplicates).
        ip: Address of the peer of the TCP connection; never one from ``X-Forwarded-For``.
        method: HTTP method.
    """

    url: str
    cookies: Cookies = ()
    ip: str | None = None
    method: str = "GET"

    def __repr__(self) -> str:
        """Show no credentials: a signed URL is one."""
        return f"ViewerRequest({self.method} {self.url.partition('?')[0]})"


class Presented(NamedTuple):
    """Credentials found in a request.

    Attributes:
        transport: Where they were found; None when there are none.
        url: The URL without CloudFront's parameters, otherwise byte for byte.
        values: Parameter name (as in a URL) to all values given for it.
    """

    transport: Transport | None
    url: str
    values: Mapping[str, list[str]]


def presented(request: ViewerRequest, *, any_case: bool = False) -> Presented:
    """Collect what a request presents; duplicates are kept in order.

    Args:
        request: The request.
        any_case: Take names of parameters in any case.
    """
    base, delimiter, query = request.url.partition("?")
    values: dict[str, list[str]] = {}
    own: list[str] = []
    for part in query.split("&") if delimiter else ():
        name, _, value = part.partition("=")
        if any_case:
            name = _ANY_CASE.get(name.lower(), name)
        if name not in _RESERVED:
            own.append(part)
        elif name in values:
            values[name].append(value)
        else:
            values[name] = [value]
    if values:
        return Presented("url", f"{base}?{'&'.join(own)}" if own else base, values)
    for name, value in cookie_pairs(request.cookies):
        if name in _COOKIES:
            values.setdefault(_COOKIES[name], []).append(value)
    return Presented("cookies" if values else None, request.url, values)


def cookie_pairs(cookies: Cookies) -> list[tuple[str, str]]:
    """Return names and values in order, whatever form the cookies came in."""
    if isinstance(cookies, str):
        split = (pair.strip(" \t").partition("=") for pair in cookies.split(";"))
        return [(name, value) for name, _, value in split]
    if isinstance(cookies, Mapping):
        return list(cookies.items())
    return list(cookies)
