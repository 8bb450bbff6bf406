"""`signer rotate configure`: what is changed, what is refused, and what is warned of."""

from __future__ import annotations

import pytest

from signer.keys import KeyAlgorithm
from signer.rotation.ring import KeyState
from tests.cli.rotating import Rotating, installed
from tests.cli.running import refused


@pytest.fixture
def rotate(monkeypatch: pytest.MonkeyPatch) -> Rotating:
    return installed(monkeypatch)


def test_configure_shows_before_and_after(rotate: Rotating) -> None:
    rotate.begun()
    result = rotate("configure", "--soak", "2h", "--algorithm", "rsa")
    assert result.stdout.startswith("CHANGED r: 2 of its settings\n")
    assert "--algorithm: ECDSA_P256 -> RSA_2048\n" in result.stdout
    assert "--soak: 1 h -> 2 h\n" in result.stdout
    settings = rotate.ring().settings
    assert settings.schedule.soak == 7200
    assert settings.next_key.algorithm is KeyAlgorithm.RSA_2048
    assert rotate("configure", "--soak", "2h").stdout == "UNCHANGED r is like that\n"
    document = rotate.document("configure", "--no-probe-url", "--probes", "5")
    assert document["changes"]["--probes"] == {"before": "3", "after": "5"}
    assert document["changes"]["--probe-url"]["after"] == "none"
    assert rotate.ring().settings.probe_url is None
    rotate.document("configure", "--probe-url", "/private/probe")
    assert rotate.ring().settings.probe_url == "/private/probe"


def test_configure_warns_of_short_times(rotate: Rotating) -> None:
    rotate.begun()
    result = rotate("configure", "--soak", "10m", "--stale-limit", "20m")
    assert result.exit_code == 0
    first, second = result.stderr.splitlines()
    assert first.startswith("warning: a soak of 10 min is short: ")
    assert second.startswith("warning: the stale limit is lowered from 30 min to 20 min: ")
    # What was so before is not warned of again, and a longer limit is no danger.
    assert rotate("configure", "--probes", "4", "--stale-limit", "40m").stderr == ""
    assert len(rotate.document("configure", "--soak", "5m")["warnings"]) == 1


def test_configure_tells_of_the_key_that_another_kind_lets_go(rotate: Rotating) -> None:
    former, standby = rotate.standing_by()
    until = int(rotate.world.clock.now) + 3600
    result = rotate("configure", "--algorithm", "rsa")
    assert f"Let go: {standby.kid[:8]}, STANDBY: it is of another kind\n" in result.stdout
    assert "Stands by: no other key before 2027-01-15 " in result.stdout
    assert "(in 1 h)" in result.stdout
    # Asked for again, it stays.
    assert "let_go" not in rotate.document("configure", "--algorithm", "p256")
    document = rotate.document("configure", "--algorithm", "rsa")
    assert document["let_go"] == {"kid": standby.kid, "none_stands_by_until": until}
    assert "let_go" not in rotate.document("configure", "--probes", "2")
    rotate.document("configure", "--algorithm", "p256")
    # Nothing soaks while what is signed must not be signed any more.
    rotate("revoke", former.kid, "--reason", "stolen", "--yes", "--no-wait")
    document = rotate.document("configure", "--algorithm", "rsa")
    assert document["let_go"]["none_stands_by_until"] == until - 3600


def test_what_configure_let_go_stands_by_no_more(rotate: Rotating) -> None:
    rotate.standing_by()
    rotate("configure", "--algorithm", "rsa")
    rotate("tick", "--until-idle")
    assert not any(rotate.ring().in_state(KeyState.STANDBY))


def test_configure_lets_no_key_go_that_issuers_are_about_to_be_switched_to(
    rotate: Rotating,
) -> None:
    _, standby = rotate.standing_by()
    rotate("now")
    rotate("tick")
    staged = rotate.ring().coming
    assert staged is not None
    assert staged.staged_at is not None
    assert "Let go" not in rotate("configure", "--algorithm", "rsa").stdout
    rotate("tick")
    active = rotate.ring().active
    assert active is not None
    assert active.kid == standby.kid


def test_configure_refuses_what_cannot_be(rotate: Rotating) -> None:
    rotate.begun()
    before = rotate.ring()
    refused(rotate("configure"), "usage", exit_code=2)
    refused(rotate("configure", "--no-probe-url", "--probe-url", "x"), "usage", exit_code=2)
    refused(rotate("configure", "--probe-url", "//evil.example/p"), "rotation_setting", exit_code=2)
    refused(rotate("configure", "--period", "30m"), "rotation_setting", exit_code=2)
    refused(rotate("configure", "--custody", "kms"), "rotation_setting", exit_code=2)
    assert rotate.ring() == before
