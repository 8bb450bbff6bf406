"""Keys are replaced under load, by ticks that die at random, and no valid signature is refused.

Everything is real but the delays: MiniStack's CloudFront, Secrets Manager and DynamoDB, the
issuer's Lambda function reading its credential there, the edge with two locations, processes that
tick and die, and viewers who use what they got until it ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from signer.custody import read_credential
from signer.dev.distribution import followed
from signer.dev.issuing import renewed
from signer.dev.ports import listen
from signer.dev.rotating import client_of
from signer.edge import (
    Behavior,
    Distribution,
    EdgeLocation,
    EdgeServer,
    FolderOrigin,
    LambdaOrigin,
    Locations,
)
from signer.rotation import orders
from signer.rotation.driver import Rotation
from signer.rotation.opening import open_rotation
from signer.rotation.ring import KeyKind, KeyState, Ring, Schedule, Settings
from signer.rotation.ring_store import DynamoDbRing
from signer.verifier import TrustedKeyGroup
from tests.dying_ticks import SERVICES
from tests.lambda_asset import issue_module
from tests.ministack_cloud import ROOT_KEY, Cloud, running_cloud
from tests.rotation_load import Tally, Ticker, Viewer

pytestmark = [pytest.mark.ministack, pytest.mark.slow]

RING, SIGNING = "dynamodb:rings/viewers", "viewers/signing"
NEAR, FAR = EdgeLocation("near"), EdgeLocation("far", 1.0)
POLL = 0.2
LIFETIME = 10
ROTATIONS = 3
# Of MiniStack's times, which are whole seconds, and of a machine with other work.
SLACK = 20.0
PATIENCE = 150.0

SETTINGS = Settings(
    signing_secret=SIGNING,
    standby_secret="viewers/standby",
    next_key=KeyKind(max_lifetime=LIFETIME),
    # An instance of the issuer's function lives for two seconds.
    schedule=Schedule(period=7, soak=5, stale_limit=3, skew=2, rollback_window=1, probes=1),
)
GRANTS = f"""
version = 1
[[grants]]
name = "films"
path = "/films/*"
transport = "cookies"
public = true
ttl = {LIFETIME}
[[grants]]
name = "share"
path = "/films/*"
transport = "urls"
public = true
ttl = {LIFETIME}
"""
PATH = "/films/a.txt"


@dataclass
class Stage:
    """A ring with a first key, a site that trusts its group, and what is going on there."""

    cloud: Cloud
    rotation: Rotation
    locations: Locations
    edge: EdgeServer
    site_url: str
    tally: Tally = field(default_factory=Tally)

    async def until(self, what: str, holds: Callable[[Ring], bool]) -> Ring:
        """Wait until the ring is as it should be."""
        deadline = time.monotonic() + PATIENCE
        while not holds(ring := await asyncio.to_thread(self.rotation.ring)):
            assert time.monotonic() < deadline, f"{what}: {ring}; {self.tally}"
            assert not self.tally.wrong, self.tally
            await asyncio.sleep(0.1)
        return ring


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with running_cloud() as running:
        yield running


@pytest.fixture
def stage(cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setenv("POWERTOOLS_METRICS_DISABLED", "true")
    (tmp_path / "films").mkdir()
    (tmp_path / PATH[1:]).write_text("hello")
    rotation, ring = begun(cloud)
    sockets = listen(0)
    site_url = f"http://localhost:{sockets[0].getsockname()[1]}"
    environment = {
        **ROOT_KEY,
        "AWS_ENDPOINT_URL": cloud.endpoint_url,
        "SIGNER_BASE_URL": site_url,
        "SIGNER_CREDENTIAL": f"secretsmanager:{SIGNING}",
        "SIGNER_GRANTS": "env:E2E_GRANTS",
        "POWERTOOLS_LOG_LEVEL": "CRITICAL",
    }
    monkeypatch.setenv("E2E_GRANTS", GRANTS)
    issuer = renewed(
        partial(issue_module().build, environment),
        max_age=timedelta(seconds=1),
        stale_limit=timedelta(seconds=2),
    )
    first = read_credential(
        f"secretsmanager:{SIGNING}", client=client_of(cloud.endpoint_url, "secretsmanager")
    )
    group = TrustedKeyGroup({first.key_pair_id: first.held_key.public_key()}, name="viewers")
    site = Distribution(
        origins={"films": FolderOrigin(tmp_path), "issuer": LambdaOrigin(issuer)},
        key_groups={"viewers": group},
        default_behavior=Behavior(origin="films", trusted_key_groups=("viewers",)),
        behaviors=(
            Behavior(
                origin="issuer", path_pattern="/auth/*", allowed_methods="ALL", forward_cookies=True
            ),
        ),
        domain_names=("localhost",),
        explain_header=True,
    )
    locations = followed(
        cloud.client("cloudfront"),
        site,
        ring.key_group_id or "",
        locations=(NEAR, FAR),
        poll_seconds=POLL,
    )
    edge = EdgeServer(locations, host="localhost", sockets=sockets)
    with contextlib.ExitStack() as opened:
        for bound in sockets:
            opened.enter_context(contextlib.closing(bound))
        yield Stage(cloud, rotation, locations, edge, site_url)


def begun(cloud: Cloud) -> tuple[Rotation, Ring]:
    rotation = open_rotation(RING, clients={one: cloud.client(one) for one in SERVICES})
    assert isinstance(rotation.store, DynamoDbRing)
    rotation.store.create_table()
    ring = orders.create(rotation, "viewers", SETTINGS)
    while ring.active is None:
        ring = rotation.tick().ring
    return rotation, ring


@contextlib.asynccontextmanager
async def at_work(*workers: Callable[[threading.Event], None]) -> AsyncIterator[None]:
    """Run each in a thread until the block ends; the edge answers them until then."""
    stop = threading.Event()
    threads = [threading.Thread(target=worker, args=(stop,)) for worker in workers]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            await asyncio.to_thread(thread.join)


def test_no_valid_signature_is_refused_while_keys_are_replaced_by_ticks_that_die(
    stage: Stage,
) -> None:
    asyncio.run(the_whole_story(stage))


async def the_whole_story(stage: Stage) -> None:
    tally, ticker = stage.tally, Ticker(stage.cloud.endpoint_url, RING)
    viewers = [
        Viewer(stage.site_url, tally, PATH, (NEAR, FAR), by_url=by_url)
        for by_url in (False, False, True, True)
    ]
    async with stage.edge, at_work(ticker.run, *(viewer.run for viewer in viewers)):
        # A ring's key is not a viewer's until an issuer has read it.
        await stage.until("too few rotations", lambda _: len(tally.served) > ROTATIONS)
        await a_stolen_key_is_refused(stage)
    told = f"{tally}; {ticker.deaths} ticks died; {ticker.wrong}"
    assert tally.wrong == [], told
    assert ticker.wrong == [], told
    assert ticker.deaths > 0, told
    assert tally.served.total() > 2000, told


async def a_stolen_key_is_refused(stage: Stage) -> None:
    """Revoke what issuers sign with, while the next key stands by."""
    viewer = Viewer(stage.site_url, Tally(), PATH, (NEAR, FAR))
    stolen, ticket = "", await asyncio.to_thread(viewer.log_in)
    while ticket.key_pair_id != stolen:
        # Again, if issuers have not yet read of the last switch.
        stolen = signing(await stage.until("no key stands by", stands_by))
        ticket = await asyncio.to_thread(viewer.log_in)
    stage.tally.revoked_key = stolen
    await asyncio.to_thread(orders.revoke, stage.rotation, stolen, "stolen")
    await stage.until("the key is still in the group", lambda ring: is_out(ring, stolen))

    removed = time.monotonic()
    version = await stage.locations.refresh()
    for location in (NEAR, FAR):
        within = location.delay + POLL + SLACK
        await asyncio.wait_for(stage.locations.caught_up(location.name, version), within)
        answer = await asyncio.to_thread(viewer.ask, ticket, location)
        assert answer.status_code == 403
        assert "<Code>InvalidKey</Code>" in answer.text
        assert time.monotonic() - removed < within
    # Whoever logs in now gets what every location accepts.
    deadline = time.monotonic() + SLACK
    while (ticket := await asyncio.to_thread(viewer.log_in)).key_pair_id == stolen:
        assert time.monotonic() < deadline
    for location in (NEAR, FAR):
        assert (await asyncio.to_thread(viewer.ask, ticket, location)).status_code == 200
    viewer.client.close()


def stands_by(ring: Ring) -> bool:
    return ring.coming is not None and ring.coming.state is KeyState.STANDBY


def signing(ring: Ring) -> str:
    assert ring.active
    assert ring.active.public_key_id
    return ring.active.public_key_id


def is_out(ring: Ring, key_pair_id: str) -> bool:
    states = [key.state for key in ring.keys if key.public_key_id == key_pair_id]
    return states in ([], [KeyState.REMOVED])
