"""Flask: signed cookies at log-in, signed URLs in views.

Example:
    >>> from flask import Flask
    >>> from signer.integrations.flask import SignedAccess, current
    >>> app = Flask(__name__)
    >>> access = SignedAccess()     # access.init_app(app), or SignedAccess(app), reads app.config
    >>> def log_in() -> str:        # in a view, once the password was checked
    ...     current.log_in({"sub": "ada", "groups": ["staff"]})
    ...     return "welcome"

``app.config`` has ``SIGNER_CREDENTIAL``, ``SIGNER_GRANTS``, ``SIGNER_BASE_URL`` and, if need be,
``SIGNER_COOKIES`` and ``SIGNER_SESSION_LIFETIME`` (seconds); see
:func:`signer.integrations.opening.open_access`. The session is Flask's own, so ``SECRET_KEY`` must
be set.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from flask import Flask, Response, current_app, g, request, session
from werkzeug.local import LocalProxy

from signer.access import Access
from signer.errors import ConfigurationError, SignerError
from signer.integrations.opening import open_access
from signer.integrations.reporting import answered
from signer.integrations.viewer import (
    CACHE_CONTROL,
    SESSION_LIFETIME,
    LoadClaims,
    Viewer,
    refuse_coroutine_function,
)

__all__ = ["SignedAccess", "current", "set_cookies"]

_EXTENSION: Final = "signer"
_NEEDED: Final = ("SIGNER_CREDENTIAL", "SIGNER_GRANTS", "SIGNER_BASE_URL")
_LONGEST: Final = 366 * 24 * 3600  # seconds; more would overflow a timedelta
_KNOWN: Final = frozenset({*_NEEDED, "SIGNER_COOKIES", "SIGNER_SESSION_LIFETIME"})
_ON_G: Final = "_signer_viewer"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bound:
    """What one app uses."""

    access: Access
    load: LoadClaims | None
    session_lifetime: timedelta
    clock: Callable[[], float]


class SignedAccess:
    """The extension: reads an app's settings and adds signed cookies to its responses."""

    def __init__(
        self,
        app: Flask | None = None,
        *,
        access: Access | None = None,
        load: LoadClaims | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Take what does not come from ``app.config``, and bind an app if there is one.

        Args:
            app: The app; None to call :meth:`init_app` later.
            access: Used instead of what ``SIGNER_CREDENTIAL``, ``SIGNER_GRANTS``,
                ``SIGNER_BASE_URL`` and ``SIGNER_COOKIES`` describe.
            load: Returns the present claims of a subject, at each refresh. Without it claims are
                believed for ``SIGNER_SESSION_LIFETIME`` after log-in.
            clock: Returns seconds since 1970.

        Raises:
            ConfigurationError: ``claims_async``: `load` is a coroutine function; and as
                :meth:`init_app`.
        """
        refuse_coroutine_function(load)
        self._access = access
        self._load = load
        self._clock = clock
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Open credential and grants, so that what is wrong with them is said at start.

        Errors of this library become problem+json, such as 403 ``grant_not_given``; an error
        handler of the app's own for :class:`signer.errors.SignerError`, registered later, wins.

        Raises:
            ConfigurationError: A setting is missing or wrong; the message names it.
            GrantError: The grants file is wrong.
            CredentialError: The credential cannot be opened.
        """
        if unknown := {name for name in app.config if name.startswith("SIGNER_")} - _KNOWN:
            raise _wrong(min(unknown), "is not a setting", f"known are {', '.join(sorted(_KNOWN))}")
        app.extensions[_EXTENSION] = _Bound(
            access=self._access or _open(app.config, self._clock),
            load=self._load,
            session_lifetime=_lifetime(app.config),
            clock=self._clock,
        )
        app.before_request(_remember)
        app.after_request(_send)
        app.register_error_handler(SignerError, _answer)


def set_cookies(response: Response, lines: Iterable[str]) -> None:
    """Add ``Set-Cookie`` lines to a response, for code that uses an ``Access`` without a session.

    Args:
        response: Any response; it becomes one that no cache stores.
        lines: :attr:`signer.access.AccessCookies.set_cookie_headers`, or clearing lines.
    """
    for line in lines:
        response.headers.add("Set-Cookie", line)
    response.headers["Cache-Control"] = CACHE_CONTROL


def _viewer() -> Viewer:
    viewer: Viewer | None = g.get(_ON_G)
    if viewer is None:
        bound = _bound()
        viewer = Viewer(
            bound.access,
            session,
            load=bound.load,
            session_lifetime=bound.session_lifetime,
            clock=bound.clock,
        )
        setattr(g, _ON_G, viewer)
    return viewer


def _current() -> Viewer:
    viewer = _viewer()
    viewer.refresh_if_due()
    return viewer


current: Viewer = LocalProxy(_current)  # type: ignore[assignment]  # a stand-in for a Viewer
"""The :class:`~signer.integrations.viewer.Viewer` who sent the request that is being answered."""


def _remember() -> None:
    # Before a view can empty the session: the paths in it are those to clear. Without a session
    # cookie nothing is held, and reading an empty session would only add "Vary: Cookie".
    if current_app.config["SESSION_COOKIE_NAME"] in request.cookies:
        _viewer()


def _send(response: Response) -> Response:
    viewer: Viewer | None = g.get(_ON_G)
    if viewer is not None:
        viewer.refresh_if_due()
        if lines := viewer.set_cookie_headers():
            set_cookies(response, lines)
        elif viewer.is_private:
            response.headers.setdefault("Cache-Control", CACHE_CONTROL)
    return response


def _answer(error: SignerError) -> Response:
    problem = answered(error)
    return Response(problem.to_json(), problem.status, dict(problem.headers))


def _bound() -> _Bound:
    bound: _Bound | None = current_app.extensions.get(_EXTENSION)
    if bound is None:
        raise ConfigurationError(
            "extension_missing",
            "this app has no SignedAccess",
            advice="call SignedAccess(app) where the app is made",
        )
    return bound


def _open(config: dict[str, Any], clock: Callable[[], float]) -> Access:
    for name in _NEEDED:
        if not config.get(name):
            raise _wrong(name, "is not set")
    credential, grants, base_url = (config[name] for name in _NEEDED)
    cookies = config.get("SIGNER_COOKIES")
    if cookies is not None and not isinstance(cookies, dict):
        raise _wrong("SIGNER_COOKIES", "is not a dict")
    return open_access(
        credential=credential, grants=grants, base_url=base_url, cookies=cookies, clock=clock
    )


def _lifetime(config: dict[str, Any]) -> timedelta:
    seconds = config.get("SIGNER_SESSION_LIFETIME", SESSION_LIFETIME)
    if isinstance(seconds, int) and not isinstance(seconds, bool):
        seconds = timedelta(seconds=min(seconds, _LONGEST))
    if not isinstance(seconds, timedelta) or seconds < timedelta(seconds=1):
        raise _wrong("SIGNER_SESSION_LIFETIME", "is not a timedelta or a number of seconds")
    return seconds


def _wrong(name: str, problem: str, advice: str = "") -> ConfigurationError:
    return ConfigurationError("setting", f"{name} {problem}", advice=advice, field=name)
