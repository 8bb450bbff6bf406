from __future__ import annotations

from dataclasses import replace

import pytest

from signer.rotation.due import GRANT_SECONDS, rotation_due
from signer.rotation.plan import MAX_KEYS_IN_GROUP, foreign_keys, plan
from signer.rotation.ring import Custody, KeyKind, KeyState
from signer.rotation.steps import Act, Observed, Step
from tests.rotation.rings import (
    BACK,
    NOW,
    PERIOD,
    SKEW,
    SOAK,
    STALE,
    A,
    S,
    draining,
    key,
    next_of,
    ring,
    scheduled,
    seen,
)

# The way of a key, as the table at the top of signer/rotation/plan.py has it.


@pytest.mark.parametrize(
    ("state", "act"),
    [
        (KeyState.PLANNED, Act.STORE),
        (KeyState.STORED, Act.UPLOAD),
        (KeyState.UPLOADED, Act.PUBLISH),
        (KeyState.PUBLISHED, Act.WAIT),
        (KeyState.STANDBY, Act.WAIT),
    ],
)
def test_the_coming_key_takes_one_step_after_the_other(state: KeyState, act: Act) -> None:
    assert next_of(ring(A, key("n", state)))[0] is act


def test_a_key_is_planned_when_none_is_coming() -> None:
    assert plan(ring(A), seen(ring(A))) == Step(Act.PLAN, None, "no key stands by")


def test_a_published_key_is_tested_after_the_soak_and_not_a_second_before() -> None:
    one = ring(A, key("n", KeyState.PUBLISHED, since=NOW - SOAK))
    assert next_of(one) == (Act.TEST, "n")
    step = plan(one, seen(one, now=NOW - 1))
    assert (step.act, step.kid, step.until) == (Act.WAIT, "n", NOW)


def test_the_soak_counts_from_the_publishing() -> None:
    late = key("n", KeyState.PUBLISHED, since=NOW - 2 * SOAK, published_at=NOW - SOAK + 1)
    assert next_of(ring(A, late))[0] is Act.WAIT


def test_issuers_are_switched_when_the_signing_key_is_old_enough() -> None:
    one = ring(key("a", KeyState.ACTIVE, since=NOW - PERIOD), S)
    assert next_of(one) == (Act.STAGE, "s")
    assert next_of(one, staged="s") == (Act.PROMOTE, "s")
    assert next_of(one, now=NOW - 1) == (Act.WAIT, "s")
    assert next_of(one, now=NOW - 1, staged="s") == (Act.WAIT, "s")


def test_the_age_of_a_signing_key_counts_from_its_first_signature() -> None:
    one = ring(key("a", KeyState.ACTIVE, since=NOW, promoted_at=NOW - PERIOD), S)
    assert rotation_due(one, seen(one)) == NOW
    assert next_of(one) == (Act.STAGE, "s")
    # An adopted key may not tell.
    unknown = ring(key("a", KeyState.ACTIVE, since=NOW - PERIOD, promoted_at=None), S)
    assert next_of(unknown) == (Act.STAGE, "s")


def test_issuers_are_switched_to_a_key_in_kms_once_they_may_sign_with_it() -> None:
    old = key("a", KeyState.ACTIVE, since=NOW - 2 * PERIOD)
    kind = KeyKind(custody=Custody.KMS)
    one = ring(old, key("s", KeyState.STANDBY, kind=kind, staged_at=NOW - GRANT_SECONDS))
    assert next_of(one, staged="s") == (Act.PROMOTE, "s")
    step = plan(one, seen(one, staged="s", now=NOW - 1))
    assert (step.act, step.kid, step.until) == (Act.WAIT, "s", NOW)
    first = ring(key("n", KeyState.PUBLISHED, kind=kind), started=False)
    assert next_of(first, staged="n") == (Act.PROMOTE, "n")


def test_a_version_that_was_staged_by_nobody_knows_whom_is_staged_again() -> None:
    one = ring(A, key("s", KeyState.STANDBY, staged_at=None), rotate_requested=True)
    assert next_of(one, staged="s") == (Act.STAGE, "s")


def test_a_rotation_can_be_asked_for() -> None:
    one = ring(A, S, rotate_requested=True)
    assert plan(one, seen(one)) == Step(Act.STAGE, "s", "a rotation was asked for")
    waiting = ring(A, key("n", KeyState.PUBLISHED), rotate_requested=True)
    assert next_of(waiting)[0] is Act.WAIT


def test_a_drained_key_is_retired_then_removed_then_deleted() -> None:
    demoted = NOW - SOAK - STALE - SKEW
    old = draining(demoted=demoted, private_destroyed=True)
    assert next_of(ring(A, S, old)) == (Act.RETIRE, "d")
    assert next_of(ring(A, S, old), now=NOW - 1) == (Act.WAIT, "d")
    gone = replace(old, state=KeyState.RETIRING)
    assert next_of(ring(A, S, gone)) == (Act.REMOVE, "d")
    out = ring(A, S, replace(gone, state=KeyState.REMOVED, since=NOW - SOAK))
    assert next_of(out) == (Act.DELETE, "d")
    assert next_of(out, now=NOW - 1) == (Act.WAIT, "d")


def test_a_private_half_is_destroyed_when_nobody_can_switch_back_to_it() -> None:
    one = ring(A, S, draining(demoted=NOW - STALE - BACK))
    assert next_of(one) == (Act.DESTROY, "d")
    step = plan(one, seen(one, now=NOW - 1))
    assert (step.act, step.until) == (Act.WAIT, NOW)


def test_a_key_is_deleted_only_after_its_private_half_was_destroyed() -> None:
    out = key("d", KeyState.REMOVED, since=NOW - SOAK, demoted_at=NOW - SOAK)
    assert next_of(ring(A, S, out)) == (Act.DESTROY, "d")
    never = key("d", KeyState.REMOVED, since=NOW)
    assert next_of(ring(A, S, never)) == (Act.DESTROY, "d")


def test_a_key_without_a_public_half_needs_no_soak_to_be_deleted() -> None:
    out = key("d", KeyState.REMOVED, public_key_id=None, private_destroyed=True)
    assert next_of(ring(A, S, out)) == (Act.DELETE, "d")


# The first key.


def test_the_first_key_makes_the_group_and_signs_without_a_soak() -> None:
    first = ring(started=False, key_group_id=None)
    nothing = {"group": None, "current": "placeholder"}
    assert next_of(first, **nothing) == (Act.PLAN, None)
    up = ring(key("n", KeyState.UPLOADED), started=False, key_group_id=None)
    assert next_of(up, **nothing) == (Act.CREATE_GROUP, "n")
    out = ring(key("n", KeyState.PUBLISHED), started=False)
    assert plan(out, seen(out)) == Step(Act.STAGE, "n", "it is the first key")
    assert next_of(out, staged="n") == (Act.PROMOTE, "n")
    assert next_of(ring(key("n", KeyState.STANDBY), started=False))[0] is Act.STAGE
    # A group is not empty, so a first key that is of no use waits there for another one.
    bad = ring(key("n", KeyState.QUARANTINED, private_destroyed=True), started=False)
    assert next_of(bad) == (Act.PLAN, None)
    two = ring(
        key("n", KeyState.QUARANTINED, private_destroyed=True),
        key("m", KeyState.PUBLISHED),
        started=False,
    )
    assert next_of(two, staged="m") == (Act.PROMOTE, "m")


def test_a_first_key_is_not_promoted_before_it_is_in_the_group() -> None:
    one = ring(key("n", KeyState.PUBLISHED), started=False)
    assert next_of(one, group=()) == (Act.HEAL, "n")


# The group's places.


def test_a_fourth_key_is_the_last() -> None:
    crowd = [draining(name) for name in ("d", "e")]
    assert next_of(ring(A, *crowd))[0] is Act.PLAN
    full = ring(A, *crowd, draining("f"))
    assert next_of(full)[0] is Act.WAIT
    up = key("n", KeyState.UPLOADED)
    assert next_of(ring(A, *crowd, up)) == (Act.PUBLISH, "n")
    assert next_of(ring(A, *crowd, draining("f"), up))[0] is Act.WAIT


def test_other_peoples_keys_take_places_and_are_left_alone() -> None:
    one = ring(A)
    observed = seen(one, group=("KA", "X1", "X2", "X3"))
    assert foreign_keys(one, observed) == ("X1", "X2", "X3")
    step = plan(one, observed)
    assert step == Step(Act.WAIT, None, "there is no room in the key group for another key")
    assert foreign_keys(one, Observed(now=NOW)) == ()


def test_in_need_the_fifth_place_is_used() -> None:
    stolen = ring(key("a", KeyState.ACTIVE, revoked="stolen"), key("n", KeyState.UPLOADED))
    assert next_of(stolen, group=("KA", "X1", "X2", "X3")) == (Act.PUBLISH, "n")
    assert next_of(stolen, group=("KA", "X1", "X2", "X3", "X4")) == (Act.HALT, None)
    assert MAX_KEYS_IN_GROUP == 5


# What comes next, and when.


def test_the_next_thing_is_the_earliest() -> None:
    one = ring(A, S, draining(demoted=NOW - 60))
    step = plan(one, seen(one))
    assert step == Step(
        Act.WAIT, "d", "destroy the private half", NOW - 60 + STALE + BACK, Act.DESTROY
    )
    later = seen(one, now=NOW + STALE + BACK)
    destroyed = ring(A, S, draining(demoted=NOW - 60, private_destroyed=True))
    assert plan(destroyed, later).why == "let the key go"
    assert plan(ring(A, S), seen(ring(A, S))) == Step(
        Act.WAIT, "s", "switch issuers to the key", NOW + PERIOD, Act.PROMOTE
    )
    out = ring(A, S, key("d", KeyState.REMOVED, private_destroyed=True))
    assert plan(out, seen(out)) == Step(
        Act.WAIT, "d", "delete the public half", NOW + SOAK, Act.DELETE
    )


def test_every_act_has_a_word_for_programs_and_words_for_people() -> None:
    assert [act.value for act in Act] == [act.name.lower() for act in Act]
    assert len({act.words for act in Act}) == len(Act)


def test_a_schedule_is_followed() -> None:
    one = scheduled(ring(key("a", KeyState.ACTIVE, since=NOW - 60), S), period=60, soak=5)
    assert next_of(one) == (Act.STAGE, "s")
    soaked = scheduled(ring(A, key("n", KeyState.PUBLISHED, since=NOW - 5)), period=60, soak=5)
    assert next_of(soaked) == (Act.TEST, "n")
