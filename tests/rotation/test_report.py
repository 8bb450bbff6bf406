"""The report about a ring: what it says of each key, what it counts, and when it asks for a person."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from signer.rotation.due import GRANT_SECONDS
from signer.rotation.plan import plan
from signer.rotation.report import HAND_OVER, KeyReport, Report, report
from signer.rotation.ring import DAY, HOUR, MAX_HISTORY, Custody, Event, KeyState, Ring, RingKey
from signer.rotation.steps import Act, Observed
from tests.rotation.rings import BACK, NOW, PERIOD, SOAK, STALE, key, ring, seen
from tests.rotation.world import World

ACTIVE = key("a", KeyState.ACTIVE)
STANDBY = key("s", KeyState.STANDBY)


def told(one: Ring, observed: Observed | None = None) -> Report:
    """Return the report about a ring where everything is as it says, unless told otherwise."""
    observed = observed or seen(one)
    return report(one, observed, plan(one, observed))


def next_of(found: Report, kid: str) -> tuple[str, int | None] | None:
    """Return what comes to a key, and when."""
    one = of(found, kid).next
    return None if one is None else (one.act, one.at)


def of(found: Report, kid: str) -> KeyReport:
    return next(one for one in found.keys if one.kid == kid)


def test_a_ring_in_order() -> None:
    found = told(ring(ACTIVE, STANDBY))
    assert found.concerns == ()
    assert (found.name, found.key_group_id, found.signing_secret) == ("r", "group", "signing")
    assert found.totals.keys_in_group == 2
    assert next_of(found, "a") == (HAND_OVER, NOW + PERIOD)
    assert next_of(found, "s") == (Act.PROMOTE.value, NOW + PERIOD)
    assert found.next is not None
    assert (found.next.act, found.next.kid, found.next.at) == (Act.PROMOTE.value, "s", NOW + PERIOD)


def test_an_empty_ring() -> None:
    found = told(Ring(name="r", settings=ring().settings), Observed(now=NOW))
    assert found.keys == ()
    assert found.key_group_id is None
    assert found.next is not None
    assert (found.next.act, found.next.at) == (Act.PLAN.value, NOW)
    assert found.totals.signing_key_age == 0
    assert found.concerns == ()


def test_what_is_told_of_a_key() -> None:
    one = told(ring(key("a", KeyState.ACTIVE, since=NOW - 100), STANDBY)).keys[0]
    assert (one.kid, one.key_pair_id, one.state, one.age) == ("a", "KA", "ACTIVE", 100)
    assert (one.algorithm, one.hash_algorithm, one.custody) == ("ECDSA_P256", "SHA256", "secret")
    assert (one.max_lifetime, one.in_group, one.in_place) == (DAY, True, True)


@pytest.mark.parametrize(
    ("state", "act"),
    [
        (KeyState.PLANNED, Act.STORE),
        (KeyState.STORED, Act.UPLOAD),
        (KeyState.UPLOADED, Act.PUBLISH),
    ],
)
def test_what_comes_to_a_key_that_is_being_made(state: KeyState, act: Act) -> None:
    assert next_of(told(ring(ACTIVE, key("n", state))), "n") == (act.value, NOW)


def test_the_soak_ends_with_a_test() -> None:
    one = key("n", KeyState.PUBLISHED, since=NOW - HOUR)
    assert next_of(told(ring(ACTIVE, one)), "n") == (Act.TEST.value, NOW - HOUR + SOAK)
    # Where it is urgent, the probes alone have to do.
    stolen = replace(ACTIVE, revoked="stolen")
    assert next_of(told(ring(stolen, one)), "n") == (Act.TEST.value, NOW)


def test_a_key_in_kms_waits_for_its_grant() -> None:
    kind = replace(STANDBY.kind, custody=Custody.KMS)
    one = replace(STANDBY, kind=kind, staged_at=NOW)
    kept = ring(ACTIVE, one, rotate_requested=True)
    found = told(kept, seen(kept, staged="s"))
    assert next_of(found, "s") == (Act.PROMOTE.value, NOW + GRANT_SECONDS)


def test_the_very_first_key_has_no_soak() -> None:
    one = key("n", KeyState.PUBLISHED, staged_at=NOW)
    found = told(ring(one, started=False), seen(ring(one), staged="n"))
    assert next_of(found, "n") == (Act.PROMOTE.value, NOW)


def test_a_draining_key_loses_its_private_half_and_then_its_place() -> None:
    one = key("d", KeyState.DRAINING, demoted_at=NOW, drain_until=NOW + DAY)
    destroyed = NOW + STALE + BACK
    assert next_of(told(ring(ACTIVE, STANDBY, one)), "d") == (Act.DESTROY.value, destroyed)
    one = replace(one, private_destroyed=True)
    assert next_of(told(ring(ACTIVE, STANDBY, one)), "d") == (Act.RETIRE.value, NOW + DAY)


def test_a_removed_key_is_deleted_after_the_soak() -> None:
    one = key("x", KeyState.REMOVED, private_destroyed=True)
    assert next_of(told(ring(ACTIVE, STANDBY, one)), "x") == (Act.DELETE.value, NOW + SOAK)


@pytest.mark.parametrize("state", [KeyState.RETIRING, KeyState.REVOKED, KeyState.QUARANTINED])
def test_a_key_that_leaves_is_taken_out(state: KeyState) -> None:
    one = key("x", state, private_destroyed=True)
    assert next_of(told(ring(ACTIVE, STANDBY, one)), "x") == (Act.REMOVE.value, NOW)


def test_what_is_due_and_is_not_done_has_no_time() -> None:
    draining = [
        key(
            f"d{i}",
            KeyState.DRAINING,
            drain_until=NOW + DAY,
            demoted_at=NOW,
            private_destroyed=True,
        )
        for i in range(3)
    ]
    waits = key("n", KeyState.UPLOADED)
    found = told(ring(*draining, ACTIVE, waits))
    assert next_of(found, "n") == (Act.PUBLISH.value, None)
    # So does the signing key that is old, while no other one stands by.
    old = key("a", KeyState.ACTIVE, since=NOW - PERIOD)
    found = told(ring(old, key("n", KeyState.PUBLISHED)))
    assert next_of(found, "a") == (HAND_OVER, None)


def test_the_turn_of_another_key_comes_first() -> None:
    lost = replace(STANDBY, kid="s")
    one = ring(key("p", KeyState.RETIRING, private_destroyed=True), ACTIVE, lost)
    observed = replace(seen(one), group=("KP", "KA"))
    found = told(one, observed)
    assert found.next is not None
    assert found.next.kid == "s"
    assert next_of(found, "p") == (Act.REMOVE.value, NOW)


def test_a_key_that_lost_its_place_is_told() -> None:
    one = ring(ACTIVE, STANDBY)
    found = told(one, replace(seen(one), group=("KS",)))
    assert not of(found, "a").in_place
    assert of(found, "s").in_place
    assert next_of(found, "a") == (Act.HEAL.value, NOW)
    # One that has to be out is in its place there.
    gone = key("x", KeyState.REMOVED)
    found = told(ring(ACTIVE, STANDBY, gone))
    assert (of(found, "x").in_group, of(found, "x").in_place) == (False, True)


def test_what_halts_needs_a_person() -> None:
    frozen = told(ring(ACTIVE, STANDBY, frozen="we look"))
    assert frozen.concerns == ("frozen: we look",)
    assert (frozen.next, frozen.totals.halted) == (None, 1)
    assert all(one.next is None for one in frozen.keys)
    one = ring(ACTIVE, STANDBY)
    gone = told(one, replace(seen(one), group=None))
    assert gone.concerns == ("the key group is gone",)


def test_foreign_keys_and_a_full_group_need_a_person() -> None:
    one = ring(ACTIVE, STANDBY)
    found = told(one, replace(seen(one), group=("KA", "KS", "K1", "K2", "K3")))
    assert found.foreign_keys == ("K1", "K2", "K3")
    assert (found.totals.foreign, found.totals.keys_in_group) == (3, 5)
    assert found.concerns == (
        "keys that this ring did not make are in the key group: K1, K2, K3",
        "the key group is full: it has 5 keys",
    )


@pytest.mark.parametrize(
    ("coming", "until"),
    [
        ([], "the next key is not made yet"),
        ([key("n", KeyState.PUBLISHED)], "the next key n is PUBLISHED"),
        ([STANDBY], "issuers are to be switched to s, which stands by"),
    ],
)
def test_a_revoked_signing_key_needs_a_person(coming: list[RingKey], until: str) -> None:
    stolen = replace(ACTIVE, revoked="stolen")
    told_of = "the signing key a is revoked and is still trusted"
    assert told(ring(stolen, *coming)).concerns == (f"{told_of}: {until}",)
    frozen = told(ring(stolen, *coming, frozen="we look"))
    assert frozen.concerns == ("frozen: we look", f"{told_of}: nothing is done about it")


@pytest.mark.parametrize("state", [KeyState.REVOKED, KeyState.DRAINING, KeyState.STANDBY])
def test_a_revoked_key_that_stays_in_the_group_needs_a_person(state: KeyState) -> None:
    for late in (0, 1):
        since = NOW - 15 * 60 - late
        made = {"drain_until": NOW + DAY} if state is KeyState.DRAINING else {}
        one = ring(ACTIVE, key("x", state, since=since, revoked="stolen", **made))
        found = told(one)
        assert (
            found.concerns
            == (
                f"the key x is revoked and is still trusted: it is {state.value} and in the key group",
            )[:late]
        )
        # Out of the group nobody trusts it.
        assert told(one, replace(seen(one), group=("KA",))).troubles == ()
        # The time counts from the order, not from when the key entered its state.
        lately = (Event(since, "x", "to be revoked: x"), Event(NOW, "x", "to be revoked: stolen"))
        assert told(replace(one, history=lately)).troubles == ()
        before = (Event(since, "x", "to be revoked: stolen"), Event(NOW, "x", state.value))
        assert len(told(replace(one, history=before)).troubles) == late


def test_a_removed_key_that_somebody_put_back_needs_a_person() -> None:
    one = ring(ACTIVE, STANDBY, key("x", KeyState.REMOVED, revoked="stolen"))
    assert told(one).concerns == ()
    found = told(one, replace(seen(one), group=("KA", "KS", "KX", "K1")))
    assert found.foreign_keys == ("K1", "KX")
    assert found.totals.foreign == 2
    assert found.concerns == (
        "the key x (KX) is REMOVED and was put back into the key group by somebody",
        "keys that this ring did not make are in the key group: K1",
    )


@pytest.mark.parametrize(
    ("state", "passes"),
    [(KeyState.STORED, 0), (KeyState.STANDBY, 3), (KeyState.PUBLISHED, 0), (KeyState.PUBLISHED, 2)],
)
def test_a_step_that_fails_again_and_again_needs_a_person(state: KeyState, passes: int) -> None:
    # Good tests of a key are begun too, and did not fail.
    good = passes if state is KeyState.PUBLISHED else 0
    few, many = (key("n", state, attempts=good + count, passes=passes) for count in (2, 3))
    assert told(ring(ACTIVE, few)).concerns == ()
    assert told(ring(ACTIVE, many)).concerns == (
        f"the step from {state.value} of key n failed 3 times: signer rotate tick says why",
    )


@pytest.mark.parametrize("late", [0, 1])
def test_a_signing_key_is_overdue_an_hour_after_it_could_have_been_replaced(late: int) -> None:
    old = key("a", KeyState.ACTIVE, since=NOW - PERIOD - SOAK - HOUR - late)
    found = told(ring(old, key("n", KeyState.PUBLISHED)))
    assert found.totals.overdue == len(found.concerns) == late
    assert found.totals.signing_key_age == PERIOD + SOAK + HOUR + late


@pytest.mark.parametrize(
    "state", [KeyState.PLANNED, KeyState.STORED, KeyState.UPLOADED, KeyState.PUBLISHED]
)
def test_a_key_that_does_not_get_on_is_overdue(state: KeyState) -> None:
    for late in (0, 1):
        one = key("n", state, since=NOW - SOAK - HOUR - late)
        found = told(ring(ACTIVE, one))
        assert found.totals.overdue == late
        assert found.overdue == (f"the next key n is {state.value} for too long",)[:late]


def test_a_key_that_stands_by_may_do_so_for_long() -> None:
    assert told(ring(ACTIVE, key("s", KeyState.STANDBY, since=NOW - 80 * DAY))).concerns == ()


@pytest.mark.parametrize(
    ("state", "fields", "after"),
    [
        (KeyState.PLANNED, {}, 0),
        (KeyState.UPLOADED, {}, 0),
        (KeyState.PUBLISHED, {}, SOAK),
        (KeyState.DRAINING, {"drain_until": NOW - 3 * DAY}, -3 * DAY),
        (KeyState.RETIRING, {}, 0),
        (KeyState.REVOKED, {}, 0),
        (KeyState.REMOVED, {"private_destroyed": True}, SOAK),
        (KeyState.REMOVED, {"demoted_at": NOW + DAY}, DAY + STALE + BACK),
    ],
)
def test_a_key_in_a_passing_state_is_stale_an_hour_after_its_time(
    state: KeyState, fields: dict[str, Any], after: int
) -> None:
    one = ring(ACTIVE, key("x", state, **fields))
    for late in (0, 1):
        now = NOW + after + HOUR + late
        found = told(one, seen(one, now=now))
        assert found.totals.stale == late
        assert of(found, "x").stale is bool(late)
        assert not of(found, "a").stale


def test_keys_that_stay_are_not_stale() -> None:
    one = ring(ACTIVE, STANDBY)
    assert told(one, seen(one, now=NOW + 80 * DAY)).totals.stale == 0


def test_the_age_of_the_next_key() -> None:
    assert (
        told(ring(ACTIVE, key("s", KeyState.STANDBY, since=NOW - 60))).totals.coming_key_age == 60
    )
    assert told(ring(ACTIVE)).totals.coming_key_age == 0


def test_what_happened_in_24_hours_is_counted() -> None:
    history = tuple(
        Event(at, "x", what)
        for at in (NOW - DAY, NOW - DAY + 1, NOW)
        for what in ("HEALED: put back into the group", "QUARANTINED: x", "REVOKED: x", "ACTIVE")
    )
    totals = told(ring(ACTIVE, STANDBY, history=history)).totals
    assert (totals.healed, totals.quarantined, totals.revoked) == (2, 2, 2)


def test_the_document_is_json_and_has_every_concern() -> None:
    found = told(ring(ACTIVE, STANDBY, frozen="we look"))
    document = json.loads(json.dumps(found.document()))
    assert document["concerns"] == ["frozen: we look"]
    assert document["keys"][0]["next"] is None
    assert document["totals"]["halted"] == 1


def test_the_document_has_the_settings_and_what_happened() -> None:
    history = tuple(Event(NOW + at, "a", "staged") for at in range(MAX_HISTORY))
    document = json.loads(json.dumps(told(ring(ACTIVE, STANDBY, history=history)).document()))
    settings = document["settings"]
    assert (settings["signing_secret"], settings["standby_secret"]) == ("signing", "standby")
    assert settings["probe_url"] == "https://cdn.example/p"
    assert settings["schedule"]["soak"] == SOAK
    assert settings["next_key"] == {
        "algorithm": "ECDSA_P256",
        "hash_algorithm": "SHA256",
        "custody": "secret",
        "max_lifetime": DAY,
    }
    assert len(document["history"]) == 60
    assert document["history"][0] == {"at": NOW, "kid": "a", "what": "staged"}


def test_what_is_foretold_comes_to_pass() -> None:
    """Whatever is told for a time comes at that time, over a whole rotation."""
    world = World()
    rotation = world.begin()
    foretold: dict[tuple[str | None, str], int] = {}
    came = 0
    for _ in range(60):
        ahead = rotation.next_step()
        found = report(ahead.ring, ahead.observed, ahead.step)
        assert found.concerns == ()
        step, now = ahead.step, ahead.observed.now
        due = foretold.pop((step.kid, step.act.value), None)
        if due is not None:
            assert due <= now
            came += 1
        for one in found.keys:
            if one.next is not None and one.next.at is not None and one.next.at > now:
                foretold[one.kid, one.next.act] = one.next.at
        tick = rotation.tick()
        if tick.step.act is Act.WAIT:
            assert tick.step.until == min(at for at in foretold.values() if at > now)
        world.pass_time(tick)
    assert came > 5


def test_where_no_time_is_known_none_is_told() -> None:
    stuck = [
        key(kid, KeyState.DRAINING, demoted_at=NOW, private_destroyed=True, drain_until=None)
        for kid in ("d", "e", "f")
    ]
    active = key("a", KeyState.ACTIVE)
    found = told(ring(active, *stuck))
    assert found.next is not None
    assert (found.next.act, found.next.at) == (Act.WAIT.value, None)
    assert next_of(found, "d") is None
    assert next_of(found, "a") == (HAND_OVER, NOW + PERIOD)


def test_a_first_key_that_stands_by_is_switched_to() -> None:
    one = ring(key("n", KeyState.STANDBY), key("q", KeyState.QUARANTINED), started=False)
    found = told(one, seen(one, current="placeholder"))
    assert next_of(found, "n") is not None


@pytest.mark.parametrize("destroyed", [False, True])
def test_a_key_that_is_out_of_the_group_is_destroyed_and_then_deleted(destroyed: bool) -> None:
    out = key("d", KeyState.REMOVED, demoted_at=NOW, private_destroyed=destroyed)
    sooner = key("e", KeyState.DRAINING, drain_until=NOW + 10, private_destroyed=True)
    found = told(ring(key("a", KeyState.ACTIVE), key("s", KeyState.STANDBY), sooner, out))
    due = NOW + (SOAK if destroyed else STALE + BACK)
    assert next_of(found, "d") == (Act.DELETE.value if destroyed else Act.DESTROY.value, due)
