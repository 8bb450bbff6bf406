"""The viewer's request as it arrived, before anything is decided about it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from signer.edge.responses import Headers

if TYPE_CHECKING:
    from starlette.types import Receive, Scope

MAX_REQUEST_BYTES = 32_768
"""Longest request line and headers together (quota page, "Length of a request")."""


class ViewerLeftError(Exception):
    """The viewer closed the connection while it was still sending."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A request as the viewer sent it; nothing is decoded.

    Attributes:
        method: HTTP method.
        scheme: ``http`` or ``https``.
        hosts: Values of all ``Host`` headers.
        path: Raw path; may be anything that is not a path.
        query: Raw query.
        headers: Names in lower case.
        peer: Address and port of the other end of the TCP connection.
    """

    method: str
    scheme: str
    hosts: tuple[str, ...]
    path: str
    query: str
    headers: Headers
    peer: tuple[str, int] | None

    @classmethod
    def from_scope(cls, scope: Scope) -> Arrival:
        """Read an ASGI scope."""
        headers: Headers = [(name.lower(), value) for name, value in scope["headers"]]
        peer = scope.get("client")
        raw_path = scope.get("raw_path") or scope["path"].encode("utf-8", "surrogateescape")
        return cls(
            method=scope["method"],
            scheme=scope["scheme"],
            hosts=tuple(value.decode("latin-1") for name, value in headers if name == b"host"),
            path=raw_path.decode("latin-1"),
            query=scope["query_string"].decode("latin-1"),
            headers=headers,
            peer=(peer[0], peer[1]) if peer else None,
        )

    @property
    def host(self) -> str:
        """The one ``Host`` header; empty when there is none."""
        return self.hosts[0] if self.hosts else ""

    @property
    def target(self) -> str:
        """Path and query."""
        return f"{self.path}?{self.query}" if self.query else self.path

    @property
    def url(self) -> str:
        """The URL that signatures are compared with."""
        return f"{self.scheme}://{self.host}{self.target}"

    @property
    def cookies(self) -> str:
        """All ``Cookie`` headers as one."""
        return "; ".join(self.values(b"cookie"))

    @property
    def size(self) -> int:
        """Bytes of request line and headers."""
        line = len(f"{self.method} {self.target} HTTP/1.1\r\n")
        return line + sum(len(name) + len(value) + 4 for name, value in self.headers)

    @property
    def has_body(self) -> bool:
        """Whether a body follows."""
        lengths = self.values(b"content-length")
        return bool(self.values(b"transfer-encoding")) or any(length != "0" for length in lengths)

    def values(self, name: bytes) -> list[str]:
        """Return all headers of a name, given in lower case."""
        return [value.decode("latin-1") for present, value in self.headers if present == name]


async def viewer_body(receive: Receive) -> AsyncIterator[bytes]:
    """Yield the viewer's body as it arrives.

    Raises:
        ViewerLeftError: The connection ended first.
    """
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ViewerLeftError
        more = message.get("more_body", False)
        if message.get("body"):
            yield message["body"]
