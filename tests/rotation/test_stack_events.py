"""A stack makes a ring, changes its settings and ends it; it never touches which keys there are."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import pytest

from signer.keys import KeyAlgorithm
from signer.rotation import orders, stack_events
from signer.rotation.driver import Result
from signer.rotation.ring import DAY, Lease, Ring, Schedule, Settings
from signer.rotation.stack_messages import StackEvent
from tests.rotation import stack as stacks
from tests.rotation.stack import Stack, created, failed, handled
from tests.rotation.world import Call, World

PLAIN = Settings(signing_secret="signing", standby_secret="standby")
pytestmark = pytest.mark.usefixtures("slept")
ROLE = "arn:aws:iam::111122223333:role/issuer"


@pytest.fixture
def world() -> World:
    return World(settings=PLAIN)


def but_for_notes(ring: Ring) -> Ring:
    """Return a ring without its revision and what is noted in its history."""
    return replace(ring, rev=0, history=())


# Create.


def test_create_makes_a_ring_whose_first_key_signs(world: World, stack: Stack) -> None:
    assert handled(world.rotation(), stack.event("Create")) == "SUCCESS"
    (group,) = world.cloudfront.key_groups
    assert stack.answer == {
        "Status": "SUCCESS",
        "Reason": "",
        "PhysicalResourceId": group,
        "StackId": stacks.STACK_ID,
        "RequestId": "b6e5f8a1",
        "LogicalResourceId": "Ring",
        "Data": {"KeyGroupId": group},
    }
    assert stack.types == [""]
    ring = world.rotation().ring()
    assert (ring.name, ring.settings, ring.started) == ("r", PLAIN, True)
    assert world.told


def test_secrets_that_are_there_need_no_permission_to_make_any(world: World, stack: Stack) -> None:
    created(world, stack)
    assert ("secretsmanager", "create_secret") not in world.actions


def test_secrets_that_are_missing_are_made(world: World, stack: Stack) -> None:
    world.secrets.secrets.clear()
    world.checking = False
    created(world, stack)
    assert set(world.secrets.secrets) == {"signing", "standby"}


def test_create_again_adopts_what_is_there(world: World, stack: Stack) -> None:
    group = created(world, stack)
    before = world.rotation().ring().active
    assert created(world, stack) == group
    assert created(world, stack, Period="30d") == group
    ring = world.rotation().ring()
    assert ring.active == before
    assert ring.settings.schedule.period == 30 * DAY


@pytest.mark.parametrize("trouble", ["frozen", "busy", "denied"])
def test_create_on_a_ring_that_signs_does_nothing_more(
    world: World, stack: Stack, slept: list[float], trouble: str
) -> None:
    """Whatever the next tick is about, the ring is there already."""

    def deny(service: str, method: str, _members: dict[str, Any], do: Call) -> object:
        if service != "dynamodb" and method.startswith(("create", "update", "put")):
            raise world.clock.refused(method, "AccessDenied", 403)
        return do()

    group = created(world, stack)
    rotation = world.rotation()
    if trouble == "frozen":
        orders.freeze(rotation, "for a day")
    elif trouble == "busy":
        ring, lease = rotation.ring(), Lease("other", int(world.clock.now) + 100)
        rotation.store.write(replace(ring, rev=ring.rev + 1, lease=lease), over=ring.rev)
    else:
        world.hook = deny
    before = rotation.ring()
    assert created(world, stack) == group
    assert rotation.ring() == before
    assert slept == []


def test_create_on_a_ring_whose_group_is_gone_fails(world: World, stack: Stack) -> None:
    group = created(world, stack)
    world.checking = False
    world.rotation().aws.key_groups.delete_group(group)
    assert failed(stack, world.rotation(), stack.event("Create")).startswith("key_group_gone: ")


def test_create_waits_for_another_tick_that_is_at_work(
    world: World, stack: Stack, slept: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    rotation = world.rotation()
    ring = orders.create(rotation, "r", PLAIN)
    now = int(world.clock.now)
    rotation.store.write(replace(ring, rev=ring.rev + 1, lease=Lease("other", now + 5)), over=0)

    def later(seconds: float) -> None:
        slept.append(seconds)
        world.clock.advance(seconds)

    monkeypatch.setattr(stack_events, "sleep", later)
    created(world, stack)
    assert slept == [2, 2, 2]


def test_create_tries_again_what_aws_does_not_permit_yet(
    world: World, stack: Stack, slept: list[float]
) -> None:
    denials = 3

    def deny(_service: str, method: str, _members: dict[str, Any], do: Call) -> object:
        nonlocal denials
        if method == "create_public_key" and denials:
            denials -= 1
            raise world.clock.refused("CreatePublicKey", "AccessDenied", 403)
        return do()

    world.hook = deny
    created(world, stack)
    assert slept == [1, 2, 4]


def test_create_tells_which_permission_is_missing(
    world: World, stack: Stack, slept: list[float]
) -> None:
    def deny(_service: str, method: str, _members: dict[str, Any], do: Call) -> object:
        if method == "create_public_key":
            raise world.clock.refused("CreatePublicKey", "AccessDenied", 403)
        return do()

    world.hook = deny
    reason = failed(stack, world.rotation(), stack.event("Create"))
    assert reason.startswith("aws_denied: ")
    assert "cloudfront:CreatePublicKey" in reason
    assert slept == [1, 2, 4, 8, 8, 8]


def test_create_leaves_a_credential_of_somebody_else_alone(world: World, stack: Stack) -> None:
    created(world, stack)
    world.dynamodb.tables["rings"].items.clear()
    reason = failed(stack, world.rotation(), stack.event("Create"))
    assert reason.startswith("credential_foreign: ")


@pytest.mark.parametrize("changed", [{"Name": "other"}, {"SigningSecret": "other"}])
def test_create_leaves_another_ring_alone(
    world: World, stack: Stack, changed: dict[str, str]
) -> None:
    created(world, stack)
    reason = failed(stack, world.rotation(), stack.event("Create", **changed))
    assert reason.startswith("ring_exists: ")


def test_create_tells_what_only_a_person_can_put_right(world: World, stack: Stack) -> None:
    orders.create(world.rotation(), "r", PLAIN)
    orders.freeze(world.rotation(), "é" * 190)
    reason = failed(stack, world.rotation(), stack.event("Create"))
    assert reason.startswith("rotation_halted: no key is made: frozen: é")


def test_create_answers_although_aws_hangs(world: World, stack: Stack) -> None:
    hang = threading.Event()

    def never(_service: str, _method: str, _members: dict[str, Any], do: Call) -> object:
        hang.wait(60)
        return do()

    world.hook = never
    event = stack.event("Create")
    assert handled(world.rotation(), event, seconds=15) == "FAILED"
    answer = stack.answer
    assert answer["Reason"].startswith("stack_slow: ")
    assert answer["PhysicalResourceId"] == "not-made-b6e5f8a1"
    hang.set()


def test_what_fails_when_its_time_is_over_is_not_tried_again(
    world: World, stack: Stack, slept: list[float]
) -> None:
    event = StackEvent.read(stack.event("Update", "group"))
    assert stack_events._outcome(world.rotation(), event, 0).code == "ring_missing"
    assert slept == []


def test_create_ends_when_its_time_is_over(world: World, stack: Stack) -> None:
    event = StackEvent.read(stack.event("Create"))
    outcome = stack_events._outcome(world.rotation(), event, 0)
    assert outcome.code == "stack_slow"
    assert "no key signs yet" in outcome.reason


def test_an_error_that_nobody_expected_is_answered_without_its_text(
    world: World, stack: Stack
) -> None:
    def broken(*_: object) -> object:
        raise AssertionError(stacks.SIGNATURE)

    rotation = world.rotation()
    rotation.store.read = broken  # type: ignore[method-assign, assignment]
    assert failed(stack, rotation, stack.event("Create")) == "internal: unexpected AssertionError"


# Update.


def test_update_changes_settings_and_nothing_else(world: World, stack: Stack) -> None:
    group = created(world, stack)
    before, members, calls = world.rotation().ring(), world.group(), len(world.actions)
    changed = {"Period": "7d", "Soak": "2h", "Algorithm": "RSA_2048"}
    assert handled(world.rotation(), stack.event("Update", group, **changed)) == "SUCCESS"
    answer = stack.answer
    assert (answer["PhysicalResourceId"], answer["Data"]) == (group, {"KeyGroupId": group})
    ring = world.rotation().ring()
    assert ring.settings.schedule == Schedule(period=7 * DAY, soak=7200)
    assert ring.settings.next_key.algorithm is KeyAlgorithm.RSA_2048
    assert (ring.keys, world.group(), len(world.actions)) == (before.keys, members, calls)


def test_what_a_template_says_no_longer_has_its_default_again(world: World, stack: Stack) -> None:
    group = created(world, stack, Period="7d")
    handled(world.rotation(), stack.event("Update", group))
    assert world.rotation().ring().settings == PLAIN


def test_an_update_that_changes_nothing_writes_nothing(world: World, stack: Stack) -> None:
    group = created(world, stack)
    before = world.rotation().ring().rev
    assert handled(world.rotation(), stack.event("Update", group)) == "SUCCESS"
    assert world.rotation().ring().rev == before


@pytest.mark.parametrize(
    "changed", [{"Name": "other"}, {"SigningSecret": "other"}, {"StandbySecret": "other"}]
)
def test_update_says_what_to_do_where_a_ring_stays_as_it_is(
    world: World, stack: Stack, changed: dict[str, str]
) -> None:
    group = created(world, stack)
    before = world.rotation().ring()
    event = stack.event("Update", group, **changed)
    assert handled(world.rotation(), event) == "FAILED"
    answer = stack.answer
    assert answer["Reason"].startswith("ring_settings: ")
    assert "make another ring" in answer["Reason"]
    assert answer["PhysicalResourceId"] == group
    assert world.rotation().ring() == before


def test_update_of_another_ring_is_refused(world: World, stack: Stack) -> None:
    created(world, stack)
    reason = failed(stack, world.rotation(), stack.event("Update", "other-group"))
    assert reason.startswith("stack_ring: ")
    assert "SIGNER_RING" in reason


# Delete.


@pytest.mark.parametrize("destroy", [None, "", "false", "TRUE", "yes", ["true"]])
def test_delete_leaves_everything_unless_it_is_told_to_destroy(
    world: World, stack: Stack, destroy: object
) -> None:
    group = created(world, stack)
    before = world.rotation().ring()
    event = stack.event("Delete", group, Destroy=destroy)
    assert handled(world.rotation(), event) == "SUCCESS"
    assert stack.answer["PhysicalResourceId"] == group
    assert but_for_notes(world.rotation().ring()) == but_for_notes(before)
    assert world.group()


def test_delete_destroys_when_it_is_told_to(world: World, stack: Stack) -> None:
    group = created(world, stack)
    event = stack.event("Delete", group, Destroy="true")
    world.checking = False
    for _ in range(2):
        assert handled(world.rotation(), event) == "SUCCESS"
        assert stack.answer["PhysicalResourceId"] == group
    assert not world.cloudfront.key_groups
    assert not world.cloudfront.public_keys


def test_delete_leaves_a_group_that_a_distribution_trusts(world: World, stack: Stack) -> None:
    group = created(world, stack)
    world.cloudfront.add_distribution(group)
    before = world.rotation().ring()
    reason = failed(stack, world.rotation(), stack.event("Delete", group, Destroy="true"))
    assert reason.startswith("key_group_in_use: ")
    assert world.rotation().ring() == before
    assert world.rotation().tick().result is not Result.HALTED


@pytest.mark.parametrize("physical_id", ["not-made-b6e5f8a1", "another-group"])
def test_delete_after_a_create_that_failed_does_nothing(
    world: World, stack: Stack, physical_id: str
) -> None:
    created(world, stack)
    before = world.rotation().ring()
    # As it was in the template that failed.
    event = stack.event("Delete", physical_id, Destroy="true", Nmae="r")
    assert handled(world.rotation(), event) == "SUCCESS"
    assert stack.answer["PhysicalResourceId"] == physical_id
    assert but_for_notes(world.rotation().ring()) == but_for_notes(before)


def test_a_ring_that_was_destroyed_is_begun_anew(world: World, stack: Stack) -> None:
    group = created(world, stack)
    world.checking = False
    handled(world.rotation(), stack.event("Delete", group, Destroy="true"))
    assert world.rotation().tick().result is Result.HALTED
    stack.answers.clear()
    again = created(world, stack)
    assert again != group
    assert again in world.cloudfront.key_groups
