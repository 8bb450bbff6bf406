"""Log-in at the identity provider, and log-out: what a browser walks through."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from signer.errors import IdentityError, RequestError, SignerError
from signer.oidc.attempts import LOGIN_LIFETIME
from signer.oidc.host_cookie import LOGIN_COOKIE, clearing_line, cookie_line
from signer.oidc.session import Session
from signer.return_to import safe_return_to
from signer.service import failures
from signer.service.messages import Reply, Request, json_reply

if TYPE_CHECKING:
    from signer.oidc.login import LoginFlow
    from signer.service.parts import Parts
    from signer.service.viewer import Viewers

# Answers 200 to the browser's next request even after a POST; 302 would do as well here.
_SEE_OTHER: Final = 303


class SignIn:
    """The routes that begin and end sessions."""

    def __init__(self, parts: Parts, viewers: Viewers) -> None:
        """Use what the parts provide."""
        self._parts = parts
        self._viewers = viewers

    def log_in(self, request: Request) -> Reply:
        """Send the browser to the identity provider."""
        return_to = safe_return_to(request.parameters().get("return_to"))
        begun = self._flow().begin(return_to, cookie=request.cookies.get(LOGIN_COOKIE))
        return Reply(
            _SEE_OTHER,
            {"Location": begun.location},
            cookies=(_login_line(begun.cookie),),
        )

    def call_back(self, request: Request) -> Reply:
        """Take the browser back from the provider: session, cookies, and on to where it was."""
        flow, cookie = self._flow(), request.cookies.get(LOGIN_COOKIE)
        try:
            query = request.parameters()
        except RequestError as error:
            return failures.problem(error)
        try:
            reply = self._logged_in(flow, query, cookie, self._earlier(request))
        except SignerError as error:
            reply = failures.problem(error)
        # Whatever came of it, this attempt cannot be used again.
        left = flow.remaining(query, cookie)
        line = clearing_line(LOGIN_COOKIE) if left is None else _login_line(left)
        return replace(reply, cookies=(*reply.cookies, line))

    def log_out(self, request: Request) -> Reply:
        """End the session here and tell where to end it at the provider."""
        session, flow, bearer, refused = None, None, None, None
        # What cannot be opened any more, or not now, is removed all the same.
        try:
            bearer = self._viewers.bearer(request)
        except SignerError as error:
            refused = error
        with contextlib.suppress(SignerError):
            flow = self._parts.login
            session = self._viewers.session(request)
        self._revoke(flow, session)
        url = None
        if flow is not None:
            url = flow.logout_url(return_to_url=f"{self._parts.settings.base_url}/")
        cookies = self._viewers.ended(session, bearer.claims if bearer else None)
        reply = json_reply(200, {"logout_url": url})
        if refused is not None:
            # What its bearer was given cannot be known: another token of theirs will clear it.
            reply = failures.problem(refused)
        return replace(reply, cookies=cookies)

    def session(self, request: Request) -> Reply:
        """Tell who is logged in, until when, and what they were granted; asks nobody."""
        try:
            session = self._viewers.session(request)
        except IdentityError:
            session = None
        claims = session.claims if session else None
        content: dict[str, object] = {
            "signed_in": session is not None,
            "grants": sorted(one.grant for one in self._parts.table.explain(claims) if one.permits),
        }
        if session is not None:
            content |= {"subject": session.subject, "expires_at": int(session.expires_at)}
        return json_reply(200, content)

    def _logged_in(
        self, flow: LoginFlow, query: dict[str, str], cookie: str | None, earlier: Session | None
    ) -> Reply:
        found = flow.finish(query, cookie)
        session = Session.of(
            found.claims,
            needed=self._parts.table.needed_claims,
            refresh_token=found.refresh_token,
            now=self._parts.clock(),
            lifetime=self._parts.settings.session_lifetime,
        )
        # Somebody else may have been here: nothing of theirs stays in the browser.
        held = () if earlier is None else earlier.held
        made = self._parts.access.cookies(session.claims, held=held, until=session.expires_at)
        line = self._viewers.session_line(replace(session, held=made.held))
        if earlier is not None and earlier.subject != session.subject:
            # For the same user, some providers would end with it what they have just given.
            self._revoke(flow, earlier)
        # Checked again: the cookie is sealed, but a check costs nothing.
        location = {"Location": safe_return_to(found.return_to)}
        reply = Reply(_SEE_OTHER, location, cookies=(line,))
        return reply.giving(made)

    def _earlier(self, request: Request) -> Session | None:
        """Return the session that a log-in replaces."""
        try:
            return self._viewers.session(request)
        except IdentityError:
            return None

    def _revoke(self, flow: LoginFlow | None, session: Session | None) -> None:
        if flow is not None and session is not None and session.refresh_token is not None:
            flow.revoke(session.refresh_token)

    def _flow(self) -> LoginFlow:
        flow = self._parts.login
        if flow is None:
            raise RequestError("route", "log-in is not set up here")
        return flow


def _login_line(value: str) -> str:
    return cookie_line(LOGIN_COOKIE, value, max_age=int(LOGIN_LIFETIME.total_seconds()))
