"""What `signer rotate` says of a step, of waiting, and of what comes."""

from __future__ import annotations

from datetime import UTC

import pytest

from signer.cli.rotate.words import outcome, waiting, when
from signer.rotation.driver import Result, Tick
from signer.rotation.report import Coming
from signer.rotation.ring import Event, KeyState, Ring
from signer.rotation.steps import Act, Observed, Step
from tests.rotation.rings import NOW, key, ring


@pytest.fixture(autouse=True)
def _in_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("signer.cli.rotate.words.LocalZone", lambda: UTC)


def done(act: Act, after: Ring, kid: str | None = "k") -> Tick:
    return Tick(Result.DONE, Step(act, kid, "so"), after, Observed(now=NOW))


@pytest.mark.parametrize(
    ("act", "state", "said"),
    [
        (Act.STORE, KeyState.STORED, "it is STORED now"),
        (Act.STAGE, KeyState.STANDBY, "the credential is ready for the switch"),
        (Act.PROMOTE, KeyState.ACTIVE, "it is ACTIVE now"),
        (
            Act.PROMOTE,
            KeyState.PUBLISHED,
            "an edge location does not know it: its soak begins anew",
        ),
        (Act.TEST, KeyState.PUBLISHED, "not accepted yet: it is tried again"),
        (Act.TEST, KeyState.STANDBY, "it stands by now"),
        (Act.HEAL, KeyState.STANDBY, "it is in the group again"),
        (Act.DESTROY, KeyState.DRAINING, "nobody can sign with it any more"),
        (Act.DESTROY, KeyState.QUARANTINED, "nobody can sign with it any more"),
    ],
)
def test_what_became_of_a_step(act: Act, state: KeyState, said: str) -> None:
    assert outcome(done(act, ring(key("k", state)))) == said


def test_good_probes_are_counted() -> None:
    after = ring(key("k", KeyState.PUBLISHED, passes=2))
    assert outcome(done(Act.TEST, after)) == "accepted, 2 of 3 times in a row"


def test_a_key_that_was_given_up_says_why() -> None:
    after = ring(
        key("k", KeyState.QUARANTINED), history=(Event(NOW, "k", "QUARANTINED: no such half"),)
    )
    assert outcome(done(Act.UPLOAD, after)) == "QUARANTINED: no such half"


def test_a_new_key_and_one_that_is_gone() -> None:
    assert outcome(done(Act.PLAN, ring(key("n", KeyState.PLANNED)), None)) == "it is PLANNED now"
    assert outcome(done(Act.DELETE, ring())) == "nothing is left of it"


def test_waiting_for_a_time_and_for_something_else() -> None:
    until = Step(Act.WAIT, "0123456789", Act.RETIRE.words, NOW + 60)
    assert (
        waiting(until, NOW)
        == "to let the key go (01234567), until 2027-01-15 08:01:00 UTC (in 1 min)"
    )
    planning = Step(Act.WAIT, None, Act.PLAN.words, NOW + 1)
    assert waiting(planning, NOW).startswith("to plan a key, until 2027-01-15 08:00:01")
    assert waiting(Step(Act.WAIT, None, "there is no room"), NOW) == "there is no room"


def test_when_something_comes() -> None:
    assert when(Coming("x", at=None), NOW) == "as soon as that can be done"
    assert when(Coming("x", at=NOW), NOW) == "with the next tick"
    assert when(Coming("x", at=NOW + 3600), NOW) == "2027-01-15 09:00:00 UTC (in 1 h)"
