"""The identity provider: what its discovery document says (OpenID Connect Discovery 1.0).

Only the issuer is configured. Everything else is read from the document, when first needed, and
is believed only if the document names exactly that issuer.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from signer import https
from signer.errors import ConfigurationError, InputError, RemoteError, excerpt
from signer.oidc.freshness import Refreshed
from signer.oidc.keyset import KeySet
from signer.oidc.strict_json import read_object

_LIMIT: Final = 1 << 17
_ENDPOINTS: Final = (
    "authorization_endpoint",
    "token_endpoint",
    "jwks_uri",
    "end_session_endpoint",
    "userinfo_endpoint",
    "revocation_endpoint",
)


@dataclass(frozen=True, slots=True)
class Metadata:
    """The part of a discovery document that is used; None where it is silent."""

    jwks_uri: str
    authorization_endpoint: str | None = None
    token_endpoint: str | None = None
    end_session_endpoint: str | None = None
    userinfo_endpoint: str | None = None
    revocation_endpoint: str | None = None
    names_itself: bool = False


class Provider:
    """An OpenID provider, discovered from its issuer.

    Args:
        issuer_url: The issuer exactly as the provider writes it; a trailing slash counts.
        clock: Returns seconds since 1970.

    Raises:
        ConfigurationError: ``oidc_issuer``: not an HTTPS address (HTTP only on loopback), or one
            with a query.
    """

    def __init__(self, issuer_url: str, *, clock: Callable[[], float] = time.time) -> None:
        if not _can_be_asked(issuer_url) or "?" in issuer_url:
            raise ConfigurationError(
                "oidc_issuer",
                "the issuer is not an https:// URL without a query",
                advice="copy the issuer from the provider's discovery document",
            )
        self.issuer: Final = issuer_url
        self._metadata = Refreshed(
            self._fetch,
            code="provider_unavailable",
            what="the identity provider's discovery document",
            clock=clock,
        )
        self.keys: Final = KeySet(lambda: self.metadata.jwks_uri, clock=clock)

    @property
    def metadata(self) -> Metadata:
        """What the discovery document says, fetched again when it is not fresh.

        Raises:
            RemoteError: ``provider_unavailable``.
        """
        return self._metadata.get()

    @property
    def authorization_endpoint(self) -> str:
        """Where browsers are sent to log in."""
        return _present("authorization_endpoint", self.metadata.authorization_endpoint)

    @property
    def token_endpoint(self) -> str:
        """Where codes and refresh tokens are exchanged."""
        return _present("token_endpoint", self.metadata.token_endpoint)

    @property
    def jwks_uri(self) -> str:
        """Where the public keys are."""
        return self.metadata.jwks_uri

    @property
    def end_session_endpoint(self) -> str | None:
        """Where browsers are sent to log out, if the provider has such a page."""
        return self.metadata.end_session_endpoint

    @property
    def userinfo_endpoint(self) -> str | None:
        """Where claims are read with an access token."""
        return self.metadata.userinfo_endpoint

    def __repr__(self) -> str:
        """Show the issuer."""
        return f"Provider({self.issuer!r})"

    def _fetch(self) -> Metadata:
        # Discovery, section 4: a terminating slash is removed before the suffix is appended.
        address = self.issuer.removesuffix("/") + "/.well-known/openid-configuration"
        answer = https.request("GET", address, headers={"Accept": "application/json"}, limit=_LIMIT)
        if answer.status != 200:  # noqa: PLR2004 - OK
            raise RemoteError(
                "provider_status", f"discovery answered {answer.status}", status=answer.status
            )
        return _metadata(answer.body, issuer=self.issuer)


def _metadata(body: bytes, *, issuer: str) -> Metadata:
    document = read_object(body)
    if document is None:
        raise RemoteError("provider_document", "the discovery document is not a JSON object")
    stated = document.get("issuer")
    if stated != issuer:
        raise RemoteError(
            "provider_issuer",
            "the discovery document names another issuer than the configured one",
            advice=f"it names {excerpt(str(stated))}; a trailing slash counts",
        )
    endpoints = {name: _address(name, document.get(name), issuer) for name in _ENDPOINTS}
    jwks_uri = _present("jwks_uri", endpoints.pop("jwks_uri"))
    itself = document.get("authorization_response_iss_parameter_supported") is True
    return Metadata(jwks_uri, **endpoints, names_itself=itself)


def _address(name: str, value: object, issuer: str) -> str | None:
    if value is None:
        return None
    # A provider out there names nothing on this machine, where other things listen: Lambda's own.
    as_safe = isinstance(value, str) and value.startswith("https:" if _is_https(issuer) else "http")
    if isinstance(value, str) and as_safe and _can_be_asked(value):
        return value
    raise RemoteError(
        "provider_document", f"{name} of the discovery document is not an https:// URL", field=name
    )


def _is_https(url: str) -> bool:
    return url.lower().startswith("https:")


def _can_be_asked(url: str) -> bool:
    try:
        # A host with an empty or long label passes as part of a URL, and fails in the resolver.
        (https.checked_url(url).hostname or "").encode("idna")
    except (InputError, UnicodeError):
        return False
    return True


def _present(name: str, value: str | None) -> str:
    if value is None:
        raise RemoteError(
            "provider_document",
            f"the discovery document has no {name}",
            # https://docs.aws.amazon.com/cognito/latest/developerguide/federation-endpoints.html
            advice="a Cognito user pool has it once a domain is set up",
            field=name,
        )
    return value
