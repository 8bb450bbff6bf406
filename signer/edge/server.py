"""The local edge as a server: the data plane on one port, the inspector on another."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Self

import uvicorn
from starlette.types import ASGIApp

from signer.edge.app import EdgeApp
from signer.edge.distribution import Distribution, ViewerCertificate
from signer.edge.exchange import Exchange, Recorder
from signer.edge.inspector import InspectorApp
from signer.edge.listening import is_loopback, listeners
from signer.edge.source import Source
from signer.errors import ConfigurationError

_LARGEST_HEAD = 256 * 1024
_GRACE_SECONDS = 2
_POLL_SECONDS = 0.01


class EdgeServer:
    """Runs a distribution on this machine.

    Example:
        >>> import asyncio
        >>> from signer.edge import Behavior, Distribution, EdgeServer, HttpOrigin
        >>> site = Distribution(
        ...     origins={"backend": HttpOrigin("http://127.0.0.1:9000")},
        ...     default_behavior=Behavior(origin="backend"),
        ... )
        >>> async def run() -> bool:
        ...     async with EdgeServer(site, port=0, inspector_port=0) as edge:
        ...         return edge.url.startswith("http://127.0.0.1:")
        >>> asyncio.run(run())
        True
    """

    def __init__(
        self,
        distribution: Distribution | Source,
        *,
        host: str = "127.0.0.1",
        port: int = 8080,
        inspector_port: int | None = None,
        clock: Callable[[], float] = time.time,
        allow_remote: bool = False,
        on_exchange: Callable[[Exchange], None] | None = None,
        sockets: Sequence[socket.socket] = (),
        inspector_sockets: Sequence[socket.socket] = (),
    ) -> None:
        """Check the address; nothing is opened before :meth:`start`.

        Args:
            distribution: What to serve, or a source of it: :class:`signer.edge.Locations`.
            host: Address to listen on; ``localhost`` for both loopback addresses.
            port: Port for viewers; 0 for any free one.
            inspector_port: Port of the inspector, always on loopback; 0 for any free one, None
                for no inspector.
            clock: Returns seconds since 1970.
            allow_remote: Permit an address that other machines can reach.
            on_exchange: Called after every request.
            sockets: For viewers, bound already, instead of `port`; :meth:`stop` closes them.
            inspector_sockets: The same for the inspector.

        Raises:
            ConfigurationError: ``edge_remote``: the address is not a loopback address.
        """
        given = [bound.getsockname()[0] for bound in (*sockets, *inspector_sockets)]
        for address in () if allow_remote else (host, *given):
            if not is_loopback(address):
                raise ConfigurationError(
                    "edge_remote",
                    f"other machines could reach the edge on {address}",
                    advice="it is a development tool: listen on 127.0.0.1, or allow it explicitly",
                    field="host",
                )
        self._host, self._port, self._inspector_port = host, port, inspector_port
        self._sockets, self._inspector_sockets = list(sockets), list(inspector_sockets)
        self._recorder = Recorder()
        self._app = EdgeApp(
            distribution, clock=clock, recorder=self._recorder, on_exchange=on_exchange
        )
        self._running: list[tuple[uvicorn.Server, asyncio.Task[None]]] = []
        self.url: str = ""
        self.inspector_url: str | None = None

    async def start(self) -> None:
        """Listen, and return once requests are answered.

        Raises:
            ConfigurationError: ``edge_address``: the address is in use or not ours;
                ``edge_certificate``: the TLS files cannot be used.
            SignerError: A source cannot tell what to serve.
        """
        viewers = self._sockets or _listeners(self._host, self._port)
        inspector = self._inspector_sockets
        loopback = "localhost" if self._host == "localhost" else "127.0.0.1"
        try:
            if not inspector and self._inspector_port is not None:
                inspector = _listeners(loopback, self._inspector_port)
            await self._app.start()
            served = self._app.source.at(None)
            certificate = served.distribution.viewer_certificate if served else None
            self.url = _url("https" if certificate else "http", self._host, viewers[0])
            await self._run(self._app, viewers, certificate)
            if inspector:
                self.inspector_url = _url("http", loopback, inspector[0])
                progress = self._app.source.progress
                page = InspectorApp(self._recorder, title=self.url, progress=progress)
                await self._run(page, inspector, None)
        except BaseException:
            for listener in (*viewers, *inspector):
                listener.close()
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop listening, end what is running, close connections to origins."""
        self._recorder.close()
        for server, _ in self._running:
            server.should_exit = True
        for _, task in self._running:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self._running.clear()
        await self._app.aclose()

    async def serve(self) -> None:
        """Run until cancelled."""
        await self.start()
        try:
            # Unlike gather, wait leaves the servers alone when it is cancelled: stop() ends them.
            await asyncio.wait([task for _, task in self._running])
        finally:
            await self.stop()

    async def __aenter__(self) -> Self:
        """Start."""
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop."""
        await self.stop()

    async def _run(
        self, app: ASGIApp, listeners: list[socket.socket], certificate: ViewerCertificate | None
    ) -> None:
        config = uvicorn.Config(
            app,
            http="h11",
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            log_level="critical",
            access_log=False,
            # The peer of the TCP connection is the viewer, whatever X-Forwarded-For says.
            proxy_headers=False,
            server_header=False,
            date_header=False,
            h11_max_incomplete_event_size=_LARGEST_HEAD,
            timeout_graceful_shutdown=_GRACE_SECONDS,
            ssl_certfile=str(certificate.certificate) if certificate else None,
            ssl_keyfile=str(certificate.private_key) if certificate else None,
        )
        try:
            config.load()
        except OSError as error:  # ssl.SSLError is one
            raise ConfigurationError(
                "edge_certificate",
                f"viewer_certificate: the TLS files cannot be used ({type(error).__name__})",
                field="viewer_certificate",
            ) from None
        server = QuietServer(config)
        task = asyncio.ensure_future(server.serve(sockets=listeners))
        self._running.append((server, task))
        while not server.started:
            if task.done():
                await task
                break
            await asyncio.sleep(_POLL_SECONDS)


class QuietServer(uvicorn.Server):
    """A server that leaves signals to the program it runs in."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


def _listeners(host: str, port: int) -> list[socket.socket]:
    try:
        return listeners(host, port)
    except OSError as error:
        raise ConfigurationError(
            "edge_address",
            f"cannot listen on {host}:{port}: {error.strerror or 'unknown error'}",
            advice="choose another port; 0 takes any free one",
            field="port",
            errno=error.errno,
        ) from None


def _url(scheme: str, host: str, listener: socket.socket) -> str:
    address, port = listener.getsockname()[:2]
    name = host if host == "localhost" else address
    return f"{scheme}://[{name}]:{port}" if ":" in name else f"{scheme}://{name}:{port}"
