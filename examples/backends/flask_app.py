"""A Flask backend: log-in sets signed cookies, a route signs URLs, log-out clears the cookies.

    make example ARGS=flask

runs it behind a local CloudFront. By itself: ``flask --app examples/backends/flask_app run``, with
the variables EXAMPLE_SECRET_KEY, EXAMPLE_PASSWORD, SIGNER_CREDENTIAL, SIGNER_GRANTS
and SIGNER_BASE_URL set; run.py has values for all of them.
"""

from __future__ import annotations

import hmac
import os
import time
from collections.abc import Callable

from flask import Flask, Response, abort, jsonify, request

from signer.integrations.flask import SignedAccess, current

# Stands for your own users: who they are, and what a grants table asks about them.
ACCOUNTS: dict[str, list[str]] = {"ada": ["gallery", "cinema"], "guest": ["gallery"]}


def claims_of(name: str) -> dict[str, object] | None:
    """Return the present claims of somebody; None when they may see nothing any longer."""
    groups = ACCOUNTS.get(name)
    return None if groups is None else {"sub": name, "groups": groups}


def create_app(*, clock: Callable[[], float] = time.time) -> Flask:
    """Make the app; `clock` is for tests."""
    app = Flask(__name__)
    app.config.update(
        SECRET_KEY=os.environ["EXAMPLE_SECRET_KEY"],
        SESSION_COOKIE_NAME="__Host-session",
        SESSION_COOKIE_SECURE=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SIGNER_CREDENTIAL=os.environ["SIGNER_CREDENTIAL"],
        SIGNER_GRANTS=os.environ["SIGNER_GRANTS"],
        SIGNER_BASE_URL=os.environ["SIGNER_BASE_URL"],
    )
    SignedAccess(app, load=claims_of, clock=clock)

    @app.post("/api/login")
    def log_in() -> Response:
        # JSON only: no form of another site can send it.
        given = request.get_json()
        name, password = str(given.get("name")), str(given.get("password"))
        right = hmac.compare_digest(password.encode(), os.environ["EXAMPLE_PASSWORD"].encode())
        claims = claims_of(name) if right else None
        if claims is None:
            abort(401)
        current.log_in(claims)
        return jsonify(name=name)

    @app.post("/api/logout")
    def log_out() -> Response:
        request.get_json()
        current.log_out()
        return jsonify(name=None)

    @app.get("/api/session")
    def session() -> Response:
        return jsonify(name=current.subject)

    @app.get("/api/images/<filename>/url")
    def image_url(filename: str) -> Response:
        made = current.url("share", filename)
        return jsonify(url=made.url, expires_at=made.expires_at)

    return app
