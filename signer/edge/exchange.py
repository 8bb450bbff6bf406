"""One request and its answer, as remembered for the inspector; and the memory itself."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from signer.edge.distribution import Behavior
from signer.edge.forwarding import Forwarded
from signer.edge.viewer import Arrival
from signer.verdict import Verdict

REMEMBERED = 500
"""Requests kept in memory; older ones are forgotten."""

_BACKLOG = 2000
_LOWEST_ERROR = 400


@dataclass(slots=True, kw_only=True)
class Exchange:
    """A request, what was decided about it, and how it was answered.

    Attributes:
        number: Counts up from 1.
        started: Seconds since 1970, by the edge's clock.
        arrival: What the viewer sent.
        location: The simulated edge location that answered; None when there are none.
        version: The version of the configuration that it served; None before it was chosen.
        behavior: The behavior that took it; None when it was refused before.
        verdict: The signature's verdict; None when the behavior needs no signature.
        forwarded: The origin request, if it came to that.
        refusal: Why the edge refused it for another reason than its signature.
        failure: What went wrong at the origin or on the way.
        status: HTTP status; 0 until the answer begins.
        sent: Bytes of body sent to the viewer.
        seconds: Time from arrival to the end; None while it lasts.
        aborted: Whether the connection ended before the answer did.
    """

    number: int
    started: float
    arrival: Arrival
    location: str | None = None
    version: int | None = None
    behavior: Behavior | None = None
    verdict: Verdict | None = None
    forwarded: Forwarded | None = None
    refusal: str | None = None
    failure: str | None = None
    status: int = 0
    sent: int = 0
    seconds: float | None = None
    aborted: bool = False

    @property
    def reason(self) -> str:
        """The shortest word for what happened."""
        if self.verdict is not None and not self.verdict.allowed:
            return self.verdict.reason
        if self.refusal is not None:
            return "refused"
        if self.failure is not None:
            return "origin_failed"
        return "served" if self.status < _LOWEST_ERROR else f"origin_{self.status}"


@dataclass(slots=True)
class Recorder:
    """The last exchanges, and the inspectors that want to hear of new ones."""

    _exchanges: deque[Exchange] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    _listeners: set[asyncio.Queue[Exchange | None]] = field(default_factory=set)
    _count: int = 0

    def begin(self, arrival: Arrival, now: float) -> Exchange:
        """Remember a request that arrived."""
        self._count += 1
        exchange = Exchange(number=self._count, started=now, arrival=arrival)
        self._exchanges.append(exchange)
        return exchange

    def tell(self, exchange: Exchange) -> None:
        """Tell all listeners that there is something new about an exchange."""
        for queue in list(self._listeners):
            try:
                queue.put_nowait(exchange)
            except asyncio.QueueFull:
                # Its page is asleep. It is cut off, and reads everything anew when it returns.
                self._dismiss(queue)

    def all(self) -> list[Exchange]:
        """Return what is remembered, oldest first."""
        return list(self._exchanges)

    def close(self) -> None:
        """End all streams."""
        for queue in list(self._listeners):
            self._dismiss(queue)

    async def follow(self, patience: float) -> AsyncIterator[Exchange | None]:
        """Yield everything remembered, then everything new.

        Args:
            patience: Seconds without news after which None is yielded.
        """
        queue: asyncio.Queue[Exchange | None] = asyncio.Queue(_BACKLOG)
        self._listeners.add(queue)
        try:
            for exchange in self.all():
                yield exchange
            while True:
                try:
                    news = await asyncio.wait_for(queue.get(), patience)
                except TimeoutError:
                    yield None
                    continue
                if news is None:
                    return
                yield news
        finally:
            self._listeners.discard(queue)

    def _dismiss(self, queue: asyncio.Queue[Exchange | None]) -> None:
        self._listeners.discard(queue)
        with contextlib.suppress(asyncio.QueueEmpty):
            while True:
                queue.get_nowait()
        queue.put_nowait(None)
