"""Who is asking: by bearer token, by session, or nobody; and what is known about them.

A session's claims are as old as its last refresh. Each refresh reads them again from the provider,
so that what has been withdrawn there is gone with the next one; while the provider cannot be
asked, they serve for a limited time. Without a refresh token there is nothing to read with, and
the claims hold until the session ends.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from signer.errors import IdentityError, RemoteError, SignerError
from signer.oidc.host_cookie import SESSION_COOKIE, clearing_line, cookie_line
from signer.oidc.session import Session
from signer.service.messages import Reply, Request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from signer.service.parts import Parts

_BEARER: Final = "bearer "


class SessionEndedError(IdentityError):
    """There was a session and it is over; ``session`` is what is known of it."""

    def __init__(self, error: IdentityError, session: Session | None) -> None:
        """Keep why, and what has to be removed from the browser."""
        super().__init__("session_ended", error.message, advice="log in again", cause=error.code)
        self.session = session


@dataclass(frozen=True, slots=True)
class Viewer:
    """Somebody who asks.

    Attributes:
        claims: What is proven about them; None when nobody is logged in.
        session: Their session; None with a token, or when nobody is logged in.
        changed: Whether the session has to be sent to the browser again.
    """

    claims: Mapping[str, object] | None = field(default=None, repr=False)
    session: Session | None = field(default=None, repr=False)
    changed: bool = False

    @property
    def held(self) -> tuple[str, ...]:
        """Paths of the cookies that the browser was given."""
        return self.session.held if self.session else ()

    def holding(self, paths: tuple[str, ...]) -> Viewer:
        """Return the viewer with the paths of the cookies that the browser has now."""
        if self.session is None or self.session.held == paths:
            return self
        return replace(self, session=replace(self.session, held=paths), changed=True)


class Viewers:
    """Finds out who is asking."""

    def __init__(self, parts: Parts) -> None:
        """Use what the parts provide."""
        self._parts = parts

    def known(self, request: Request) -> Viewer:
        """Return the viewer, with claims that are recent enough to sign URLs on.

        Raises:
            IdentityError: ``token_...``.
            SessionEndedError: ``session_ended``.
            RemoteError: The provider cannot be asked, for too long.
        """
        viewer = self._viewer(request)
        if viewer.session is not None and self._age(viewer.session) > self._most_age():
            return self._checked(viewer.session)
        return viewer

    def refreshed(self, request: Request) -> Viewer:
        """Return the viewer, with claims read now if that is possible; see :meth:`known`."""
        viewer = self._viewer(request)
        return viewer if viewer.session is None else self._checked(viewer.session)

    def session(self, request: Request) -> Session | None:
        """Return the session of the request's cookie; None without one.

        Raises:
            IdentityError: ``seal_broken``, ``seal_expired``.
        """
        value = request.cookies.get(SESSION_COOKIE)
        seal = self._parts.seal
        return Session.from_cookie_value(seal, value) if value and seal is not None else None

    def kept(self, viewer: Viewer, reply: Reply) -> Reply:
        """Send the session to the browser if it has changed."""
        if viewer.session is None or not viewer.changed:
            return reply
        return replace(reply, cookies=(*reply.cookies, self.session_line(viewer.session)))

    def session_line(self, session: Session) -> str:
        """Return the ``Set-Cookie`` value of a session.

        Raises:
            IdentityError: ``session_too_large``.
        """
        seal = self._parts.seal
        assert seal is not None  # noqa: S101 - there are no sessions without it
        left = max(1, int(session.expires_at - self._parts.clock()))
        return cookie_line(SESSION_COOKIE, session.to_cookie_value(seal), max_age=left)

    def ended(self, session: Session | None) -> tuple[str, ...]:
        """Return the ``Set-Cookie`` values that remove a session and all that came with it."""
        cookies: list[str] = []
        claims, held = (session.claims, session.held) if session else (None, ())
        try:
            if self._parts.access.sets_cookies:
                cookies = self._parts.access.clearing_headers(claims, held=held)
        except SignerError:
            pass  # the credential cannot be read; the session ends all the same
        return (*cookies, clearing_line(SESSION_COOKIE))

    def _viewer(self, request: Request) -> Viewer:
        token = _token(request)
        if token is not None:
            if self._parts.tokens is None:
                raise IdentityError("token_refused", "this service takes no bearer tokens")
            return Viewer(self._parts.tokens.verify(token))
        try:
            session = self.session(request)
        except IdentityError as error:
            raise SessionEndedError(error, None) from None
        return Viewer() if session is None else Viewer(session.claims, session)

    def _checked(self, session: Session) -> Viewer:
        """Read the claims again; go on with the old ones for a while if that is not possible."""
        login = self._parts.login
        if session.refresh_token is None or login is None:
            return Viewer(session.claims, session)
        try:
            read = login.refresh(session.refresh_token, subject=session.subject)
        except RemoteError:
            if self._age(session) > self._most_age() + self._grace():
                raise
            return Viewer(session.claims, session)
        except IdentityError as error:
            raise SessionEndedError(error, session) from None
        fresh = Session.of(
            read.claims,
            needed=self._parts.access.needed_claims,
            refresh_token=read.refresh_token,
            now=self._parts.clock(),
            lifetime=self._parts.settings.session_lifetime,
        )
        fresh = replace(fresh, started_at=session.started_at, held=session.held)
        return Viewer(fresh.claims, fresh, changed=True)

    def _age(self, session: Session) -> float:
        # Without a refresh token nothing can make the claims younger; the session's end does.
        return self._parts.clock() - session.checked_at if session.refresh_token else 0.0

    def _most_age(self) -> float:
        return self._parts.settings.claims_max_age.total_seconds()

    def _grace(self) -> float:
        return self._parts.settings.identity_grace.total_seconds()


def _token(request: Request) -> str | None:
    # An origin access control puts its own signature into Authorization, hence the second name.
    # AWS page: "Restrict access to an AWS Lambda function URL origin".
    own = request.headers.get("x-issuer-token")
    if own is not None:
        return own
    field = request.headers.get("authorization", "")
    return field[len(_BEARER) :].strip() if field.lower().startswith(_BEARER) else None
