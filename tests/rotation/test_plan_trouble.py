"""What the plan does where something went wrong, was taken away, or was revoked."""

from __future__ import annotations

from dataclasses import replace

import pytest

from signer.keys import KeyAlgorithm
from signer.rotation.due import is_urgent
from signer.rotation.plan import plan
from signer.rotation.ring import Event, KeyKind, KeyState
from signer.rotation.steps import Act, Step
from tests.rotation.rings import (
    NOW,
    PERIOD,
    SOAK,
    A,
    S,
    draining,
    key,
    next_of,
    ring,
    seen,
)

# What happened already is written down.


def test_a_key_that_is_in_the_group_is_published() -> None:
    one = ring(A, key("n", KeyState.UPLOADED))
    assert next_of(one, group=("KA", "KN")) == (Act.NOTE_PUBLISHED, "n")


@pytest.mark.parametrize("state", [KeyState.RETIRING, KeyState.REVOKED, KeyState.QUARANTINED])
def test_a_key_that_is_out_of_the_group_is_removed(state: KeyState) -> None:
    one = ring(A, S, key("d", state))
    assert next_of(one, group=("KA", "KS")) == (Act.NOTE_REMOVED, "d")


@pytest.mark.parametrize(
    "state",
    [
        KeyState.STANDBY,
        KeyState.DRAINING,
        KeyState.RETIRING,
        KeyState.REVOKED,
        KeyState.QUARANTINED,
    ],
)
def test_the_key_that_the_secret_names_is_the_active_one(state: KeyState) -> None:
    one = ring(A, key("x", state))
    assert next_of(one, current="x") == (Act.NOTE_ACTIVE, "x")
    assert next_of(ring(key("x", state)), current="x") == (Act.NOTE_ACTIVE, "x")


def test_a_public_half_that_is_gone_before_it_was_published_is_uploaded_again() -> None:
    one = ring(A, key("n", KeyState.UPLOADED))
    assert next_of(one, public_key_ids=frozenset({"KA"})) == (Act.NOTE_LOST, "n")


# What was taken out of the group comes back.


@pytest.mark.parametrize("state", [KeyState.PUBLISHED, KeyState.STANDBY, KeyState.DRAINING])
def test_a_key_that_lost_its_place_gets_it_back(state: KeyState) -> None:
    one = ring(A, key("x", state, drain_until=NOW + 1))
    assert next_of(one, group=("KA",)) == (Act.HEAL, "x")


def test_the_signing_key_comes_back_first() -> None:
    one = ring(key("p", KeyState.STANDBY), draining(), A)
    assert next_of(one, group=()) == (Act.HEAL, "a")
    assert next_of(one, group=("KA",)) == (Act.HEAL, "d")
    assert next_of(one, group=("KA", "KD")) == (Act.HEAL, "p")


def test_a_group_full_of_other_keys_is_for_people() -> None:
    step = plan(ring(A, S), seen(ring(A, S), group=("X1", "X2", "X3", "X4", "X5")))
    assert (step.act, step.kid) == (Act.HALT, "a")
    assert next_of(ring(A, S), group=("X1", "X2", "X3", "X4")) == (Act.HEAL, "a")


def test_a_deleted_public_half_cannot_come_back() -> None:
    nothing: dict[str, object] = {"group": ("KA",), "public_key_ids": frozenset({"KA"})}
    assert next_of(ring(A, key("n", KeyState.PUBLISHED)), **nothing) == (Act.GIVE_UP, "n")
    assert next_of(ring(A, S), **nothing) == (Act.GIVE_UP, "s")
    assert next_of(
        ring(A, S, draining()), group=("KA", "KS"), public_key_ids=frozenset({"KA", "KS"})
    ) == (Act.NOTE_REMOVED, "d")


def test_issuers_leave_a_key_whose_public_half_was_deleted() -> None:
    lost: dict[str, object] = {"group": ("KS",), "public_key_ids": frozenset({"KS"})}
    assert next_of(ring(A, S), **lost) == (Act.STAGE, "s")
    soaking = ring(A, key("n", KeyState.PUBLISHED))
    assert next_of(soaking, group=("KN",), public_key_ids=frozenset({"KN"})) == (Act.TEST, "n")
    # Nothing leaves the group while no key in it is signed with.
    stuck = ring(
        A,
        key("n", KeyState.PUBLISHED, since=NOW + 1),
        key("d", KeyState.RETIRING, private_destroyed=True),
    )
    assert next_of(stuck, group=("KN", "KD"), public_key_ids=frozenset({"KN", "KD"}))[0] is Act.WAIT


# Revoking.


def test_a_revoked_signing_key_is_replaced_at_once_and_then_removed() -> None:
    stolen = key("a", KeyState.ACTIVE, revoked="stolen")
    one = ring(stolen, S)
    assert plan(one, seen(one)) == Step(Act.STAGE, "s", "the signing key was revoked")
    assert next_of(one, staged="s") == (Act.PROMOTE, "s")
    after = ring(
        key("s", KeyState.ACTIVE),
        replace(stolen, state=KeyState.DRAINING, demoted_at=NOW, drain_until=NOW + 9),
    )
    assert plan(after, seen(after)) == Step(Act.REVOKE, "a", "stolen")
    revoked = ring(key("s", KeyState.ACTIVE), key("a", KeyState.REVOKED, revoked="stolen"))
    assert plan(revoked, seen(revoked)) == Step(Act.REMOVE, "a", "it was revoked: stolen")


def test_without_a_standby_a_revoked_signing_key_waits_for_the_probes_only() -> None:
    stolen = key("a", KeyState.ACTIVE, revoked="stolen")
    assert next_of(ring(stolen)) == (Act.PLAN, None)
    assert next_of(ring(stolen, key("n", KeyState.PUBLISHED))) == (Act.TEST, "n")


@pytest.mark.parametrize(
    "state",
    [
        KeyState.PLANNED,
        KeyState.STORED,
        KeyState.UPLOADED,
        KeyState.PUBLISHED,
        KeyState.STANDBY,
        KeyState.DRAINING,
    ],
)
def test_any_other_key_is_revoked_where_it_is(state: KeyState) -> None:
    one = ring(A, key("x", state, revoked="why"))
    assert next_of(one) == (Act.REVOKE, "x")
    # It is not put back first.
    assert next_of(one, group=("KA",)) == (Act.REVOKE, "x")


@pytest.mark.parametrize("revoked", ["", "stolen"])
def test_a_removed_key_that_somebody_put_back_is_taken_out_again(revoked: str) -> None:
    out = key("x", KeyState.REMOVED, revoked=revoked, private_destroyed=True)
    step = plan(ring(A, S, out), seen(ring(A, S, out), group=("KA", "KS", "KX")))
    assert step == Step(Act.REMOVE, "x", "somebody put it back into the group")


def test_in_need_another_key_is_planned_for_the_fifth_place() -> None:
    stolen = ring(key("a", KeyState.ACTIVE, revoked="stolen"))
    assert next_of(stolen, group=("KA", "X1", "X2", "X3")) == (Act.PLAN, None)
    step = plan(stolen, seen(stolen, group=("KA", "X1", "X2", "X3", "X4")))
    assert step == Step(Act.HALT, None, "another key is needed now, and the group is full")


def test_a_full_group_does_not_keep_what_makes_room() -> None:
    drained = draining(demoted=NOW - 9 * SOAK, private_destroyed=True)
    one = ring(A, drained, S)
    assert next_of(one, group=("KA", "KD", "1", "2", "3")) == (Act.RETIRE, "d")
    leaked = ring(A, key("x", KeyState.REVOKED, revoked="why"), S)
    assert next_of(leaked, group=("KA", "KX", "1", "2", "3")) == (Act.REMOVE, "x")


def test_what_fails_again_and_again_lets_the_others_pass() -> None:
    stuck = key("d", KeyState.REMOVED, since=NOW - SOAK, private_destroyed=True, attempts=4)
    assert next_of(ring(A, stuck)) == (Act.PLAN, None)
    assert next_of(ring(A, stuck, key("n", KeyState.STORED))) == (Act.UPLOAD, "n")
    assert next_of(ring(A, stuck, key("n", KeyState.STORED, attempts=9))) == (Act.DELETE, "d")
    old = ring(key("a", KeyState.ACTIVE, since=NOW - PERIOD), stuck, S)
    assert next_of(old, staged="s") == (Act.PROMOTE, "s")


def test_a_signing_key_that_cannot_sign_is_replaced_at_once() -> None:
    why = "the signing key is of no use any more"
    dead = ring(key("a", KeyState.ACTIVE, private_destroyed=True), S)
    assert plan(dead, seen(dead)) == Step(Act.STAGE, "s", why)
    disabled = ring(A, S)
    assert plan(disabled, seen(disabled, active_is_dead=True)) == Step(Act.STAGE, "s", why)
    assert next_of(disabled, active_is_dead=False)[0] is Act.WAIT


def test_a_revoked_key_goes_all_the_way() -> None:
    one = ring(A, S, key("x", KeyState.REVOKED, revoked="why"))
    assert next_of(one, group=("KS", "KX"), public_key_ids=frozenset({"KA", "KS", "KX"})) == (
        Act.HEAL,
        "a",
    )
    assert next_of(one) == (Act.REMOVE, "x")
    out = ring(A, S, key("x", KeyState.REMOVED, revoked="why"))
    assert next_of(out) == (Act.DESTROY, "x")
    assert next_of(
        ring(
            A,
            S,
            key("x", KeyState.REMOVED, since=NOW - SOAK, revoked="why", private_destroyed=True),
        )
    ) == (Act.DELETE, "x")


OTHER_KIND = KeyKind(algorithm=KeyAlgorithm.RSA_2048)


# Another kind of key.


@pytest.mark.parametrize(
    "state",
    [KeyState.PLANNED, KeyState.STORED, KeyState.UPLOADED, KeyState.PUBLISHED, KeyState.STANDBY],
)
def test_a_coming_key_of_another_kind_than_asked_for_is_let_go(state: KeyState) -> None:
    one = ring(A, key("n", state, kind=OTHER_KIND))
    assert next_of(one) == (Act.RETIRE, "n")


def test_a_key_that_is_staged_already_is_kept() -> None:
    one = ring(A, key("n", KeyState.STANDBY, kind=OTHER_KIND))
    assert next_of(one, staged="n")[0] is Act.WAIT


def test_a_signing_key_of_another_kind_stays() -> None:
    assert next_of(ring(key("a", KeyState.ACTIVE, kind=OTHER_KIND), S))[0] is Act.WAIT


def test_a_key_that_never_signed_is_destroyed_as_soon_as_it_leaves() -> None:
    one = ring(A, S, key("n", KeyState.RETIRING))
    assert next_of(one) == (Act.DESTROY, "n")
    signed = ring(A, S, key("n", KeyState.RETIRING, demoted_at=NOW))
    assert next_of(signed) == (Act.REMOVE, "n")
    assert next_of(ring(A, S, key("n", KeyState.QUARANTINED, demoted_at=NOW))) == (Act.DESTROY, "n")


# What only people can put right.


def test_a_frozen_ring_does_nothing() -> None:
    one = ring(frozen="looking into it")
    assert plan(one, seen(one)) == Step(Act.HALT, None, "frozen: looking into it")


def test_without_its_group_nothing_is_done() -> None:
    assert next_of(ring(A, S), group=None) == (Act.HALT, None)
    assert next_of(ring(started=False), group=None) == (Act.HALT, None)


@pytest.mark.parametrize("current", [None, "x", "somebody"])
def test_a_credential_of_somebody_else_is_left_alone(current: str | None) -> None:
    assert next_of(ring(A, S), current=current) == (Act.HALT, None)


def test_issuers_are_switched_back_from_a_key_that_is_gone() -> None:
    one = ring(A, S, history=(Event(NOW, "gone", "deleted"),))
    step = plan(one, seen(one, current="gone"))
    assert step == Step(Act.RESTORE, "a", "issuers sign with a key that is gone")
    assert next_of(one, current="gone", group=("KS",)) == (Act.HALT, None)


def test_before_the_first_key_the_secret_may_hold_anything() -> None:
    assert next_of(ring(started=False), current="placeholder", group=())[0] is Act.PLAN


@pytest.mark.parametrize("state", [KeyState.RETIRING, KeyState.REMOVED, KeyState.REVOKED])
def test_issuers_are_switched_back_from_a_key_that_left_the_group(state: KeyState) -> None:
    one = ring(A, key("x", state))
    assert next_of(one, current="x", group=("KA",)) == (Act.RESTORE, "a")
    # Where there is nothing to switch back to, people are needed.
    assert next_of(one, current="x", group=()) == (Act.HALT, "x")
    assert next_of(ring(key("x", state)), current="x", group=()) == (Act.HALT, "x")
    destroyed = ring(key("a", KeyState.ACTIVE, private_destroyed=True), key("x", state))
    assert next_of(destroyed, current="x", group=("KA",)) == (Act.HALT, "x")


def test_a_key_that_is_signed_with_and_can_come_back_comes_back() -> None:
    assert next_of(ring(A, draining()), current="d", group=("KA",)) == (Act.HEAL, "d")
    gone: dict[str, object] = {"group": ("KA",), "public_key_ids": frozenset({"KA"})}
    assert next_of(ring(A, draining()), current="d", **gone) == (Act.RESTORE, "a")


def test_keys_that_cannot_be_used_do_not_follow_each_other_for_ever() -> None:
    failures = tuple(Event(NOW - age, "x", "QUARANTINED: why") for age in (3600, 60, 1))
    assert next_of(ring(A, history=failures))[0] is Act.PLAN
    assert next_of(ring(A, history=failures[1:]))[0] is Act.PLAN
    late = ring(A, history=tuple(replace(one, at=one.at + 1) for one in failures))
    step = plan(late, seen(late))
    assert (step.act, step.until) == (Act.WAIT, NOW + 1)
    other = tuple(Event(NOW, "x", "ACTIVE") for _ in range(9))
    assert next_of(ring(A, history=other))[0] is Act.PLAN


def test_before_the_first_key_nothing_is_urgent() -> None:
    one = ring(key("n", KeyState.UPLOADED), started=False)
    assert not is_urgent(one, seen(one))
    # So that the fifth place of the group stays free.
    assert next_of(one, group=("1", "2", "3", "4"))[0] is Act.WAIT
