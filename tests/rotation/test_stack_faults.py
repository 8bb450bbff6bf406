"""Events are hit at each of their calls; the next one always ends with the one key group."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from signer.errors import InputError, PassingError, RemoteError, RotationError, SigningError
from signer.rotation import orders, stack_events
from signer.rotation.ring import Settings
from signer.rotation.stack_messages import Outcome, StackEvent
from tests.rotation.faults import DiedError
from tests.rotation.stack import Stack, time_of_handler
from tests.rotation.world import Call, World, quick_documents

PLAIN = Settings(signing_secret="signing", standby_secret="standby")
pytestmark = pytest.mark.usefixtures("slept")


@pytest.fixture(autouse=True)
def _quick() -> Iterator[None]:
    with quick_documents():
        yield


def read(request: str, physical_id: str | None = None, **properties: object) -> StackEvent:
    event = Stack("http://127.0.0.1:1/").event(request, physical_id, **properties)
    return StackEvent.read(event)


def outcome(world: World, event: StackEvent, seconds: float = 45) -> Outcome:
    until = time_of_handler() + seconds
    return stack_events._outcome(world.rotation(), event, until)


def beginning(*, left_over: bool) -> World:
    """Return a world without a ring; perhaps with a group of its name, from an earlier try."""
    world = World(settings=PLAIN)
    if left_over:
        assert not outcome(world, read("Create")).code
        world.dynamodb.tables["rings"].items.clear()
        secrets = world.rotation().aws.secrets
        secrets.put("signing", "0" * 32, orders.NOT_INITIALISED, "AWSCURRENT")
        world.told.clear()
        world.checking = False
    return world


@pytest.mark.parametrize("left_over", [False, True], ids=["nothing", "left over"])
@pytest.mark.parametrize("effect", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("dies", [False, True], ids=["5xx", "death"])
def test_create_goes_on_after_a_fault_at_any_call(
    *, dies: bool, effect: bool, left_over: bool
) -> None:
    begun, event = beginning(left_over=left_over), read("Create")
    for call in itertools.count(1):
        world = begun.copied()
        last = world.calls + call

        def strike(
            _service: str, method: str, _members: dict[str, Any], do: Call,
            *, world: World = world, last: int = last,
        ) -> object:  # fmt: skip
            if world.calls != last:
                return do()
            if effect:
                do()
            raise DiedError if dies else world.clock.refused(method, "InternalFailure", 500)

        world.hook = strike
        try:
            outcome(world, event)
        except DiedError:
            assert dies
        world.hook = None
        if world.calls < last:
            assert call > 25
            return
        world.clock.advance(125)
        answered = outcome(world, event)
        assert not answered.code, f"call {call}: {answered.reason}"
        ring = world.rotation().ring()
        (group,) = world.cloudfront.key_groups
        assert answered.physical_id == ring.key_group_id == group
        assert answered.data == {"KeyGroupId": group}
        active = ring.active
        assert active is not None
        assert active.public_key_id in world.group()
        assert ring.started


def test_a_ring_without_a_group_is_never_answered_for(slept: list[float]) -> None:
    world = World(settings=PLAIN)
    orders.create(world.rotation(), "r", PLAIN)
    updated = outcome(world, read("Update"))
    assert (updated.code, updated.data) == ("stack_group", {})
    assert updated.physical_id
    assert not slept
    deleted = outcome(world, read("Delete", Destroy="true"))
    assert not deleted.code
    assert not world.rotation().ring().frozen


@pytest.mark.parametrize(
    "failure",
    [
        RemoteError("aws_error", "AWS did not answer"),
        PassingError("ring_changed", "the ring was changed"),
        SigningError("kms_unavailable", "KMS did not answer"),
    ],
    ids=lambda failure: str(failure.code),
)
def test_what_passes_is_tried_while_there_is_time(
    slept: list[float], failure: RemoteError | PassingError | SigningError
) -> None:
    def fails() -> None:
        tries.append(1)
        raise failure

    tries: list[int] = []
    with pytest.raises(type(failure)) as caught:
        stack_events._tried(fails, time_of_handler() + 45)
    assert caught.value is failure
    assert slept == [1, 2, 4, 8, 8, 8, 8]
    assert len(tries) == 8


@pytest.mark.parametrize(
    ("failure", "pauses"),
    [
        (RotationError("aws_denied", "it is denied"), [1, 2, 4, 8, 8, 8]),
        (SigningError("key_failed", "it failed"), [1, 2, 4, 8, 8, 8]),
        (InputError("stack_event", "it is wrong"), []),
    ],
    ids=["rotation", "signing", "input"],
)
def test_what_need_not_pass_is_given_up(
    slept: list[float], failure: RotationError, pauses: list[float]
) -> None:
    def fails() -> None:
        raise failure

    with pytest.raises(type(failure)):
        stack_events._tried(fails, time_of_handler() + 1000)
    assert slept == pauses


def test_create_after_half_an_end_ends_the_ring_first() -> None:
    """Whatever a Delete had done when it died, a ring comes of it, or a failure that says why."""

    def die(_service: str, _method: str, _members: dict[str, Any], do: Call) -> object:
        if now.calls == last:
            raise DiedError
        return do()

    world, create, ended = World(settings=PLAIN), read("Create"), set()
    delete = read("Delete", outcome(world, create).physical_id, Destroy="true")
    world.checking = False
    for call in range(1, 60):
        now = world.copied()
        now.hook, last = die, now.calls + call
        try:
            outcome(now, delete)
        except DiedError:
            now.hook = None
        else:
            break
        there = now.rotation().ring()
        answered = outcome(now, create)
        ended.add(answered.code)
        if answered.code:
            assert (answered.code, there.frozen) == ("key_group_gone", "")
            continue
        ring = now.rotation().ring()
        assert {answered.physical_id} == {ring.key_group_id} == set(now.cloudfront.key_groups)
        assert {key.public_key_id for key in ring.keys} == set(now.cloudfront.public_keys)
        assert ring.active is not None
    assert ended == {"", "key_group_gone"}
