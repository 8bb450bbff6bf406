"""PKCE in front of an identity provider that ignores it (RFC 7636).

Each authorization code is bound to the challenge with which it was asked for; at the token
endpoint it is worth something together with the verifier only.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import json
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

_LARGEST_FORM = 1 << 16


class ProofKeys:
    """A WSGI application that holds another one to PKCE with S256."""

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app
        self._challenges: dict[str, str] = {}

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        if path == "/oauth2/authorize":
            return self._authorize(environ, start_response)
        if (method, path) == ("POST", "/oauth2/token") and not self._proven(environ):
            body = json.dumps({"error": "invalid_grant", "error_description": "PKCE"}).encode()
            start_response("400 Bad Request", [("Content-Type", "application/json")])
            return [body]
        return self._app(environ, start_response)

    def _authorize(
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        query = parse_qs(environ.get("QUERY_STRING", ""))
        challenge = _only(query, "code_challenge")
        if not challenge or _only(query, "code_challenge_method") != "S256":
            start_response("400 Bad Request", [("Content-Type", "text/plain")])
            return [b"This identity provider wants PKCE with S256."]

        def remember(
            status: str,
            headers: list[tuple[str, str]],
            exc_info: Any = None,  # noqa: ANN401 - WSGI's
        ) -> Callable[[bytes], object]:
            location = dict(headers).get("Location", "")
            if code := _only(parse_qs(urlsplit(location).query), "code"):
                self._challenges[code] = challenge
            return start_response(status, headers, exc_info)

        return self._app(environ, remember)

    def _proven(self, environ: WSGIEnvironment) -> bool:
        length = min(int(environ.get("CONTENT_LENGTH") or 0), _LARGEST_FORM)
        body = environ["wsgi.input"].read(length)
        environ["wsgi.input"] = io.BytesIO(body)
        form = parse_qs(body.decode("utf-8", "replace"))
        if _only(form, "grant_type") != "authorization_code":
            return True
        challenge = self._challenges.pop(_only(form, "code"), "")
        digest = hashlib.sha256(_only(form, "code_verifier").encode()).digest()
        proof = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        return hmac.compare_digest(proof, challenge)


def _only(fields: dict[str, list[str]], name: str) -> str:
    values = fields.get(name, [])
    return values[0] if len(values) == 1 else ""
