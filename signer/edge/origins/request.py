"""What an origin is asked, and how it says that it cannot answer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from signer.edge.responses import EdgeResponse, Headers

HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
"""Headers that concern one connection only (RFC 9110, section 7.6.1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OriginRequest:
    """A request as CloudFront passes it on.

    Attributes:
        method: HTTP method.
        path: Raw path, percent-encoded as the viewer sent it.
        query: Raw query without the signing parameters; empty when there is none.
        headers: The viewer's end-to-end headers, names in lower case.
        body: The viewer's body; None when it sent none.
        host: The viewer's ``Host``.
        scheme: ``http`` or ``https``, between viewer and edge.
        viewer: The viewer's address and port.
    """

    method: str
    path: str
    query: str
    headers: Headers
    body: AsyncIterator[bytes] | None
    host: str
    scheme: str
    viewer: tuple[str, int] | None

    @property
    def target(self) -> str:
        """Path and query."""
        return f"{self.path}?{self.query}" if self.query else self.path

    def header(self, name: bytes) -> str | None:
        """Return the first header of a name, given in lower case."""
        for present, value in self.headers:
            if present == name:
                return value.decode("latin-1")
        return None


class OriginError(Exception):
    """An origin could not answer.

    Attributes:
        status: What the viewer gets: 502 or 504.
        detail: What went wrong, for the inspector only.
    """

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


class Fetcher(Protocol):
    """Fetches from one origin; shared by all requests."""

    async def fetch(self, request: OriginRequest) -> EdgeResponse:
        """Ask the origin.

        Raises:
            OriginError: It did not answer, or not with HTTP.
        """
        ...

    async def close(self) -> None:
        """Close idle connections."""


def without_hop_by_hop(headers: Headers) -> Headers:
    """Drop the headers that concern one connection, and those that ``Connection`` names."""
    named = {
        token.strip().lower()
        for name, value in headers
        if name.lower() == b"connection"
        for token in value.split(b",")
    }
    return [
        (name.lower(), value)
        for name, value in headers
        if name.lower() not in HOP_BY_HOP and name.lower() not in named
    ]
