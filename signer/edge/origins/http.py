"""A custom origin: an HTTP(S) server.

AWS source: "Request and response behavior for custom origins"
(RequestAndResponseBehaviorCustomOrigin): the viewer's address is appended to ``X-Forwarded-For``,
``Via`` is added, hop-by-hop headers are removed, the origin gets its own host name.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from signer.edge.origin import HttpOrigin
from signer.edge.origins.request import OriginRequest
from signer.edge.origins.upstream import Upstream
from signer.edge.responses import EdgeResponse


class HttpForwarder:
    """Passes requests on to one server."""

    def __init__(self, origin: HttpOrigin) -> None:
        self._forward_host = origin.forward_host
        self._prefix = urlsplit(origin.url).path.rstrip("/")
        self._upstream = Upstream(
            origin.url,
            connect_timeout=origin.connect_timeout,
            read_timeout=origin.read_timeout,
        )

    async def fetch(self, request: OriginRequest) -> EdgeResponse:
        """Forward a request; see :class:`Fetcher`."""
        host = request.host if self._forward_host else self._upstream.host
        headers = [(b"host", host.encode("latin-1")), *request.headers]
        target = self._prefix + request.target
        return await self._upstream.send(request.method, target, headers, request.body)

    async def close(self) -> None:
        """Close idle connections."""
        await self._upstream.close()
