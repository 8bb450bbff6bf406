"""Every step says why, in words that `signer rotate` and the function's log show to people."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from signer.keys import KeyAlgorithm
from signer.rotation.plan import plan
from signer.rotation.ring import KeyKind, KeyState, Ring
from signer.rotation.steps import Act, Step
from tests.rotation.rings import NOW, PERIOD, SOAK, A, S, draining, key, ring, seen

OLD = key("a", KeyState.ACTIVE, since=NOW - PERIOD)
GONE: dict[str, Any] = {"group": ("KA",), "public_key_ids": frozenset({"KA"})}
OTHER_KIND = KeyKind(algorithm=KeyAlgorithm.RSA_2048)

STEPS: list[tuple[Ring, dict[str, Any], Step]] = [
    (ring(A), {}, Step(Act.PLAN, None, "no key stands by")),
    (ring(A, key("n", KeyState.PLANNED)), {}, Step(Act.STORE, "n", "a new key is needed")),
    (ring(A, key("n", KeyState.STORED)), {}, Step(Act.UPLOAD, "n", "its private half is stored")),
    (
        ring(A, key("n", KeyState.UPLOADED)),
        {},
        Step(Act.PUBLISH, "n", "its public half is uploaded"),
    ),
    (
        ring(key("n", KeyState.UPLOADED), started=False, key_group_id=None),
        {"group": None},
        Step(Act.CREATE_GROUP, "n", "there is no key group yet"),
    ),
    (
        ring(A, key("n", KeyState.PUBLISHED, since=NOW - SOAK)),
        {},
        Step(Act.TEST, "n", "it was in the group for long enough"),
    ),
    (ring(OLD, S), {}, Step(Act.STAGE, "s", "the signing key is old enough")),
    (ring(OLD, S), {"staged": "s"}, Step(Act.PROMOTE, "s", "the signing key is old enough")),
    (
        ring(A, S, draining(demoted=NOW - SOAK)),
        {},
        Step(Act.DESTROY, "d", "it will not be signed with again"),
    ),
    (
        ring(A, S, draining(demoted=NOW - 2 * SOAK, private_destroyed=True)),
        {},
        Step(Act.RETIRE, "d", "all that it signed has ended"),
    ),
    (
        ring(A, S, key("d", KeyState.RETIRING, private_destroyed=True)),
        {},
        Step(Act.REMOVE, "d", "nothing that it signed can be good"),
    ),
    (
        ring(A, S, key("d", KeyState.REMOVED, since=NOW - SOAK, private_destroyed=True)),
        {},
        Step(Act.DELETE, "d", "it is out of the group for long enough"),
    ),
    (
        ring(A, key("n", KeyState.STANDBY, kind=OTHER_KIND)),
        {},
        Step(Act.RETIRE, "n", "the settings ask for another kind of key"),
    ),
    (ring(A, S), {"current": "s"}, Step(Act.NOTE_ACTIVE, "s", "the signing secret names it")),
    (
        ring(A, key("n", KeyState.UPLOADED)),
        {"group": ("KA", "KN")},
        Step(Act.NOTE_PUBLISHED, "n", "it is in the group"),
    ),
    (
        ring(A, S, key("d", KeyState.RETIRING)),
        {"group": ("KA", "KS")},
        Step(Act.NOTE_REMOVED, "d", "it is not in the group"),
    ),
    (
        ring(A, key("n", KeyState.UPLOADED)),
        GONE,
        Step(Act.NOTE_LOST, "n", "CloudFront does not have its public half"),
    ),
    (ring(A, S), {"group": ("KA",)}, Step(Act.HEAL, "s", "somebody took it out of the group")),
    (
        ring(A, S),
        {"group": ("1", "2", "3", "4", "5")},
        Step(Act.HALT, "a", "it belongs into the group, and the group is full"),
    ),
    (ring(A, S), GONE, Step(Act.GIVE_UP, "s", "somebody deleted its public half")),
    (
        ring(A, S, draining()),
        {"group": ("KA", "KS"), "public_key_ids": frozenset({"KA", "KS"})},
        Step(Act.NOTE_REMOVED, "d", "somebody deleted its public half"),
    ),
    (ring(A, S), {"group": None}, Step(Act.HALT, None, "the key group is gone")),
    (
        ring(A, S),
        {"current": "x"},
        Step(Act.HALT, None, "the signing secret has a credential that this ring did not make"),
    ),
    (
        ring(A, key("x", KeyState.REMOVED)),
        {"current": "x"},
        Step(Act.RESTORE, "a", "issuers sign with a key that is REMOVED and not in the group"),
    ),
]


@pytest.mark.parametrize(("one", "fields", "step"), STEPS, ids=lambda one: getattr(one, "why", ""))
def test_every_step_says_why(one: Ring, fields: dict[str, Any], step: Step) -> None:
    assert plan(one, seen(one, **fields)) == step


def test_every_act_but_those_for_people_and_revoking_is_here() -> None:
    others = {Act.WAIT, Act.REVOKE}  # told in test_plan.py and test_plan_trouble.py
    assert {step.act for _, _, step in STEPS} == set(Act) - others


def test_a_key_that_is_not_trusted_any_more_does_not_hide_another_that_lost_its_place() -> None:
    one = ring(A, key("x", KeyState.DRAINING, revoked="why"), S)
    assert plan(one, seen(one, group=("KA",))) == Step(
        Act.HEAL, "s", "somebody took it out of the group"
    )


def test_times_that_are_missing_cut_nothing_short() -> None:
    never = replace(draining(private_destroyed=True), drain_until=None)
    assert plan(ring(A, S, never), seen(ring(A, S, never))).act is Act.WAIT
    unknown = ring(A, key("n", KeyState.PUBLISHED, since=NOW - 2 * SOAK, published_at=None))
    assert plan(unknown, seen(unknown)).act is Act.WAIT


def test_what_is_due_at_this_very_moment_is_not_waited_for() -> None:
    # The group is full, so that what is due (a key is to be planned) cannot be done.
    full = ring(A, draining("d"), draining("e"), draining("f"))
    step = plan(full, seen(full))
    assert step.act is Act.WAIT
    assert step.until is not None
    assert step.until > NOW


def test_of_two_that_are_due_at_once_either_may_be_told() -> None:
    one = ring(A, S, draining("e", demoted=NOW - 60), draining("d", demoted=NOW - 60))
    step = plan(one, seen(one))
    assert (step.act, step.kid) == (Act.WAIT, "e")


def test_a_group_of_two_before_the_first_signature_can_lose_one() -> None:
    keys = (key("q", KeyState.QUARANTINED, private_destroyed=True), key("n", KeyState.STORED))
    one = ring(*keys, started=False)
    assert plan(one, seen(one, group=("KQ", "X"))).act is Act.REMOVE
    assert plan(one, seen(one, group=("KQ",))).act is Act.UPLOAD


def test_a_key_that_drains_is_not_deleted_however_long_its_private_half_is_gone() -> None:
    drains = draining(demoted=NOW - 60, since=NOW - 2 * SOAK, private_destroyed=True)
    assert plan(ring(A, S, drains), seen(ring(A, S, drains))).act is Act.WAIT


def test_in_need_a_key_that_has_its_place_is_waited_for_in_a_full_group() -> None:
    coming = key("n", KeyState.PUBLISHED, since=NOW + 1)
    stolen = ring(key("a", KeyState.ACTIVE, revoked="stolen"), coming)
    step = plan(stolen, seen(stolen, group=("KA", "KN", "1", "2", "3")))
    assert (step.act, step.until) == (Act.WAIT, NOW + 1)


def test_an_emergency_does_not_wait_for_its_turn_and_a_schedule_does() -> None:
    gone = key("d", KeyState.REMOVED, since=NOW - SOAK, private_destroyed=True)
    tried = replace(S, attempts=9)
    stolen = ring(key("a", KeyState.ACTIVE, revoked="stolen"), tried, gone)
    assert plan(stolen, seen(stolen)).act is Act.STAGE
    old = ring(OLD, tried, gone)
    assert plan(old, seen(old)).act is Act.DELETE


def test_the_private_half_of_a_revoked_key_is_destroyed_at_once() -> None:
    out = key("d", KeyState.REMOVED, demoted_at=NOW, revoked="stolen")
    assert plan(ring(A, S, out), seen(ring(A, S, out))).act is Act.DESTROY
    drained = key("d", KeyState.REMOVED, demoted_at=NOW)
    assert plan(ring(A, S, drained), seen(ring(A, S, drained))).act is Act.WAIT


def test_a_full_group_hides_nothing_else_that_is_wrong() -> None:
    full = ("KX", "1", "2", "3", "4")
    lost = ring(A, key("n", KeyState.PUBLISHED))
    known = frozenset({"KA"})
    assert plan(lost, seen(lost, group=full, public_key_ids=known)).act is Act.GIVE_UP
    revoked = (key("x", KeyState.REVOKED, revoked="why"), draining(revoked="why"))
    one = ring(A, *revoked)
    assert plan(one, seen(one, group=full)) == Step(Act.REVOKE, "d", "why")
    calm = ring(A)
    assert plan(calm, seen(calm, group=("KA", "1", "2", "3", "4"))).act is Act.WAIT


def test_without_a_key_to_switch_back_to_people_are_told_why() -> None:
    one = ring(key("x", KeyState.RETIRING))
    told = "issuers sign with a key that is RETIRING and not in the group"
    assert plan(one, seen(one, current="x", group=())) == Step(Act.HALT, "x", told)
