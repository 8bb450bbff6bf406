from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from signer.errors import RemoteError, RotationError
from signer.rotation.driver import LEASE_SECONDS, Result
from signer.rotation.ring import HOUR, KeyState, Lease, Ring
from signer.rotation.steps import Act
from tests.rotation.world import Call, World


@pytest.fixture
def world() -> World:
    made = World()
    made.begin()
    return made


def test_a_tick_does_one_thing_and_writes_it_down(world: World) -> None:
    rotation = world.rotation("me")
    before = rotation.ring()
    tick = rotation.tick()
    assert (tick.result, tick.step.act) == (Result.DONE, Act.PLAN)
    assert tick.ring == rotation.ring()
    # Once when it begins, once when it is done.
    assert tick.ring.rev == before.rev + 2
    assert tick.ring.lease is None


def test_what_is_next_can_be_asked_without_doing_it(world: World) -> None:
    rotation = world.rotation()
    before = rotation.ring()
    assert rotation.next_step().step.act is Act.PLAN
    assert rotation.ring() == before


def test_nothing_is_written_where_nothing_is_to_do(world: World) -> None:
    rotation = world.rotation()
    world.run(rotation, lambda tick: tick.result is Result.WAITING)
    before, world.actions = rotation.ring(), set()
    assert rotation.tick().result is Result.WAITING
    assert rotation.ring() == before
    assert world.actions == {
        ("cloudfront", "get_key_group"),
        ("cloudfront", "list_public_keys"),
        ("dynamodb", "get_item"),
        ("secretsmanager", "describe_secret"),
    }


def test_while_somebody_is_at_work_nobody_else_begins(world: World) -> None:
    rotation = world.rotation()
    ring = rotation.ring()
    until = int(world.clock.now) + LEASE_SECONDS
    leased = replace(ring, lease=Lease("another", until), rev=ring.rev + 1)
    rotation.store.write(leased, over=ring.rev)
    assert rotation.tick().result is Result.BUSY
    assert rotation.ring() == leased
    world.clock.now = until
    assert rotation.tick().result is Result.DONE


def test_who_wakes_up_after_the_lease_does_not_write_over_what_came_since(world: World) -> None:
    def overslept(service: str, method: str, __: dict[str, Any], call: Call) -> object:
        if (service, method) == ("secretsmanager", "put_secret_value"):
            world.hook = None
            world.advance(LEASE_SECONDS + 1)
            assert world.rotation().tick().result is Result.DONE
        return call()

    rotation = world.rotation()
    rotation.tick()
    world.hook = overslept
    with pytest.raises(RotationError) as caught:
        rotation.tick()
    assert caught.value.code == "secret_version_taken"
    coming = rotation.ring().coming
    assert coming is not None
    assert coming.state is KeyState.STORED


def test_a_failure_gives_the_lease_back_and_counts(world: World) -> None:
    def refuses(_: str, method: str, __: dict[str, Any], call: Call) -> object:
        if method == "put_secret_value":
            raise world.clock.refused(method, "InternalServiceError", 500)
        return call()

    rotation = world.rotation()
    rotation.tick()
    world.hook = refuses
    for attempts in (1, 2):
        with pytest.raises(RemoteError):
            rotation.tick()
        ring = rotation.ring()
        assert ring.lease is None
        assert ring.coming is not None
        assert ring.coming.attempts == attempts
    world.hook = None
    tick = rotation.tick()
    assert tick.ring.coming is not None
    assert (tick.ring.coming.state, tick.ring.coming.attempts) == (KeyState.STORED, 0)


def test_time_is_aws_s_and_not_this_machines(world: World) -> None:
    rotation = world.rotation()
    world.run(rotation, lambda tick: tick.result is Result.WAITING)
    # This machine believes that years have passed; AWS does not.
    rotation.aws.time._clock = lambda: world.clock.now + 10 * 366 * 24 * HOUR
    assert rotation.tick().result is Result.WAITING


def test_without_a_ring_there_is_nothing_to_do() -> None:
    with pytest.raises(RotationError) as caught:
        World().rotation().tick()
    assert caught.value.code == "ring_missing"


def test_a_ring_that_lost_its_own_key_is_not_guessed_about(world: World) -> None:
    rotation = world.rotation()
    tick = rotation.next_step()
    step = replace(tick.step, act=Act.REMOVE, kid="nobody")
    with pytest.raises(RotationError) as caught:
        rotation._acts.perform(step, tick.ring, tick.observed)
    assert caught.value.code == "ring_document"


def test_the_first_writing_of_two_stands() -> None:
    world = World()
    rotation = world.rotation()
    ring = Ring(name="r", settings=world.settings)
    rotation.store.write(ring, over=None)
    with pytest.raises(RotationError) as caught:
        rotation.store.write(ring, over=None)
    assert caught.value.code == "ring_changed"
