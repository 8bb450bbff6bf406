"""The rotation function: a tick an event, what it logs and measures, and what a stack asks for."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest

from signer.errors import ConfigurationError
from signer.rotation import orders
from signer.rotation.ring import DAY, KeyState, Lease
from tests.lambda_asset import rotate_module
from tests.rotation.function import Invoked, invoked, metrics_of
from tests.rotation.stack import SIGNATURE, waiting_stack, without_pauses
from tests.rotation.world import SETTINGS, World, rotated

# What EventBridge and its Scheduler send.
SCHEDULED: list[object] = [
    {},
    {"version": "0", "source": "aws.events", "detail-type": "Scheduled Event", "detail": {}},
    None,
    [],
]
CANARY = "canary-3f9a"


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def function(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Invoked:
    return invoked(world, monkeypatch, capsys)


# Ticks.


@pytest.mark.parametrize("event", SCHEDULED)
def test_every_event_is_a_tick(function: Invoked, event: object) -> None:
    orders.create(function.world.rotation(), "r", SETTINGS)
    assert function(event)["act"] == "plan"
    assert function(event)["act"] == "store"


def test_a_whole_rotation_by_events(function: Invoked, world: World) -> None:
    world.begin()
    former = world.rotation().ring().active
    assert former is not None
    for _ in range(400):
        answer = function({})
        if rotated(world.rotation().ring(), former.kid):
            break
        until = answer["until"] if answer["result"] == "waiting" else None
        world.advance(300 if until is None else max(1, until - world.clock.now))
    else:
        pytest.fail("it does not come to an end")
    assert function.leaks() == set()


def test_a_tick_writes_one_line_and_its_metrics(function: Invoked, world: World) -> None:
    world.begin()
    world.advance(120)
    answer = function({})
    log, emf = function.written()
    assert answer == {
        "result": "done",
        "act": "plan",
        "kid": None,
        "state": None,
        "why": "no key stands by",
        "until": None,
        "then": None,
    }
    assert (log["level"], log["message"], log["service"]) == ("INFO", "tick", "rotation")
    assert {name: log.get(name) for name in answer} == answer
    assert metrics_of(emf) == {
        "FailedTicks": 0,
        "SigningKeyAge": 120,
        "ComingKeyAge": 0,
        "KeysInGroup": 1,
        "ForeignKeys": 0,
        "OverdueKeys": 0,
        "StaleKeys": 0,
        "HealedKeys": 0,
        "QuarantinedKeys": 0,
        "RevokedKeys": 0,
        "Halted": 0,
    }


def test_metrics_count_what_was_seen_before_the_step(function: Invoked, world: World) -> None:
    world.begin()
    counts: list[float] = []
    while len(counts) < 2:
        answer = function({})
        _, emf = function.written()
        if counts or answer["act"] == "publish":
            assert len(world.group()) == 2
            counts.append(metrics_of(emf)["KeysInGroup"])
    assert counts == [1, 2]


def test_a_tick_that_waits_says_until_when(function: Invoked, world: World) -> None:
    rotation = world.begin()
    world.run(rotation, lambda tick: any(tick.ring.in_state(KeyState.STANDBY)))
    world.advance(60)
    answer = function({})
    log, emf = function.written()
    assert (answer["result"], answer["why"]) == ("waiting", "switch issuers to the key")
    active = world.rotation().ring().active
    assert active is not None
    assert answer["until"] == log["until"] == (active.promoted_at or 0) + DAY
    assert metrics_of(emf)["ComingKeyAge"] == 60
    assert metrics_of(emf)["KeysInGroup"] == 2


def test_a_tick_beside_another_is_no_error(function: Invoked, world: World) -> None:
    rotation = world.begin()
    ring, now = rotation.ring(), int(world.clock.now)
    lease = Lease("other", now + 5)
    rotation.store.write(replace(ring, rev=ring.rev + 1, lease=lease), over=ring.rev)
    answer = function({})
    log, emf = function.written()
    assert (answer["result"], log["level"]) == ("busy", "INFO")
    assert metrics_of(emf)["FailedTicks"] == 0


def test_a_halt_is_an_error_in_the_log_and_in_the_metrics(function: Invoked, world: World) -> None:
    rotation = world.begin()
    orders.freeze(rotation, "we look into it")
    assert function({})["result"] == "halted"
    log, emf = function.written()
    assert (log["level"], log["why"]) == ("ERROR", "frozen: we look into it")
    assert log["concerns"] == ["frozen: we look into it"]
    assert metrics_of(emf)["Halted"] == 1


def test_what_is_late_is_counted(function: Invoked, world: World) -> None:
    rotation = world.begin()
    world.run(rotation, lambda tick: any(tick.ring.in_state(KeyState.PUBLISHED)))
    world.checking = False
    world.advance(3 * DAY)
    orders.freeze(rotation, "for too long")
    function({})
    found = metrics_of(function.written()[1])
    assert (found["OverdueKeys"], found["StaleKeys"]) == (2, 1)
    assert found["SigningKeyAge"] > 3 * DAY


def test_what_happened_to_keys_is_counted(function: Invoked, world: World) -> None:
    rotation = world.begin()
    stranger = world.cloudfront.create_public_key(
        PublicKeyConfig={
            "Name": "stranger",
            "CallerReference": "stranger",
            "EncodedKey": next(iter(world.cloudfront.public_keys.values())).public_key.to_pem(),
        }
    )["PublicKey"]["Id"]
    group = rotation.ring().key_group_id
    assert group is not None
    rotation.aws.key_groups.add(group, stranger)
    world.run(rotation, lambda tick: any(tick.ring.in_state(KeyState.STANDBY)))
    coming = rotation.ring().coming
    assert coming is not None
    assert coming.public_key_id is not None
    rotation.aws.key_groups.remove(group, coming.public_key_id)
    assert function({})["act"] == "heal"
    function.written()
    orders.revoke(rotation, coming.kid, "a test")
    assert function({})["act"] == "revoke"
    found = metrics_of(function.written()[1])
    assert {name: found[name] for name in ("ForeignKeys", "HealedKeys", "RevokedKeys")} == {
        "ForeignKeys": 1,
        "HealedKeys": 1,
        "RevokedKeys": 1,
    }


# The setting.


@pytest.mark.parametrize(
    "value",
    ["", f"file:{CANARY}", CANARY, f"dynamodb:{CANARY}!", "dynamodb:", "dynamodb:a/b/c", None],
)
def test_a_wrong_setting_stops_the_start_and_is_named(value: str | None) -> None:
    environ = {} if value is None else {"SIGNER_RING": value}
    with pytest.raises(ConfigurationError, match=r"SIGNER_RING.*set it to dynamodb:") as caught:
        rotate_module().build(environ)
    assert caught.value.code == "setting"
    assert CANARY not in str(caught.value)


def test_nothing_is_asked_at_the_start(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    invoked(world, monkeypatch, capsys)
    assert world.calls == 0


def test_libraries_that_write_down_what_they_send_are_kept_from_it(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(logging.getLogger(), "level", logging.DEBUG)
    logging.getLogger().manager._clear_cache()  # type: ignore[attr-defined]
    invoked(world, monkeypatch, capsys, POWERTOOLS_LOG_LEVEL="DEBUG")
    for name in ("botocore", "botocore.endpoint", "urllib3.connectionpool"):
        assert not logging.getLogger(name).isEnabledFor(logging.DEBUG)


# Stacks.


def test_a_stack_makes_a_ring_and_ticks_go_on_with_it(function: Invoked, world: World) -> None:
    with waiting_stack() as stack:
        answer = function(stack.event("Create"))
        group = stack.answer["Data"]["KeyGroupId"]
        assert answer == {"request": "Create", "status": "SUCCESS", "code": ""}
        log, emf = function.written()
        assert (log["message"], log["status"], log["resource"]) == ("stack", "SUCCESS", group)
        assert emf == {}
        assert function({})["act"] == "plan"
        function(stack.event("Update", group, Period="30d"))
        function(stack.event("Delete", group))
    assert world.rotation().ring().settings.schedule.period == 30 * DAY
    assert function.leaks() == set()
    assert SIGNATURE not in "".join(function.shown)


def test_a_failure_that_was_answered_is_not_tried_again_by_lambda(function: Invoked) -> None:
    with waiting_stack() as stack:
        answer = function(stack.event("Create", Nmae=CANARY))
        assert stack.answer["Status"] == "FAILED"
    assert answer == {"request": "Create", "status": "FAILED", "code": "stack_property"}
    log, _ = function.written()
    assert (log["level"], log["code"]) == ("ERROR", "stack_property")
    assert "Nmae" in log["reason"]


def test_an_answer_that_was_not_taken_is_an_error(
    function: Invoked, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_pauses(monkeypatch)
    with waiting_stack() as stack:
        stack.statuses = [403] * 3
        with pytest.raises(RuntimeError, match=r"^stack_answer: "):
            function(stack.event("Create"))
    log, emf = function.written()
    assert log["code"] == "stack_answer"
    assert emf == {}
    assert SIGNATURE not in "".join(function.shown)


def test_an_event_of_nobodys_is_refused_without_repeating_it(function: Invoked) -> None:
    with pytest.raises(RuntimeError, match=r"^stack_event: "):
        function({"RequestType": CANARY, "ResponseURL": f"https://{CANARY}.example"})
    function.written()
    with waiting_stack() as stack:
        function(stack.event(CANARY))
    function.written()
    assert CANARY not in "".join(function.shown)


def test_a_context_without_a_clock_is_taken(function: Invoked) -> None:
    orders.create(function.world.rotation(), "r", SETTINGS)
    with waiting_stack() as stack:
        assert function.handler(stack.event("Delete"), None)["status"] == "SUCCESS"
