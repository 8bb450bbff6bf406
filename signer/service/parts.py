"""What a service is made of, built from its settings: each part when it is first needed.

The grants table is read at once, because a mistake in it should stop the start. The signing
credential is not: under SnapStart a key read at start would be frozen into the snapshot, and a
store that is down for a minute should cost a minute of 503 and not a function that never starts.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Mapping
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Final, TypeVar

from signer.access import Access, UrlSigner, clearing_headers
from signer.cookies import CookieAttributes
from signer.custody import open_issuer, read_secret_text
from signer.errors import ConfigurationError, CredentialError, RemoteError
from signer.grants import GrantTable
from signer.grants_place import read_grants
from signer.oidc.provider import Provider
from signer.oidc.seal import Seal
from signer.oidc.tokens import TokenVerifier
from signer.refreshing import Refreshing, StaleError
from signer.service.settings import Settings, wrong_setting

if TYPE_CHECKING:
    from signer.oidc.login import LoginFlow

ClientFor = Callable[[str], object]
"""Makes a client of ``secretsmanager``, ``ssm`` or ``kms``; returns None for the usual one."""

Value = TypeVar("Value")

_STORES: Final = ("secretsmanager", "ssm")
_MAX_AGE: Final = timedelta(minutes=5)
_STALE_LIMIT: Final = timedelta(hours=1)


def usual_client(_service: str) -> None:
    """Leave the choice of the client to :mod:`signer.aws`, which takes boto3's."""


class Parts:
    """The parts of one service; safe to share between threads."""

    def __init__(
        self,
        settings: Settings,
        *,
        client_for: ClientFor = usual_client,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Read the grants table; everything else waits.

        Raises:
            GrantError: The table is wrong; the error names line and field.
            ConfigurationError: ``setting``: the table cannot be read.
        """
        self.settings: Final = settings
        self.clock: Final = clock
        self._client_for = client_for
        self.table: Final = self._read_table()

    @cached_property
    def access(self) -> Access:
        """Table and signer.

        Raises:
            CredentialError: The credential cannot be read.
            GrantError: A grant lasts longer than the signer signs for.
        """
        return Access(self.table, self._signer(), attributes=self._attributes, clock=self.clock)

    @cached_property
    def provider(self) -> Provider | None:
        """The identity provider, if there is one."""
        issuer = self.settings.oidc_issuer
        return None if issuer is None else Provider(issuer, clock=self.clock)

    @cached_property
    def tokens(self) -> TokenVerifier | None:
        """What checks bearer tokens, if they are accepted."""
        settings = self.settings
        if self.provider is None or not (settings.token_audience or settings.token_client_id):
            return None
        return TokenVerifier(
            self.provider,
            audience=settings.token_audience,
            client_id=settings.token_client_id,
            token_use=settings.token_use or ("access" if settings.token_client_id else None),
            clock=self.clock,
        )

    @property
    def login(self) -> LoginFlow | None:
        """Log-in at the provider, with the session keys of now; None if it is not set up.

        Raises:
            CredentialError: The session keys cannot be read.
            ConfigurationError: ``setting``: they are no such keys.
        """
        return None if self._seal is None else self._login_with(_held(self._seal))

    @property
    def seal(self) -> Seal | None:
        """What seals sessions; None without log-in. Raises what :attr:`login` raises."""
        return None if self._seal is None else _held(self._seal)

    def clearing_headers(
        self, claims: Mapping[str, object] | None, *, held: Collection[str]
    ) -> list[str]:
        """Return the ``Set-Cookie`` values that remove signed cookies; no key is needed for it."""
        if self.settings.delivery != "cloudfront":
            return []
        return clearing_headers(self.table, self._attributes, claims, held=held)

    def forget(self) -> None:
        """Drop everything that was read from a store; it is read again when it is needed."""
        for name in ("access", "_seal", "_client_secret"):
            self.__dict__.pop(name, None)

    @property
    def _attributes(self) -> CookieAttributes:
        embedded = self.settings.cross_site_cookies
        return CookieAttributes.cross_site() if embedded else CookieAttributes()

    @property
    def _context(self) -> str:
        """Whose sessions these are: refresh tokens and claims are one client's at one provider."""
        settings = self.settings
        return " ".join(
            (settings.oidc_issuer or "", settings.oidc_client_id or "", settings.base_url)
        )

    @cached_property
    def _seal(self) -> Refreshing[Seal] | None:
        place = self.settings.session_keys
        if place is None or self.settings.oidc_client_id is None:
            return None
        return self._read_again(lambda: self._sealed_with(self._secret(place).split()))

    @cached_property
    def _client_secret(self) -> Refreshing[str] | None:
        place = self.settings.oidc_client_secret
        return None if place is None else self._read_again(lambda: self._secret(place).strip())

    def _login_with(self, seal: Seal) -> LoginFlow | None:
        settings, provider, secret = self.settings, self.provider, self._client_secret
        if provider is None or settings.oidc_client_id is None:
            return None
        # Here, because a service that takes tokens only has no use for it.
        from signer.oidc.login import LoginFlow  # noqa: PLC0415

        return LoginFlow(
            provider,
            client_id=settings.oidc_client_id,
            client_secret=None if secret is None else lambda: _held(secret),
            redirect_uri=f"{settings.base_url}/auth/callback",
            scopes=settings.oidc_scopes,
            seal=seal,
            clock=self.clock,
            logout_endpoint=settings.oidc_logout_url,
        )

    def _sealed_with(self, keys: list[str]) -> Seal:
        try:
            return Seal(keys, context=self._context, clock=self.clock)
        except ConfigurationError as error:
            raise wrong_setting(
                "SIGNER_SESSION_KEYS", f"names what cannot be used: {error.message}"
            ) from None

    def _read_again(self, load: Callable[[], Value]) -> Refreshing[Value]:
        """Read a secret anew every five minutes, so that changing it needs no deployment."""
        return Refreshing(load, max_age=_MAX_AGE, stale_limit=_STALE_LIMIT, clock=self.clock)

    def _signer(self) -> UrlSigner:
        settings = self.settings
        if settings.delivery == "s3":
            # Here, because botocore takes longer to import than all the rest.
            from signer.s3 import S3Issuer  # noqa: PLC0415

            longest = max(grant.lifetime for grant in self.table.grants)
            return S3Issuer(
                settings.bucket or "",
                prefix=settings.key_prefix,
                base_url=settings.base_url,
                region=settings.region,
                max_lifetime=longest,
                clock=self.clock,
            )
        place = settings.credential or ""
        return open_issuer(
            place,
            clock=self.clock,
            client=self._client(place),
            kms_client=self._client_for("kms"),
        )

    def _client(self, place: str) -> object:
        store = place.partition(":")[0]
        return self._client_for(store) if store in _STORES else None

    def _secret(self, place: str) -> str:
        return read_secret_text(place, client=self._client(place))

    def _read_table(self) -> GrantTable:
        place = self.settings.grants
        # Relative names begin at the function's own folder, as Lambda starts there.
        folder = os.environ.get("LAMBDA_TASK_ROOT", "")
        try:
            return read_grants(
                place,
                base_url=self.settings.base_url,
                client=self._client(place),
                folder=folder,
            )
        except (ConfigurationError, RemoteError) as error:
            raise wrong_setting(
                "SIGNER_GRANTS", f"names a table that cannot be read ({error.message})"
            ) from None


def _held(secret: Refreshing[Value]) -> Value:
    try:
        return secret.get()
    except StaleError as stale:
        raise CredentialError(
            "credential_stale",
            "a secret could not be read for too long",
            cause=stale.cause.code if stale.cause else None,
        ) from None
