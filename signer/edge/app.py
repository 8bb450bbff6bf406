"""The data plane of the local edge: an ASGI application.

Order of decisions: sizes and form of the request, host name, behavior, signature, method, body of
a GET, origin. CloudFront documents that a signature is required for every request that a behavior
takes; that it is checked before the method is this edge's reading.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from signer.edge.distribution import METHODS, Behavior, Distribution
from signer.edge.exchange import Exchange, Recorder
from signer.edge.form import ambiguous, malformed
from signer.edge.forwarding import LOCATION_HEADER, forwarded
from signer.edge.origin import Origin
from signer.edge.origins import Fetcher, OriginError, connect
from signer.edge.responses import (
    POP,
    REQUEST_TOO_LARGE,
    EdgeResponse,
    RequestIdentity,
    error_page,
    signature_refusal,
    with_edge_headers,
)
from signer.edge.source import Fixed, Served, Source
from signer.edge.viewer import MAX_REQUEST_BYTES, Arrival, ViewerLeftError, viewer_body
from signer.errors import SignerError
from signer.wire import MAX_URL_BYTES

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

_log = logging.getLogger(__name__)
_CLOSING = (b"connection", b"close")


class _RefusedError(Exception):
    """A request that is refused for another reason than its signature."""

    def __init__(self, status: int, sentence: str, *, closing: bool = False) -> None:
        super().__init__(sentence)
        self.status = status
        self.closing = closing


class EdgeApp:
    """Serves a distribution as ASGI application; with a source, whatever it yields at the moment.

    Nothing that a viewer sends makes it raise.
    """

    def __init__(
        self,
        distribution: Distribution | Source,
        *,
        clock: Callable[[], float] = time.time,
        recorder: Recorder | None = None,
        on_exchange: Callable[[Exchange], None] | None = None,
    ) -> None:
        """Prepare; connections to origins are opened at the first request.

        Args:
            distribution: What to serve, or a source of it: :class:`signer.edge.Locations`.
            clock: Returns seconds since 1970.
            recorder: Remembers requests for the inspector.
            on_exchange: Called after every request.
        """
        self._clock = clock
        self._recorder = recorder or Recorder()
        self._on_exchange = on_exchange
        # A version of the configuration may change an origin while another one still has the old.
        self._fetchers: dict[str, list[tuple[Origin, Fetcher]]] = {}
        if isinstance(distribution, Distribution):
            self.source: Source = Fixed(distribution)
            self._connect(distribution)
        else:
            self.source = distribution

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": ""})
        else:
            await self._serve(scope, receive, send)

    async def start(self) -> None:
        """Get the first configuration from a source; a server does it by ASGI's lifespan.

        Raises:
            SignerError: It cannot be had.
        """
        await self.source.start()
        served = self.source.at(None)
        if served is not None:
            self._connect(served.distribution)

    async def aclose(self) -> None:
        """Stop the source, and close all connections to origins."""
        await self.source.stop()
        for fetchers in self._fetchers.values():
            for _, fetcher in fetchers:
                await fetcher.close()

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                await self.aclose()
                await send({"type": "lifespan.shutdown.complete"})
                return
            try:
                await self.start()
            except SignerError as error:
                await send({"type": "lifespan.startup.failed", "message": str(error)})
                return
            await send({"type": "lifespan.startup.complete"})

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = time.perf_counter()
        arrival = Arrival.from_scope(scope)
        exchange = self._recorder.begin(arrival, self._clock())
        identity = RequestIdentity()
        try:
            response = await self._answer(exchange, identity, receive)
            exchange.status = response.status
            self._recorder.tell(exchange)
            pop = exchange.location or POP
            with_edge_headers(response, identity, self._clock(), pop=pop)
            await _deliver(response, exchange, receive, send)
        except ViewerLeftError:
            exchange.aborted = True
        finally:
            exchange.seconds = time.perf_counter() - begun
            self._recorder.tell(exchange)
            if self._on_exchange is not None:
                self._on_exchange(exchange)

    async def _answer(
        self, exchange: Exchange, identity: RequestIdentity, receive: Receive
    ) -> EdgeResponse:
        """Decide, and ask the origin; every failure becomes a response."""
        try:
            served = self._served(exchange)
            _check_form(exchange.arrival, served)
            behavior = served.distribution.behavior_for(exchange.arrival.path)
            exchange.behavior = behavior
            exchange.verdict = served.gatekeeper.verdict(
                exchange.arrival, behavior, exchange.started
            )
            if exchange.verdict is not None and not exchange.verdict.allowed:
                explain = served.distribution.explain_header
                return signature_refusal(exchange.verdict, explain=explain)
            _check_method(exchange.arrival, behavior)
            return await self._fetch(exchange, served, behavior, identity, receive)
        except _RefusedError as refused:
            exchange.refusal = str(refused)
            page = error_page(refused.status, str(refused), identity)
            page.headers += [_CLOSING] if refused.closing else []
            return page
        except OriginError as error:
            exchange.failure = error.detail
            return error_page(error.status, "The origin did not answer as it should.", identity)
        except ViewerLeftError:
            raise
        except Exception as error:  # noqa: BLE001 - the edge stays up whatever happens
            # A defect of ours; the viewer still gets an answer.
            _log.exception("the edge failed on %s %s", exchange.arrival.method, identity.request_id)
            exchange.failure = f"The edge failed: {type(error).__name__}"
            return error_page(500, "The edge failed; its log says more.", identity)

    def _served(self, exchange: Exchange) -> Served:
        """Return what the location that the viewer chose serves now, and note both."""
        names = exchange.arrival.values(LOCATION_HEADER)
        served = self.source.at(names[0] if names else None)
        if served is None or (served.location is not None and len(names) > 1):
            raise _RefusedError(400, "The header x-edge-location names no edge location here.")
        exchange.location, exchange.version = served.location, served.version
        return served

    async def _fetch(
        self,
        exchange: Exchange,
        served: Served,
        behavior: Behavior,
        identity: RequestIdentity,
        receive: Receive,
    ) -> EdgeResponse:
        arrival = exchange.arrival
        root = served.distribution.default_root_object
        exchange.forwarded = forwarded(
            arrival,
            behavior,
            identity,
            path=f"/{root}" if root and arrival.path == "/" else arrival.path,
            body=viewer_body(receive) if arrival.has_body else None,
        )
        fetcher = self._fetcher(behavior.origin, served.distribution.origins[behavior.origin])
        response = await fetcher.fetch(exchange.forwarded.request)
        if behavior.response_headers is not None:
            response.headers = behavior.response_headers.applied(response.headers, arrival)
        return response

    def _connect(self, distribution: Distribution) -> None:
        """Prepare all origins, so that one that cannot work is known before the first request."""
        for name, origin in distribution.origins.items():
            self._fetcher(name, origin)

    def _fetcher(self, name: str, origin: Origin) -> Fetcher:
        known = self._fetchers.setdefault(name, [])
        for present, fetcher in known:
            if present is origin or present == origin:
                return fetcher
        known.append((origin, connect(origin)))
        return known[-1][1]


def _check_form(arrival: Arrival, served: Served) -> None:
    """Refuse what is no proper request to this distribution."""
    if len(arrival.url) > MAX_URL_BYTES:
        raise _RefusedError(414, f"The URL is longer than {MAX_URL_BYTES} bytes.", closing=True)
    if arrival.size > MAX_REQUEST_BYTES:
        raise _RefusedError(
            REQUEST_TOO_LARGE,
            f"Request line and headers are longer than {MAX_REQUEST_BYTES} bytes.",
            closing=True,
        )
    problem = malformed(arrival)
    if problem is not None:
        raise _RefusedError(400, problem, closing=True)
    if not served.distribution.serves_host(arrival.host):
        raise _RefusedError(403, "The host name belongs to no distribution here.")
    # Public behaviors too: it is there that an origin may read the path of a private one.
    if served.gatekeeper.guards_anything and ambiguous(arrival.path):
        raise _RefusedError(
            400, "The path has an encoded slash, a backslash or a dot segment; ask without."
        )


def _check_method(arrival: Arrival, behavior: Behavior) -> None:
    if arrival.method not in METHODS[behavior.allowed_methods]:
        methods = ", ".join(sorted(METHODS[behavior.allowed_methods]))
        raise _RefusedError(403, f"The method is not allowed here; allowed are {methods}.")
    if arrival.method == "GET" and arrival.has_body:
        raise _RefusedError(403, "A GET request cannot have a body.")


async def _deliver(
    response: EdgeResponse, exchange: Exchange, receive: Receive, send: Send
) -> None:
    """Stream a response until it ends, or the viewer leaves."""
    streaming = asyncio.ensure_future(_stream(response, exchange, send))
    watching = asyncio.ensure_future(_until_gone(receive))
    try:
        await asyncio.wait({streaming, watching}, return_when=asyncio.FIRST_COMPLETED)
        exchange.aborted = not streaming.done()
    finally:
        for task in (streaming, watching):
            task.cancel()
        outcomes = await asyncio.gather(streaming, watching, return_exceptions=True)
        if response.close is not None:
            with contextlib.suppress(Exception):
                await response.close()
    if isinstance(outcomes[0], Exception):
        # The headers are out: all that is left is to break the connection, which the server does
        # when an application returns without the end of its body.
        exchange.aborted = True
        exchange.failure = f"The answer broke off: {type(outcomes[0]).__name__}"


async def _stream(response: EdgeResponse, exchange: Exchange, send: Send) -> None:
    start = {"type": "http.response.start", "status": response.status, "headers": response.headers}
    await send(start)
    if exchange.arrival.method != "HEAD":
        async for chunk in response.body:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
            exchange.sent += len(chunk)
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
