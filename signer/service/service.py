"""The issuer's HTTP API: who may call what, and what they get.

One request becomes one reply, whatever happens; no error leaves :meth:`Service.handle`.
docs/issuer.md describes the routes.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final
from urllib.parse import unquote

from signer.errors import RequestError, SignerError
from signer.service import failures
from signer.service.guard import Guard
from signer.service.messages import ALWAYS, Reply, Request, json_reply
from signer.service.parts import ClientFor, Parts, usual_client
from signer.service.settings import Settings, wrong_setting
from signer.service.sign_in import SignIn
from signer.service.viewer import SessionEndedError, Viewer, Viewers

MOST_ITEMS: Final = 100

_IMAGE: Final = re.compile(r"/images/([^/]+)/url")
_IMAGE_ROUTE: Final = "/images/{filename}/url"
_IMAGES: Final = "images"
_OPTIONS: Final = "OPTIONS"

Answer = Callable[[Request], Reply]


class Service:
    """Answers requests; safe to share between threads."""

    def __init__(
        self,
        settings: Settings,
        *,
        client_for: ClientFor = usual_client,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Build what does not need a secret; see :class:`signer.service.parts.Parts`.

        Args:
            settings: What to issue, for whom.
            client_for: Makes clients of AWS services.
            clock: Returns seconds since 1970.

        Raises:
            GrantError: The grants table is wrong.
            ConfigurationError: ``setting``: it cannot be read, or SIGNER_IMAGES_GRANT names no
                grant that could be served.
        """
        self._parts = Parts(settings, client_for=client_for, clock=clock)
        self._images_grant = settings.images_grant or _IMAGES
        names = [grant.name for grant in self._parts.table.grants]
        if settings.images_grant and settings.images_grant not in names:
            raise wrong_setting("SIGNER_IMAGES_GRANT", "names no grant of the table")
        self._guard = Guard(settings.allowed_origins)
        self._viewers = Viewers(self._parts)
        sign_in = SignIn(self._parts, self._viewers)
        self._routes: Mapping[str, Mapping[str, Answer]] = {
            "/auth/login": {"GET": sign_in.log_in},
            "/auth/callback": {"GET": sign_in.call_back},
            "/auth/logout": {"POST": sign_in.log_out},
            "/auth/session": {"GET": sign_in.session},
            "/auth/client.js": {"GET": _client_script},
            "/auth/cookies": {"POST": self._cookies},
            "/auth/urls": {"POST": self._urls},
            _IMAGE_ROUTE: {"GET": self._image_url},
        }

    def handle(self, request: Request) -> Reply:
        """Answer one request."""
        route = _IMAGE_ROUTE if _IMAGE.fullmatch(request.path) else request.path
        known = route in self._routes
        try:
            reply = self._answer(request, self._routes.get(route, {}))
        except SessionEndedError as error:
            cookies = self._viewers.ended(error.session)
            reply = replace(failures.problem(error), cookies=cookies)
        except Exception as error:  # noqa: BLE001 - the last line of defence
            reply = failures.problem(error)
        if reply.code and route in {"/auth/login", "/auth/callback"} and _wants_page(request):
            reply = failures.page(reply)
        if known:
            reply = self._guard.allowed(request, replace(reply, route=route))
        return reply.also(ALWAYS)

    def warm(self) -> None:
        """Read the credential ahead of the first request; what fails is told by that request.

        Do not call this at the start of a function that is snapshotted.
        """
        try:
            _ = self._parts.access
        except SignerError:
            return

    def forget(self) -> None:
        """Drop all secrets, to be read again: for a process that was restored from a snapshot."""
        self._parts.forget()

    def _answer(self, request: Request, methods: Mapping[str, Answer]) -> Reply:
        if not methods:
            raise RequestError("route", "there is nothing at this path")
        if request.method == _OPTIONS:
            return self._guard.preflight(request)
        answer = methods.get("GET" if request.method == "HEAD" else request.method)
        if answer is None:
            raise RequestError(
                "method", f"this path takes {' and '.join(methods)}", advice="use that method"
            )
        if request.method == "POST":
            self._guard.check_post(request)
        return answer(request)

    def _cookies(self, request: Request) -> Reply:
        """Set cookies for all that the viewer may have now; refresh the session."""
        return self._answered(self._viewers.refreshed(request), self._cookies_for)

    def _urls(self, request: Request) -> Reply:
        """Sign URLs of named items in named grants."""
        wanted = _wanted(request.json())
        return self._answered(
            self._viewers.known(request), lambda viewer: self._urls_for(viewer, wanted)
        )

    def _image_url(self, request: Request) -> Reply:
        """Sign the URL of one image; whether CloudFront or S3 serves it is a setting."""
        found = _IMAGE.fullmatch(request.path)
        name = unquote(found[1] if found else "", errors="replace")
        return self._answered(
            self._viewers.known(request), lambda viewer: self._image_url_for(viewer, name)
        )

    def _answered(self, viewer: Viewer, work: Callable[[Viewer], tuple[Viewer, Reply]]) -> Reply:
        """Do the work, and send the session if it has changed, whatever comes of the work.

        The provider may have changed its refresh token: with the old one nobody gets in again.
        """
        if viewer.unknown is not None:
            return self._viewers.kept(viewer, failures.problem(viewer.unknown))
        try:
            viewer, reply = work(viewer)
        except Exception as error:  # noqa: BLE001 - as in handle
            reply = failures.problem(error)
        return self._viewers.kept(viewer, reply)

    def _cookies_for(self, viewer: Viewer) -> tuple[Viewer, Reply]:
        access = self._parts.access
        if viewer.claims is None and not any(grant.public for grant in access.table.grants):
            raise RequestError("login_required", "nobody is logged in", advice="see /auth/login")
        held = self._viewers.held(viewer)
        made = access.cookies(viewer.claims, held=held, until=viewer.ends_at)
        content: dict[str, object] = {"grants": made.grants, "expires_at": made.expires_at}
        if made.expires_at is not None:
            # Clients whose clock is wrong can count from now.
            content["expires_in"] = max(0, made.expires_at - int(self._parts.clock()))
        return viewer.holding(made.held), json_reply(200, content).giving(made)

    def _urls_for(self, viewer: Viewer, wanted: list[tuple[str, str]]) -> tuple[Viewer, Reply]:
        access = self._parts.access
        # Each is signed once, however often it is asked for: a signature may cost a request.
        signed = {
            each: access.url(viewer.claims, *each, until=viewer.ends_at)
            for each in dict.fromkeys(wanted)
        }
        content = {
            "urls": [
                {"grant": grant, "item": item, "url": made.url, "expires_at": made.expires_at}
                for (grant, item), made in ((each, signed[each]) for each in wanted)
            ]
        }
        grants = tuple(dict.fromkeys(grant for grant, _ in wanted))
        return viewer, json_reply(200, content, grants=grants)

    def _image_url_for(self, viewer: Viewer, name: str) -> tuple[Viewer, Reply]:
        made = self._parts.access.url(viewer.claims, self._images_grant, name, until=viewer.ends_at)
        content = {"url": made.url, "expires_at": made.expires_at}
        return viewer, json_reply(200, content, grants=(self._images_grant,))


def _wanted(content: Mapping[str, object]) -> list[tuple[str, str]]:
    items = content.get("items")
    if not isinstance(items, list) or not 0 < len(items) <= MOST_ITEMS:
        raise RequestError("items", f"items is not a list of 1 to {MOST_ITEMS} items")
    wanted = []
    for item in items:
        match item:
            case {"grant": str(grant), "item": str(name), **rest} if not rest:
                wanted.append((grant, name))
            case _:
                raise RequestError("items", 'an item is not {"grant": NAME, "item": NAME}')
    return wanted


def _client_script(_request: Request) -> Reply:
    from importlib import resources  # noqa: PLC0415 - most processes never serve it

    text = resources.files("signer.service").joinpath("client.js").read_text("utf-8")
    return Reply(200, {"Content-Type": "text/javascript; charset=utf-8"}, body=text)


def _wants_page(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")
