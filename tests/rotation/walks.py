"""Rotations as they may go in a bad year: random ticks, faults, orders, clocks and pauses.

    python -m tests.rotation.walks --examples 10000 --steps 50

The oracle of :mod:`tests.rotation.world` looks after every call. At the end of each walk the faults
stop, and the ring has to come to rest with a key that signs and one that stands by.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar, cast

from botocore.exceptions import ReadTimeoutError
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from signer.errors import SignerError
from signer.keys import KeyAlgorithm, PrivateKey
from signer.rotation import orders
from signer.rotation.driver import LEASE_SECONDS, Result, Rotation, Tick
from signer.rotation.ring import DAY, HOUR, KeyState
from tests.rotation.faults import WRITES, DiedError
from tests.rotation.world import KIND, BrokenPromiseError, Call, World, quick_documents

FAULTS = ("dies", "dies after", "error", "error after", "timeout")


Step = TypeVar("Step", bound=Callable[..., None])


def told(step: Step) -> Step:
    """Let hypothesis see a broken promise, which nothing else may catch, as a failure."""

    @functools.wraps(step)
    def walked(walk: Walk, **drawn: Any) -> None:  # noqa: ANN401 - whatever was drawn
        try:
            step(walk, **drawn)
        except BrokenPromiseError as error:
            walk.is_broken = True
            raise AssertionError(str(error)) from None

    return cast("Step", walked)


class Walk(RuleBasedStateMachine):
    """A ring whose ticks, operators and machines do what they like."""

    def __init__(self) -> None:
        super().__init__()
        self._quick = quick_documents()
        self._quick.__enter__()
        self.world = World()
        self.rotation: Rotation = self.world.begin()
        self._calls_left = 0
        self._fault = ""
        self._foreign = ""
        self.is_broken = False

    def teardown(self) -> None:
        """Let everything calm down, and look whether it does."""
        try:
            if not self.is_broken:
                self._calm()
        finally:
            self._quick.__exit__(None, None, None)

    @initialize(count=st.integers(0, 12))
    def grow(self, count: int) -> None:
        """Begin anywhere in a rotation."""
        for _ in range(count):
            self.world.pass_time(self.rotation.tick())

    @rule(process=st.booleans())
    @told
    def tick(self, process: bool) -> None:
        """One tick, of the same process or of a new one."""
        if process:
            self.rotation = self.world.rotation()
        self._ticked(self.rotation)

    @rule(fault=st.sampled_from(FAULTS), at=st.integers(0, 14), wait=st.booleans())
    @told
    def struck_tick(self, fault: str, at: int, wait: bool) -> None:
        """A tick with a fault at one of its calls."""
        self._fault, self._calls_left = fault, at
        self.world.hook = self._called
        self._ticked(self.rotation)
        self.world.hook = None
        if wait:
            self.world.advance(LEASE_SECONDS + 1)

    @rule(at=st.integers(0, 14), late=st.sampled_from([0, LEASE_SECONDS + 1, HOUR, 12 * HOUR]))
    @told
    def overtaken_tick(self, at: int, late: float) -> None:
        """A tick that sleeps at one of its calls, while another one ticks."""
        left = [at]

        def called(_: str, __: str, ___: dict[str, Any], call: Call) -> object:
            left[0] -= 1
            if left[0] == 0:
                self.world.hook = None
                self.world.advance(late)
                self._ticked(self.world.rotation())
            return call()

        self.world.hook = called
        self._ticked(self.rotation)
        self.world.hook = None

    @rule(seconds=st.sampled_from([1, 60, 300, HOUR, 6 * HOUR, DAY, 9 * DAY]))
    @told
    def wait(self, seconds: float) -> None:
        """Time goes on, and nobody ticks."""
        self.world.advance(seconds)

    @rule(jump=st.sampled_from([-10 * DAY, -HOUR, HOUR, 400 * DAY]))
    @told
    def clock_jumps(self, jump: float) -> None:
        """The clock of the machine that ticks is wrong; AWS's is not."""
        self.rotation = self.world.rotation()
        self.rotation.aws.time._clock = lambda: self.world.clock.now + jump

    @rule(
        order=st.sampled_from(
            ["rotate", "freeze", "unfreeze", "rollback", "RSA", "P-256", "longer", "no probes"]
        )
    )
    @told
    def order(self, order: str) -> None:
        """An operator orders something."""
        process = self.world.rotation()
        with contextlib.suppress(SignerError):
            if order == "rotate":
                orders.rotate(process)
            elif order == "freeze":
                orders.freeze(process, "a walk")
            elif order == "unfreeze":
                orders.unfreeze(process)
            elif order == "rollback":
                orders.rollback(process)
            else:
                orders.configure(process, lambda now: replace(now, **_CHANGES[order]))

    @rule(index=st.integers(0, 4))
    @told
    def revoke(self, index: int) -> None:
        """An operator revokes a key that is not signed with, or one that another can replace."""
        ring = self.world.rotation().ring()
        coming, active = ring.coming, ring.active
        # Without a key that stands by, viewers of new links are refused for a while: not here.
        ready = coming is not None and coming.state is KeyState.STANDBY and not coming.revoked
        needed = {active} if not ready else {coming} if active and active.revoked else set()
        keys = [key for key in ring.keys if key not in needed]
        if not keys:
            return
        key = keys[index % len(keys)]
        with contextlib.suppress(SignerError):
            orders.revoke(self.world.rotation(), key.kid, "a walk")
            self.world.revoked.add(key.public_key_id or "")

    @rule()
    @told
    def foreign_key(self) -> None:
        """Somebody puts a key of their own into the group, or takes it out again."""
        cloudfront = self.world.cloudfront
        [(group_id, group)] = cloudfront.key_groups.items()
        if not self._foreign:
            made = cloudfront.create_public_key(PublicKeyConfig=_FOREIGN)
            self._foreign = made["PublicKey"]["Id"]
        items = [one for one in group.items if one != self._foreign]
        if len(items) == len(group.items) and len(items) < 4:
            items.append(self._foreign)
        there = cloudfront.get_key_group(Id=group_id)
        config = {**group.config, "Items": items}
        cloudfront.update_key_group(Id=group_id, IfMatch=there["ETag"], KeyGroupConfig=config)
        self.world.check()

    def _ticked(self, rotation: Rotation) -> None:
        try:
            tick: Tick | None = rotation.tick()
        except (SignerError, DiedError) as error:
            tick = None
            if isinstance(error, DiedError):
                self.rotation = self.world.rotation()
        if tick is not None and tick.result is Result.DONE:
            self.world.advance(1)

    def _called(self, _: str, method: str, __: dict[str, Any], call: Call) -> object:
        self._calls_left -= 1
        if self._calls_left != 0:
            return call()
        if self._fault.endswith("after") and method in WRITES:
            call()
        if self._fault.startswith("dies"):
            raise DiedError
        if self._fault == "timeout":
            raise ReadTimeoutError(endpoint_url="https://aws.example")
        raise self.world.clock.refused(method, "InternalFailure", 500)

    @told
    def _calm(self) -> None:
        world = self.world
        world.hook = None
        world.advance(LEASE_SECONDS + 1)
        rotation = world.rotation()
        orders.unfreeze(rotation)
        # A probe may have failed often enough for a pause; drains take their time.
        for _ in range(300):
            tick = rotation.tick()
            ring = tick.ring
            states = {key.state for key in ring.keys}
            if states == {KeyState.ACTIVE, KeyState.STANDBY} and tick.result is Result.WAITING:
                world.check_end(ring)
                return
            world.pass_time(tick)
        raise BrokenPromiseError(f"it does not come to rest: {tick.step}")


_CHANGES: dict[str, dict[str, Any]] = {
    "RSA": {"next_key": replace(KIND, algorithm=KeyAlgorithm.RSA_2048)},
    "P-256": {"next_key": KIND},
    "longer": {"next_key": replace(KIND, max_lifetime=3 * HOUR)},
    "no probes": {"probe_url": None},
}


_FOREIGN = {
    "Name": "somebody",
    "CallerReference": "somebody",
    "EncodedKey": PrivateKey.generate(KeyAlgorithm.ECDSA_P256).public_key().to_pem(),
}


def walk(examples: int, steps: int) -> None:
    """Walk so many times so far."""
    run_state_machine_as_test(
        Walk,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Random walks of a rotation.")
    parser.add_argument("--examples", type=int, default=1000)
    parser.add_argument("--steps", type=int, default=50)
    options = parser.parse_args()
    walk(options.examples, options.steps)
