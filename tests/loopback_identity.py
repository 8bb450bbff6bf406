"""An identity provider's public half on loopback: discovery document, key set, and tokens."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from joserfc import jwt
from joserfc.jwk import RSAKey

AUDIENCE = "media"


@dataclass(frozen=True)
class IdentityProvider:
    """Where it answers, and the key that it signs with."""

    url: str
    key: RSAKey

    def token(self, **claims: object) -> str:
        """Return a bearer token for an hour."""
        now = int(time.time())
        times = {"iat": now, "exp": now + 3600}
        who = {"iss": self.url, "aud": AUDIENCE, "sub": "somebody"}
        return jwt.encode(
            {"alg": "RS256", "kid": self.key.kid or "", "typ": "JWT"},
            {**who, **times, **claims},
            self.key,
        )


@contextlib.contextmanager
def identity_provider() -> Iterator[IdentityProvider]:
    """Serve discovery and keys until the block ends."""
    key = RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"}, private=True, auto_kid=True)

    class Pages(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def do_GET(self) -> None:
            page = json.dumps(pages.get(self.path, {})).encode()
            self.send_response(200 if self.path in pages else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)
            self.wfile.flush()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    server.daemon_threads = True
    url = f"http://127.0.0.1:{server.server_port}"
    pages: dict[str, Any] = {
        "/.well-known/openid-configuration": {
            "issuer": url,
            "authorization_endpoint": f"{url}/authorize",
            "token_endpoint": f"{url}/token",
            "jwks_uri": f"{url}/keys",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        },
        "/keys": {"keys": [key.as_dict(private=False)]},
    }
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield IdentityProvider(url, key)
    finally:
        server.shutdown()
        server.server_close()
