"""`signer rotate`: where the ring is, ticking, ordering, settings."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from signer.cli.rotate.place import _placed
from signer.errors import PassingError, RotationError
from signer.rotation.driver import Rotation, Tick
from signer.rotation.ring import KeyState, Lease, Ring
from tests.cli.rotating import INIT, RING, Rotating, installed
from tests.cli.running import refused, run


@pytest.fixture
def rotate(monkeypatch: pytest.MonkeyPatch) -> Rotating:
    return installed(monkeypatch)


# Where the ring is.


@pytest.mark.parametrize("command", ["status", "tick", "now", "unfreeze"])
def test_a_ring_has_to_be_named(command: str) -> None:
    result = run("rotate", command, env={"SIGNER_RING": None})  # type: ignore[dict-item]
    refused(result, "usage", exit_code=2)
    assert "SIGNER_RING" in result.stderr


def test_a_place_that_is_none_is_wrong_usage(rotate: Rotating) -> None:
    refused(rotate("status", "--ring", "s3:bucket"), "ring_uri", exit_code=2)
    assert rotate.made == []


def test_a_ring_that_is_not_there_is_named(rotate: Rotating) -> None:
    for command in ("status", "tick", "configure --probes 2", "revoke x --reason y"):
        missing = rotate(*command.split())
        refused(missing, "ring_missing")
        assert f"there is no ring yet: {RING}\n" in missing.stderr
        assert "signer rotate adopt" in missing.stderr
        assert "another --ring" in missing.stderr
    table = rotate("status", "--ring", "dynamodb:none/r")
    refused(table, "ring_table")
    assert "dynamodb:none/r" in table.stderr
    assert "--create-table" in table.stderr


def test_a_table_that_is_not_ready_needs_patience() -> None:
    not_ready = RotationError("ring_table", "the table x is not ready yet", advice="try again")
    assert _placed(not_ready, RING).advice == "try again"


def test_the_region_is_that_of_the_option_or_of_the_environment(rotate: Rotating) -> None:
    rotate("status")
    rotate("status", "--region", "us-west-2")
    rotate("status", AWS_REGION=None, AWS_DEFAULT_REGION="ap-south-1")
    assert [region for _, region in rotate.made] == ["eu-central-1", "us-west-2", "ap-south-1"]


def test_a_missing_library_is_named_with_its_extra(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['boto3'] = None\n"
        "from signer.cli import main\n"
        "sys.argv[0] = 'signer'; main()"
    )
    command = [sys.executable, "-c", code, "rotate", *INIT, "--ring", f"file:{tmp_path}/ring"]
    done = subprocess.run(command, capture_output=True, check=False, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert done.stderr.startswith("error[extra_missing]: boto3 is not installed")


def test_every_command_says_what_it_is_for_on_a_narrow_screen() -> None:
    shown = run("rotate", "--help", env={"COLUMNS": "60"}).stdout
    _, _, listed = shown.partition("Commands:\n")
    lines = listed.strip().splitlines()
    assert len(lines) == 10
    assert all(line.endswith(".") and not line.endswith("...") for line in lines)
    assert max(map(len, lines)) <= 60


# tick.


def test_a_tick_says_what_it_did_and_why(rotate: Rotating) -> None:
    rotate.begun()
    planned = rotate("tick", "--dry-run")
    assert planned.stdout.startswith("NEXT plan a key\n")
    assert len(rotate.ring().keys) == 1
    done = rotate("tick")
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith("DONE plan a key\n")
    assert "Why: no key stands by\n" in done.stdout
    assert "Result: it is PLANNED now" in done.stdout
    document = rotate.document("tick")
    assert document["result"] == "done"
    assert document["act"] == "store"
    assert document["outcome"] == "it is STORED now"
    assert rotate.document("tick", "--dry-run")["outcome"] == ""
    refused(rotate("tick", "--dry-run", "--until-idle"), "usage", exit_code=2)


def test_until_idle_ends_when_there_is_nothing_to_do(rotate: Rotating) -> None:
    rotate.begun()
    result = rotate("tick", "--until-idle")
    assert result.exit_code == 0
    assert result.stdout.startswith("WAITING to test the key at the edge (")
    assert "until 2027-01-15 10:00:00 CET (in 1 h)" in result.stdout
    assert len(result.stderr.splitlines()) == 5
    assert rotate("tick").stdout == result.stdout
    assert rotate("tick", "--dry-run").stdout == result.stdout
    document = rotate.document("tick", "--until-idle")
    assert (document["result"], document["steps"]) == ("waiting", [])


def test_until_idle_ends_when_a_probe_has_to_be_tried_again_later(rotate: Rotating) -> None:
    rotate.begun()
    rotate("tick", "--until-idle")
    rotate.world.advance(3600)
    for one in rotate.world.cloudfront.distributions.values():
        one.status = "InProgress"
    result = rotate("tick", "--until-idle")
    assert result.exit_code == 0
    assert result.stdout.startswith("DONE test the key at the edge")
    assert "not accepted yet" in result.stdout
    for one in rotate.world.cloudfront.distributions.values():
        one.status = "Deployed"
    assert rotate("tick", "--until-idle").stderr.count("test the key at the edge") == 3
    assert any(rotate.ring().in_state(KeyState.STANDBY))


def test_busy_is_said_and_is_no_failure(rotate: Rotating) -> None:
    ring = rotate.begun()
    until = int(rotate.world.clock.now) + 60
    leased = with_lease(rotate, Lease("another", until))
    result = rotate("tick")
    assert result.exit_code == 0
    assert result.stdout.startswith("BUSY another process is at work; due is: plan a key")
    assert rotate.document("tick")["result"] == "busy"
    assert rotate.ring() == leased
    waited = rotate("tick", "--until-idle")
    assert waited.stderr.count("waiting for another process") == 1
    assert rotate.world.clock.now >= until
    assert len(rotate.ring().keys) > len(ring.keys)


def test_a_tick_that_needs_a_person_is_refused(rotate: Rotating) -> None:
    rotate.begun()
    rotate.world.secrets.put_secret_value(
        SecretId="signing", ClientRequestToken="x" * 32, SecretString="of somebody else"
    )
    rotate.world.checking = False
    for more in ((), ("--dry-run",), ("--until-idle",)):
        result = rotate("tick", *more)
        refused(result, "rotation_halted")
        assert "did not make" in result.stderr
    told = json.loads(rotate("tick", "--json").stderr)
    assert told["error"]["code"] == "rotation_halted"


def test_a_tick_that_aws_does_not_permit_names_the_action(rotate: Rotating) -> None:
    rotate.begun()
    rotate.denied("list_public_keys")
    result = rotate("tick")
    refused(result, "aws_denied")
    assert "cloudfront:ListPublicKeys" in result.stderr


def test_what_may_pass_is_tried_again_a_few_times(rotate: Rotating) -> None:
    rotate.begun()
    rotate.denied("list_public_keys", "ServiceUnavailable", times=4)
    result = rotate("tick", "--until-idle")
    assert result.exit_code == 0, result.output
    assert result.stderr.count("it is tried again") == 4
    rotate.denied("list_public_keys", "ServiceUnavailable")
    result = rotate("tick", "--until-idle")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "error[aws_error]" in result.stderr
    refused(rotate("tick"), "aws_error")


def test_somebody_who_was_faster_is_no_reason_to_end(
    rotate: Rotating, monkeypatch: pytest.MonkeyPatch
) -> None:
    rotate.begun()
    failures = [4]
    ticked = Rotation.tick

    def tick(rotation: Rotation) -> Tick:
        if failures[0]:
            failures[0] -= 1
            raise PassingError("any_code", "somebody was faster")
        return ticked(rotation)

    monkeypatch.setattr(Rotation, "tick", tick)
    result = rotate("tick", "--until-idle")
    assert result.exit_code == 0, result.output
    assert result.stderr.count("somebody was faster (any_code); it is tried again") == 4
    failures[0] = 5
    late = rotate("tick", "--until-idle")
    assert (late.exit_code, late.stdout) == (1, "")
    assert "error[any_code]" in late.stderr


# now.


def test_now_orders_and_says_what_comes(rotate: Rotating) -> None:
    former, coming = rotate.standing_by()
    result = rotate("now")
    assert result.exit_code == 0
    assert result.stdout.startswith("ASKED r: ")
    assert f"Next key: {coming.kid[:8]}, STANDBY" in result.stdout
    assert "Next: stage the credential, with the next tick" in result.stdout
    ring = rotate.ring()
    assert ring.rotate_requested
    assert ring.active == former
    document = rotate.document("now")
    assert (document["signing"], document["next_key"]["kid"]) == (former.kid, coming.kid)


def test_now_orders_when_no_key_is_being_made_yet(rotate: Rotating) -> None:
    rotate.begun()
    assert "Next key: is made first" in rotate("now").stdout
    assert rotate.document("now")["next_key"] is None


def test_now_waits_until_the_next_key_signs(rotate: Rotating) -> None:
    ring = rotate.begun()
    result = rotate("now", "--wait")
    assert result.exit_code == 0, result.output
    active = rotate.ring().active
    assert active is not None
    assert active != ring.active
    assert result.stdout.startswith(f"REPLACED r: issuers sign with {active.kid[:8]}\n")
    assert result.stderr.count("waiting to test the key at the edge") == 1
    assert "until 2027-01-15 10:00:00 CET" in result.stderr
    # Every minute at the latest it looks what there is to do.
    assert max(rotate.slept) == 60
    assert rotate.world.needed().keys() == {
        active.public_key_id,
        ring.active and ring.active.public_key_id,
    }


def test_now_waits_without_a_word_for_json(rotate: Rotating) -> None:
    _, coming = rotate.standing_by()
    document = rotate.document("now", "--wait")
    assert document["signing"] == coming.kid
    acts = [step["act"] for step in document["steps"]]
    assert acts == ["stage", "promote"]


def test_ctrl_c_leaves_the_order_standing(
    rotate: Rotating, monkeypatch: pytest.MonkeyPatch
) -> None:
    rotate.begun()

    def interrupted(_: float) -> None:
        raise KeyboardInterrupt

    rotate("tick", "--until-idle")
    monkeypatch.setattr("signer.cli.rotate.going.sleep", interrupted)
    result = rotate("now", "--wait")
    assert (result.exit_code, result.stdout) == (130, "")
    assert rotate.ring().rotate_requested


# freeze, unfreeze.


def test_a_frozen_ring_does_nothing_until_it_is_unfrozen(rotate: Rotating) -> None:
    rotate.begun()
    result = rotate("freeze", "--reason", "we look into it")
    assert result.stdout.startswith("FROZEN r: ")
    assert rotate.ring().frozen == "we look into it"
    for command in (("tick",), ("now",), ("now", "--wait")):
        told = rotate(*command)
        refused(told, "rotation_halted")
        assert "frozen: we look into it" in told.stderr
        assert "signer rotate unfreeze" in told.stderr
    assert rotate("unfreeze").stdout == "GOING ON r: ticks do what is due\n"
    assert rotate("tick").exit_code == 0
    assert rotate.document("freeze") == {"name": "r", "frozen": "by an operator"}
    assert rotate.document("unfreeze") == {"name": "r", "frozen": ""}


# What is never written.


def test_no_command_prints_a_private_key(rotate: Rotating) -> None:
    rotate.standing_by()
    commands = (("status",), ("tick",), ("now", "--wait"), ("rollback", "--yes"))
    for command in commands:
        for more in ((), ("--json",)):
            output = rotate(*command, *more).output
            assert "PRIVATE KEY" not in output
            for secret in rotate.world.secrets.secrets.values():
                for version in secret.versions.values():
                    lines = str(version.value).split("\\n")[1:-1]
                    assert not any(line[:24] in output for line in lines if len(line) > 24)


def with_lease(rotate: Rotating, lease: Lease) -> Ring:
    """Let another process be at work."""
    ring = rotate.ring()
    leased = replace(ring, lease=lease, rev=ring.rev + 1)
    rotate.world.rotation().store.write(leased, over=ring.rev)
    return leased
