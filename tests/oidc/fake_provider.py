"""An identity provider on loopback that says whatever a test wants, and counts who asks."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

from joserfc.jwk import ECKey, RSAKey

DISCOVERY = "/.well-known/openid-configuration"

Page = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Clock:
    """A clock that only a test moves."""

    now: float = field(default_factory=lambda: float(int(time.time())))

    def __call__(self) -> float:
        return self.now


@dataclass
class FakeProvider:
    """What it answers can be changed at any time."""

    url: str
    pages: dict[str, Page] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    forms: list[dict[str, str]] = field(default_factory=list)
    authorizations: list[str | None] = field(default_factory=list)

    def document(self, **changes: object) -> dict[str, object]:
        """The discovery document; a member changed to None is left out."""
        members = {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
            "userinfo_endpoint": f"{self.url}/userinfo",
            "revocation_endpoint": f"{self.url}/revoke",
            "end_session_endpoint": f"{self.url}/logout",
            **changes,
        }
        return {name: value for name, value in members.items() if value is not None}

    def discover(self, **changes: object) -> None:
        """Serve a discovery document."""
        self.pages[DISCOVERY] = page(self.document(**changes))

    def publish(self, *keys: RSAKey | ECKey | dict[str, Any]) -> None:
        """Serve a key set."""
        rows = [key if isinstance(key, dict) else key.as_dict(private=False) for key in keys]
        self.pages["/keys"] = page({"keys": rows})

    def count(self, path: str) -> int:
        """How often a path was asked for."""
        return self.asked.count(path)


def page(document: object, *, status: int = 200, after: float = 0) -> Page:
    """Answer with JSON, or with bytes as they are, perhaps late."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()

    def answer(server: BaseHTTPRequestHandler) -> None:
        time.sleep(after)
        server.send_response(status)
        server.send_header("Content-Type", "application/json")
        server.send_header("Content-Length", str(len(body)))
        server.end_headers()
        server.wfile.write(body)

    return answer


def hang_up(server: BaseHTTPRequestHandler) -> None:
    """Close the connection without an answer."""
    server.close_connection = True


def trickle(server: BaseHTTPRequestHandler) -> None:
    """Send a byte now and then, for ever."""
    server.send_response(200)
    server.end_headers()
    with contextlib.suppress(OSError):
        for _ in range(200):
            server.wfile.write(b" ")
            server.wfile.flush()
            time.sleep(0.05)


@contextlib.contextmanager
def fake_provider() -> Iterator[FakeProvider]:
    """Run one with a discovery document and no keys."""

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            provider.asked.append(path)
            provider.authorizations.append(self.headers["Authorization"])
            answer = provider.pages.get(path, page({}, status=404))
            with contextlib.suppress(ConnectionError):
                answer(self)

        def do_POST(self) -> None:
            size = int(self.headers["Content-Length"])
            provider.forms.append(dict(parse_qsl(self.rfile.read(size).decode())))
            self.do_GET()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

    with Server(("127.0.0.1", 0), Pages) as server:
        provider = FakeProvider(f"http://127.0.0.1:{server.server_port}")
        provider.discover()
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield provider
        server.shutdown()
        thread.join()


@contextlib.contextmanager
def nobody_home() -> Iterator[str]:
    """The address of a port that nobody listens on."""
    with fake_provider() as provider:
        url = provider.url
    yield url
