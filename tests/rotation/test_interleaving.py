"""Two and three ticks at the same moment: whatever their order, nothing is lost and nobody is refused.

Each tick runs in a greenlet that stops at every call to AWS, and a schedule says whose turn it is.
Schedules are those in which one is interrupted once, at every call, and random ones.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from greenlet import greenlet  # type: ignore[import-untyped]

from signer.errors import SignerError
from signer.rotation.driver import LEASE_SECONDS, Result, Tick
from tests.rotation.world import Call, World, quick_documents, rotated

LOSES = {
    "credential_switched", "credential_unsure", "key_group_changed", "ring_changed", "key_in_use",
    "public_key_changed", "secret_version_taken", "secret_label_moved", "aws_time", "key_group_last",
}  # fmt: skip
"""How it may end for the one that comes too late."""

Outcome = Tick | SignerError


def stages() -> list[World]:
    """Return the world before every tick of a rotation that does something."""
    world = World()
    rotation = world.begin()
    former = rotation.ring().active
    assert former is not None
    found = []
    while True:
        before = world.copied()
        tick = rotation.tick()
        if tick.result is Result.DONE:
            found.append(before)
        if rotated(tick.ring, former.kid):
            return found
        world.pass_time(tick)


def interleaved(world: World, turns: Iterator[int], count: int, *, asleep: bool) -> list[Outcome]:
    """Run ticks at once; `turns` says which goes on until its next call.

    Args:
        world: Where.
        turns: Whose turn it is; when they end, each goes on to its end.
        count: How many ticks.
        asleep: Let the lease end whenever the turn changes: the former one overslept.
    """
    outcomes: dict[int, Outcome] = {}
    main = greenlet.getcurrent()

    def tick(number: int) -> None:
        try:
            outcomes[number] = world.rotation(f"owner {number}").tick()
        except SignerError as error:
            outcomes[number] = error

    ticks = [greenlet(tick) for _ in range(count)]

    def called(_: str, __: str, ___: dict[str, Any], call: Call) -> object:
        main.switch()
        return call()

    world.hook = called
    last = None
    for turn in [*turns, *[one for one in range(count) for _ in range(60)]]:
        if ticks[turn].dead:
            continue
        if asleep and last not in {None, turn}:
            world.advance(LEASE_SECONDS + 1)
        ticks[turn].switch(turn)
        last = turn
    world.hook = None
    assert all(one.dead for one in ticks)
    return [outcomes[number] for number in range(count)]


def finished(world: World) -> None:
    """Go on alone until the rotation is over: nothing was lost."""
    rotation = world.rotation()
    world.advance(LEASE_SECONDS + 1)
    kid = next(key.kid for key in rotation.ring().keys)
    ticks = world.run(rotation, lambda tick: rotated(tick.ring, kid))
    world.check_end(ticks[-1].ring)


def with_two_changes(calls: int) -> list[list[int]]:
    """Return all turns of two ticks in which one is interrupted once, at any call, for some time."""
    return [
        [0] * first + [1] * between + [0] * 60
        for first in range(calls + 1)
        for between in range(1, calls + 1, 2)
    ]


def check(outcomes: Sequence[Outcome], counts: Counter[str]) -> None:
    for outcome in outcomes:
        if isinstance(outcome, SignerError):
            assert outcome.code in LOSES, outcome
            counts[outcome.code] += 1
        else:
            counts[outcome.result.value] += 1


@pytest.mark.slow
@pytest.mark.no_cover
@pytest.mark.parametrize("asleep", [False, True])
def test_two_ticks_at_once_at_every_call(asleep: bool) -> None:
    counts: Counter[str] = Counter()
    runs = 0
    with quick_documents():
        for stage in stages():
            for index, turns in enumerate(with_two_changes(12)):
                world = stage.copied()
                outcomes = interleaved(world, iter(turns), 2, asleep=asleep)
                check(outcomes, counts)
                runs += 1
                done = [
                    one for one in outcomes if isinstance(one, Tick) and one.result is Result.DONE
                ]
                if not asleep:
                    # While a lease holds there is one winner; the other comes after it, or loses.
                    steps = [(one.step.act, one.step.kid, one.step.why) for one in done]
                    assert done
                    assert len(set(steps)) == len(steps) or steps[0][0].name == "TEST"
                if index % 20 == 0:
                    finished(world)
    assert runs > 1000
    assert counts["busy"] > 0 or asleep
    assert counts["ring_changed"] > 0 or not asleep


@pytest.mark.slow
@pytest.mark.no_cover
@pytest.mark.parametrize("asleep", [False, True])
def test_three_ticks_at_once_in_random_order(asleep: bool) -> None:
    chance = random.Random(3)
    counts: Counter[str] = Counter()
    with quick_documents():
        for stage in stages():
            for number in range(40):
                world = stage.copied()
                turns = [chance.randrange(3) for _ in range(60)]
                outcomes = interleaved(world, iter(turns), 3, asleep=asleep)
                check(outcomes, counts)
                done = [
                    one for one in outcomes if isinstance(one, Tick) and one.result is Result.DONE
                ]
                assert done or asleep
                if number % 10 == 0:
                    finished(world)
    assert counts["done"] >= 40
