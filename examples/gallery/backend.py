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

from fastapi import Cookie, FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
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


SessionToken = Annotated[str | None, Cookie(alias="session")]


class Backend:
    """The routes, and what they share: an issuer and the sessions."""

    def __init__(self, issuer: Issuer, base_url: str, inspector_url: str | None) -> None:
        self.issuer = issuer
        self.base_url = base_url
        self.inspector_url = inspector_url
        # On http://localhost Safari drops Secure cookies; anywhere else they travel over TLS only.
        self.attributes = CookieAttributes(secure=base_url.startswith("https://"))
        catalogue = json.loads(CATALOGUE.read_text("utf-8"))
        self.pictures = frozenset(picture["key"] for picture in catalogue["pictures"])
        self.sessions: dict[str, Session] = {}

    def log_in(self, form: LoginForm, response: Response) -> dict[str, str]:
        """Check the password, open a session, and set signed cookies for each folder granted."""
        user = USERS.get(form.user)
        expected = user.password if user else secrets.token_hex()
        # JSON can hold half a surrogate pair: a wrong password like any other.
        given = form.password.encode("utf-8", "surrogatepass")
        if not hmac.compare_digest(expected.encode(), given) or user is None:
            raise HTTPException(401, "Name or password is wrong")
        token = secrets.token_urlsafe(32)
        until = int(time.time() + SESSION_LIFETIME.total_seconds())
        self.sessions[token] = Session(form.user, until)
        response.set_cookie(
            "session", token, httponly=True, samesite="lax", secure=self.attributes.secure
        )
        # One set of cookies covers one Resource. Their paths keep the sets apart.
        for folder in user.folders:
            cookies = self.issuer.signed_cookies(
                self.base_url + folder, date_less_than=until, attributes=self.attributes
            )
            for line in cookies.set_cookie_headers():
                response.headers.append("Set-Cookie", line)
        return {"user": form.user}

    def log_out(self, response: Response, token: SessionToken = None) -> None:
        """End the session and remove every signed cookie, whoever it was set for."""
        self.sessions.pop(token or "", None)
        response.delete_cookie(
            "session", httponly=True, samesite="lax", secure=self.attributes.secure
        )
        for folder in (GALLERY, FILM):
            resource = self.base_url + folder
            for line in SignedCookies.clearing_headers(self.attributes, resource=resource):
                response.headers.append("Set-Cookie", line)

    def share(self, form: ShareForm, token: SessionToken = None) -> dict[str, object]:
        """Sign the URL of one picture, good for a few minutes and for nothing else."""
        if self._session(token) is None:
            raise HTTPException(401, "Log in to share a picture")
        if form.key not in self.pictures:
            raise HTTPException(404, "There is no such picture")
        until = int(time.time() + SHARE_LIFETIME.total_seconds())
        url = self.base_url + object_key_path(form.key)
        return {"url": self.issuer.signed_url(url, date_less_than=until), "until": until}

    def show_session(self, token: SessionToken = None) -> dict[str, object]:
        """Tell the page who is logged in, until when, and what was granted."""
        session = self._session(token)
        folders = USERS[session.user].folders if session else ()
        return {
            "user": session.user if session else None,
            "until": session.until if session else None,
            "resources": [self.base_url + folder for folder in folders],
            "inspector": self.inspector_url,
        }

    async def guard(
        self, request: Request, call_next: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        """Refuse what another site's page sends, and let no answer be stored."""
        # Browsers send Origin with every POST. A client that sends none carries no one's cookies.
        origin = request.headers.get("Origin", self.base_url)
        response: Response
        if request.method == "POST" and origin != self.base_url:
            detail = f"This request comes from another site; open {self.base_url}"
            response = JSONResponse({"detail": detail}, 403)
        else:
            response = await call_next(request)
        response.headers["Cache-Control"] = "no-store"
        return response

    def _session(self, token: str | None) -> Session | None:
        session = self.sessions.get(token or "")
        return session if session and session.until > time.time() else None


async def refuse_form(_request: Request, _error: Exception) -> JSONResponse:
    """Say that a body has the wrong form, without repeating what may be a password."""
    return JSONResponse({"detail": "The body is not the JSON object that is expected here"}, 422)


def create_app(issuer: Issuer, base_url: str, *, inspector_url: str | None = None) -> FastAPI:
    """Return the backend as an ASGI app.

    Args:
        issuer: Signs what is granted.
        base_url: Scheme and host that viewers use, such as ``https://media.example.com``. The
            Resource of every policy begins with it; the ``Host`` header is never trusted for that.
        inspector_url: Address of the local edge's inspector page, shown as a link.
    """
    backend = Backend(issuer, base_url, inspector_url)
    app = FastAPI(
        title="Private gallery",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,  # such a redirect would lead wherever the Host header says
    )
    app.add_exception_handler(RequestValidationError, refuse_form)
    app.middleware("http")(backend.guard)
    app.post("/login")(backend.log_in)
    app.post("/logout", status_code=204)(backend.log_out)
    app.post("/api/share")(backend.share)
    app.get("/api/session")(backend.show_session)
    return app
