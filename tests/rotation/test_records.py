from __future__ import annotations

from dataclasses import replace

import pytest

from signer.rotation import records
from signer.rotation.ring import Custody, KeyKind, KeyState, Schedule
from tests.rotation.rings import NOW, A, S, key, ring


def test_a_lost_public_half_is_uploaded_again_from_what_is_stored() -> None:
    up = key("n", KeyState.UPLOADED, attempts=3)
    after = records.lost(ring(A, up), up, NOW + 5).key("n")
    assert after == replace(
        up, state=KeyState.STORED, public_key_id=None, since=NOW + 5, attempts=0
    )


@pytest.mark.parametrize("state", [KeyState.PUBLISHED, KeyState.STANDBY])
def test_a_key_that_was_put_back_soaks_again_before_it_signs(state: KeyState) -> None:
    one = key("n", state, passes=2)
    after = records.healed(ring(A, one), one, NOW + 5).key("n")
    assert after is not None
    assert (after.state, after.published_at, after.passes) == (KeyState.PUBLISHED, NOW + 5, 0)


def test_a_key_that_was_put_back_goes_on_draining() -> None:
    one = key("d", KeyState.DRAINING, drain_until=NOW + 9, attempts=2)
    assert records.healed(ring(A, one), one, NOW).key("d") == replace(one, attempts=0)


def test_a_key_drains_from_the_moment_at_which_issuers_were_told() -> None:
    after = records.active(ring(A, S, rotate_requested=True), S, NOW + 7)
    former = after.key("a")
    assert former is not None
    assert (former.state, former.demoted_at) == (KeyState.DRAINING, NOW + 7)
    schedule = Schedule()
    life = A.kind.max_lifetime + schedule.skew
    assert former.drain_until == NOW + 7 + schedule.stale_limit + life
    assert after.active is not None
    assert after.active.promoted_at == NOW + 7
    assert not after.rotate_requested


def test_a_drain_lasts_at_least_until_nothing_can_be_taken_back() -> None:
    short = key("a", KeyState.ACTIVE, kind=KeyKind(max_lifetime=10))
    schedule = Schedule()
    window = schedule.stale_limit + schedule.rollback_window
    assert ring(short).drain_until(short, NOW) == NOW + window


@pytest.mark.parametrize("custody", list(Custody))
def test_what_kms_disabled_stays_destroyed_when_it_is_switched_back_to(custody: Custody) -> None:
    back = key("d", KeyState.DRAINING, kind=KeyKind(custody=custody), private_destroyed=True)
    after = records.active(ring(A, back), back, NOW).key("d")
    assert after is not None
    assert after.private_destroyed is (custody is Custody.KMS)


def test_a_key_without_its_public_half_is_given_up() -> None:
    after = records.given_up(ring(A, S), S, NOW + 1)
    given = after.key("s")
    assert given is not None
    assert (given.state, given.since) == (KeyState.QUARANTINED, NOW + 1)
    assert after.history[-1].what == "QUARANTINED: its public half was deleted"
