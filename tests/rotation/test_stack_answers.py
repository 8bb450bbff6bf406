"""Every event of a stack is answered, and an answer shows nothing that is secret."""

from __future__ import annotations

import json

import pytest

from signer.errors import InputError, RemoteError
from signer.rotation import stack_events
from signer.rotation.ring import KeyState, Settings
from signer.rotation.stack_messages import StackEvent
from tests.rotation import stack as stacks
from tests.rotation.stack import Stack, created, failed, handled, waiting_stack
from tests.rotation.world import World

PLAIN = Settings(signing_secret="signing", standby_secret="standby")
pytestmark = pytest.mark.usefixtures("slept")


@pytest.fixture
def world() -> World:
    return World(settings=PLAIN)


def test_an_answer_is_tried_again(world: World, stack: Stack, slept: list[float]) -> None:
    stack.statuses = [503, 500]
    assert handled(world.rotation(), stack.event("Create")) == "SUCCESS"
    assert len(stack.answers) == 3
    assert slept == [1, 2]


def test_an_answer_that_nobody_takes_is_an_error_and_the_event_can_come_again(
    world: World, stack: Stack
) -> None:
    stack.statuses = [403] * 3
    with pytest.raises(RemoteError) as caught:
        stack_events.handle(world.rotation(), stack.event("Create"), seconds=60)
    assert caught.value.code == "stack_answer"
    assert "403" in caught.value.message
    assert stacks.SIGNATURE not in f"{caught.value} {caught.value!r} {caught.value.evidence}"
    stack.answers.clear()
    created(world, stack)


def test_an_address_that_does_not_answer_is_told_without_its_signature(world: World) -> None:
    with waiting_stack() as stack:
        event = stack.event("Create")
    with pytest.raises(RemoteError, match="remote_unreachable") as caught:
        stack_events.handle(world.rotation(), event, seconds=60)
    assert stacks.SIGNATURE not in f"{caught.value} {caught.value!r} {caught.value.evidence}"


@pytest.mark.parametrize(
    "missing", ["ResponseURL", "StackId", "RequestId", "LogicalResourceId", "ResourceProperties"]
)
def test_an_event_of_nobodys_is_not_acted_upon(world: World, stack: Stack, missing: str) -> None:
    event = stack.event("Create")
    del event[missing]
    with pytest.raises(InputError) as caught:
        stack_events.handle(world.rotation(), event, seconds=60)
    assert caught.value.code == "stack_event"
    assert world.calls == 0


def test_only_cloudformations_events_are_taken_for_its_own(stack: Stack) -> None:
    assert stack_events.is_stack_event(stack.event("Create"))
    others: list[object] = [{}, {"source": "aws.events"}, [], None, "RequestType"]
    for event in others:
        assert not stack_events.is_stack_event(event)


def test_another_kind_of_request_is_refused(world: World, stack: Stack) -> None:
    reason = failed(stack, world.rotation(), stack.event("Read"))
    assert reason.startswith("stack_event: ")


def test_an_event_shows_no_signature(stack: Stack) -> None:
    assert stacks.SIGNATURE not in repr(StackEvent.read(stack.event("Create")))


def test_no_answer_holds_any_of_a_key(world: World, stack: Stack) -> None:
    created(world, stack)
    world.run(world.rotation(), lambda tick: any(tick.ring.in_state(KeyState.STANDBY)))
    handled(world.rotation(), stack.event("Create", Period="30d"))
    told = json.dumps(stack.answers)
    for secret in world.secrets.secrets.values():
        for version in secret.versions.values():
            text = str(version.value)
            if "PRIVATE KEY" in text:
                body = json.loads(text)["private_key_pem"].splitlines()[1]
                assert body[:24] not in told
