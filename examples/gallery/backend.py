"""The demo's backend: log in, log out, share one picture by signed URL.

This is how any backend uses the library: it decides *who* may see *what*, and an ``Issuer`` turns
that into signed cookies at log-in and into a signed URL for a single file. It never serves a
private byte itself. ``signer dev`` starts it; ``create_app`` is all it needs to know.

A client names a picture, never a Resource: what may be signed comes from the tables here.
"""

import hmac
import json
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Annotated

from fastapi import Cookie, Depends, FastAPI, HTTPException, Request, Response
from pydantic import BaseModel

from signer import CookieAttributes, Issuer, SignedCookies
from signer.wire import object_key_path

SESSION_LIFETIME = timedelta(hours=1)
SHARE_LIFETIME = timedelta(minutes=10)
GALLERY, FILM = "/gallery/*", "/film/*"
CATALOGUE = Path(__file__).parent / "site" / "assets" / "catalogue.json"


@dataclass(frozen=True)
class User:
    """A demo account. A real one has no password here: it comes from your identity provider."""

    password: str = field(repr=False)
    folders: tuple[str, ...]


USERS: Mapping[str, User] = {
    "ada": User("lovelace", (GALLERY, FILM)),
    "guest": User("guest", (GALLERY,)),
}


@dataclass(frozen=True)
class Session:
    """Who logged in, and until when."""

    user: str
    until: int


class LoginForm(BaseModel):
    """Body of ``POST /login``."""

    user: str
    password: str


class ShareForm(BaseModel):
    """Body of ``POST /api/share``: the object key of a picture."""

    key: str


def create_app(issuer: Issuer, base_url: str, *, inspector_url: str | None = None) -> FastAPI:
    """Return the backend as an ASGI app.

    Args:
        issuer: Signs what is granted.
        base_url: Scheme and host that viewers use, such as ``https://media.example.com``. The
            Resource of every policy begins with it; the ``Host`` header is never trusted for that.
        inspector_url: Address of the local edge's inspector page, shown as a link.
    """
    pictures = frozenset(p["key"] for p in json.loads(CATALOGUE.read_text("utf-8"))["pictures"])
    # On http://localhost Safari drops Secure cookies; anywhere else cookies travel over TLS only.
    attributes = CookieAttributes(secure=base_url.startswith("https://"))
    sessions: dict[str, Session] = {}

    def current_session(session: Annotated[str | None, Cookie()] = None) -> Session | None:
        found = sessions.get(session or "")
        return found if found and found.until > time.time() else None

    def same_origin(request: Request) -> None:
        # Browsers send Origin with every POST. A client that sends none carries no one's cookies.
        if request.headers.get("origin", base_url) != base_url:
            raise HTTPException(403, f"This request comes from another site; use {base_url}")

    app = FastAPI(title="Private gallery", docs_url=None, redoc_url=None, openapi_url=None)

    @app.middleware("http")
    async def never_stored(
        request: Request, call_next: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        response = await call_next(request)
        response.headers["Cache-Control"] = "no-store"
        return response

    @app.get("/api/session")
    def show_session(session: Annotated[Session | None, Depends(current_session)]) -> dict[str, object]:
        return {
            "user": session.user if session else None,
            "until": session.until if session else None,
            "resources": [base_url + folder for folder in _folders(session)],
            "inspector": inspector_url,
        }

    @app.post("/login", dependencies=[Depends(same_origin)])
    def log_in(form: LoginForm, response: Response) -> dict[str, str]:
        user = USERS.get(form.user)
        expected = user.password if user else secrets.token_hex()
        if not hmac.compare_digest(expected.encode(), form.password.encode()) or user is None:
            raise HTTPException(401, "Name or password is wrong")
        token = secrets.token_urlsafe(32)
        until = int(time.time() + SESSION_LIFETIME.total_seconds())
        sessions[token] = Session(form.user, until)
        response.set_cookie(
            "session", token, httponly=True, samesite="lax", secure=attributes.secure
        )
        # A set of cookies for each folder: one set covers one Resource. Their paths keep them apart.
        for folder in user.folders:
            cookies = issuer.signed_cookies(
                base_url + folder, date_less_than=until, attributes=attributes
            )
            for line in cookies.set_cookie_headers():
                response.headers.append("Set-Cookie", line)
        return {"user": form.user}

    @app.post("/logout", status_code=204, dependencies=[Depends(same_origin)])
    def log_out(response: Response, session: Annotated[str | None, Cookie()] = None) -> None:
        sessions.pop(session or "", None)
        response.delete_cookie("session", httponly=True, samesite="lax", secure=attributes.secure)
        for folder in (GALLERY, FILM):
            for line in SignedCookies.clearing_headers(attributes, resource=base_url + folder):
                response.headers.append("Set-Cookie", line)

    @app.post("/api/share", dependencies=[Depends(same_origin)])
    def share(
        form: ShareForm, session: Annotated[Session | None, Depends(current_session)]
    ) -> dict[str, object]:
        if session is None:
            raise HTTPException(401, "Log in to share a picture")
        if form.key not in pictures:
            raise HTTPException(404, "There is no such picture")
        until = int(time.time() + SHARE_LIFETIME.total_seconds())
        url = base_url + object_key_path(form.key)
        return {"url": issuer.signed_url(url, date_less_than=until), "until": until}

    return app


def _folders(session: Session | None) -> tuple[str, ...]:
    return USERS[session.user].folders if session else ()
