"""Simulated edge locations that follow a configuration, each with its own delay.

AWS does not document how long a change of a key group takes to reach every edge location, and a
key group has no status that would tell. A rotation must be right for any delay; here it can be
watched with delays of one's own choice.

A change becomes visible at a location `delay` seconds after it was first seen, so locations differ
only in which version they serve, and what they serve follows from the clock alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Final

from signer.edge.distribution import Distribution
from signer.edge.signatures import Gatekeeper
from signer.edge.source import LocationProgress, Progress, Served
from signer.errors import ConfigurationError, RemoteError, SignerError, excerpt

_log = logging.getLogger(__name__)

LONGEST_DELAY: Final = 86_400.0
"""Seconds in a day: a location that learns of nothing for longer shows nothing more."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,31}")
_GLANCE_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class EdgeLocation:
    """A simulated edge location.

    Attributes:
        name: What viewers send in ``x-edge-location`` and get back in ``x-amz-cf-pop``.
        delay: Seconds that it learns of a change after it was made; at most a day.
    """

    name: str
    delay: float = 0.0

    def __post_init__(self) -> None:
        """Check name and delay.

        Raises:
            ConfigurationError: ``edge_location``.
        """
        if not _NAME.fullmatch(self.name):
            raise ConfigurationError(
                "edge_location",
                f"{excerpt(self.name)} is not a name for an edge location",
                advice="use up to 32 letters, digits and hyphens",
                field="name",
            )
        if not (math.isfinite(self.delay) and 0 <= self.delay <= LONGEST_DELAY):
            raise ConfigurationError(
                "edge_location",
                f"the delay of {self.name} is not between 0 and {LONGEST_DELAY:.0f} seconds",
                field="delay",
            )


@dataclass(frozen=True, slots=True)
class _Version:
    """A configuration, when it was first seen, and how each location serves it."""

    seen: float
    served: Mapping[str, Served]
    distribution: Distribution
    number: int


class Locations:
    """Simulated edge locations; a :class:`signer.edge.source.Source`.

    They all start with the configuration that is read first. A read that fails later changes
    nothing: the last configuration is kept, and :meth:`progress` tells why.

    Example:
        >>> import asyncio
        >>> from signer.edge import Behavior, Distribution, EdgeLocation, HttpOrigin, Locations
        >>> site = Distribution(
        ...     origins={"backend": HttpOrigin("http://127.0.0.1:9000")},
        ...     default_behavior=Behavior(origin="backend"),
        ... )
        >>> locations = Locations(lambda: site, [EdgeLocation("near"), EdgeLocation("far", 20)])
        >>> asyncio.run(locations.refresh())
        1
    """

    def __init__(
        self,
        read: Callable[[], Distribution],
        locations: Sequence[EdgeLocation],
        *,
        clock: Callable[[], float] = time.time,
        poll_seconds: float = 1.0,
    ) -> None:
        """Check the locations; nothing is read before :meth:`start` or :meth:`refresh`.

        Args:
            read: Reads the newest configuration, as :meth:`CloudFrontApi.read` does. Called in
                another thread, never twice at once.
            locations: The first one answers viewers who name none.
            clock: Returns seconds since 1970.
            poll_seconds: Seconds between two reads.

        Raises:
            ConfigurationError: ``edge_location``: none, two of one name, or no time between reads.
        """
        names = [location.name for location in locations]
        if not names or len(set(names)) < len(names):
            problem = f"the names are {', '.join(names)}" if names else "there is no edge location"
            advice = "give each a name of its own" if names else "give at least one"
            raise ConfigurationError("edge_location", problem, advice=advice, field="locations")
        if not (math.isfinite(poll_seconds) and poll_seconds > 0):
            raise ConfigurationError(
                "edge_location", "the time between two reads is not positive", field="poll_seconds"
            )
        self._read = read
        self._locations = {location.name: location for location in locations}
        self._usual = names[0]
        self._clock = clock
        self._poll_seconds = poll_seconds
        # Oldest first; the first one is still served somewhere.
        self._versions: list[_Version] = []
        self._problem: str | None = None
        self._reading = asyncio.Lock()
        self._poller: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Read the configuration, and from then on look for changes.

        Raises:
            SignerError: It cannot be read: there is nothing to serve yet.
        """
        await self.refresh()
        self._poller = asyncio.ensure_future(self._poll())

    async def stop(self) -> None:
        """Stop looking for changes."""
        if self._poller is not None:
            self._poller.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._poller
            self._poller = None

    async def refresh(self) -> int:
        """Look for a change now.

        Returns:
            The number of the newest version, to wait for with :meth:`caught_up`.

        Raises:
            SignerError: The configuration cannot be read; the last one is kept.
        """
        async with self._reading:
            try:
                self._take(await asyncio.to_thread(self._read))
            except SignerError as error:
                self._problem = str(error)
                raise
            except Exception as error:  # noqa: BLE001 - the edge stays up whatever happens
                self._problem = f"unexpected {type(error).__name__}"
                _log.exception("the configuration cannot be read")
                raise RemoteError("edge_source", self._problem) from None
            self._problem = None
            return self._versions[-1].number

    async def caught_up(self, location: str, version: int) -> None:
        """Wait until a location serves a version or a newer one; for ever, without a timeout.

        Args:
            location: Its name.
            version: As :meth:`refresh` returns it.

        Raises:
            ConfigurationError: ``edge_location``: there is no such location.
        """
        if location not in self._locations:
            raise ConfigurationError(
                "edge_location",
                f"there is no edge location {excerpt(location)}",
                advice=f"there are: {', '.join(self._locations)}",
            )
        # The clock may be anyone's, so there is no telling how long a second of it takes.
        while (  # noqa: ASYNC110 - nothing happens when the time has come
            not self._versions or self._current(location).number < version
        ):
            await asyncio.sleep(_GLANCE_SECONDS)

    def at(self, location: str | None, /) -> Served | None:
        """Return what a location serves now; the first location for None."""
        name = self._usual if location is None else location
        return self._current(name).served[name] if name in self._locations else None

    def progress(self) -> Progress:
        """Tell how far every location has caught up."""
        newest = self._versions[-1]
        return Progress(
            now=self._clock(),
            newest=newest.number,
            problem=self._problem,
            locations=tuple(
                self._progress(location, newest) for location in self._locations.values()
            ),
        )

    def _progress(self, location: EdgeLocation, newest: _Version) -> LocationProgress:
        version = self._current(location.name)
        groups = version.distribution.key_groups
        return LocationProgress(
            name=location.name,
            delay=location.delay,
            version=version.number,
            since=self._arrival(version, location),
            catches_up=None if version is newest else self._arrival(newest, location),
            trusted={name: tuple(group.keys) for name, group in groups.items()},
        )

    async def _poll(self) -> None:
        while True:
            await asyncio.sleep(self._poll_seconds)
            # Told by progress(); the edge stays up with what it has.
            with contextlib.suppress(SignerError):
                await self.refresh()

    def _take(self, distribution: Distribution) -> None:
        """Add a version if it is one, and forget those that no location serves any more."""
        if self._versions and _same(distribution, self._versions[-1].distribution):
            return
        number = self._versions[-1].number + 1 if self._versions else 1
        gatekeeper = Gatekeeper(distribution)
        served = {name: Served(distribution, gatekeeper, name, number) for name in self._locations}
        self._versions.append(_Version(self._clock(), served, distribution, number))
        oldest = min(self._current(name).number for name in self._locations)
        self._versions = [version for version in self._versions if version.number >= oldest]

    def _current(self, location: str) -> _Version:
        """Return the newest version that has arrived, or the oldest one."""
        now, where = self._clock(), self._locations[location]
        for version in reversed(self._versions):
            if self._arrival(version, where) <= now:
                return version
        return self._versions[0]

    @staticmethod
    def _arrival(version: _Version, location: EdgeLocation) -> float:
        # The first configuration is there from the start.
        return version.seen + (location.delay if version.number > 1 else 0.0)


def _same(one: Distribution, other: Distribution) -> bool:
    """Tell whether two configurations say the same; public keys by what they are."""
    return _keys(one) == _keys(other) and all(
        getattr(one, field.name) == getattr(other, field.name)
        for field in fields(Distribution)
        if field.name != "key_groups"
    )


def _keys(distribution: Distribution) -> dict[str, dict[str, str]]:
    groups = distribution.key_groups
    return {
        name: {one: key.to_pem() for one, key in group.keys.items()}
        for name, group in groups.items()
    }
