"""A value that is read again now and then, and served a while longer when that fails.

One thread reads while the others are served what is there. Age is the larger of what the wall
clock and the monotonic clock say: a machine that slept, or was restored from a snapshot, finds its
value old although its monotonic clock stood still, and setting the wall clock back makes no old
value young again.
"""

from __future__ import annotations

import os
import random
import threading
import time
import weakref
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from signer.errors import InputError, SignerError

if TYPE_CHECKING:
    from collections.abc import Callable

Value = TypeVar("Value")

JITTER: Final = 0.1
"""Share of ``max_age`` by which readings differ, so that a fleet does not read all at once."""

FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 30.0
"""Seconds without another attempt after a failed one; doubled each time, up to the second."""


class StaleError(Exception):
    """The value is older than may be served; ``cause`` is what kept it from being read."""

    def __init__(self, age: float, cause: SignerError | None) -> None:
        """Keep how old it is, in seconds, and why."""
        super().__init__("stale")
        self.age = age
        self.cause = cause


@dataclass(frozen=True, slots=True)
class _Held(Generic[Value]):
    value: Value
    wall: float
    steady: float
    due: float


class Refreshing(Generic[Value]):
    """Holds what ``load`` returned, and calls it again in the thread that finds it due."""

    def __init__(
        self,
        load: Callable[[], Value],
        *,
        max_age: timedelta,
        stale_limit: timedelta,
        clock: Callable[[], float] = time.time,
        steady_clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Remember how to read; nothing is read yet.

        Args:
            load: Reads the value; raises a SignerError when it cannot.
            max_age: Age at which the value is read again, give or take a tenth.
            stale_limit: Age from which it is not served any more.
            clock: Seconds since 1970, by the wall clock.
            steady_clock: Seconds by a clock that nobody sets.

        Raises:
            InputError: ``max_age``: not positive, or not safely below ``stale_limit``.
        """
        most = max_age.total_seconds() * (1 + JITTER)
        if not 0 < most <= stale_limit.total_seconds():
            raise InputError(
                "max_age",
                "max_age is not a positive timedelta at most 10/11 of stale_limit",
                advice="the defaults are 5 and 30 minutes",
            )
        self._load = load
        self._max_age = max_age.total_seconds()
        self._stale_limit = stale_limit.total_seconds()
        self._clock = clock
        self._steady = steady_clock
        self._lock = threading.Lock()
        self._held: _Held[Value] | None = None
        self._failure: SignerError | None = None
        self._not_before = 0.0
        self._pause = 0.0
        _IN_THIS_PROCESS.add(self)

    def get(self) -> Value:
        """Return the value, read anew when it is due.

        While one thread reads, the others get the value that is there; they wait only when there
        is none that may be served.

        Raises:
            SignerError: There is no value yet and it cannot be read, as ``load`` told it.
            StaleError: The value is too old, and could not be read since.
        """
        held = self._held
        if held is not None:
            age = self._age(held)
            if age < held.due:
                return held.value
            if age < self._stale_limit and not self._lock.acquire(blocking=False):
                return held.value
            if age < self._stale_limit:
                try:
                    return self._read()
                finally:
                    self._lock.release()
        with self._lock:
            return self._read()

    def forget(self) -> None:
        """Drop the value: the next call reads it, or fails."""
        with self._lock:
            self._held = self._failure = None
            self._pause = self._not_before = 0.0

    def _read(self) -> Value:
        """Return a value that may be served, read now when it is due; the lock is held."""
        self._read_if_due()
        held, failure = self._held, self._failure
        if held is not None:
            age = self._age(held)
            if age < self._stale_limit:
                return held.value
            raise StaleError(age, failure)
        assert failure is not None  # noqa: S101 - nothing was read, so reading has failed
        raise failure.again()

    def _read_if_due(self) -> None:
        """Read, unless another thread just has or the last failure is too recent."""
        held = self._held
        if held is not None and self._age(held) < held.due:
            return
        if self._failure is not None and 0 < self._not_before - self._steady() <= LONGEST_PAUSE:
            return
        # Before reading: what is read cannot be older than that.
        wall, steady = self._clock(), self._steady()
        try:
            value = self._load()
        except SignerError as error:
            self._pause = min(LONGEST_PAUSE, max(FIRST_PAUSE, 2 * self._pause))
            # After reading, which may have taken longer than the pause.
            self._not_before = self._steady() + self._pause * random.uniform(1 - JITTER, 1)  # noqa: S311 - spreads load, guards nothing
            self._failure = error.with_traceback(None)
            return
        self._failure, self._pause = None, 0.0
        self._held = _Held(value, wall, steady, self._max_age * _spread())

    def _age(self, held: _Held[Value]) -> float:
        by_wall = self._clock() - held.wall
        by_steady = self._steady() - held.steady
        return max(by_wall, by_steady)

    def _after_fork(self) -> None:
        """Begin with a lock that no lost thread holds, and a jitter of one's own."""
        self._lock = threading.Lock()
        if (held := self._held) is not None:
            self._held = _Held(held.value, held.wall, held.steady, self._max_age * _spread())


def _spread() -> float:
    return random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - spreads load, guards nothing


_IN_THIS_PROCESS: weakref.WeakSet[Refreshing[Any]] = weakref.WeakSet()


def _after_fork() -> None:
    for one in list(_IN_THIS_PROCESS):
        one._after_fork()  # noqa: SLF001 - the same module


if hasattr(os, "register_at_fork"):  # pragma: no branch - processes do not fork on Windows
    os.register_at_fork(after_in_child=_after_fork)
