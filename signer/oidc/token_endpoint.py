"""What is asked of the provider behind the browser's back: tokens, claims, revocation."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote_plus, urlencode

from signer import https
from signer.errors import IdentityError, RemoteError
from signer.oidc.provider import Provider
from signer.oidc.strict_json import read_object

_LIMIT: Final = 1 << 17
_OK: Final = 200
_REFUSALS: Final = range(400, 500)
_TOO_MANY: Final = (408, 425, 429)
# RFC 6750, section 2.1: what may stand in an Authorization header behind Bearer.
_BEARER = re.compile(r"[A-Za-z0-9._~+/-]+=*")
# The error codes of RFC 6749, section 5.2. Only these are shown; anything else that a server
# writes there might be anything.
_KNOWN_ERRORS: Final = (
    "invalid_request",
    "invalid_client",
    "invalid_grant",
    "unauthorized_client",
    "unsupported_grant_type",
    "invalid_scope",
)


@dataclass(frozen=True, slots=True)
class Tokens:
    """What the token endpoint gave."""

    access_token: str = field(repr=False)
    id_token: str | None = field(repr=False)
    refresh_token: str | None = field(repr=False)


class TokenEndpoint:
    """One client's way to ask.

    Args:
        provider: Whom.
        client_id: Our name there.
        client_secret: Returns our secret, sent by ``client_secret_basic``; None for a public
            client. Called at each use, so that a changed secret needs no restart.
    """

    def __init__(
        self, provider: Provider, *, client_id: str, client_secret: Callable[[], str] | None
    ) -> None:
        self._provider = provider
        self._client_id = client_id
        self._client_secret = client_secret

    def tokens(self, fields: Mapping[str, str], *, refused: IdentityError) -> Tokens:
        """Exchange a code or a refresh token.

        Args:
            fields: The form, without client authentication.
            refused: Raised when the code or refresh token is not accepted.

        Raises:
            RemoteError: ``provider_unavailable``, ``provider_refused`` (our client or its secret
                is not accepted), ``provider_answer``, and those of ``https.request``.
        """
        answer = self._post(self._provider.token_endpoint, fields)
        if answer.status != _OK:
            raise _failure(answer, refused)
        document = read_object(answer.body) or {}
        kind, access_token = document.get("token_type"), document.get("access_token")
        id_token, refresh_token = document.get("id_token"), document.get("refresh_token")
        if (
            not isinstance(kind, str)
            or kind.lower() != "bearer"
            or not isinstance(access_token, str)
            or not _BEARER.fullmatch(access_token)
            or not isinstance(id_token, str | None)
            or not isinstance(refresh_token, str | None)
        ):
            raise RemoteError("provider_answer", "the token endpoint's answer is not usable")
        return Tokens(access_token, id_token, refresh_token or None)

    def userinfo(self, access_token: str) -> dict[str, object]:
        """Read claims (OpenID Connect Core, section 5.3).

        Raises:
            IdentityError: ``session_ended``: the access token is not accepted.
            RemoteError: ``provider_unavailable``, ``provider_answer``.
        """
        endpoint = self._provider.userinfo_endpoint
        if endpoint is None:
            raise RemoteError(
                "provider_answer",
                "the provider gave no id token and has no userinfo endpoint",
                advice="have it issue an id token with each refresh",
            )
        headers = {"Authorization": f"Bearer {access_token}", "Accept": "application/json"}
        answer = https.request("GET", endpoint, headers=headers, limit=_LIMIT)
        if answer.status in (401, 403):
            raise session_ended()
        if answer.status != _OK:
            raise _unavailable(answer.status)
        claims = read_object(answer.body)
        if claims is None:
            raise RemoteError("provider_answer", "the userinfo endpoint's answer is not usable")
        return claims

    def revoke(self, refresh_token: str) -> bool:
        """End a refresh token (RFC 7009); False when the provider cannot or did not.

        Raises:
            RemoteError: The provider cannot be asked.
        """
        endpoint = self._provider.metadata.revocation_endpoint
        if endpoint is None:
            return False
        fields = {"token": refresh_token, "token_type_hint": "refresh_token"}
        return self._post(endpoint, fields).status == _OK

    def _post(self, url: str, fields: Mapping[str, str]) -> https.Answer:
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Accept": "application/json",
        }
        form = dict(fields)
        if self._client_secret is None:
            form["client_id"] = self._client_id
        else:
            # RFC 6749, section 2.3.1: both are form-encoded before they are joined.
            pair = f"{quote_plus(self._client_id)}:{quote_plus(self._client_secret())}"
            headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode("ascii")
        return https.request(
            "POST", url, headers=headers, body=urlencode(form).encode("ascii"), limit=_LIMIT
        )


def session_ended() -> IdentityError:
    """Return the error of a session that the provider has ended."""
    return IdentityError(
        "session_ended", "the identity provider has ended the session", advice="log in again"
    )


def _failure(answer: https.Answer, refused: IdentityError) -> Exception:
    if answer.status not in _REFUSALS or answer.status in _TOO_MANY:
        return _unavailable(answer.status)
    stated = (read_object(answer.body) or {}).get("error")
    if stated == "invalid_grant":
        return refused
    return RemoteError(
        "provider_refused",
        "the identity provider refused this client's request",
        advice="check client id, client secret, redirect URI and scopes at the provider",
        error=stated if stated in _KNOWN_ERRORS else "other",
        status=answer.status,
    )


def _unavailable(status: int) -> RemoteError:
    return RemoteError(
        "provider_unavailable", f"the identity provider answered {status}", status=status
    )
