"""Log-in by authorization code with PKCE, state and nonce; refresh; log-out.

RFC 6749 with the rules of RFC 9700 (security best current practice): the code can only be used by
the browser that began (state, sealed in its cookie), by this service (PKCE) and for this log-in
(nonce). Nothing is stored here, so *single use* rests on two things: the callback removes the
attempt from the cookie, and a provider takes each code once (RFC 6749, section 4.1.2). Whoever
replays a copied cookie with its callback therefore fails at the provider.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import urlencode, urlsplit

from signer import https
from signer.errors import ConfigurationError, IdentityError, InputError, RemoteError, SignerError
from signer.oidc import attempts
from signer.oidc.attempts import Attempt
from signer.oidc.claims import same_text, subject
from signer.oidc.provider import Provider
from signer.oidc.seal import Seal
from signer.oidc.token_endpoint import TokenEndpoint, Tokens, session_ended
from signer.oidc.tokens import TokenVerifier

_CODE = re.compile(r"[ -~]{1,4096}")
# https://docs.aws.amazon.com/cognito/latest/developerguide/logout-endpoint.html
_COGNITO_ISSUER = re.compile(
    r"https://(?:issuer-)?cognito-idp\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?/.+"
)
_BUSY: Final = ("temporarily_unavailable", "server_error")


@dataclass(frozen=True, slots=True)
class Begun:
    """A log-in that has begun.

    Attributes:
        location: Where the browser is redirected to.
        cookie: Value of ``__Host-signer-login``, for ten minutes.
    """

    location: str = field(repr=False)
    cookie: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """A verified user.

    Attributes:
        subject: The provider's name of the user.
        claims: All verified claims.
        refresh_token: With which claims can be read again.
        id_token: As the provider gave it, for log-out.
        return_to: Where the browser wanted to go.
    """

    subject: str
    claims: dict[str, object] = field(repr=False)
    refresh_token: str | None = field(repr=False)
    id_token: str = field(repr=False)
    return_to: str


class LoginFlow:
    """Log-in at one provider for one client.

    Args:
        provider: Where users log in.
        client_id: Our client there.
        client_secret: Returns its secret; None for a public client.
        redirect_uri: The callback, as registered at the provider.
        scopes: ``openid`` and what else the claims need.
        seal: For the log-in cookie.
        clock: Returns seconds since 1970.
        algorithms: Accepted for id tokens.
        logout_endpoint: Cognito's ``/logout`` page, where discovery does not name it.

    Raises:
        ConfigurationError: ``oidc_redirect_uri``, ``oidc_scopes``, ``oidc_logout``,
            ``token_settings``.
    """

    def __init__(
        self,
        provider: Provider,
        *,
        client_id: str,
        redirect_uri: str,
        seal: Seal,
        client_secret: Callable[[], str] | None = None,
        scopes: Sequence[str] = ("openid",),
        clock: Callable[[], float] = time.time,
        algorithms: Sequence[str] = ("RS256", "ES256"),
        logout_endpoint: str | None = None,
    ) -> None:
        _require_address("oidc_redirect_uri", "the redirect URI", redirect_uri)
        if logout_endpoint is not None:
            _require_address("oidc_logout", "the log-out endpoint", logout_endpoint)
        if isinstance(scopes, str) or "openid" not in scopes:
            raise ConfigurationError("oidc_scopes", "the scopes do not contain openid")
        self._provider = provider
        self._client_id = client_id
        self._redirect_uri = redirect_uri
        self._scope = " ".join(scopes)
        self._seal = seal
        self._logout_endpoint = logout_endpoint
        self._tokens = TokenVerifier(
            provider, client_id=client_id, algorithms=algorithms, clock=clock
        )
        self._endpoint = TokenEndpoint(provider, client_id=client_id, client_secret=client_secret)

    def begin(self, return_to: str, *, cookie: str | None = None) -> Begun:
        """Begin a log-in.

        Args:
            return_to: A path on this host, already checked; kept in the cookie.
            cookie: The browser's present log-in cookie, so that log-ins under way in other tabs
                can still end.

        Raises:
            RequestError: ``return_to``: too long for a cookie.
            RemoteError: ``provider_unavailable``, ``provider_document``.
        """
        attempt = Attempt.new(return_to, now=self._seal.now())
        value = attempts.sealed([*self._earlier(cookie), attempt], self._seal)
        location = _with_query(
            self._provider.authorization_endpoint,
            response_type="code",
            client_id=self._client_id,
            redirect_uri=self._redirect_uri,
            scope=self._scope,
            state=attempt.state,
            nonce=attempt.nonce,
            code_challenge=attempt.challenge,
            code_challenge_method="S256",
        )
        return Begun(location, value)

    def finish(self, query: Mapping[str, str], cookie: str | None) -> LoggedIn:
        """End a log-in, in the callback.

        Whatever comes of it, set the log-in cookie to what ``remaining`` returns.

        Args:
            query: The callback's query.
            cookie: The browser's log-in cookie.

        Raises:
            IdentityError: ``login_state``: this browser did not begin this log-in, or too long
                ago, or it ended already; ``login_issuer``, ``login_denied``, ``login_refused``,
                ``login_code``; ``token_…``: the id token is not acceptable.
            RemoteError: The provider cannot be asked, or refuses this client.
        """
        attempt = self._attempt(query, cookie)
        self._check_response(query)
        tokens = self._endpoint.tokens(
            {
                "grant_type": "authorization_code",
                "code": query["code"],
                "redirect_uri": self._redirect_uri,
                "code_verifier": attempt.verifier,
            },
            refused=_login_again("login_code", "the provider does not accept this log-in any more"),
        )
        if tokens.id_token is None:
            raise RemoteError("provider_answer", "the token endpoint gave no id token")
        claims = self._tokens.verify_id(
            tokens.id_token, nonce=attempt.nonce, access_token=tokens.access_token
        )
        return LoggedIn(
            subject(claims), claims, tokens.refresh_token, tokens.id_token, attempt.return_to
        )

    def remaining(self, query: Mapping[str, str], cookie: str | None) -> str | None:
        """Return the log-in cookie's value after a callback; None to clear it.

        It holds the log-ins of other tabs and no longer this one, failed or not.
        """
        earlier = self._earlier(cookie)
        ended = attempts.find(earlier, query.get("state"))
        others = [attempt for attempt in earlier if attempt is not ended]
        return attempts.sealed(others, self._seal) if others else None

    def renew(self, refresh_token: str) -> Tokens:
        """Exchange a refresh token for new tokens.

        Keep ``refresh_token`` of the answer whatever comes after: it is the provider's new one if
        it changes them at each use, and the old one is no longer good then. Else it is the same.

        Raises:
            IdentityError: ``session_ended``: the provider does not accept the refresh token any
                more.
            RemoteError: The provider cannot be asked, or refuses this client. The caller decides
                whether the session goes on.
        """
        tokens = self._endpoint.tokens(
            {"grant_type": "refresh_token", "refresh_token": refresh_token},
            refused=session_ended(),
        )
        return replace(tokens, refresh_token=tokens.refresh_token or refresh_token)

    def claims(self, tokens: Tokens, *, subject: str) -> dict[str, object]:
        """Read a user's claims from a new id token, or from userinfo if there is none.

        Args:
            tokens: From :meth:`renew`.
            subject: Whose they are; an answer about anybody else is refused.

        Raises:
            IdentityError: ``session_ended``: the access token is not accepted;
                ``session_subject``: the answer is about another user; ``token_…``.
            RemoteError: As for :meth:`renew`.
        """
        if tokens.id_token is not None:
            claims = self._tokens.verify_id(
                tokens.id_token, nonce=None, access_token=tokens.access_token
            )
        else:
            claims = self._endpoint.userinfo(tokens.access_token)
        if claims.get("sub") != subject:
            raise IdentityError(
                "session_subject", "the provider answered about another user", advice="log in again"
            )
        return claims

    def revoke(self, refresh_token: str) -> bool:
        """End a refresh token at the provider; False when it cannot or could not.

        Never raises, neither for a provider that is out of reach nor for a client secret that
        cannot be read: log-out goes on without it.
        """
        try:
            return self._endpoint.revoke(refresh_token)
        except SignerError:
            return False

    def logout_url(self, *, return_to_url: str, id_token_hint: str | None = None) -> str | None:
        """Return where to send a browser to log out at the provider too.

        Args:
            return_to_url: Absolute URL that the provider redirects to; registered there.
            id_token_hint: The id token, if it was kept.

        Returns:
            None when the provider has no such page or cannot be asked; log-out here goes on.
        """
        endpoint, cognito = self._logout_endpoint, True
        if endpoint is None:
            cognito = _COGNITO_ISSUER.fullmatch(self._provider.issuer) is not None
            try:
                endpoint = self._provider.end_session_endpoint
            except RemoteError:
                endpoint = None
        if endpoint is None:
            return None
        if cognito:
            # Cognito's page is not that of OpenID Connect RP-Initiated Logout.
            return _with_query(endpoint, client_id=self._client_id, logout_uri=return_to_url)
        hint = {} if id_token_hint is None else {"id_token_hint": id_token_hint}
        return _with_query(
            endpoint, client_id=self._client_id, post_logout_redirect_uri=return_to_url, **hint
        )

    def _earlier(self, cookie: str | None) -> list[Attempt]:
        try:
            return attempts.opened(cookie, self._seal)
        except IdentityError:
            return []

    def _attempt(self, query: Mapping[str, str], cookie: str | None) -> Attempt:
        attempt = attempts.find(self._earlier(cookie), query.get("state"))
        if attempt is None:
            raise _login_again(
                "login_state", "this log-in was not begun in this browser, or has ended"
            )
        return attempt

    def _check_response(self, query: Mapping[str, str]) -> None:
        """Check who answers, and that it is a code."""
        # RFC 9207: the answer's issuer, where there is one; a must where the provider says so.
        stated = query.get("iss")
        if stated is None and self._provider.metadata.names_itself:
            raise _login_again("login_issuer", "the answer does not say which provider it is from")
        if stated is not None and not same_text(stated, self._provider.issuer):
            raise _login_again("login_issuer", "the answer is from another identity provider")
        error = query.get("error")
        if error in _BUSY:
            raise RemoteError("provider_unavailable", "the identity provider cannot log in now")
        if error == "access_denied":
            raise _login_again("login_denied", "the user or the provider declined the log-in")
        if error is not None:
            raise _login_again("login_refused", "the identity provider refused the log-in")
        if not _CODE.fullmatch(query.get("code", "")):
            raise _login_again("login_refused", "the identity provider's answer has no code")


def _require_address(code: str, what: str, url: str) -> None:
    try:
        https.checked_url(url)
    except InputError:
        raise ConfigurationError(code, f"{what} is not an https:// URL") from None


def _login_again(code: str, message: str) -> IdentityError:
    return IdentityError(code, message, advice="log in again")


def _with_query(endpoint: str, **parameters: str) -> str:
    separator = "&" if urlsplit(endpoint).query else "?"
    return f"{endpoint}{separator}{urlencode(parameters)}"
