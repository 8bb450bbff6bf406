"""The whole demo in one process, with MiniStack as its only child."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
import string
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import fastapi  # noqa: F401 - missing, it stops us here and not when MiniStack is up
import uvicorn

from signer.dev.bucket import BUCKET, fill_bucket
from signer.dev.content import Gallery, find_gallery
from signer.dev.demo import Demo
from signer.dev.environment import ready_environment
from signer.dev.ministack import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY, running_ministack
from signer.dev.ports import listen, listen_near
from signer.edge import (
    Behavior,
    Distribution,
    EdgeServer,
    FolderOrigin,
    HttpOrigin,
    S3Origin,
)
from signer.edge.server import QuietServer
from signer.issuer import Issuer
from signer.keys import KeyAlgorithm, PrivateKey
from signer.verifier import TrustedKeyGroup

SITE_PORT = 8080
_KEY_PAIR_ID_LENGTH = 13


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a person may choose.

    Attributes:
        port: Of the site; the next free one from 8080 when None.
        storage: ``s3`` for MiniStack, ``folder`` to serve the files as they lie.
        algorithm: Of the signing key.
    """

    port: int | None = None
    storage: Literal["s3", "folder"] = "s3"
    algorithm: KeyAlgorithm = KeyAlgorithm.ECDSA_P256


@dataclass(frozen=True, slots=True, kw_only=True)
class _Storage:
    """Where the private objects lie, as the edge sees it and as a stranger would ask for it."""

    origin: S3Origin | FolderOrigin
    bucket_url: str | None = None
    pid: int | None = None


def run_demo(
    options: Options, *, say: Callable[[str], None], use: Callable[[Demo, Gallery], Awaitable[bool]]
) -> bool:
    """Start the demo, use it, and stop everything again, whatever happens in between.

    Args:
        options: What to start.
        say: Told what is being done, one line at a time.
        use: Called once everything is up; the demo ends when it returns.

    Returns:
        What `use` returned.

    Raises:
        ConfigurationError: A port is taken, MiniStack cannot be installed or started.
    """
    gallery = find_gallery()
    with contextlib.ExitStack() as stack:
        # Ports first: there is no point in installing anything for a demo that cannot be reached.
        site = listen(options.port) if options.port is not None else listen_near(SITE_PORT)
        inspector = listen_near(_port(site) + 1)
        backend = listen(0)
        for bound in (*site, *inspector, *backend):
            stack.enter_context(contextlib.closing(bound))
        storage = stack.enter_context(_storage(options, gallery, say))
        sockets = _Sockets(site, inspector, backend)
        return asyncio.run(_serve(options, gallery, storage, sockets, use))


@dataclass(frozen=True, slots=True)
class _Sockets:
    site: list[socket.socket]
    inspector: list[socket.socket]
    backend: list[socket.socket]


@contextlib.contextmanager
def _storage(options: Options, gallery: Gallery, say: Callable[[str], None]) -> Iterator[_Storage]:
    if options.storage == "folder":
        yield _Storage(origin=FolderOrigin(gallery.media))
        return
    python = ready_environment(say)
    say("starting MiniStack")
    with running_ministack(python) as ministack:
        say("filling a private bucket")
        fill_bucket(ministack.endpoint_url, (*gallery.pictures(), *gallery.film()))
        origin = S3Origin(
            BUCKET,
            region=REGION,
            endpoint_url=ministack.endpoint_url,
            access_key_id=ACCESS_KEY_ID,
            secret_access_key=SECRET_ACCESS_KEY,
        )
        url = f"{ministack.endpoint_url}/{BUCKET}"
        yield _Storage(origin=origin, bucket_url=url, pid=ministack.pid)


async def _serve(
    options: Options,
    gallery: Gallery,
    storage: _Storage,
    sockets: _Sockets,
    use: Callable[[Demo, Gallery], Awaitable[bool]],
) -> bool:
    key = PrivateKey.generate(options.algorithm)
    issuer = Issuer(key, key_pair_id=_new_key_pair_id())
    module = gallery.backend()
    demo = Demo(
        site_url=_url(sockets.site),
        inspector_url=_url(sockets.inspector),
        bucket_url=storage.bucket_url,
        key_pair_id=issuer.key_pair_id,
        algorithm=options.algorithm.value,
        accounts=tuple((name, user.password) for name, user in module.USERS.items()),
        ministack_pid=storage.pid,
    )
    group = TrustedKeyGroup({issuer.key_pair_id: key.public_key()}, name="demo")
    app = module.create_app(issuer, demo.site_url, inspector_url=demo.inspector_url)
    async with _backend(app, sockets.backend) as backend_url:
        distribution = _distribution(gallery, storage, backend_url, group)
        edge = EdgeServer(
            distribution,
            host="localhost",
            sockets=sockets.site,
            inspector_sockets=sockets.inspector,
        )
        async with edge:
            return await use(demo, gallery)


def _distribution(
    gallery: Gallery, storage: _Storage, backend_url: str, group: TrustedKeyGroup
) -> Distribution:
    """Return what a stack for this site would look like: public paths by name, the rest signed."""

    def backend(path_pattern: str) -> Behavior:
        return Behavior(
            origin="backend",
            path_pattern=path_pattern,
            allowed_methods="ALL",
            forward_cookies=True,
        )

    return Distribution(
        origins={
            "site": FolderOrigin(gallery.site),
            "backend": HttpOrigin(backend_url),
            "private": storage.origin,
        },
        key_groups={"demo": group},
        default_root_object="index.html",
        behaviors=(
            # Whether the default root object is put in before or after behaviors are chosen.
            Behavior(origin="site", path_pattern="/"),
            Behavior(origin="site", path_pattern="/index.html"),
            Behavior(origin="site", path_pattern="/favicon.ico"),
            Behavior(origin="site", path_pattern="/assets/*"),
            backend("/api/*"),
            backend("/login"),
            backend("/logout"),
        ),
        default_behavior=Behavior(origin="private", trusted_key_groups=("demo",)),
        domain_names=("localhost",),
        explain_header=True,
    )


@contextlib.asynccontextmanager
async def _backend(app: Any, sockets: list[socket.socket]) -> AsyncIterator[str]:  # noqa: ANN401 - ASGI
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, timeout_graceful_shutdown=1, lifespan="off"
    )
    server = QuietServer(config)
    task = asyncio.create_task(server.serve(sockets=sockets))
    try:
        # No need to wait for it: the socket listens already, and connections queue.
        yield f"http://127.0.0.1:{_port(sockets)}"
    finally:
        server.should_exit = True
        await task


def _new_key_pair_id() -> str:
    """Return an id in the form that CloudFront gives to public keys."""
    alphabet = string.ascii_uppercase + string.digits
    return "K" + "".join(secrets.choice(alphabet) for _ in range(_KEY_PAIR_ID_LENGTH))


def _port(sockets: list[socket.socket]) -> int:
    port: int = sockets[0].getsockname()[1]
    return port


def _url(sockets: list[socket.socket]) -> str:
    # One host name for everything: cookies and policies belong to it, not to 127.0.0.1.
    port = _port(sockets)
    return "http://localhost" if port == 80 else f"http://localhost:{port}"  # noqa: PLR2004 - HTTP's
