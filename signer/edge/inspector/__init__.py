"""The inspector: a page that shows why each request was let through or refused.

It has a port of its own, so that scripts of the sites behind the edge cannot read it, answers
only to loopback names, so that a foreign name that resolves to this machine (DNS rebinding)
reaches nothing, and only to GET. Nothing it shows is ever parsed as HTML.
"""

from __future__ import annotations

import ipaddress
import json
import re
import secrets
from collections.abc import AsyncIterator, Callable
from importlib import resources
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from signer.edge.exchange import Recorder
from signer.edge.report import as_json, progress_report
from signer.edge.source import Progress

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

_HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'"
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
_ASSETS = {
    "/": ("index.html", "text/html"),
    "/inspector.css": ("inspector.css", "text/css"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
    "/main.js": ("main.js", "text/javascript"),
    "/locations.js": ("locations.js", "text/javascript"),
    "/detail.js": ("detail.js", "text/javascript"),
    "/dom.js": ("dom.js", "text/javascript"),
    "/times.js": ("times.js", "text/javascript"),
}
_HEARTBEAT_SECONDS = 15.0
_PORT = re.compile(r":[0-9]{1,5}\Z")


class InspectorApp:
    """ASGI application of the inspector."""

    def __init__(
        self,
        recorder: Recorder,
        *,
        title: str = "",
        progress: Callable[[], Progress | None] = lambda: None,
    ) -> None:
        """Show what a recorder remembers.

        Args:
            recorder: Shared with the data plane.
            title: Address of the edge, for the page's head.
            progress: Tells how far the edge locations are; None where there are none.
        """
        self._recorder = recorder
        self._progress = progress
        self._title = title
        # Tells a page that reconnects whether it still talks to the same run of the edge.
        self._run = secrets.token_hex(8)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        request = Request(scope)
        response = self._refusal(request) or self._answer(request)
        response.headers.update(_HEADERS)
        await response(scope, receive, send)

    def _refusal(self, request: Request) -> Response | None:
        if not is_loopback_host(request.headers.get("host", "")):
            return PlainTextResponse("Open the inspector as localhost.\n", 421)
        site = request.headers.get("sec-fetch-site", "none")
        navigating = request.headers.get("sec-fetch-mode") == "navigate"
        if site not in {"none", "same-origin"} and not navigating:
            return PlainTextResponse("Other sites cannot read the inspector.\n", 403)
        if request.method not in {"GET", "HEAD"}:
            return PlainTextResponse("The inspector can only be read.\n", 405, {"allow": "GET"})
        return None

    def _answer(self, request: Request) -> Response:
        path = request.url.path
        if path == "/requests":
            # ASCII like the events: a policy may have characters that are no text.
            reports = ",".join(as_json(exchange) for exchange in self._recorder.all())
            return Response(f"[{reports}]", media_type="application/json")
        if path == "/locations":
            progress = self._progress()
            told = None if progress is None else progress_report(progress)
            return Response(json.dumps(told), media_type="application/json")
        if path == "/events":
            return StreamingResponse(self._events(), media_type="text/event-stream")
        if path in _ASSETS:
            name, kind = _ASSETS[path]
            return Response(resources.files(__name__).joinpath(name).read_bytes(), media_type=kind)
        return PlainTextResponse("There is nothing here.\n", 404)

    async def _events(self) -> AsyncIterator[str]:
        """Yield server-sent events: who we are, what is remembered, then what is new."""
        about = {
            "run": self._run,
            "title": self._title,
            "locations": self._progress() is not None,
        }
        yield _event("hello", json.dumps(about))
        async for exchange in self._recorder.follow(_HEARTBEAT_SECONDS):
            yield ": still here\n\n" if exchange is None else _event("exchange", as_json(exchange))


def is_loopback_host(host: str) -> bool:
    """Tell whether a ``Host`` header names this machine by a name nobody else can own."""
    name = _PORT.sub("", host).lower()
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name.removeprefix("[").removesuffix("]")).is_loopback
    except ValueError:
        return False


def _event(name: str, data: str) -> str:
    # json.dumps leaves no line break in its text, so the event cannot be broken up.
    return f"event: {name}\ndata: {data}\n\n"
