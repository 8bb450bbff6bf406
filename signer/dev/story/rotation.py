"""The part of the story in which signing keys are replaced, and one of them is revoked."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

import httpx

from signer.dev.distribution import POLL_SECONDS
from signer.dev.rotating import opened
from signer.dev.story.viewer import FORBIDDEN, Viewer, expect, path_of, refusal, require
from signer.rotation import orders
from signer.rotation.ring import KeyState

if TYPE_CHECKING:
    from signer.dev.content import MediaObject
    from signer.dev.demo import KeyRotation
    from signer.rotation.ring import Ring

_PATIENCE: Final = 120.0
"""Seconds for what takes the next key about half a minute, on a machine with other work."""

_SLACK: Final = 5.0
"""Seconds that a busy machine may take longer than the edge's own time."""

_PAUSE: Final = 0.3
_LOCATION: Final = "x-edge-location"
_KEY_PAIR_ID: Final = "CloudFront-Key-Pair-Id"
_FOLDER: Final = "/gallery/"


class RotationSteps:
    """A viewer who stays logged in while keys change."""

    def __init__(self, rotation: KeyRotation, viewer: Viewer, picture: MediaObject) -> None:
        """Remember who watches what; nothing is asked yet."""
        self._locations = rotation.locations
        self._rotation = opened(rotation.endpoint_url, rotation.ring)
        self._viewer = viewer
        self._path = path_of(picture)
        self._old: dict[str, str] = {}
        self._renew_at: float = 0.0

    def steps(self) -> list[tuple[str, Callable[[], str]]]:
        """Return the steps in order, each with its title."""
        return [
            ("a rotation that is ordered passes, and nobody is refused", self.rotated),
            ("cookies of the key before still work at every edge location", self.old_cookies),
            ("a refresh brings cookies of the new key", self.new_cookies),
            ("cookies of a revoked key are refused at every location, in its time", self.revoked),
            ("a refresh mends that", self.mended),
        ]

    def rotated(self) -> str:
        """Order a rotation once a key stands by, and ask for a picture all the while."""
        self._renew()
        asked = self._until(_stands_by, "no key stands by", renewing=True)
        self._renew()
        self._old = self._viewer.cookies(_FOLDER)
        orders.rotate(self._rotation)
        asked += self._until(
            lambda ring: _signing(ring) != self._old_id, "issuers stay as they are"
        )
        return f"{self._old_id} to {_signing(self._rotation.ring())}, {asked} requests served"

    def old_cookies(self) -> str:
        """Its key drains: it stays in the key group until all that it signed has ended."""
        for location in self._locations:
            self._served_with(self._old, location)
        return f"{self._old_id} at {', '.join(self._locations)}"

    def new_cookies(self) -> str:
        """Issuers read the new credential within seconds; all locations know its key long since."""
        deadline = time.monotonic() + _PATIENCE
        while self._own_id() == self._old_id:
            require(time.monotonic() < deadline, "the issuer goes on with the old key")
            time.sleep(_PAUSE)
            self._renew()
        for location in self._locations:
            self._served_with(self._viewer.cookies(_FOLDER), location)
        return f"{self._own_id()} at {', '.join(self._locations)}"

    def revoked(self) -> str:
        """The key leaves the key group, and each location learns of it in its time."""
        orders.revoke(self._rotation, self._old_id, "stolen, in this story")
        self._until(
            lambda ring: _is_out(ring, self._old_id), "the key stays in the group", renewing=True
        )
        started = time.monotonic()
        took = {}
        for location, delay in self._locations.items():
            latest = started + delay + POLL_SECONDS + _SLACK
            while (answer := self._asked_with(self._old, location)).status_code != FORBIDDEN:
                require(time.monotonic() < latest, f"{location} still accepts it")
                time.sleep(_PAUSE)
            refusal(answer, "InvalidKey")
            took[location] = time.monotonic() - started
        return ", ".join(f"{name} after {seconds:.0f} s" for name, seconds in took.items())

    def mended(self) -> str:
        """What a page does with a 403: it asks for new cookies once."""
        for cookie in self._viewer.jar:
            if cookie.path == _FOLDER:
                cookie.value = self._old[cookie.name]
        self._viewer.refused(self._path, "InvalidKey")
        self._renew()
        for location in self._locations:
            self._served_with(self._viewer.cookies(_FOLDER), location)
        return f"{self._own_id()} at {', '.join(self._locations)}"

    @property
    def _old_id(self) -> str:
        return self._old[_KEY_PAIR_ID]

    def _own_id(self) -> str:
        return self._viewer.cookies(_FOLDER)[_KEY_PAIR_ID]

    def _until(
        self, holds: Callable[[Ring], bool], otherwise: str, *, renewing: bool = False
    ) -> int:
        """Ask for the picture at every location until the ring is as it should be.

        Args:
            holds: Tells whether it is.
            otherwise: What is wrong when it does not come to that.
            renewing: Whether the viewer renews cookies in time, as a page does.

        Returns:
            How often the picture was asked for, and served.
        """
        deadline, asked = time.monotonic() + _PATIENCE, 0
        while not holds(self._rotation.ring()):
            require(time.monotonic() < deadline, otherwise)
            if renewing and time.monotonic() > self._renew_at:
                self._renew()
            for location in self._locations:
                expect(self._viewer.get(self._path, **{_LOCATION: location}), 200)
                asked += 1
            time.sleep(_PAUSE)
        return asked

    def _renew(self) -> None:
        answer = self._viewer.post("/auth/cookies")
        expect(answer, 200)
        self._renew_at = time.monotonic() + answer.json()["expires_in"] / 2

    def _served_with(self, cookies: Mapping[str, str], location: str) -> None:
        expect(self._asked_with(cookies, location), 200)

    def _asked_with(self, cookies: Mapping[str, str], location: str) -> httpx.Response:
        """Ask with these cookies alone."""
        header = "; ".join(f"{name}={value}" for name, value in cookies.items())
        with Viewer(self._viewer.site_url) as nobody:
            return nobody.get(self._path, Cookie=header, **{_LOCATION: location})


def _stands_by(ring: Ring) -> bool:
    return ring.coming is not None and ring.coming.state is KeyState.STANDBY


def _signing(ring: Ring) -> str | None:
    return ring.active.public_key_id if ring.active else None


def _is_out(ring: Ring, key_pair_id: str) -> bool:
    """Tell whether a key has left the key group, or is gone altogether."""
    states = [key.state for key in ring.keys if key.public_key_id == key_pair_id]
    return states in ([], [KeyState.REMOVED])
