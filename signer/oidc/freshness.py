"""A document of the identity provider, kept for a while and fetched again within strict limits.

Three rules meet here. What is held is served while it is fresh, and longer while the provider
cannot be asked, but never past a limit: a key that the provider has withdrawn must end some time.
Whatever callers ask, the provider is asked at most once a minute, since anybody can send tokens
that name keys nobody has. And one thread asks while the others go on with what is held.

``signer.refreshing`` keeps secrets fresh and is another thing: it tries again sooner the longer
something is missing, has no floor between attempts that succeed, and no way to ask for something
newer than what a caller saw.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from signer.errors import RemoteError, SignerError

MAX_AGE: Final = 3600.0
STALE_LIMIT: Final = 3600.0
PAUSE: Final = 60.0
FIRST_PAUSE: Final = 5.0
"""Between attempts while nothing is held: nobody can be served, so recovery comes first."""

_CLOCK_STEP: Final = 60.0  # how far a clock may step back without making what is held unusable

Document = TypeVar("Document")


@dataclass(frozen=True, slots=True)
class _Held(Generic[Document]):
    document: Document
    fetched_at: float


class Refreshed(Generic[Document]):
    """A document that is fetched when it is needed and not fresh any more.

    Args:
        fetch: Returns the document or raises a ``SignerError``.
        code: Code of the error when there is nothing usable.
        what: What is fetched, for that error's message.
        clock: Returns seconds since 1970.
        max_age: Seconds for which a document is fresh.
        stale_limit: Seconds for which it is still served after that, if it cannot be fetched.
        pause: Least seconds between two attempts.
    """

    def __init__(
        self,
        fetch: Callable[[], Document],
        *,
        code: str,
        what: str,
        clock: Callable[[], float],
        max_age: float = MAX_AGE,
        stale_limit: float = STALE_LIMIT,
        pause: float = PAUSE,
    ) -> None:
        self._fetch = fetch
        self._code = code
        self._what = what
        self._clock = clock
        self._max_age = max_age
        self._stale_limit = stale_limit
        self._pause = pause
        self._held: _Held[Document] | None = None
        self._tried_at: float | None = None
        self._failure: SignerError | None = None
        self._flight = threading.Lock()

    def get(self) -> Document:
        """Return the document, fetched now if need be.

        Raises:
            RemoteError: The code given to the constructor: nothing usable is held, and the
                provider did not answer, or was asked a moment ago and did not.
        """
        held = self._held
        if held is not None and self._age(held) < self._max_age:
            return held.document
        # With something to serve, only one thread waits for the provider.
        if self._flight.acquire(blocking=self._usable() is None):
            try:
                self._attempt(held)
            finally:
                self._flight.release()
        return self._required()

    def newer_than(self, document: Document) -> Document:
        """Return a newer document if there is one, else what is held.

        For a caller that misses something in ``document``. It waits for a fetch in flight, which
        may bring what it misses.

        Raises:
            RemoteError: As ``get``.
        """
        with self._flight:
            held = self._held
            if held is not None and held.document is document:
                self._attempt(held)
        return self._required()

    def _attempt(self, seen: _Held[Document] | None) -> None:
        """Fetch, unless another thread just did or the last attempt is too recent."""
        if self._held is not seen:
            return
        now = self._clock()
        pause = FIRST_PAUSE if self._usable() is None else self._pause
        if self._tried_at is not None and 0 <= now - self._tried_at < pause:
            return
        self._tried_at = now
        try:
            self._held = _Held(self._fetch(), now)
            self._failure = None
        except SignerError as error:
            self._failure = error.with_traceback(None)

    def _required(self) -> Document:
        held = self._usable()
        if held is not None:
            return held.document
        failure = self._failure
        reason = f": {failure.message}" if failure else ""
        raise RemoteError(
            self._code,
            f"{self._what} cannot be had{reason}",
            advice=failure.advice if failure else "",
            cause=failure.code if failure else None,
        )

    def _usable(self) -> _Held[Document] | None:
        held = self._held
        if held is None or self._age(held) >= self._max_age + self._stale_limit:
            return None
        return held

    def _age(self, held: _Held[Document]) -> float:
        """Return the age; an infinite one when the clock has stepped back so far that none is."""
        age = self._clock() - held.fetched_at
        return age if age >= -_CLOCK_STEP else float("inf")
