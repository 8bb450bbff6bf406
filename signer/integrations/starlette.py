"""Starlette and FastAPI: signed cookies at log-in, signed URLs in endpoints.

Example:
    >>> from fastapi import Depends, FastAPI
    >>> from signer.integrations.starlette import SignedAccessMiddleware, Viewer, current
    >>> app = FastAPI()
    >>> @app.post("/login")                            # once the password was checked
    ... async def log_in(viewer: Viewer = Depends(current)) -> None:
    ...     await viewer.log_in_async({"sub": "ada", "groups": ["staff"]})

The app needs two more lines, in this order, so that the session is the outer one::

    app.add_middleware(SignedAccessMiddleware, access=open_access(credential=..., ...))
    app.add_middleware(SessionMiddleware, secret_key=...)

The middleware is plain ASGI: responses of every kind are served, streams included.
"""

# No `from __future__ import annotations`: FastAPI reads those of `current`.
import time
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from signer.access import Access
from signer.errors import ConfigurationError, SignerError
from signer.integrations.opening import open_access
from signer.integrations.reporting import answered
from signer.integrations.viewer import (
    CACHE_CONTROL,
    SESSION_LIFETIME,
    LoadClaims,
    LoadClaimsAsync,
    Viewer,
)

__all__ = [
    "SignedAccessMiddleware",
    "Viewer",
    "current",
    "open_access",
    "problem_response",
    "set_cookies",
]

_IN_SCOPE: Final = "signer.viewer"


class SignedAccessMiddleware:
    """Adds signed cookies to responses, and issues them anew before they end.

    Errors of this library that an endpoint lets pass become problem+json, such as 403
    ``grant_not_given``.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        access: Access,
        load: LoadClaims | LoadClaimsAsync | None = None,
        session_lifetime: timedelta = SESSION_LIFETIME,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Wrap an app.

        Args:
            app: The app; ``add_middleware`` passes it.
            access: From :func:`signer.integrations.opening.open_access`, or made by hand.
            load: Returns the present claims of a subject, at each refresh; a coroutine function
                or one that is called in a thread. Without it claims are believed for
                `session_lifetime` after log-in.
            session_lifetime: See `load`.
            clock: Returns seconds since 1970.
        """
        self._app = app
        self._access = access
        self._load = load
        self._lifetime = session_lifetime
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request.

        Raises:
            ConfigurationError: ``session_missing``: there is no session around this middleware.
        """
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if "session" not in scope:
            raise ConfigurationError(
                "session_missing",
                "there is no session around SignedAccessMiddleware",
                advice="add SessionMiddleware after it, which puts it outside",
            )
        viewer = Viewer(
            self._access,
            scope["session"],
            load=self._load,
            session_lifetime=self._lifetime,
            clock=self._clock,
        )
        scope[_IN_SCOPE] = viewer

        started = False

        async def send_with_cookies(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                await viewer.refresh_if_due_async()
                _finish(MutableHeaders(scope=message), viewer)
            await send(message)

        try:
            await self._app(scope, receive, send_with_cookies)
        except SignerError as error:
            if started:
                raise
            await problem_response(error)(scope, receive, send_with_cookies)


async def current(request: Request) -> Viewer:
    """Return who sent a request: a FastAPI dependency, or called with a ``Request``.

    Raises:
        ConfigurationError: ``middleware_missing``.
    """
    viewer: Viewer | None = request.scope.get(_IN_SCOPE)
    if viewer is None:
        raise ConfigurationError(
            "middleware_missing",
            "this app has no SignedAccessMiddleware",
            advice="call app.add_middleware(SignedAccessMiddleware, access=...)",
        )
    await viewer.refresh_if_due_async()
    return viewer


def set_cookies(response: Response, lines: Iterable[str]) -> None:
    """Add ``Set-Cookie`` lines to a response, for code that uses an ``Access`` without a session.

    Args:
        response: Any response; it becomes one that no cache stores.
        lines: :attr:`signer.access.AccessCookies.set_cookie_headers`, or clearing lines.
    """
    _add(response.headers, lines)


def problem_response(error: SignerError) -> Response:
    """Return the answer to an error of this library: problem+json with the right status."""
    problem = answered(error)
    return Response(problem.to_json(), problem.status, dict(problem.headers))


def _finish(headers: MutableHeaders, viewer: Viewer) -> None:
    if lines := viewer.set_cookie_headers():
        _add(headers, lines)
    elif viewer.is_private:
        headers.setdefault("Cache-Control", CACHE_CONTROL)


def _add(headers: MutableHeaders, lines: Iterable[str]) -> None:
    for line in lines:
        headers.append("Set-Cookie", line)
    headers["Cache-Control"] = CACHE_CONTROL
