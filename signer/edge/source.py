"""Where an edge gets its configuration from: one that stays, or one that changes while it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from signer.edge.distribution import Distribution
from signer.edge.signatures import Gatekeeper


@dataclass(frozen=True, slots=True, eq=False)
class Served:
    """A configuration, ready to decide about requests.

    Attributes:
        distribution: What to serve.
        gatekeeper: Its signature checks, built once for all requests.
        location: Name of the simulated edge location; None when there are none.
        version: Counts up from 1 with each change.
    """

    distribution: Distribution
    gatekeeper: Gatekeeper
    location: str | None = None
    version: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class LocationProgress:
    """How far a simulated edge location has caught up.

    Attributes:
        name: Its name.
        delay: Seconds that it learns of a change after it was made.
        version: The version that it serves.
        since: When that version arrived there, in seconds since 1970.
        catches_up: When it will serve the newest version; None when it does already.
        trusted: Name of each key group that it trusts to the key pair ids in it.
    """

    name: str
    delay: float
    version: int
    since: float
    catches_up: float | None
    trusted: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far all locations have caught up.

    Attributes:
        now: When this was told, in seconds since 1970.
        newest: The newest version.
        problem: Why the configuration could not be read the last time; None when it could.
        locations: Every location, in their order.
    """

    now: float
    newest: int
    problem: str | None
    locations: tuple[LocationProgress, ...]


class Source(Protocol):
    """Yields the configuration for each request."""

    async def start(self) -> None:
        """Get ready; after this :meth:`at` answers."""
        ...

    async def stop(self) -> None:
        """Stop looking for changes."""
        ...

    def at(self, location: str | None, /) -> Served | None:
        """Return what a location serves now.

        Args:
            location: Its name as the viewer sent it; None for the usual one.

        Returns:
            The configuration; None for a location that there is not.
        """
        ...

    def progress(self) -> Progress | None:
        """Tell how far the locations are; None where there are none."""
        ...


class Fixed:
    """A configuration that does not change, as every location would serve it."""

    def __init__(self, distribution: Distribution) -> None:
        self._served = Served(distribution, Gatekeeper(distribution))

    async def start(self) -> None:
        """Do nothing."""

    async def stop(self) -> None:
        """Do nothing."""

    def at(self, _location: str | None, /) -> Served:
        """Return the configuration."""
        return self._served

    def progress(self) -> None:
        """Tell nothing: there are no locations."""
