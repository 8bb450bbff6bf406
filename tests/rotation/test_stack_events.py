"""A stack makes a ring, changes its settings and ends it; it never touches which keys there are."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from signer.errors import InputError, RemoteError
from signer.keys import HashAlgorithm, KeyAlgorithm
from signer.rotation import orders, stack_events
from signer.rotation.driver import Result, Rotation
from signer.rotation.ring import DAY, Custody, KeyKind, KeyState, Lease, Schedule, Settings
from signer.rotation.stack_properties import PROPERTIES, asked
from tests.rotation import stack as stacks
from tests.rotation.stack import Stack, waiting_stack
from tests.rotation.world import Call, World

PLAIN = Settings(signing_secret="signing", standby_secret="standby")
ROLE = "arn:aws:iam::111122223333:role/issuer"


@pytest.fixture
def world() -> World:
    return World(settings=PLAIN)


@pytest.fixture
def stack() -> Iterator[Stack]:
    with waiting_stack() as waiting:
        yield waiting


@pytest.fixture(autouse=True)
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    pauses: list[float] = []
    monkeypatch.setattr(stack_events, "sleep", pauses.append)
    return pauses


def handled(rotation: Rotation, event: dict[str, Any], *, seconds: float = 60) -> str:
    return stack_events.handle(rotation, event, seconds=seconds).status


def failed(stack: Stack, rotation: Rotation, event: dict[str, Any]) -> str:
    """Let an event fail, and return the reason that CloudFormation is told."""
    assert handled(rotation, event) == "FAILED"
    answer = stack.answer
    assert answer["Status"] == "FAILED"
    assert answer["Data"] == {}
    reason: str = answer["Reason"]
    return reason


def created(world: World, stack: Stack, **properties: object) -> str:
    """Create a ring and return the id of its key group."""
    assert handled(world.rotation(), stack.event("Create", **properties)) == "SUCCESS"
    group: str = stack.answer["PhysicalResourceId"]
    return group


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


@pytest.mark.parametrize("call", range(1, 53, 3))
def test_create_goes_on_after_a_death_anywhere(world: World, stack: Stack, call: int) -> None:
    class DeathError(BaseException):
        pass

    def die(_service: str, _method: str, _members: dict[str, Any], do: Call) -> object:
        if world.calls == call:
            raise DeathError
        return do()

    world.hook = die
    event = stack.event("Create")
    with pytest.raises(DeathError):
        stack_events._outcome(world.rotation(), stack_events.StackEvent.read(event), 1e12)
    world.hook = None
    world.clock.advance(121)
    assert handled(world.rotation(), event) == "SUCCESS"
    assert len(world.cloudfront.key_groups) == 1
    active = world.rotation().ring().active
    assert active is not None
    assert world.group() == (active.public_key_id,)


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
    assert slept == [1, 2, 4, 8]


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


def test_create_ends_when_its_time_is_over(world: World, stack: Stack) -> None:
    event = stack_events.StackEvent.read(stack.event("Create"))
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
    assert world.rotation().ring() == before
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
    assert world.rotation().ring() == before


def test_a_ring_that_was_destroyed_is_begun_anew(world: World, stack: Stack) -> None:
    group = created(world, stack)
    world.checking = False
    handled(world.rotation(), stack.event("Delete", group, Destroy="true"))
    assert world.rotation().tick().result is Result.HALTED
    stack.answers.clear()
    again = created(world, stack)
    assert again != group
    assert again in world.cloudfront.key_groups


# Properties.


def test_all_properties_are_read() -> None:
    said = {
        "Name": "media",
        "SigningSecret": "s",
        "StandbySecret": "n",
        "ProbeUrl": "https://media.example.com/private/probe",
        "IssuerRoleArn": ROLE,
        "Algorithm": "RSA_2048",
        "HashAlgorithm": "SHA256",
        "Custody": "kms",
        "MaxLifetime": "12h",
        "Period": "30d",
        "Soak": "7200",
        "StaleLimit": "45m",
        "Skew": "60s",
        "RollbackWindow": "2h",
        "Probes": "5",
        "Destroy": "true",
    }
    assert set(said) == set(PROPERTIES)
    wanted = asked(said)
    assert wanted.name == "media"
    assert wanted.settings == Settings(
        signing_secret="s",
        standby_secret="n",
        probe_url="https://media.example.com/private/probe",
        issuer_role_arn=ROLE,
        next_key=KeyKind(
            KeyAlgorithm.RSA_2048, HashAlgorithm.SHA256, Custody.KMS, max_lifetime=43200
        ),
        schedule=Schedule(
            period=30 * DAY, soak=7200, stale_limit=2700, skew=60, rollback_window=7200, probes=5
        ),
    )


def test_what_is_empty_or_missing_has_its_default() -> None:
    least = {name: stacks.PROPERTIES[name] for name in ("Name", "SigningSecret", "StandbySecret")}
    empty = dict.fromkeys(set(PROPERTIES) - set(least), "")
    assert asked(least).settings == asked({**empty, **least}).settings == PLAIN


CANARY = "canary-3f9a"


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("Nmae", CANARY, "stack_property"),
        ("Name", None, "stack_property"),
        ("Name", f"-{CANARY}", "rotation_setting"),
        ("SigningSecret", "", "stack_property"),
        ("StandbySecret", None, "stack_property"),
        ("StandbySecret", "signing", "rotation_setting"),
        ("ProbeUrl", [CANARY], "stack_property"),
        ("Algorithm", CANARY, "stack_property"),
        ("HashAlgorithm", "sha256", "stack_property"),
        ("Custody", CANARY, "stack_property"),
        ("Period", CANARY, "stack_property"),
        ("Period", "-1", "stack_property"),
        ("Period", "1h", "rotation_setting"),
        ("Probes", "1.5", "stack_property"),
        ("Destroy", CANARY, "stack_property"),
    ],
)
def test_a_wrong_property_is_refused_by_its_name(
    world: World, stack: Stack, name: str, value: object, code: str
) -> None:
    reason = failed(stack, world.rotation(), stack.event("Create", **{name: value}))
    assert reason.startswith(f"{code}: ")
    snake = "".join(f"_{one.lower()}" if one.isupper() else one for one in name).strip("_")
    assert name in reason or snake in reason or "name of a ring" in reason
    if name != "Name":
        assert CANARY not in reason
    assert not world.cloudfront.key_groups


def test_keys_in_kms_need_to_know_who_signs_with_them(world: World, stack: Stack) -> None:
    reason = failed(stack, world.rotation(), stack.event("Create", Custody="kms"))
    assert reason.startswith("rotation_setting: issuer_role_arn is needed")


# The answer.


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


def test_another_kind_of_request_is_refused(world: World, stack: Stack) -> None:
    reason = failed(stack, world.rotation(), stack.event("Read"))
    assert reason.startswith("stack_event: ")


def test_an_event_shows_no_signature(stack: Stack) -> None:
    assert stacks.SIGNATURE not in repr(stack_events.StackEvent.read(stack.event("Create")))


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
