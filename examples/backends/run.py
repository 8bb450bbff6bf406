"""Run one of the example backends behind a local CloudFront, with a key made for this run.

    make example ARGS=flask          # or fastapi, or django

Everything listens on this machine only; Ctrl-C stops it all.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

from signer import KeyAlgorithm, PublicKey, TrustedKeyGroup
from signer.credential import Credential
from signer.custody import write_credential
from signer.dev.ports import free_port, listen, listen_near
from signer.edge import Behavior, Distribution, EdgeServer, FolderOrigin, HttpOrigin
from signer.errors import SignerError

FOLDER = Path(__file__).resolve().parent
GALLERY = FOLDER.parent / "gallery"
KEY_PAIR_ID = "K2JCJMDEHXQW5F"
SITE_PORT = 8080
START_SECONDS = 30

PORT = "{port}"
SERVERS = {
    "flask": ("flask", "--app", "flask_app", "run", "--port", PORT),
    "fastapi": ("uvicorn", "--factory", "fastapi_app:create_app", "--port", PORT),
    "django": ("django_site/manage.py", "runserver", "--noreload", PORT),
}
PREPARATIONS = {"django": ("django_site/manage.py", "migrate", "--verbosity", "0")}


def main() -> None:
    """Start everything, say what to open, and wait."""
    parser = argparse.ArgumentParser(
        prog="make example",
        usage=f"make example ARGS={'|'.join(SERVERS)}, or ARGS='flask --port 8080'",
        description=(__doc__ or "").partition("\n")[0],
    )
    parser.add_argument("backend", choices=SERVERS)
    parser.add_argument("--port", type=port, help="of the site (default: 8080, or the next free)")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        run(given.backend, given.port)
    except SignerError as error:
        parser.error(str(error))
    except KeyboardInterrupt:
        print("Stopped. Nothing is left running.")


def port(text: str) -> int:
    """Return the number of a port."""
    if not 0 < int(text) < 1 << 16:
        raise ValueError
    return int(text)


def run(backend: str, port: int | None) -> None:
    """Serve one backend until interrupted."""
    sockets = listen_near(SITE_PORT) if port is None else listen(port)
    # Cookies and URLs are signed for this address, so that it has to be known first.
    site_url = f"http://localhost:{sockets[0].getsockname()[1]}"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        public_key = make_key(folder / "credential.json")
        password = os.environ.get("EXAMPLE_PASSWORD") or secrets.token_urlsafe(6)
        environment = {
            **os.environ,
            "EXAMPLE_SECRET_KEY": secrets.token_urlsafe(40),
            "EXAMPLE_PASSWORD": password,
            "EXAMPLE_DATABASE": str(folder / "database.sqlite3"),
            "SIGNER_CREDENTIAL": f"file:{folder / 'credential.json'}",
            "SIGNER_GRANTS": str(GALLERY / "grants.toml"),
            "SIGNER_BASE_URL": site_url,
        }
        with serving(backend, environment) as address:
            edge = EdgeServer(
                distribution(address, public_key),
                host="localhost",
                sockets=sockets,
                inspector_port=0,
            )
            asyncio.run(serve(edge, backend, password))


def make_key(file: Path) -> PublicKey:
    """Write a credential and return its public half."""
    credential = Credential.new(key_pair_id=KEY_PAIR_ID, algorithm=KeyAlgorithm.ECDSA_P256)
    write_credential(credential, file)
    return credential.held_key.public_key()


def distribution(backend_url: str, public_key: PublicKey) -> Distribution:
    """Return the distribution: the page and its covers are public, the API is the backend's.

    Everything else is private.
    """
    return Distribution(
        origins={
            "public": FolderOrigin(FOLDER / "public"),
            "backend": HttpOrigin(backend_url, forward_host=True),
            "private": FolderOrigin(GALLERY / "media"),
        },
        key_groups={"viewers": TrustedKeyGroup({KEY_PAIR_ID: public_key})},
        default_root_object="index.html",
        behaviors=(
            Behavior(
                origin="backend",
                path_pattern="/api/*",
                allowed_methods="ALL",
                forward_cookies=True,
            ),
            *(
                Behavior(origin="public", path_pattern=pattern)
                for pattern in ("/", "/index.html", "/app.js", "/style.css", "/covers/*")
            ),
        ),
        default_behavior=Behavior(origin="private", trusted_key_groups=("viewers",)),
        domain_names=("localhost",),
        explain_header=True,
    )


@contextlib.contextmanager
def serving(backend: str, environment: dict[str, str]) -> Iterator[str]:
    """Run a backend's own server; yields its address."""
    if backend in PREPARATIONS:
        subprocess.run(command(PREPARATIONS[backend]), cwd=FOLDER, env=environment, check=True)
    port = free_port()
    arguments = [part.replace(PORT, str(port)) for part in SERVERS[backend]]
    print(f"Starting {backend}'s own server, which is reached through the edge only.", flush=True)
    process = subprocess.Popen(
        command(arguments), cwd=FOLDER, env=environment, stdout=subprocess.DEVNULL
    )
    try:
        wait_for(f"http://127.0.0.1:{port}/api/session", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def command(arguments: tuple[str, ...] | list[str]) -> list[str]:
    """Run a script of this folder, or a module of that name, by this very Python."""
    first, *rest = arguments
    return [sys.executable, *([first] if first.endswith(".py") else ["-m", first]), *rest]


def wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    """Wait until a server answers."""
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(httpx.TransportError):
            httpx.get(url, trust_env=False)
            return
        time.sleep(0.05)
    sys.exit("the backend did not start; what it said is above")


async def serve(edge: EdgeServer, backend: str, password: str) -> None:
    """Serve until cancelled."""
    async with edge:
        print(f"\n  {backend} behind a local CloudFront\n")
        print(f"  Site       {edge.url}")
        print(f"  Inspector  {edge.inspector_url}")
        print("  Accounts   ada and guest, who both may see the pictures")
        print(f"  Password   {password}, for both, made for this run\n")
        print("  Ctrl-C stops everything.", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    main()
