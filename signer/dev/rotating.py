"""The demo's signing keys, replaced while it runs: a ring in MiniStack, and a tick a second.

The schedule of AWS in seconds instead of days. What it rests on is the same: a key signs only
after every edge location has learned of it, and leaves only after all that it signed has ended.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any, Final

import boto3
from botocore.config import Config

from signer.dev.ministack import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY
from signer.dev.rotation_news import News, news
from signer.errors import ConfigurationError, SignerError
from signer.keys import KeyAlgorithm
from signer.rotation import orders
from signer.rotation.driver import Rotation
from signer.rotation.opening import open_rotation
from signer.rotation.ring import KeyKind, Ring, Schedule, Settings
from signer.rotation.ring_store import DynamoDbRing

RING: Final = "dynamodb:demo-rings/demo"
"""Where the ring document lies, as ``signer rotate --ring`` takes it."""

SIGNING_SECRET: Final = "demo/signing"  # noqa: S105 - a secret's name

LONGEST_LIFETIME: Final = timedelta(minutes=15)

INSTANCE_MAX_AGE: Final = timedelta(seconds=5)
INSTANCE_STALE_LIMIT: Final = timedelta(seconds=10)
"""The issuer's function is started anew this often, and reads its credential then."""

TICK_SECONDS: Final = 1.0

_NAME: Final = "demo"
_STANDBY_SECRET: Final = "demo/standby"  # noqa: S105 - a secret's name
_SOAK: Final = 20
"""Twelve seconds longer than the slowest location takes; the edge looks every second."""

# An instance signs no more after its limit; a request may be under way in it for a while yet.
_STALE_LIMIT: Final = int(INSTANCE_STALE_LIMIT.total_seconds()) + 5
# One clock, but AWS tells the time in whole seconds, and those may be a moment old.
_SKEW: Final = 5
_ROLLBACK_WINDOW: Final = 15
_FIRST_TICKS: Final = 20


def settings(
    period: timedelta, *, lifetime: timedelta, algorithm: KeyAlgorithm, probe_url: str
) -> Settings:
    """Return the ring's settings.

    A key drains for its `lifetime` and 20 seconds more. A lifetime up to the period leaves room in
    the key group at all times: the signing key, two that drain, and the next one.

    Args:
        period: Age at which the signing key is replaced.
        lifetime: The longest life of anything that is issued.
        algorithm: Of all keys.
        probe_url: A private object of the site, to try new keys on.
    """
    return Settings(
        signing_secret=SIGNING_SECRET,
        standby_secret=_STANDBY_SECRET,
        probe_url=probe_url,
        next_key=KeyKind(algorithm=algorithm, max_lifetime=int(lifetime.total_seconds())),
        schedule=Schedule(
            period=int(period.total_seconds()),
            soak=_SOAK,
            stale_limit=_STALE_LIMIT,
            skew=_SKEW,
            rollback_window=_ROLLBACK_WINDOW,
        ),
    )


def client_of(endpoint_url: str, service: str) -> Any:  # noqa: ANN401 - boto3's clients have no common type
    """Return a client of one of MiniStack's services."""
    return boto3.client(
        service,  # type: ignore[call-overload]
        endpoint_url=endpoint_url,
        region_name=REGION,
        aws_access_key_id=ACCESS_KEY_ID,
        aws_secret_access_key=SECRET_ACCESS_KEY,
        # No proxy of the environment stands between us and loopback.
        config=Config(connect_timeout=2, read_timeout=5, proxies={}),
    )


def opened(endpoint_url: str, ring: str = RING) -> Rotation:
    """Open a ring of the demo's; nothing is asked yet."""
    services = ("cloudfront", "secretsmanager", "dynamodb")
    return open_rotation(ring, clients={one: client_of(endpoint_url, one) for one in services})


def begun(endpoint_url: str, wanted: Settings) -> tuple[Rotation, Ring]:
    """Make the ring with its key group, and tick until issuers have a first key.

    Raises:
        ConfigurationError: ``demo_rotation``: there is none after many ticks.
        RotationError: A tick failed.
        RemoteError: MiniStack did not answer.
    """
    rotation = opened(endpoint_url)
    if isinstance(rotation.store, DynamoDbRing):
        rotation.store.create_table()
    ring = orders.create(rotation, _NAME, wanted)
    for _ in range(_FIRST_TICKS):
        if ring.active is not None:
            return rotation, ring
        ring = rotation.tick().ring
    raise ConfigurationError("demo_rotation", "the ring has no signing key after its first ticks")


def ticking(
    rotation: Rotation, tell: Callable[[News], None]
) -> contextlib.AbstractAsyncContextManager[None]:
    """Rotate until the block ends.

    Args:
        rotation: Of a ring with a first key.
        tell: Told what happens, and what comes next; nothing twice in a row.
    """
    return ticking_by(lambda: _ticked(rotation), tell)


@contextlib.asynccontextmanager
async def ticking_by(
    tick: Callable[[], News | None], tell: Callable[[News], None]
) -> AsyncIterator[None]:
    """Tick every second until the block ends.

    Args:
        tick: Does one tick, and returns what is worth telling of it. It raises nothing.
        tell: Told that; nothing twice in a row.
    """
    task = asyncio.ensure_future(_tick_on(tick, tell))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _tick_on(tick: Callable[[], News | None], tell: Callable[[News], None]) -> None:
    told: News | None = None
    while True:
        # In a thread: a tick waits for MiniStack, and its probes for the edge in this very loop.
        latest = await asyncio.to_thread(tick)
        if latest is not None and latest != told:
            tell(latest)
            told = latest
        await asyncio.sleep(TICK_SECONDS)


def _ticked(rotation: Rotation) -> News | None:
    try:
        return news(rotation.tick())
    except SignerError as error:
        # The next tick looks again.
        return News(f"a tick failed: {error.message}", lasting=True)
    except Exception as error:  # noqa: BLE001 - the site goes on, and it is told
        return News(f"a tick failed in a way that is a bug: {type(error).__name__}", lasting=True)
