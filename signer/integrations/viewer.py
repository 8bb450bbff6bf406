"""The viewer of one request: claims and cookie paths, kept in the framework's session.

A session holds under one key who logged in, the claims that the grants table reads, the paths
that the browser holds signed cookies for, and when to issue them anew. Only the session knows
which cookies a browser has, so it is what withdrawn ones are cleared by.

Sessions that live in a cookie are signed, not encrypted: their owner can read the claims.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from typing import Any, Final, TypeAlias, TypeGuard

from signer.access import Access, AccessCookies, AccessUrl
from signer.errors import ConfigurationError, SignerError
from signer.in_thread import in_thread
from signer.integrations.reporting import left_unsigned

Claims: TypeAlias = Mapping[str, object]
"""What is known about a viewer: names to strings, numbers, booleans, or lists of them."""

LoadClaims: TypeAlias = Callable[[str], "Claims | None"]
"""Returns the present claims of a subject; None when it may see nothing any longer."""

LoadClaimsAsync: TypeAlias = Callable[[str], "Awaitable[Claims | None]"]
"""The same as a coroutine function."""

SESSION_KEY: Final = "signer"
"""Where the framework's session keeps a viewer."""

SESSION_LIFETIME: Final = timedelta(hours=1)
"""How long claims are believed when nothing can be asked for newer ones."""

CACHE_CONTROL: Final = "private, no-store"
"""For every response that sets or clears signed cookies: they are one viewer's."""

# When nothing was issued, or it failed, for how many seconds to leave it so.
_LOOK_AGAIN = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class _Record:
    """What the session keeps: plain JSON values."""

    subject: str
    claims: dict[str, object]
    held: list[str]
    refresh_at: int
    until: int | None

    @classmethod
    def read(cls, session: MutableMapping[str, Any]) -> _Record | None:
        """Return the record of a session; None when there is none, or one of another version."""
        try:
            stored = dict(session[SESSION_KEY])
            return cls(**stored | {"claims": dict(stored["claims"]), "held": list(stored["held"])})
        except (KeyError, TypeError, ValueError):
            return None


class Viewer:
    """Who sends a request, and what the grants make of their claims.

    An integration makes one for each request and sends :meth:`set_cookie_headers` with the
    response. A viewer belongs to one request: it is not for sharing between threads.
    """

    def __init__(
        self,
        access: Access,
        session: MutableMapping[str, Any],
        *,
        load: LoadClaims | LoadClaimsAsync | None = None,
        session_lifetime: timedelta = SESSION_LIFETIME,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Read what the session keeps.

        Args:
            access: Turns claims into cookies and URLs.
            session: The framework's session of this request.
            load: Asked for newer claims at each refresh.
            session_lifetime: Without `load`, how long after log-in claims are believed.
            clock: Returns seconds since 1970.
        """
        self._access = access
        self._session = session
        self._load = load
        self._lifetime = int(session_lifetime.total_seconds())
        self._clock = clock
        self._lines: list[str] = []
        self._record = _Record.read(session)
        self._held = list(self._record.held) if self._record else []

    @property
    def claims(self) -> Claims | None:
        """Return the claims that the grants table reads; None when nobody is logged in."""
        return dict(self._record.claims) if self._record else None

    @property
    def subject(self) -> str | None:
        """Return who is logged in; None for nobody."""
        return self._record.subject if self._record else None

    def log_in(self, claims: Claims, *, subject: str | None = None) -> None:
        """Remember a viewer whose identity was just checked, and issue their cookies.

        Args:
            claims: What is known about them. Only what the grants table reads is kept.
            subject: Name for the ``load`` function to find them by; the claim ``sub`` when None.

        Raises:
            ConfigurationError: A claim that the table reads is not a plain value.
            SignerError: Nothing could be issued; nobody is logged in then.
        """
        self._begin(claims, subject)
        try:
            self._take(self._access.cookies(self.claims, held=self._held))
        except BaseException:
            self._forget()
            raise

    async def log_in_async(self, claims: Claims, *, subject: str | None = None) -> None:
        """Do the same as :meth:`log_in` without keeping the event loop waiting."""
        self._begin(claims, subject)
        try:
            self._take(await self._access.cookies_async(self.claims, held=self._held))
        except BaseException:
            self._forget()
            raise

    def log_out(self) -> None:
        """Forget the viewer and clear every signed cookie that the browser holds."""
        self._lines = self._access.clearing_headers(self.claims, held=self._held)
        self._forget()

    def refresh(self) -> None:
        """Issue the cookies anew, for instance because the viewer has just bought something.

        Raises:
            SignerError: Nothing could be issued.
        """
        if self._still_there() and self._renew(self._loaded()):
            self._take(self._access.cookies(self.claims, held=self._held))

    async def refresh_async(self) -> None:
        """Do the same as :meth:`refresh` without keeping the event loop waiting."""
        if self._still_there() and self._renew(await self._loaded_async()):
            self._take(await self._access.cookies_async(self.claims, held=self._held))

    def refresh_if_due(self) -> None:
        """Issue the cookies anew when half of their life is over.

        Failing to sign is logged and tried again a minute later: the cookies that the browser
        holds are still good, and the page may not need them.
        """
        if self._still_there() and self._due():
            try:
                self.refresh()
            except SignerError as error:
                left_unsigned(error, "at a refresh")

    async def refresh_if_due_async(self) -> None:
        """Do the same as :meth:`refresh_if_due` without keeping the event loop waiting."""
        if self._still_there() and self._due():
            try:
                await self.refresh_async()
            except SignerError as error:
                left_unsigned(error, "at a refresh")

    def url(self, grant: str, item: str) -> AccessUrl:
        """Return a signed URL of one item of a grant, with its end.

        Raises:
            GrantError: The viewer has no such grant, or the item cannot be named.
            SignerError: It could not be signed.
        """
        return self._access.url(self.claims, grant, item)

    async def url_async(self, grant: str, item: str) -> AccessUrl:
        """Do the same as :meth:`url` without keeping the event loop waiting."""
        return await self._access.url_async(self.claims, grant, item)

    def set_cookie_headers(self) -> list[str]:
        """Return the ``Set-Cookie`` values that the response must carry; often none.

        A session that was emptied since the request began is a log-out.
        """
        self._still_there()
        return list(self._lines)

    def _still_there(self) -> bool:
        if self._record is not None and SESSION_KEY not in self._session:
            self.log_out()
        return self._record is not None

    def _due(self) -> bool:
        return self._record is not None and self._now() >= self._record.refresh_at

    def _now(self) -> int:
        return int(self._clock())

    def _begin(self, claims: Claims, subject: str | None) -> None:
        now = self._now()
        self._keep(
            _Record(
                subject=str(claims.get("sub", "")) if subject is None else subject,
                claims=self._needed(claims),
                held=self._held,
                refresh_at=now + _LOOK_AGAIN,
                until=None if self._load else now + self._lifetime,
            )
        )

    def _needed(self, claims: Claims) -> dict[str, object]:
        names = self._access.needed_claims
        return {name: _plain(name, value) for name, value in claims.items() if name in names}

    def _loaded(self) -> Claims | None:
        if self._record is None or self._load is None:
            return self._claims_until_end()
        loaded = self._load(self._record.subject)
        if inspect.isawaitable(loaded):
            if inspect.iscoroutine(loaded):
                loaded.close()
            raise ConfigurationError(
                "claims_async",
                "the function that loads claims is a coroutine function",
                advice="use the viewer's methods that end in _async, or a plain function",
            )
        return loaded

    async def _loaded_async(self) -> Claims | None:
        if self._record is None or self._load is None:
            return self._claims_until_end()
        if _is_async(self._load):
            claims: Claims | None = await self._load(self._record.subject)
            return claims
        return await in_thread(self._loaded)

    def _claims_until_end(self) -> Claims | None:
        over = self._record and self._record.until is not None and self._now() >= self._record.until
        return None if over else self.claims

    def _renew(self, claims: Claims | None) -> bool:
        """Keep newer claims even if nothing can be signed for them; False when they ended."""
        if claims is None or self._record is None:
            self.log_out()
            return False
        again = self._now() + _LOOK_AGAIN
        self._keep(replace(self._record, claims=self._needed(claims), refresh_at=again))
        return True

    def _take(self, cookies: AccessCookies) -> None:
        self._lines = list(cookies.set_cookie_headers)
        # What an earlier call in this request set or cleared stays known: its lines are gone now.
        self._held = sorted({*self._held, *cookies.paths})
        if self._record is not None:
            now = self._now()
            wait = _LOOK_AGAIN
            if cookies.expires_at is not None:
                wait = max(1, (cookies.expires_at - now) // 2)
            self._keep(replace(self._record, held=list(cookies.paths), refresh_at=now + wait))

    def _keep(self, record: _Record) -> None:
        if record.until is not None:
            record = replace(record, refresh_at=min(record.refresh_at, record.until))
        self._record = record
        self._session[SESSION_KEY] = asdict(record)

    def _forget(self) -> None:
        self._record = None
        self._session.pop(SESSION_KEY, None)


def _is_async(load: LoadClaims | LoadClaimsAsync) -> TypeGuard[LoadClaimsAsync]:
    return inspect.iscoroutinefunction(load) or inspect.iscoroutinefunction(type(load).__call__)


def _plain(name: str, value: object) -> object:
    """Return a claim as a value that every session can store."""
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(name, item) for item in value]
    if isinstance(value, (str, int, float)):  # bool is an int
        return value
    raise ConfigurationError(
        "claim_value",
        f"the claim {name} is of type {type(value).__name__}",
        advice="give strings, numbers, booleans, or lists of them",
        field=name,
    )
