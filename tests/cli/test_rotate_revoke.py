"""`signer rotate revoke` and `rollback`: what is said before, what is asked, what is done."""

from __future__ import annotations

import pytest

from signer.https import Answer
from signer.rotation.ring import HOUR, KeyState, RingKey
from tests.cli.rotating import Rotating, installed
from tests.cli.running import refused

REASON = ("--reason", "stolen laptop")


@pytest.fixture
def rotate(monkeypatch: pytest.MonkeyPatch) -> Rotating:
    return installed(monkeypatch)


def one_line(text: str) -> str:
    """Return a text without its line breaks."""
    return " ".join(text.split())


def permitted(rotate: Rotating, *keys: RingKey) -> None:
    """Let viewers be refused who come with what these keys signed."""
    rotate.world.revoked.update(str(key.public_key_id) for key in keys)


def test_revoking_the_signing_key_switches_issuers_first(rotate: Rotating) -> None:
    stolen, standby = rotate.standing_by()
    permitted(rotate, stolen)
    result = rotate("revoke", stolen.kid[:8], *REASON, text=f"{stolen.kid[:8]}\n")
    assert result.exit_code == 0, result.output
    told = one_line(result.stderr)
    assert f"{stolen.kid[:8]} ({stolen.public_key_id}) is ACTIVE." in told
    assert "refused with 403 (InvalidKey) as soon as edge locations have learnt of it" in told
    assert "have to ask for new cookies and URLs" in told
    assert f"Issuers are switched first, to {standby.kid[:8]}, which stands by." in told
    assert "after 30 min at the latest" in told
    assert result.stdout.startswith(f"REVOKED {stolen.kid[:8]} is out of the key group\n")
    ring = rotate.ring()
    assert ring.active is not None
    assert ring.active.kid == standby.kid
    assert stolen.public_key_id not in rotate.world.group()
    acts = [
        line.split("  ")[1].split(" (")[0]
        for line in result.stderr.splitlines()
        if " (" in line and line[2] == ":"
    ]
    assert acts.index("switch issuers to the key") < acts.index("take the key out of the group")


def test_without_a_standby_the_outage_is_said_before(rotate: Rotating) -> None:
    ring = rotate.begun()
    stolen = ring.active
    assert stolen is not None
    rotate.world.checking = False
    result = rotate("revoke", stolen.kid, *REASON, text=f"{stolen.kid[:8]}\n")
    assert result.exit_code == 0, result.output
    told = one_line(result.stderr)
    assert "No key stands by. Until one has passed its probes, issuers go on signing" in told
    assert "That is an outage until they do." in told
    now = rotate.ring()
    assert now.active is not None
    assert now.active.kid != stolen.kid
    assert stolen.public_key_id not in rotate.world.group()


def test_a_key_on_its_way_is_named(rotate: Rotating) -> None:
    rotate.begun()
    rotate("tick", "--until-idle")
    ring = rotate.ring()
    assert ring.active is not None
    assert ring.coming is not None
    told = one_line(rotate("revoke", ring.active.kid, *REASON, text="no\n").stderr)
    assert f"the next one, {ring.coming.kid[:8]}, is PUBLISHED" in told


def test_a_key_that_has_signed_nothing_goes_unnoticed(rotate: Rotating) -> None:
    active, standby = rotate.standing_by()
    result = rotate("revoke", str(standby.public_key_id), *REASON, text=f"{standby.kid[:8]}\n")
    assert result.exit_code == 0, result.output
    assert "no viewer notices. Another key is made." in one_line(result.stderr)
    assert rotate.ring().active == active
    assert standby.public_key_id not in rotate.world.group()


def test_a_draining_key_says_until_when_it_would_be_good(rotate: Rotating) -> None:
    former, _ = rotate.standing_by()
    rotate("now", "--wait")
    permitted(rotate, former)
    result = rotate("revoke", former.kid, *REASON, text=f"{former.kid[:8]}\n")
    assert result.exit_code == 0, result.output
    told = one_line(result.stderr)
    assert "Issuers do not sign with it any more." in told
    assert "would be good until 2027-01-15" in told
    assert former.public_key_id not in rotate.world.group()


@pytest.mark.parametrize("answer", ["no", "y", "ACTIVE", ""])
def test_another_answer_changes_nothing(rotate: Rotating, answer: str) -> None:
    active, _ = rotate.standing_by()
    before = rotate.ring()
    result = rotate("revoke", active.kid, *REASON, text=f"{answer}\n")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "error[not_confirmed]: it is not confirmed, so nothing was done" in result.stderr
    assert rotate.ring() == before


def test_nobody_to_ask_is_wrong_usage(rotate: Rotating) -> None:
    active, _ = rotate.standing_by()
    rotate("now", "--wait")
    before = rotate.ring()
    for command in (("revoke", active.kid, *REASON), ("rollback",)):
        result = rotate(*command)
        assert (result.exit_code, result.stdout) == (2, "")
        assert "give --yes" in result.stderr
        refused_json = rotate(*command, "--json")
        assert (refused_json.exit_code, refused_json.stdout) == (2, "")
    assert rotate.ring() == before


def test_with_yes_nothing_is_asked(rotate: Rotating) -> None:
    stolen, standby = rotate.standing_by()
    permitted(rotate, stolen)
    document = rotate.document("revoke", stolen.kid, *REASON, "--yes")
    assert document["in_group"] is False
    assert (document["kid"], document["reason"]) == (stolen.kid, "stolen laptop")
    assert document["steps"][-1]["act"] == "remove"
    assert rotate.document("status")["totals"]["revoked"] == 1
    active = rotate.ring().active
    assert active is not None
    assert active.kid == standby.kid


def test_no_wait_only_orders(rotate: Rotating) -> None:
    stolen, _ = rotate.standing_by()
    permitted(rotate, stolen)
    result = rotate("revoke", stolen.kid, *REASON, "--yes", "--no-wait")
    assert result.exit_code == 0
    assert result.stdout.startswith("ORDERED the next ticks take ")
    assert stolen.public_key_id in rotate.world.group()
    assert rotate.document("revoke", stolen.kid, *REASON, "--yes", "--no-wait")["in_group"] is True
    rotate("tick", "--until-idle")
    assert stolen.public_key_id not in rotate.world.group()


def test_a_frozen_ring_keeps_the_order(rotate: Rotating) -> None:
    stolen, _ = rotate.standing_by()
    permitted(rotate, stolen)
    rotate("freeze")
    for more in ((), ("--no-wait",)):
        told = rotate("revoke", stolen.kid, *REASON, "--yes", *more)
        refused(told, "rotation_halted")
        assert "the order is kept, but nothing is done: frozen" in told.stderr
        assert "signer rotate unfreeze" in told.stderr
    rotate("unfreeze")
    rotate("tick", "--until-idle")
    assert stolen.public_key_id not in rotate.world.group()


def test_a_frozen_ring_says_so_before_it_is_asked(rotate: Rotating) -> None:
    stolen, _ = rotate.standing_by()
    rotate("freeze")
    before = rotate.ring()
    result = rotate("revoke", stolen.kid, *REASON, text="no\n")
    assert (result.exit_code, result.stdout) == (1, "")
    told = one_line(result.stderr)
    assert told.startswith("The ring is frozen: the order is kept, and nothing happens until")
    assert "error[not_confirmed]" in told
    assert rotate.ring() == before
    confirmed = rotate("revoke", stolen.kid, *REASON, text=f"{stolen.kid[:8]}\n")
    assert confirmed.exit_code == 1
    assert "error[rotation_halted]: the order is kept" in confirmed.stderr
    active = rotate.ring().active
    assert active is not None
    assert active.revoked == "stolen laptop"


def test_probes_that_are_not_accepted_say_how_to_do_without(
    rotate: Rotating, monkeypatch: pytest.MonkeyPatch
) -> None:
    stolen = rotate.begun().active
    assert stolen is not None
    rotate.world.checking = False
    unknown = Answer(403, {"server": "CloudFront"}, b"<Error><Code>InvalidKey</Code></Error>")
    monkeypatch.setattr("signer.rotation.probe.send_get", lambda _: unknown)
    slept = 0

    def sleep(seconds: float) -> None:
        nonlocal slept
        rotate.sleep(seconds)
        slept += seconds == 5
        if slept == 8:
            rotate("configure", "--no-probe-url")

    monkeypatch.setattr("signer.cli.rotate.going.sleep", sleep)
    result = rotate("revoke", stolen.kid, *REASON, "--yes")
    assert result.exit_code == 0, result.output
    lines = result.stderr.splitlines()
    [said] = [index for index, line in enumerate(lines) if "--no-probe-url" in line]
    assert sum("not accepted yet" in line for line in lines[:said]) == 3
    assert sum("not accepted yet" in line for line in lines) == 8


def test_a_probe_that_says_nothing_of_the_key_says_how_to_do_without(
    rotate: Rotating, monkeypatch: pytest.MonkeyPatch
) -> None:
    stolen = rotate.begun().active
    assert stolen is not None
    rotate.world.checking = False
    # Of a firewall: no code of CloudFront's.
    blocked = Answer(403, {"server": "CloudFront"}, b"blocked")
    monkeypatch.setattr("signer.rotation.probe.send_get", lambda _: blocked)
    result = rotate("revoke", stolen.kid, *REASON, "--yes")
    assert (result.exit_code, result.stdout) == (1, "")
    told, _, error = result.stderr.partition("error[")
    assert "signer rotate configure --no-probe-url" in told.splitlines()[-1]
    assert error.startswith("probe_blocked]")


def test_without_a_revoked_key_probes_are_not_done_without(
    rotate: Rotating, monkeypatch: pytest.MonkeyPatch
) -> None:
    rotate.begun()
    blocked = Answer(403, {"server": "CloudFront"}, b"blocked")
    monkeypatch.setattr("signer.rotation.probe.send_get", lambda _: blocked)
    result = rotate("now", "--wait")
    assert "error[probe_blocked]" in result.stderr
    assert "--no-probe-url" not in result.stderr


def test_keys_that_are_unknown_or_gone_are_refused_unasked(rotate: Rotating) -> None:
    active, standby = rotate.standing_by()
    refused(rotate("revoke", "KNOBODY", *REASON), "key_unknown")
    refused(rotate("revoke", active.kid), "usage", exit_code=2)
    rotate("revoke", standby.kid, *REASON, "--yes")
    refused(rotate("revoke", standby.kid, *REASON), "key_gone")


def test_the_reason_moves_no_cursor(rotate: Rotating) -> None:
    active, _ = rotate.standing_by()
    permitted(rotate, active)
    rotate("revoke", active.kid, "--reason", "a\x1b[2Jb", "--yes")
    rotate.world.advance(60)
    shown = rotate("status", FORCE_COLOR="1", COLUMNS="100").stdout
    assert "\x1b[2J" not in shown


# rollback.


def test_rollback_lets_the_former_key_sign_again(rotate: Rotating) -> None:
    former, latter = rotate.standing_by()
    rotate("now", "--wait")
    result = rotate("rollback", text=f"{latter.kid[:8]}\n")
    assert result.exit_code == 0, result.output
    told = one_line(result.stderr)
    assert f"Issuers stop signing with {latter.kid[:8]} and sign with {former.kid[:8]} " in told
    assert result.stdout.startswith(f"TAKEN BACK r: issuers sign with {former.kid[:8]} again\n")
    ring = rotate.ring()
    assert ring.active is not None
    assert ring.active.kid == former.kid
    drained = ring.key(latter.kid)
    assert drained is not None
    assert drained.state is KeyState.DRAINING


def test_rollback_of_a_frozen_ring_switches_all_the_same(rotate: Rotating) -> None:
    former, latter = rotate.standing_by()
    rotate("now", "--wait")
    rotate("freeze")
    result = rotate("rollback", "--yes")
    assert result.exit_code == 0, result.output
    assert "the ring shows it after signer rotate unfreeze" in result.stdout
    assert rotate.world.secrets.secrets["signing"].labels["AWSCURRENT"] == former.version
    active = rotate.ring().active
    assert active is not None
    assert active.kid == latter.kid


def test_rollback_for_json(rotate: Rotating) -> None:
    former, _ = rotate.standing_by()
    rotate("now", "--wait")
    document = rotate.document("rollback", "--yes")
    assert document["signing"] == former.kid
    assert len(document["steps"]) == 1


def test_rollback_is_refused_when_it_is_too_late(rotate: Rotating) -> None:
    rotate.standing_by()
    refused(rotate("rollback"), "rollback_late")
    rotate("now", "--wait")
    rotate.world.advance(2 * HOUR)
    refused(rotate("rollback", "--yes"), "rollback_late")
