"""The viewer of one request: claims and cookie paths, kept in the framework's session.

A session holds under one key who logged in, the claims that the grants table reads, the paths
that the browser holds signed cookies for, and when to issue them anew. Only the session knows
which cookies a browser has, so it is what withdrawn ones are cleared by.

Sessions that live in a cookie are signed, not encrypted: their owner can read the claims.
"""

from __future__ import annotations

import copy
import inspect
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from datetime import timedelta
from typing import Any, Final, TypeAlias, TypeGuard

from signer.access import Access, AccessCookies, AccessUrl
from signer.errors import ConfigurationError, RemoteError, SignerError
from signer.in_thread import in_thread
from signer.integrations.record import Record
from signer.integrations.reporting import claims_unknown, left_out, left_unsigned

Claims: TypeAlias = Mapping[str, object]
"""What is known about a viewer: names to strings, numbers, booleans, or lists of them."""

LoadClaims: TypeAlias = Callable[[str], "Claims | None"]
"""Returns the present claims of a subject; None when it may see nothing any longer."""

LoadClaimsAsync: TypeAlias = Callable[[str], "Awaitable[Claims | None]"]
"""The same as a coroutine function."""

SESSION_LIFETIME: Final = timedelta(hours=1)
"""How long claims are believed when nothing can be asked for newer ones."""

CLAIMS_MAX_AGE: Final = timedelta(minutes=15)
"""After how long newer claims are asked for, if there is somebody to ask."""

CLAIMS_GRACE: Final = timedelta(minutes=5)
"""For how long after that they serve while nobody answers."""

CACHE_CONTROL: Final = "private, no-store"
"""For every response that sets or clears signed cookies or has a signed URL: one viewer's."""

# After a failure, and when nothing was issued, for how many seconds to leave it so.
_LOOK_AGAIN = 60


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
        self._record = Record.read(session, site=access.table.base_url)
        self._held = list(self._record.held) if self._record else []
        self._has_signed = False

    @property
    def claims(self) -> Claims | None:
        """Return the claims that the grants table reads; None when nobody is logged in."""
        return copy.deepcopy(self._record.claims) if self._record else None

    @property
    def subject(self) -> str | None:
        """Return who is logged in; None for nobody."""
        return self._record.subject if self._record else None

    @property
    def is_private(self) -> bool:
        """Whether the response is one viewer's alone: it has cookies, or a URL was signed."""
        return self._has_signed or bool(self._lines)

    def log_in(self, claims: Claims, *, subject: str | None = None) -> None:
        """Remember a viewer whose identity was just checked, and issue their cookies.

        Args:
            claims: What is known about them. Only what the grants table reads is kept.
            subject: Name for the ``load`` function to find them by; the claim ``sub`` when None.

        Raises:
            ConfigurationError: A claim that the table reads is not a plain value, or there is no
                subject to load newer claims by.
            SignerError: Nothing could be issued; nobody is logged in then, and no cookies of an
                earlier viewer are left.
        """
        self._begin(claims, subject)
        try:
            self._take(self._access.cookies(self.claims, held=self._held))
        except BaseException:
            self.log_out()
            raise

    async def log_in_async(self, claims: Claims, *, subject: str | None = None) -> None:
        """Do the same as :meth:`log_in` without keeping the event loop waiting."""
        await in_thread(self.log_in, claims, subject=subject)

    def follow(self, claims: Claims, *, subject: str) -> None:
        """Remember a viewer who was logged in by somebody else; issue their cookies if that works.

        What cannot be issued now is logged and tried again a minute later.

        Raises:
            ConfigurationError: As for :meth:`log_in`.
        """
        try:
            self.log_in(claims, subject=subject)
        except ConfigurationError:
            raise
        except SignerError as error:
            left_unsigned(error, "at log-in")
            self._begin(claims, subject)

    def log_out(self) -> None:
        """Forget the viewer and clear every signed cookie that the browser holds."""
        self._lines = self._access.clearing_headers(self.claims, held=self._held)
        self._record = None
        Record.remove(self._session)

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
            await in_thread(self._issue)

    def refresh_if_due(self) -> None:
        """Issue the cookies anew when half of their life is over, or the claims are old.

        Failing is logged and tried again a minute later: the cookies that the browser holds are
        still good, and the page may not need them. Claims that could not be loaded are believed
        for :data:`CLAIMS_GRACE` longer.
        """
        if not (self._still_there() and self._due()):
            return
        refuse_coroutine_function(self._load)
        try:
            there = self._renew(self._loaded())
        except Exception as error:  # noqa: BLE001 - the program's own function
            self._leave(error)
        else:
            if there:
                self._issue_quietly()

    async def refresh_if_due_async(self) -> None:
        """Do the same as :meth:`refresh_if_due` without keeping the event loop waiting."""
        if not (self._still_there() and self._due()):
            return
        try:
            there = self._renew(await self._loaded_async())
        except Exception as error:  # noqa: BLE001 - the program's own function
            self._leave(error)
        else:
            if there:
                await in_thread(self._issue_quietly)

    def url(self, grant: str, item: str) -> AccessUrl:
        """Return a signed URL of one item of a grant, with its end.

        Raises:
            GrantError: The viewer has no such grant, or the item cannot be named.
            RemoteError: ``claims_unknown``: newer claims could not be loaded for too long.
            SignerError: It could not be signed.
        """
        if self._record and self._load and self._now() >= self._believed_until(self._record):
            raise RemoteError("claims_unknown", "newer claims could not be read for too long")
        made = self._access.url(self.claims, grant, item)
        self._has_signed = True
        return made

    async def url_async(self, grant: str, item: str) -> AccessUrl:
        """Do the same as :meth:`url` without keeping the event loop waiting."""
        return await in_thread(self.url, grant, item)

    def set_cookie_headers(self) -> list[str]:
        """Return the ``Set-Cookie`` values that the response must carry; often none.

        A session that was emptied since the request began is a log-out.
        """
        self._still_there()
        return list(self._lines)

    def _still_there(self) -> bool:
        if self._record is not None and not Record.is_in(self._session):
            self.log_out()
        return self._record is not None

    def _due(self) -> bool:
        record = self._record
        if record is None:
            return False
        ends = record.logged_in_at + self._lifetime
        return self._now() >= (record.refresh_at if self._load else min(record.refresh_at, ends))

    def _believed_until(self, record: Record) -> float:
        return record.checked_at + (CLAIMS_MAX_AGE + CLAIMS_GRACE).total_seconds()

    def _now(self) -> int:
        return int(self._clock())

    def _begin(self, claims: Claims, subject: str | None) -> None:
        name = claims.get("sub") if subject is None else subject
        if name is None and self._load is not None:
            raise ConfigurationError(
                "claims_subject",
                "there is no subject by which newer claims could be loaded",
                advice="give the claim sub, or subject=",
            )
        now = self._now()
        self._keep(
            Record(
                site=self._access.table.base_url,
                subject="" if name is None else str(name),
                claims=self._needed(claims),
                held=self._held,
                logged_in_at=now,
                checked_at=now,
                refresh_at=now + _LOOK_AGAIN,
            )
        )

    def _needed(self, claims: Claims) -> dict[str, object]:
        names = self._access.table.needed_claims
        # As in the table's rules: a claim that is null is one that is not there.
        there = {name: value for name, value in claims.items() if value is not None}
        return {name: _plain(name, value) for name, value in there.items() if name in names}

    def _loaded(self) -> Claims | None:
        if self._record is None or self._load is None:
            return self._claims_until_end()
        refuse_coroutine_function(self._load)
        claims: Claims | None = self._load(self._record.subject)  # type: ignore[assignment]  # as was checked
        return claims

    async def _loaded_async(self) -> Claims | None:
        if self._record is None or self._load is None:
            return self._claims_until_end()
        if _is_async(self._load):
            claims: Claims | None = await self._load(self._record.subject)
            return claims
        return await in_thread(self._loaded)

    def _claims_until_end(self) -> Claims | None:
        record = self._record
        over = record is None or self._now() >= record.logged_in_at + self._lifetime
        return None if over else self.claims

    def _renew(self, claims: Claims | None) -> bool:
        """Keep newer claims even if nothing can be signed for them; False when they ended."""
        if claims is None or self._record is None:
            self.log_out()
            return False
        now = self._now()
        self._keep(
            self._record.changed(
                claims=self._needed(claims), checked_at=now, refresh_at=now + _LOOK_AGAIN
            )
        )
        return True

    def _issue_quietly(self) -> None:
        try:
            self._issue()
        except SignerError as error:
            left_unsigned(error, "at a refresh")

    def _issue(self) -> None:
        self._take(self._access.cookies(self.claims, held=self._held))

    def _leave(self, error: Exception) -> None:
        """Go on with the claims that there are, and look again in a while."""
        claims_unknown(error)
        if self._record is not None:
            self._keep(self._record.changed(refresh_at=self._now() + _LOOK_AGAIN))

    def _take(self, cookies: AccessCookies) -> None:
        if cookies.left_out:
            left_out(cookies.left_out)
        self._lines = list(cookies.set_cookie_headers)
        # What an earlier call in this request set or cleared stays known: its lines are gone now.
        self._held = sorted({*self._held, *cookies.held})
        if self._record is None:
            return
        now, wait = self._now(), _LOOK_AGAIN
        if cookies.expires_at is not None:
            half = (cookies.expires_at - now) // 2
            wait = max(1, min(half, int(CLAIMS_MAX_AGE.total_seconds())))
        self._keep(self._record.changed(held=list(cookies.held), refresh_at=now + wait))

    def _keep(self, record: Record) -> None:
        self._record = record
        record.write(self._session)


def refuse_coroutine_function(load: LoadClaims | LoadClaimsAsync | None) -> None:
    """Refuse a coroutine function where nothing can await it.

    Raises:
        ConfigurationError: ``claims_async``.
    """
    if load is not None and _is_async(load):
        raise ConfigurationError(
            "claims_async",
            "the function that loads claims is a coroutine function",
            advice="use the viewer's methods that end in _async, or a plain function",
        )


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
