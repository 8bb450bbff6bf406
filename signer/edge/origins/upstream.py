"""One HTTP exchange with an upstream server, streamed in both directions, byte for byte.

Works on httpx's transport and not on its client: a client would keep cookies, decode bodies,
follow redirects and rewrite paths, and an edge must do none of these.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import httpx

from signer.edge.origins.request import OriginError, without_hop_by_hop
from signer.edge.ranges import forwardable
from signer.edge.responses import EdgeResponse, Headers

_LOWEST_STATUS, _HIGHEST_STATUS = 200, 599
_BAD_GATEWAY, _GATEWAY_TIMEOUT = 502, 504


class Upstream:
    """Connections to one server."""

    def __init__(self, url: str, *, connect_timeout: float, read_timeout: float) -> None:
        """Prepare; nothing is opened yet.

        Args:
            url: Address of the server; its path is ignored.
            connect_timeout: Seconds.
            read_timeout: Seconds between two reads or writes.
        """
        parts = urlsplit(url)
        self.host: str = parts.netloc
        self._url = httpx.URL(f"{parts.scheme}://{parts.netloc}/")
        self._timeout = httpx.Timeout(read_timeout, connect=connect_timeout).as_dict()
        # Certificates are read when a connection may need them; a plain server needs none.
        verify = ssl.create_default_context() if parts.scheme == "https" else False
        self._transport = httpx.AsyncHTTPTransport(verify=verify, trust_env=False)

    async def send(
        self, method: str, target: str, headers: Headers, body: AsyncIterator[bytes] | None
    ) -> EdgeResponse:
        """Send a request and return the response as soon as its headers are there.

        Args:
            method: HTTP method.
            target: Path and query, sent exactly so.
            headers: All headers including ``host``.
            body: Chunks, or None.

        Raises:
            OriginError: 504 when the server takes too long, 502 for every other failure.
        """
        sent = [
            (name, value)
            for name, value in headers
            if name != b"range" or forwardable(value.decode("latin-1"))
        ]
        request = httpx.Request(
            method,
            self._url,
            headers=sent,
            content=body,
            extensions={"timeout": self._timeout, "target": target.encode("latin-1")},
        )
        try:
            response = await self._transport.handle_async_request(request)
        except httpx.TimeoutException as error:
            raise OriginError(_GATEWAY_TIMEOUT, _words(error, "took too long")) from error
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, OSError) as error:
            raise OriginError(_BAD_GATEWAY, _words(error, "did not answer")) from error
        if not _LOWEST_STATUS <= response.status_code <= _HIGHEST_STATUS:
            await response.aclose()
            raise OriginError(_BAD_GATEWAY, f"The origin answered {response.status_code}")
        answer = without_hop_by_hop(response.headers.raw)
        return EdgeResponse(response.status_code, answer, _chunks(response), response.aclose)

    async def close(self) -> None:
        """Close all connections."""
        await self._transport.aclose()


async def _chunks(response: httpx.Response) -> AsyncIterator[bytes]:
    async for chunk in response.aiter_raw():
        yield chunk


def _words(error: Exception, otherwise: str) -> str:
    return f"The origin {otherwise} ({type(error).__name__}{f': {error}' if str(error) else ''})"
