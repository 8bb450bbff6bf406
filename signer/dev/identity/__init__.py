"""The identity provider of the demo: oidc-provider-mock on loopback, with our pages.

The protocol is the mock's own; only its pages are ours, since its own take their style sheet from
another server. Two things are added: the mock ignores PKCE, so a code bought without its verifier
is refused here, and a person can withdraw a claim on the first page.
"""

from __future__ import annotations

import contextlib
import json
import logging
import socketserver
import threading
import urllib.request
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from signer.dev.identity.pkce import ProofKeys

if TYPE_CHECKING:
    from collections.abc import Mapping

_PAGES = Path(__file__).parent / "pages"
_SECONDS_TO_STOP = 5.0

ACCOUNTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"ada": ("gallery", "cinema"), "guest": ("gallery",)}
)
"""Who can log in, and the groups that the identity provider says they are in."""


@dataclass(frozen=True, slots=True)
class Client:
    """What the identity provider knows the issuer as."""

    client_id: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class IdentityProvider:
    """A running identity provider.

    Attributes:
        issuer_url: Its address and its name in tokens.
    """

    issuer_url: str

    def register(self, redirect_uri: str) -> Client:
        """Make a client that may send people to one address, through the provider's own API."""
        answer = self._send("POST", "/oauth2/clients", {"redirect_uris": [redirect_uri]})
        return Client(answer["client_id"], answer["client_secret"])

    def set_groups(self, account: str, *groups: str) -> None:
        """Change what the provider says about an account from now on, through its own API."""
        claims = {"groups": groups, "name": account.capitalize()}
        self._send("PUT", f"/users/{quote(account)}", claims)

    def _send(self, method: str, path: str, document: Mapping[str, object]) -> dict[str, str]:
        request = urllib.request.Request(  # noqa: S310 - our own address
            self.issuer_url + path,
            method=method,
            data=json.dumps(document).encode(),
            headers={"Content-Type": "application/json"},
        )
        # No proxy of the environment stands between us and loopback.
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with direct.open(request, timeout=10) as answer:
            found: dict[str, str] = json.loads(answer.read() or b"{}")
            return found


@contextlib.contextmanager
def running_identity_provider() -> Iterator[IdentityProvider]:
    """Run the identity provider in a thread of this process, on any free port."""
    with _Server(("127.0.0.1", 0), _QuietHandler) as server:
        server.set_app(ProofKeys(_application()))
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            # Another host than the site's, as a real one is: no cookie of the site reaches it.
            yield IdentityProvider(f"http://127.0.0.1:{server.server_port}")
        finally:
            server.shutdown()
            thread.join(_SECONDS_TO_STOP)


def _application() -> Any:  # noqa: ANN401 - a Flask app, of a package without types
    # A refused log-in is part of the story, and not for standard error.
    logging.getLogger("oidc_provider_mock").setLevel(logging.ERROR)
    # What its libraries say about each other is not for the person in front of the demo; they
    # insist on saying it, so it is recorded instead of ignored.
    with warnings.catch_warnings(record=True):
        # Half a second, and only once it is needed.
        import oidc_provider_mock  # type: ignore[import-untyped]  # noqa: PLC0415

        users = [
            oidc_provider_mock.User(sub=name, claims={"groups": groups, "name": name.capitalize()})
            for name, groups in ACCOUNTS.items()
        ]
        app = oidc_provider_mock.app(require_client_registration=True, user_claims=users)
    app.template_folder = str(_PAGES)
    app.context_processor(lambda: {"accounts": ACCOUNTS})
    # Without the debugger that the mock puts in front of itself.
    app.debug = False
    app.wsgi_app = getattr(app.wsgi_app, "app", app.wsgi_app)
    return app


class _Server(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def server_bind(self) -> None:
        """Bind without asking any name server for our name, which can take seconds."""
        socketserver.TCPServer.server_bind(self)
        self.server_name = str(self.server_address[0])
        self.server_port = int(self.server_address[1])
        self.setup_environ()

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of viewers who left."""


class _QuietHandler(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Leave standard error to the demo."""
