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
_ENDS_A_SESSION: Final = ("session_ended", "session_subject")


class SessionEndedError(IdentityError):
    """There was a session and it is over; ``session`` is what is known of it."""

    def __init__(self, error: SignerError, session: Session | None) -> None:
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
        unknown: Why nothing may be signed for them: their claims are too old, and could not be
            read again.
    """

    claims: Mapping[str, object] | None = field(default=None, repr=False)
    session: Session | None = field(default=None, repr=False)
    changed: bool = False
    unknown: RemoteError | None = None

    @property
    def ends_at(self) -> float | None:
        """When the session ends, and with it everything that was given to it."""
        return self.session.expires_at if self.session else None

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

        Several such requests may be under way at once, and a provider may take a refresh token
        only once. So one that comes too late removes nothing from the browser: an earlier one has
        just put a new session there.

        Raises:
            IdentityError: ``token_...``; ``session_ended``.
        """
        try:
            viewer = self._viewer(request)
            if viewer.session is not None and self._age(viewer.session) > self._most_age():
                return self._checked(viewer.session)
        except SessionEndedError as ended:
            raise IdentityError(ended.code, ended.message, advice=ended.advice) from None
        return viewer

    def held(self, viewer: Viewer) -> tuple[str, ...]:
        """Return the paths of the signed cookies that the viewer's browser may have."""
        if viewer.session is not None:
            return viewer.session.held
        # With a token nobody has kept a list; these are all that its bearer can ever have had.
        return self._possible(viewer.claims) if viewer.claims else ()

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

    def ended(
        self, session: Session | None, claims: Mapping[str, object] | None = None
    ) -> tuple[str, ...]:
        """Return the ``Set-Cookie`` values that remove a session and all that came with it.

        Args:
            session: As far as it can be read.
            claims: Of a bearer token, if there is one: cookies may have been given to either.
        """
        held = (*session.held, *self._possible(session.claims)) if session else ()
        return (
            *self._parts.clearing_headers(claims, held=held),
            clearing_line(SESSION_COOKIE),
        )

    def bearer(self, request: Request) -> Viewer | None:
        """Return whose token a request has; None when it has none.

        Raises:
            IdentityError: ``token_...``.
        """
        token = _token(request)
        if token is None:
            return None
        if self._parts.tokens is None:
            raise IdentityError("token_refused", "this service takes no bearer tokens")
        return Viewer(self._parts.tokens.verify(token))

    def _viewer(self, request: Request) -> Viewer:
        if bearer := self.bearer(request):
            return bearer
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
        kept = session
        try:
            tokens = login.renew(session.refresh_token)
            # From here on the earlier one may be of no use, whatever comes of the claims.
            kept = replace(session, refresh_token=tokens.refresh_token)
            claims = login.claims(tokens, subject=session.subject)
        except (RemoteError, IdentityError) as error:
            if error.code in _ENDS_A_SESSION:
                raise SessionEndedError(error, kept) from None
            # Nobody knows, such as when a provider's new keys could not be fetched yet.
            too_old = self._age(session) > self._most_age() + self._grace()
            return Viewer(
                session.claims,
                kept,
                changed=kept != session,
                unknown=_unknown(error) if too_old else None,
            )
        fresh = Session.of(
            claims,
            needed=self._parts.table.needed_claims,
            refresh_token=tokens.refresh_token,
            now=self._parts.clock(),
            lifetime=self._parts.settings.session_lifetime,
        )
        fresh = replace(fresh, held=session.held)
        return Viewer(fresh.claims, fresh, changed=True)

    def _possible(self, claims: Mapping[str, object]) -> tuple[str, ...]:
        return self._parts.table.possible_cookie_paths(claims)

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


def _unknown(error: RemoteError | IdentityError) -> RemoteError:
    """Return an error that is not the viewer's: what the provider gave us cannot be used."""
    if isinstance(error, RemoteError):
        return error
    return RemoteError("provider_answer", "the provider's answer cannot be used", cause=error.code)
