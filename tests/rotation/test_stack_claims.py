"""A ring is destroyed with the only resource that uses it, and with no other one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from signer.errors import RotationError
from signer.rotation import orders, stack_claims
from signer.rotation.ring import MAX_HISTORY, Event, Ring, Settings
from tests.rotation.stack import Stack, created, handled
from tests.rotation.world import World

PLAIN = Settings(signing_secret="signing", standby_secret="standby")
pytestmark = pytest.mark.usefixtures("slept")


@pytest.fixture
def world() -> World:
    world = World(settings=PLAIN)
    # Where a ring is destroyed, viewers are refused, which is what was asked for.
    world.checking = False
    return world


def sent(
    world: World, stack: Stack, request: str, group: str, resource: str, *, destroy: str = "true"
) -> dict[str, Any]:
    """Send an event of a resource and return the answer, which is a success."""
    event = stack.event(request, group or None, Destroy=destroy)
    event["LogicalResourceId"] = resource
    assert handled(world.rotation(), event) == "SUCCESS"
    return stack.answer


def is_whole(world: World) -> bool:
    """Whether the ring and its group are there."""
    ring = world.rotation().ring()
    assert (not ring.frozen) == bool(world.cloudfront.key_groups)
    return not ring.frozen


def forget_notes(world: World) -> None:
    """Let so much happen that the history has no note any more."""
    rotation = world.rotation()
    ring = rotation.ring()
    noise = (Event(int(world.clock.now), "k", "HEALED"),) * MAX_HISTORY
    rotation.store.write(replace(ring, rev=ring.rev + 1, history=noise), over=ring.rev)


def test_a_resource_of_another_name_keeps_the_ring_when_the_old_one_goes(
    world: World, stack: Stack
) -> None:
    group = created(world, stack, Destroy="true")
    assert sent(world, stack, "Create", "", "Renamed")["PhysicalResourceId"] == group
    answer = sent(world, stack, "Delete", group, "Ring")
    assert answer["Reason"].startswith("the ring stays: ")
    assert is_whole(world)
    assert not sent(world, stack, "Delete", group, "Renamed")["Reason"]
    assert not is_whole(world)


def test_a_rename_that_is_rolled_back_keeps_the_ring(world: World, stack: Stack) -> None:
    group = created(world, stack, Destroy="true")
    sent(world, stack, "Create", "", "Renamed")
    sent(world, stack, "Delete", group, "Renamed")
    assert is_whole(world)
    sent(world, stack, "Delete", group, "Ring")
    assert not is_whole(world)


def test_another_stack_counts_as_another_resource(world: World, stack: Stack) -> None:
    group = created(world, stack, Destroy="true")
    event = {**stack.event("Delete", group, Destroy="true"), "StackId": "another"}
    assert handled(world.rotation(), event) == "SUCCESS"
    assert is_whole(world)


@pytest.mark.parametrize("first", ["Renamed", "Ring"])
def test_what_the_history_forgot_is_not_destroyed(world: World, stack: Stack, first: str) -> None:
    group = created(world, stack, Destroy="true")
    forget_notes(world)
    sent(world, stack, "Create", "", "Renamed")
    sent(world, stack, "Delete", group, first)
    assert is_whole(world)


def test_an_update_makes_sure_of_who_uses_the_ring(world: World, stack: Stack) -> None:
    group = created(world, stack, Destroy="true")
    forget_notes(world)
    sent(world, stack, "Update", group, "Ring")
    sent(world, stack, "Delete", group, "Ring")
    assert not is_whole(world)


def test_a_ring_that_another_stack_left_goes_with_the_one_that_took_it(
    world: World, stack: Stack
) -> None:
    group = created(world, stack)
    sent(world, stack, "Delete", group, "Ring", destroy="false")
    sent(world, stack, "Create", "", "Other")
    sent(world, stack, "Update", group, "Other")
    sent(world, stack, "Delete", group, "Other")
    assert not is_whole(world)


def test_a_ring_that_was_destroyed_belongs_to_whoever_begins_it_anew(
    world: World, stack: Stack
) -> None:
    group = created(world, stack)
    orders.destroy(world.rotation())
    assert stack_claims.users(world.rotation().ring()) == frozenset()
    again = sent(world, stack, "Create", "", "Other")["PhysicalResourceId"]
    assert again != group
    sent(world, stack, "Delete", again, "Other")
    assert not is_whole(world)


def test_a_ring_that_cannot_be_read_does_not_stop_a_delete_that_leaves_it(
    world: World, stack: Stack, slept: list[float]
) -> None:
    group = created(world, stack)
    world.dynamodb.tables.clear()
    sent(world, stack, "Delete", group, "Ring", destroy="false")
    assert sum(slept) <= 5


def test_notes_are_written_once() -> None:
    rotation = World(settings=PLAIN).rotation()
    orders.create(rotation, "r", PLAIN)
    noted = stack_claims.take(rotation, "a")
    assert stack_claims.take(rotation, "a") == noted
    stack_claims.leave(rotation, "b")
    assert rotation.ring() == noted
    stack_claims.leave(rotation, "a")
    assert stack_claims.users(rotation.ring()) == frozenset()


def test_a_note_is_not_written_over_somebody_elses_change(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rotation = World(settings=PLAIN).rotation()
    ring: Ring = orders.create(rotation, "r", PLAIN)
    orders.rotate(rotation)
    monkeypatch.setattr(rotation, "ring", lambda: ring)
    with pytest.raises(RotationError, match="is not at revision 0 now"):
        stack_claims.take(rotation, "a")
