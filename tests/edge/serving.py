"""Edges and upstream servers that run while a test talks to them, and requests without a server."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import uvicorn
from starlette.types import ASGIApp, Message, Scope

from signer import Issuer, PrivateKey
from signer.edge import Behavior, Distribution, EdgeApp, EdgeServer, FolderOrigin
from signer.verifier import TrustedKeyGroup

KEY_PAIR_ID = "K2JCJMDEHXQW5F"
Yielded = TypeVar("Yielded")


@contextlib.contextmanager
def in_thread(make: Callable[[], AbstractAsyncContextManager[Yielded]]) -> Iterator[Yielded]:
    """Keep an asynchronous context manager open in an event loop of another thread."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def enter() -> tuple[AbstractAsyncContextManager[Yielded], Yielded]:
        manager = make()
        return manager, await manager.__aenter__()

    async def leave(manager: AbstractAsyncContextManager[Yielded]) -> None:
        await manager.__aexit__(None, None, None)

    try:
        manager, value = asyncio.run_coroutine_threadsafe(enter(), loop).result(30)
        try:
            yield value
        finally:
            asyncio.run_coroutine_threadsafe(leave(manager), loop).result(30)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)
        loop.close()


@contextlib.contextmanager
def running(distribution: Distribution, **options: Any) -> Iterator[EdgeServer]:  # noqa: ANN401 - whatever the class takes
    """Run an edge on free ports."""
    options = {"port": 0, "inspector_port": 0, **options}
    with in_thread(lambda: EdgeServer(distribution, **options)) as server:
        yield server


class _Upstream(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.contextmanager
def upstream(app: ASGIApp) -> Iterator[str]:
    """Run an ASGI application as an origin; yields its address."""

    @contextlib.asynccontextmanager
    async def serve() -> AsyncIterator[str]:
        with socket.socket(proto=socket.IPPROTO_TCP) as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            config = uvicorn.Config(
                app,
                http="h11",
                ws="none",
                lifespan="off",
                log_level="critical",
                server_header=False,
                timeout_graceful_shutdown=1,
            )
            server = _Upstream(config)
            task = asyncio.ensure_future(server.serve(sockets=[listener]))
            # Connections queue until the server takes them.
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
            server.should_exit = True
            await task

    with in_thread(serve) as url:
        yield url


def free_port() -> int:
    """Return a port on which nothing listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@dataclass(frozen=True)
class Answer:
    """What an ASGI application answered."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes
    complete: bool

    def header(self, name: str) -> str | None:
        for present, value in self.headers:
            if present == name.encode():
                return value.decode("latin-1")
        return None


def ask(
    app: EdgeApp,
    raw_path: bytes | str,
    query: bytes | str = b"",
    *,
    method: str = "GET",
    headers: list[tuple[bytes, bytes]] | None = None,
    host: bytes | None = b"edge.test",
    body: bytes = b"",
    peer: tuple[str, int] | None = ("203.0.113.7", 50000),
) -> Answer:
    """Call the application without a server, so that anything can be sent."""
    raw = raw_path.encode() if isinstance(raw_path, str) else raw_path
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": raw.decode("latin-1"),
        "raw_path": raw,
        "root_path": "",
        "query_string": query.encode() if isinstance(query, str) else query,
        "headers": [*([(b"host", host)] if host is not None else []), *(headers or [])],
        "client": peer,
        "server": ("127.0.0.1", 80),
    }
    return asyncio.run(_call(app, scope, body))


async def _call(app: EdgeApp, scope: Scope, body: bytes) -> Answer:
    messages: list[Message] = []
    complete = asyncio.Event()
    pending = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        if pending:
            return pending.pop()
        await complete.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        messages.append(message)
        if message["type"] == "http.response.body" and not message.get("more_body"):
            complete.set()

    await app(scope, receive, send)
    await app.aclose()
    start = messages[0]
    return Answer(
        start["status"],
        start["headers"],
        b"".join(message.get("body", b"") for message in messages[1:]),
        complete.is_set(),
    )


def group_of(key: PrivateKey, key_pair_id: str = KEY_PAIR_ID) -> TrustedKeyGroup:
    """Return a key group with one key."""
    return TrustedKeyGroup(keys={key_pair_id: key.public_key()}, name="viewers")


def issuer_of(key: PrivateKey, **options: Any) -> Issuer:  # noqa: ANN401 - whatever the class takes
    """Return an issuer for the key of :func:`group_of`."""
    return Issuer(key, key_pair_id=KEY_PAIR_ID, **options)


def private_folder(folder: Path, key: PrivateKey, **options: Any) -> Distribution:  # noqa: ANN401 - whatever the class takes
    """Return a distribution whose every file needs a signature."""
    return Distribution(
        origins={"folder": FolderOrigin(folder)},
        default_behavior=Behavior(origin="folder", trusted_key_groups=("viewers",)),
        key_groups={"viewers": group_of(key)},
        **options,
    )


def public_folder(folder: Path, **options: Any) -> Distribution:  # noqa: ANN401 - whatever the class takes
    """Return a distribution whose files everybody may read."""
    return Distribution(
        origins={"folder": FolderOrigin(folder)},
        default_behavior=Behavior(origin="folder"),
        **options,
    )
