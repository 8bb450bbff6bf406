"""A site at two edge locations, and the configuration that they follow; its clock stands still."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from signer import Issuer, PrivateKey
from signer.edge import Distribution, EdgeApp, EdgeLocation, Locations
from signer.verifier import TrustedKeyGroup
from tests.edge.serving import Answer, ask, private_folder

NEAR, FAR = EdgeLocation("near"), EdgeLocation("far", 20)
OLD, NEW = "KOLD0000000000", "KNEW0000000000"


@dataclass
class Clock:
    now: float = 1_900_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Api:
    """Stands for CloudFront's API: what it would tell now, or how it fails."""

    distribution: Distribution
    failure: Exception | None = None
    reads: int = field(default=0)

    def read(self) -> Distribution:
        self.reads += 1
        if self.failure is not None:
            raise self.failure
        return self.distribution


@dataclass
class Site:
    """Two locations and the keys of a rotation."""

    api: Api
    clock: Clock
    locations: Locations
    keys: dict[str, PrivateKey]

    def change(self, *key_pair_ids: str) -> None:
        """Change the key group."""
        keys = {one: self.keys[one].public_key() for one in key_pair_ids}
        groups = {"viewers": TrustedKeyGroup(keys=keys, name="viewers")}
        self.api.distribution = replace(self.api.distribution, key_groups=groups)

    def trust(self, *key_pair_ids: str) -> None:
        """Change the key group, and look at it."""
        self.change(*key_pair_ids)
        asyncio.run(self.locations.refresh())

    def url(self, base: str, key_pair_id: str) -> str:
        issuer = Issuer(self.keys[key_pair_id], key_pair_id=key_pair_id, clock=self.clock)
        return issuer.signed_url(f"{base}/a.txt", expires_in=timedelta(hours=1))

    def ask(self, key_pair_id: str, location: str | None) -> Answer:
        query = self.url("http://edge.test", key_pair_id).partition("?")[2]
        named = [] if location is None else [(b"x-edge-location", location.encode())]
        return ask(EdgeApp(self.locations, clock=self.clock), "/a.txt", query, headers=named)


def followed_site(folder: Path, keys: dict[str, PrivateKey]) -> Site:
    """Return a folder with one file, at two locations that trust the old key."""
    (folder / "a.txt").write_text("hello")
    clock, api = Clock(), Api(private_folder(folder, keys[OLD]))
    locations = Locations(api.read, [NEAR, FAR], clock=clock, poll_seconds=0.01)
    site = Site(api, clock, locations, keys)
    site.trust(OLD)
    return site
