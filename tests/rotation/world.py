"""A whole world for a rotation: AWS in memory, edge locations that learn late, issuers that forget late.

After every single call to AWS the oracle looks at all of it (:meth:`World.check`): whatever any issuer
may still be signing with, and whatever it may have signed that is still good, is accepted at every
edge location as of what that location knows now. It needs no issuers and no viewers that happen to
ask: it reckons with the worst of them.
"""

from __future__ import annotations

import copy
import itertools
from bisect import bisect_right
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from signer import TrustedKeyGroup, Verifier, ViewerRequest
from signer.credential import Credential
from signer.https import Answer
from signer.rotation import orders, ring_store
from signer.rotation.acts import Aws
from signer.rotation.aws_calls import ServerTime
from signer.rotation.driver import Result, Rotation, Tick
from signer.rotation.key_groups import KeyGroups
from signer.rotation.kms_keys import KmsKeys
from signer.rotation.ring import HOUR, KeyKind, KeyState, Ring, Schedule, Settings
from signer.rotation.ring_store import DynamoDbRing
from signer.rotation.secret_versions import SecretVersions
from tests.rotation.fakes import Clock, FakeCloudFront, FakeDynamoDb, FakeKms, FakeSecretsManager

SCHEDULE = Schedule(
    period=24 * HOUR, soak=HOUR, stale_limit=1800, skew=300, rollback_window=HOUR, probes=3
)
KIND = KeyKind(max_lifetime=2 * HOUR)
PROBE_URL = "https://media.example.com/private/probe"
SETTINGS = Settings(
    signing_secret="signing",
    standby_secret="standby",
    probe_url=PROBE_URL,
    next_key=KIND,
    schedule=SCHEDULE,
)
DELAYS = (0.0, 600.0, 1200.0)
"""How long each edge location takes to learn of a change; all of them less than the soak."""

PLACEHOLDER = orders.NOT_INITIALISED

Call = Callable[[], Any]
Hook = Callable[[str, str, dict[str, Any], Call], Any]


class Told(NamedTuple):
    """What issuers were told to sign with.

    Attributes:
        at: When.
        version: Version of the signing secret.
        key_pair_id: Of the key in it.
        life: Seconds that a signature may be good for.
    """

    at: float
    version: str
    key_pair_id: str
    life: float


class BrokenPromiseError(BaseException):
    """Something that rotation promises does not hold; nothing that is tested may catch it."""


@dataclass
class World:
    """AWS, edge locations and issuers.

    Attributes:
        hook: Called instead of every call to AWS; it may make the call, refuse, or die.
        revoked: Keys of which an operator said that viewers may be refused.
        calls: How many calls to AWS were made.
        actions: Which ones.
        most_keys: Most public keys that were there at once.
    """

    clock: Clock = field(default_factory=Clock)
    settings: Settings = SETTINGS
    delays: tuple[float, ...] = DELAYS
    hook: Hook | None = None
    revoked: set[str] = field(default_factory=set)
    calls: int = 0
    actions: set[tuple[str, str]] = field(default_factory=set)
    most_keys: int = 0
    checking: bool = True

    def __post_init__(self) -> None:
        self.cloudfront = FakeCloudFront(self.clock)
        self.secrets = FakeSecretsManager(self.clock)
        self.kms = FakeKms(self.clock)
        self.dynamodb = FakeDynamoDb(self.clock)
        self.secrets.create_secret(Name="signing", SecretString=PLACEHOLDER)
        self.secrets.create_secret(Name="standby", SecretString=PLACEHOLDER)
        self.dynamodb.create_table(
            TableName="rings",
            AttributeDefinitions=[{"AttributeName": "name", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "name", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
        self.told: list[Told] = []
        self._public: dict[str, Any] = {}
        self._paired: set[str] = set()

    def copied(self) -> World:
        """Return a world of its own that is as this one is now; keys are shared."""
        public = [stored.public_key for stored in self.cloudfront.public_keys.values()]
        keys = [*public, *(stored.private_key for stored in self.kms.stored.values())]
        hook, self.hook = self.hook, None
        other = copy.deepcopy(self, {id(key): key for key in keys})
        self.hook = hook
        return other

    # Who works with it.

    def rotation(self, owner: str = "") -> Rotation:
        """Return a new process that can tick."""
        time = ServerTime(self.clock)
        aws = Aws(
            key_groups=KeyGroups(_Interposed(self, "cloudfront", self.cloudfront), time),
            secrets=SecretVersions(_Interposed(self, "secretsmanager", self.secrets), time),
            kms=KmsKeys(_Interposed(self, "kms", self.kms), time),
            time=time,
            send=self.send,
        )
        store = DynamoDbRing("rings", "r", _Interposed(self, "dynamodb", self.dynamodb), time)
        return Rotation(store, aws, owner=owner)

    def begin(self, ring: Ring | None = None) -> Rotation:
        """Write the first ring, and tick until its first key signs."""
        rotation = self.rotation()
        rotation.store.write(ring or Ring(name="r", settings=self.settings), over=None)
        while not rotation.tick().ring.started:
            self.clock.advance(1)
        if not self.cloudfront.distributions:
            self.cloudfront.add_distribution(*self.cloudfront.key_groups)
        return rotation

    def run(
        self, rotation: Rotation, until: Callable[[Tick], bool], *, most: int = 400
    ) -> list[Tick]:
        """Tick every five minutes, or when something is due, until a condition holds."""
        ticks = []
        for _ in range(most):
            tick = rotation.tick()
            ticks.append(tick)
            if until(tick):
                return ticks
            self.pass_time(tick)
        raise BrokenPromiseError(f"it does not come to an end: {ticks[-1].step}")

    def pass_time(self, tick: Tick) -> None:
        """Let time go on to the next tick, with the oracle looking at every change on the way."""
        wait = 300.0
        if tick.result is Result.WAITING and tick.step.until is not None:
            wait = max(1.0, tick.step.until - self.clock.now)
        self.advance(wait)

    def advance(self, seconds: float) -> None:
        """Let time go on; the oracle looks whenever an edge location learns something."""
        end = self.clock.now + seconds
        learnt = sorted(
            {
                change.at + delay
                for change in self.cloudfront.history
                for delay in self.delays
                if self.clock.now < change.at + delay < end
            }
        )
        for moment in learnt:
            self.clock.now = moment
            self.check()
        self.clock.now = end
        self.check()

    # What the world is like.

    def group(self) -> tuple[str, ...]:
        """Return what is in the key group."""
        return self.cloudfront.history[-1].items if self.cloudfront.history else ()

    def known_at(self, delay: float, moment: float | None = None) -> tuple[str, ...]:
        """Return what an edge location with this delay knows."""
        seen_at = (self.clock.now if moment is None else moment) - delay
        history = self.cloudfront.history
        index = bisect_right(history, seen_at, key=lambda change: change.at)
        return history[index - 1].items if index else ()

    def send(self, url: str) -> Answer:
        """Answer a request as the edge location that learns first does."""
        known = self.known_at(self.delays[0])
        keys = {
            one: self.cloudfront.public_keys[one].public_key
            for one in known
            if one in self.cloudfront.public_keys
        }
        if not keys:
            return Answer(503, {}, b"")
        verdict = Verifier([TrustedKeyGroup(keys)], clock=self.clock).verify(ViewerRequest(url))
        assert urlsplit(url).path == urlsplit(PROBE_URL).path
        if verdict.allowed:
            return Answer(404, {"server": "AmazonS3", "x-amz-request-id": "1"}, b"")
        return Answer(verdict.status, {"server": "CloudFront"}, verdict.xml_body().encode())

    def needed(self) -> dict[str, str]:
        """Return the key pair ids that every edge location has to accept now, and why."""
        now, stale_limit = self.clock.now, self.settings.schedule.stale_limit
        needed = {}
        for told, successor in itertools.pairwise(self.told):
            if now < successor.at + stale_limit + told.life:
                ago = now - successor.at
                needed[told.key_pair_id] = f"issuers signed with it until {ago:.0f} s ago"
        if self.told:
            needed[self.told[-1].key_pair_id] = "issuers sign with it"
        return {one: why for one, why in needed.items() if one not in self.revoked}

    def check(self) -> None:
        """Look at everything; raise if anything that is promised does not hold."""
        if not self.checking:
            return
        self._note_current()
        keys = self.cloudfront.public_keys
        self.most_keys = max(self.most_keys, len(keys))
        for key_pair_id, why in self.needed().items():
            for delay in self.delays:
                if key_pair_id not in self.known_at(delay) or key_pair_id not in keys:
                    raise BrokenPromiseError(
                        f"{key_pair_id} is refused at the edge with {delay} s delay, but {why}"
                    )

    def _note_current(self) -> None:
        """Notice a switch, and that what issuers were given fits the public half at CloudFront."""
        secret = self.secrets.secrets["signing"]
        version = secret.labels.get("AWSCURRENT", "")
        if self.told and self.told[-1].version == version:
            return
        text = str(secret.versions[version].value)
        if text == PLACEHOLDER:
            return
        credential = Credential.from_json(text)
        if credential.private_key is not None:
            public = self.cloudfront.public_keys[credential.key_pair_id].public_key
            if public.fingerprint != credential.held_key.public_key().fingerprint:
                raise BrokenPromiseError("issuers were given a pair that does not fit")
        if not self.told and not self.cloudfront.distributions:
            # The very first key: there is no distribution yet that anybody could be refused by.
            self.cloudfront.history[:] = [
                replace_at(change, change.at - 86400) for change in self.cloudfront.history
            ]
        life = credential.max_lifetime.total_seconds()
        self.told.append(Told(self.clock.now, version, credential.key_pair_id, life))

    def check_end(self, ring: Ring) -> None:
        """After a rotation: nothing is left over, and nothing secret lies where it should not."""
        if [ring.key_group_id] != list(self.cloudfront.key_groups):
            raise BrokenPromiseError("the ring does not know its key group")
        ours = {key.public_key_id for key in ring.keys}
        keys = self.cloudfront.public_keys.values()
        if {key.id for key in keys if key.name.startswith("r-")} - ours:
            raise BrokenPromiseError("a public key was left over")
        current = self.secrets.secrets["signing"].labels["AWSCURRENT"]
        active = ring.active
        if active is None or active.version != current:
            raise BrokenPromiseError("the ring and the signing secret do not agree")
        labelled = {
            version
            for secret in self.secrets.secrets.values()
            for version in secret.labels.values()
            if str(secret.versions[version].value) != PLACEHOLDER
        }
        alive = {key.version for key in ring.keys if not key.private_destroyed}
        if labelled - alive:
            raise BrokenPromiseError("a private half that was to be destroyed has a label")

    def called(self, service: str, method: str, members: dict[str, Any], call: Call) -> Any:  # noqa: ANN401
        """Make a call, or what a test wants instead of it, and look at everything."""
        self.calls += 1
        self.actions.add((service, method))
        if method != "put_secret_value" and "PRIVATE KEY" in str(members):
            raise BrokenPromiseError(f"a private key in {method}")
        try:
            return call() if self.hook is None else self.hook(service, method, members, call)
        except ClientError as error:
            if error.response["Error"]["Code"].startswith("TooMany"):
                raise BrokenPromiseError(f"a quota is not kept in {method}") from error
            raise
        finally:
            self.check()


class _Interposed:
    """A client whose calls go by way of the world."""

    def __init__(self, world: World, service: str, client: object) -> None:
        self._world, self._service, self._client = world, service, client

    def __getattr__(self, method: str) -> Callable[..., Any]:
        made = getattr(self._client, method)
        world, service = self._world, self._service
        return lambda **members: world.called(service, method, members, lambda: made(**members))


def replace_at(change: Any, at: float) -> Any:  # noqa: ANN401 - a Membership
    """Return a change of the group as of another time."""
    return change._replace(at=at)


def rotated(ring: Ring, former: str) -> bool:
    """Whether a rotation is over: another key signs, another stands by, the former is gone."""
    active, coming = ring.active, ring.coming
    return (
        active is not None
        and active.kid != former
        and ring.key(former) is None
        and coming is not None
        and coming.state is KeyState.STANDBY
        and all(key.state in {KeyState.ACTIVE, KeyState.STANDBY} for key in ring.keys)
    )


def switched(former: str) -> Callable[[Tick], bool]:
    """Return whether issuers sign with another key, for :meth:`World.run`."""
    return lambda tick: tick.ring.active is not None and tick.ring.active.kid != former


def with_schedule(settings: Settings, **changes: int) -> Settings:
    """Return settings with another schedule."""
    return replace(settings, schedule=replace(settings.schedule, **changes))


@contextmanager
def quick_documents() -> Iterator[None]:
    """Write a ticket for each ring instead of its JSON, which is most of a simulated rotation.

    Rings never change, so a ticket is as good; test_document.py is about the JSON.
    """
    kept: dict[str, Ring] = {}
    count = itertools.count()

    def to_json(ring: Ring) -> str:
        ticket = f"ring {next(count)}"
        kept[ticket] = ring
        return ticket

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ring_store, "to_json", to_json)
        patch.setattr(ring_store, "from_json", kept.__getitem__)
        yield
