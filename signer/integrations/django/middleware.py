"""The middleware: signed cookies for whoever is logged in, renewed before they end."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Awaitable, Callable, Container, Iterable, Iterator
from http.cookies import Morsel
from typing import TYPE_CHECKING, Final, TypeGuard

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.conf import settings
from django.contrib.auth import SESSION_KEY, get_user, get_user_model
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from signer.errors import ConfigurationError, CredentialError, RemoteError, SignerError
from signer.integrations.django.settings import claims_function, get_access
from signer.integrations.record import Record
from signer.integrations.reporting import answered, left_unsigned
from signer.integrations.viewer import CACHE_CONTROL, Claims, Viewer

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser
    from django.contrib.auth.models import AnonymousUser

_ON_REQUEST: Final = "_signer_viewer"


class SignedAccessMiddleware:
    """Issues signed cookies after log-in, renews them in time, and clears them after log-out.

    It stands after ``SessionMiddleware`` and ``AuthenticationMiddleware``. A page is served even
    when nothing can be signed; that is logged.

    Attributes:
        clock: Returns seconds since 1970.
    """

    sync_capable = True
    async_capable = True
    clock: Callable[[], float] = staticmethod(time.time)

    def __init__(
        self, get_response: Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]
    ) -> None:
        """Wrap the next middleware or the view.

        Raises:
            ConfigurationError: ``SIGNER`` is wrong; the message names what.
        """
        claims_function()
        self._get_response = get_response
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        """Serve a request."""
        if self._is_async:
            return self._serve_async(request)
        self._before(request)
        response = self._get_response(request)
        assert isinstance(response, HttpResponseBase)  # noqa: S101 - Django's own promise
        self._after(request, response)
        return response

    async def _serve_async(self, request: HttpRequest) -> HttpResponseBase:
        await sync_to_async(self._before)(request)
        waiting = self._get_response(request)
        response = await waiting if isinstance(waiting, Awaitable) else waiting
        # Sessions, users and claims come from the database, which wants a thread.
        await sync_to_async(self._after)(request, response)
        return response

    def process_exception(self, _request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Answer errors of this library that a view lets pass, such as ``grant_not_given``."""
        if not isinstance(exception, SignerError):
            return None
        problem = answered(exception)
        return HttpResponse(problem.to_json(), status=problem.status, headers=dict(problem.headers))

    def _before(self, request: HttpRequest) -> None:
        visit = _Visit(request, self.clock)
        setattr(request, _ON_REQUEST, visit)
        # Before a view can empty the session: the paths in it are those to clear.
        if settings.SESSION_COOKIE_NAME in request.COOKIES:
            with _unseen(request.session), _while_the_store_is_down():
                visit.viewer()

    def _after(self, request: HttpRequest, response: HttpResponseBase) -> None:
        visit: _Visit = getattr(request, _ON_REQUEST)
        with _unseen(request.session), _while_the_store_is_down():
            if lines := visit.set_cookie_headers():
                set_cookies(response, lines)
            elif visit.is_private:
                response.headers.setdefault("Cache-Control", CACHE_CONTROL)


class _Visit:
    """A request, and the viewer of it once somebody asks."""

    def __init__(self, request: HttpRequest, clock: Callable[[], float]) -> None:
        self._request = request
        self._clock = clock
        self._viewer: Viewer | None = None

    @property
    def is_private(self) -> bool:
        return self._viewer is not None and self._viewer.is_private

    def viewer(self) -> Viewer:
        if self._viewer is None:
            self._viewer = Viewer(
                get_access(), self._request.session, load=self._claims, clock=self._clock
            )
        return self._viewer

    def settled(self) -> Viewer:
        """Return the viewer, who follows Django's own log-in, log-out or change of user."""
        viewer, session = self.viewer(), self._request.session
        subject: str | None = session.get(SESSION_KEY)
        if subject is not None and subject == viewer.subject and Record.is_in(session):
            viewer.refresh_if_due()
        elif subject is not None and (claims := self._claims(subject)) is not None:
            viewer.follow(claims, subject=subject)
        elif viewer.subject is not None:
            viewer.log_out()
        return viewer

    def checked(self) -> Viewer:
        """Return the viewer, if Django still knows them: before anything is signed for them."""
        viewer = self.settled()
        if viewer.subject is not None and self._user(viewer.subject) is None:
            viewer.log_out()
        return viewer

    def set_cookie_headers(self) -> list[str]:
        if self._viewer is None and self._request.session.is_empty():
            return []
        return self.settled().set_cookie_headers()

    def _claims(self, subject: str) -> Claims | None:
        user = self._user(subject)
        return None if user is None else claims_function()(user)

    def _user(self, subject: str) -> AbstractBaseUser | None:
        """Return the user whose session this is, whoever `request.user` was made to be."""
        if _is(self._request.user, subject):
            return self._request.user
        # It is somebody else, or an object of some package's own.
        user = get_user(self._request)
        return user if _is(user, subject) else None


def _is(user: AbstractBaseUser | AnonymousUser, subject: str) -> TypeGuard[AbstractBaseUser]:
    # AnonymousUser, for one, when the password was changed or the user is gone.
    if not isinstance(user, get_user_model()):
        return False
    return user._meta.pk.value_to_string(user) == subject  # noqa: SLF001 - as in django.contrib.auth.login


def current(request: HttpRequest) -> Viewer:
    """Return who sent a request, for signed URLs in views: ``current(request).url(grant, item)``.

    It may ask the database for the user; async views await :func:`acurrent`.

    Raises:
        ConfigurationError: ``middleware_missing``.
        CredentialError: The credential cannot be opened.
    """
    visit: _Visit | None = getattr(request, _ON_REQUEST, None)
    if visit is None:
        raise ConfigurationError(
            "middleware_missing",
            "this request did not come through SignedAccessMiddleware",
            advice="add signer.integrations.django.SignedAccessMiddleware to MIDDLEWARE",
        )
    return visit.checked()


async def acurrent(request: HttpRequest) -> Viewer:
    """Do the same as :func:`current` in an async view; then ``await viewer.url_async(...)``."""
    return await sync_to_async(current)(request)


def set_cookies(response: HttpResponseBase, lines: Iterable[str]) -> None:
    """Add ``Set-Cookie`` lines to a response, for code that uses an ``Access`` by itself.

    ``response.cookies`` keeps one cookie of a name, and each grant has cookies of the same names
    with another path; so they are stored there under their name and path.

    Args:
        response: Any response; it becomes one that no cache stores.
        lines: :attr:`signer.access.AccessCookies.set_cookie_headers`, or clearing lines.
    """
    for line in lines:
        cookie = _SetCookie(line)
        response.cookies[f"{cookie.key} {cookie['path']}"] = cookie
    response.headers["Cache-Control"] = CACHE_CONTROL


class _SetCookie(Morsel[str]):
    """A cookie written exactly as given: older Pythons do not know ``Partitioned``."""

    def __init__(self, line: str) -> None:
        super().__init__()
        first, *attributes = line.split("; ")
        name, _, value = first.partition("=")
        self.set(name, value, value)
        for attribute in attributes:
            key, _, setting = attribute.partition("=")
            if self.isReservedKey(key):
                self[key] = setting or "True"
        self._line = line

    def OutputString(self, attrs: Container[str] | None = None) -> str:  # noqa: ARG002, N802 - its name
        """Return the line."""
        return self._line


@contextlib.contextmanager
def _while_the_store_is_down() -> Iterator[None]:
    """Serve pages without cookies when credential or grants could not even be opened yet."""
    try:
        yield
    except (CredentialError, RemoteError) as error:
        left_unsigned(error, "since the credential or the grants cannot be read")


@contextlib.contextmanager
def _unseen(session: SessionBase) -> Iterator[None]:
    """Look into a session without ``Vary: Cookie`` on a page that does not depend on it."""
    accessed = session.accessed
    yield
    if not session.modified:
        session.accessed = accessed
