"""Tokens verified: signature, issuer, audience, times.

The list of checks is that of RFC 8725 (JWT best current practices) and of OpenID Connect Core,
section 3.1.3.7. Cognito's access tokens have no ``aud``; their ``client_id`` and ``token_use``
are checked instead:
https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-tokens-verifying-a-jwt.html
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final

from signer.errors import ConfigurationError, IdentityError
from signer.oidc import claims as check
from signer.oidc.compact import Compact, take_apart
from signer.oidc.keyset import KEY_SHAPES
from signer.oidc.provider import Provider

DEFAULT_ALGORITHMS: Final = ("RS256", "ES256")
LONGEST_LEEWAY: Final = 60

# RFC 8725, section 3.11: a token of another kind (a log-out token, a security event) that the
# same provider signed for the same client must not pass.
_BEARER_TYPES: Final = (None, "jwt", "at+jwt")
_ID_TYPES: Final = (None, "jwt")
_ID: Final = "id"


class TokenVerifier:
    """Verifies what one provider signed for one application.

    Args:
        provider: Whose tokens.
        audience: What ``aud`` of a bearer token must contain.
        client_id: Our client at the provider: ``client_id`` of a bearer token without audience,
            ``aud`` of an id token.
        token_use: Cognito's kind of token: ``access`` or ``id``.
        algorithms: The only ones accepted, whatever a token's header says.
        leeway: Seconds by which the provider's clock may differ, 60 at most.
        clock: Returns seconds since 1970.

    Raises:
        ConfigurationError: ``token_settings``: an algorithm that is not asymmetric, too much
            leeway, or nothing that ties a token to this application.
    """

    def __init__(
        self,
        provider: Provider,
        *,
        audience: str | None = None,
        client_id: str | None = None,
        token_use: str | None = None,
        algorithms: Sequence[str] = DEFAULT_ALGORITHMS,
        leeway: float = LONGEST_LEEWAY,
        clock: Callable[[], float] = time.time,
    ) -> None:
        _check_settings(audience, client_id, algorithms, leeway)
        self._provider = provider
        self._audience = audience
        self._client_id = client_id
        self._token_use = token_use
        self._algorithms = frozenset(algorithms)
        self._leeway = leeway
        self._clock = clock

    def verify(self, token: str) -> dict[str, object]:
        """Verify a bearer token and return its claims.

        Args:
            token: The access token, without ``Bearer``.

        Raises:
            IdentityError: The token is not acceptable; the codes begin with ``token_``.
            RemoteError: ``keys_unavailable``: no keys to check it with. Not the token's fault.
            ConfigurationError: ``token_settings``: there is neither an audience to check nor a
                client id with ``token_use``.
        """
        if self._audience is None and (self._client_id is None or self._token_use is None):
            raise ConfigurationError(
                "token_settings",
                "nothing ties a bearer token to this application",
                advice="set the audience, or for Cognito the client id and token_use",
            )
        claims = self._verified(token, _BEARER_TYPES).claims
        if self._audience is not None:
            check.audience(claims, self._audience)
        elif self._token_use == _ID:
            check.audience(claims, str(self._client_id))
        else:
            check.equal(claims, "client_id", str(self._client_id), code="token_client")
        if self._token_use is not None:
            check.equal(claims, "token_use", self._token_use, code="token_use")
        return claims

    def verify_id(
        self, token: str, *, nonce: str | None, access_token: str | None = None
    ) -> dict[str, object]:
        """Verify an id token from the token endpoint and return its claims.

        Args:
            token: The id token.
            nonce: The one sent with the log-in; None for the id token of a refresh, which
                belongs to no log-in (OpenID Connect Core, section 12.2).
            access_token: The one that came with it, compared with ``at_hash`` if that is there.

        Raises:
            IdentityError: As for ``verify``; ``token_nonce``, ``token_binding``.
            RemoteError: ``keys_unavailable``.
            ConfigurationError: ``token_settings``: no client id.
        """
        if self._client_id is None:
            raise ConfigurationError("token_settings", "id tokens need a client id to check")
        compact = self._verified(token, _ID_TYPES)
        check.audience(compact.claims, self._client_id, authorized_party=True)
        check.number(compact.claims, "iat")
        if nonce is not None:
            check.nonce(compact.claims, nonce)
        if access_token is not None:
            check.access_token_hash(compact.claims, access_token, alg=compact.alg)
        # Cognito signs access tokens with the same issuer; where it says the kind, it must be id.
        if "token_use" in compact.claims:
            check.equal(compact.claims, "token_use", _ID, code="token_use")
        return compact.claims

    def _verified(self, token: str, types: Sequence[str | None]) -> Compact:
        """Check all that holds for every kind of token."""
        compact = take_apart(token)
        if compact.alg not in self._algorithms:
            raise IdentityError(
                "token_algorithm",
                "the token's algorithm is not an accepted one",
                advice=f"accepted are {', '.join(sorted(self._algorithms))}",
            )
        if compact.typ not in types:
            raise IdentityError("token_type", "this is another kind of token than is asked for")
        # Before the signature, so that a token of another provider is called that, and causes no
        # search for its key.
        check.equal(compact.claims, "iss", self._provider.issuer, code="token_issuer")
        self._check_signature(compact)
        check.times(compact.claims, now=self._clock(), leeway=self._leeway)
        check.subject(compact.claims)
        return compact

    def _check_signature(self, compact: Compact) -> None:
        from signer.oidc.signature import is_signed_by  # noqa: PLC0415 - slow to import

        tried = False
        for key in self._provider.keys.matching(compact.alg, compact.kid):
            tried = True
            if is_signed_by(compact.text, alg=compact.alg, key=key):
                return
        if not tried:
            raise IdentityError(
                "token_key",
                "the provider has no key for this token",
                advice="if the provider has just changed its keys, try again in a minute",
            )
        raise IdentityError("token_signature", "the token's signature is wrong")


def _check_settings(
    audience: str | None, client_id: str | None, algorithms: Sequence[str], leeway: float
) -> None:
    if isinstance(algorithms, str) or not algorithms or not KEY_SHAPES.keys() >= set(algorithms):
        raise ConfigurationError(
            "token_settings",
            "algorithms holds one that cannot be accepted",
            advice=f"known are {', '.join(KEY_SHAPES)}",
        )
    if not 0 <= leeway <= LONGEST_LEEWAY:
        raise ConfigurationError(
            "token_settings", f"leeway is not between 0 and {LONGEST_LEEWAY} seconds"
        )
    if not audience and not client_id:
        raise ConfigurationError(
            "token_settings", "neither an audience nor a client id is set to check tokens with"
        )
