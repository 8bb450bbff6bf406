"""`signer rotate status`: what it shows, on which screen, and when it asks for a person."""

from __future__ import annotations

import re

import pytest

from signer.rotation.ring import DAY, HOUR, KeyState, Ring
from tests.cli.rotating import Rotating, installed
from tests.cli.running import refused
from tests.rotation.world import PROBE_URL, SETTINGS

SCREEN = {"FORCE_COLOR": "1", "TERM": "xterm-256color"}
_COLOR = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture
def rotate(monkeypatch: pytest.MonkeyPatch) -> Rotating:
    return installed(monkeypatch)


def test_all_is_well(rotate: Rotating) -> None:
    active, standby = rotate.standing_by()
    result = rotate("status")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("OK r\n")
    assert f"\nACTIVE {active.kid[:8]}\n  Key pair id: {active.public_key_id}\n" in result.stdout
    assert f"\nSTANDBY {standby.kid[:8]}\n" in result.stdout
    assert "Next: hand over to the next key, 2027-01-16 09:00:00 CET (in " in result.stdout
    assert "2 of 5 keys" in result.stdout
    assert "\x1b" not in result.stdout


def test_nothing_is_changed_by_looking(rotate: Rotating) -> None:
    rotate.begun()
    before, rotate.world.actions = rotate.ring(), set()
    rotate("status")
    assert rotate.ring() == before
    assert {method for _, method in rotate.world.actions} == {
        "get_item", "get_key_group", "list_public_keys", "describe_secret",
    }  # fmt: skip


def test_a_ring_before_its_first_key(rotate: Rotating) -> None:
    rotate.world.rotation().store.write(Ring(name="r", settings=SETTINGS), over=None)
    result = rotate("status")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("STARTING r\n")
    assert "Next: plan a key, with the next tick" in result.stdout


def test_json_has_all_of_it(rotate: Rotating) -> None:
    active, standby = rotate.standing_by()
    document = rotate.document("status")
    assert [key["kid"] for key in document["keys"]] == [active.kid, standby.kid]
    assert document["totals"]["keys_in_group"] == 2
    assert document["concerns"] == []
    assert document["next"]["act"] == "promote"
    assert document["settings"]["schedule"]["soak"] == HOUR
    assert document["settings"]["next_key"]["custody"] == "secret"
    assert document["settings"]["probe_url"] == PROBE_URL
    assert document["history"][-1]["what"] == "STANDBY"
    assert document["history"][-1]["kid"] == standby.kid


def test_a_key_of_others_needs_a_person(rotate: Rotating) -> None:
    rotate.standing_by()
    [group] = rotate.world.cloudfront.key_groups.values()
    pem = next(iter(rotate.world.cloudfront.public_keys.values())).config["EncodedKey"]
    foreign = rotate.world.cloudfront.create_public_key(
        PublicKeyConfig={"Name": "theirs", "CallerReference": "theirs", "EncodedKey": pem}
    )["PublicKey"]["Id"]
    rotate.world.cloudfront.update_key_group(
        Id=group.id,
        IfMatch=group.etag,
        KeyGroupConfig={**group.config, "Items": [*group.items, foreign]},
    )
    result = rotate("status")
    assert (result.exit_code, result.stderr) == (1, "")
    assert result.stdout.startswith("NEEDS YOU r\n")
    assert f"did not make are in the key group: {foreign}" in result.stdout
    assert rotate.document("status", code=1)["foreign_keys"] == [foreign]
    assert (
        "\x1b[31mkeys that this ring did not make"
        in rotate("status", **SCREEN, COLUMNS="100").stdout
    )


def test_a_frozen_ring_and_a_halted_one_need_a_person(rotate: Rotating) -> None:
    rotate.standing_by()
    rotate("freeze", "--reason", "we look into it")
    result = rotate("status")
    assert result.exit_code == 1
    assert result.stdout.startswith("FROZEN r\n")
    assert "frozen: we look into it" in result.stdout
    assert "\x1b[33mfrozen: we look into it" in rotate("status", **SCREEN, COLUMNS="100").stdout
    rotate("unfreeze")
    rotate.world.checking = False
    rotate.world.secrets.put_secret_value(
        SecretId="signing", ClientRequestToken="x" * 32, SecretString="of somebody else"
    )
    result = rotate("status")
    assert result.exit_code == 1
    assert result.stdout.startswith("HALTED r\n")
    assert "\x1b[31mthe signing secret has" in rotate("status", **SCREEN, COLUMNS="100").stdout


def test_a_key_that_nobody_replaced_needs_a_person(rotate: Rotating) -> None:
    rotate.begun()
    rotate.world.advance(2 * DAY)
    result = rotate("status")
    assert result.exit_code == 1
    assert "should have been replaced by now" in result.stdout


def test_a_key_that_takes_longer_than_it_should_is_listed(rotate: Rotating) -> None:
    rotate.begun()
    assert "Late" not in rotate("status").stdout
    rotate("tick")
    [coming] = rotate.ring().in_state(KeyState.PLANNED)
    rotate.world.advance(HOUR + 60)
    result = rotate("status")
    assert f"Late: {coming.kid[:8]} is PLANNED for longer than that takes\n" in result.stdout
    assert [key["stale"] for key in rotate.document("status")["keys"]] == [False, True]


def test_a_revoked_key_that_signs_needs_a_person(rotate: Rotating) -> None:
    stolen = rotate.begun().active
    assert stolen is not None
    rotate("revoke", stolen.kid, "--reason", "stolen", "--yes", "--no-wait")
    result = rotate("status")
    assert result.exit_code == 1
    assert f"the signing key {stolen.kid[:8]} is revoked and is still trusted: " in result.stdout
    assert "the next key is not made yet" in result.stdout


def test_a_removed_key_that_somebody_put_back_needs_a_person(rotate: Rotating) -> None:
    _, standby = rotate.standing_by()
    rotate("revoke", standby.kid, "--reason", "stolen", "--yes")
    [group] = rotate.world.cloudfront.key_groups.values()
    items = [*group.items, standby.public_key_id]
    rotate.world.cloudfront.update_key_group(
        Id=group.id, IfMatch=group.etag, KeyGroupConfig={**group.config, "Items": items}
    )
    result = rotate("status")
    assert result.exit_code == 1
    name = f"{standby.kid[:8]} ({standby.public_key_id})"
    assert f"the key {name} is REMOVED and was put back into the key group" in result.stdout
    assert rotate.document("status", code=1)["foreign_keys"] == [standby.public_key_id]


def test_a_step_that_fails_three_times_needs_a_person(rotate: Rotating) -> None:
    rotate.begun()
    rotate("tick")
    rotate.denied("put_secret_value")
    for count in range(3):
        assert rotate("status").exit_code == 0, count
        refused(rotate("tick"), "aws_denied")
    result = rotate("status")
    assert result.exit_code == 1
    assert "failed 3 times: signer rotate tick says why" in result.stdout


def test_what_was_put_back_and_given_up_is_told(rotate: Rotating) -> None:
    _, standby = rotate.standing_by()
    [group] = rotate.world.cloudfront.key_groups.values()
    rest = [one for one in group.items if one != standby.public_key_id]
    rotate.world.cloudfront.update_key_group(
        Id=group.id, IfMatch=group.etag, KeyGroupConfig={**group.config, "Items": rest}
    )
    assert "But: it is not in the key group" in rotate("status").stdout
    assert "it is not in the key group" in rotate("status", **SCREEN, COLUMNS="100").stdout
    rotate("tick")
    assert "Put back: 1 in 24 h" in rotate("status").stdout


def test_an_order_and_keys_that_were_given_up_are_told(rotate: Rotating) -> None:
    rotate.begun()
    rotate("tick", "--until-idle")
    coming = rotate.ring().coming
    assert coming is not None
    rotate("now")
    assert "Ordered: a rotation, as soon as a key stands by" in rotate("status").stdout
    [group] = rotate.world.cloudfront.key_groups.values()
    rest = [one for one in group.items if one != coming.public_key_id]
    rotate.world.cloudfront.update_key_group(
        Id=group.id, IfMatch=group.etag, KeyGroupConfig={**group.config, "Items": rest}
    )
    del rotate.world.cloudfront.public_keys[str(coming.public_key_id)]
    told = rotate("tick", "--until-idle").stderr
    assert "QUARANTINED: its public half was deleted" in told
    assert "Given up: 1 key in 24 h" in rotate("status").stdout


def test_a_group_with_all_keys_that_it_should_have_is_in_order(rotate: Rotating) -> None:
    rotate.standing_by()
    # Two rotations in the time of one drain.
    for _ in range(2):
        rotate("now", "--wait")
    rotate("tick", "--until-idle")
    shown = rotate("status")
    assert shown.exit_code == 0, shown.output
    assert "4 of 5 keys" in shown.stdout


def test_a_wide_screen_has_a_table(rotate: Rotating) -> None:
    active, _ = rotate.standing_by()
    for columns in ("80", "100", "200"):
        colored = rotate("status", **SCREEN, COLUMNS=columns).stdout
        lines = _COLOR.sub("", colored).splitlines()
        assert max(map(len, lines)) <= min(int(columns), 100)
        [head] = [line for line in lines if "What happens next" in line]
        assert head.split() == ["State", "Key", "Since", "What", "happens", "next"]
        [row] = [line for line in lines if line.strip().startswith("ACTIVE")]
        assert row.split()[:2] == ["ACTIVE", active.kid[:8]]
        assert "\x1b[32mACTIVE" in colored


def test_the_latest_events_are_shown_with_local_times(rotate: Rotating) -> None:
    active, standby = rotate.standing_by()
    shown = rotate("status").stdout
    history = shown[shown.index("\nHistory\n") :].splitlines()[2:]
    assert len(history) == 5
    assert re.fullmatch(rf"  2027-01-15 1\d:\d\d:\d\d CET  {standby.kid[:8]}  STANDBY", history[-1])
    assert active.kid[:8] not in "".join(history)
    wide = _COLOR.sub("", rotate("status", **SCREEN, COLUMNS="100").stdout)
    assert wide.index("What happens next") < wide.index("\nHistory\n")
    assert "CET  " + standby.kid[:8] + "  STANDBY" in wide


def test_a_narrow_screen_has_a_list_that_fits(rotate: Rotating) -> None:
    active, _ = rotate.standing_by()
    lines = _COLOR.sub("", rotate("status", **SCREEN, COLUMNS="60").stdout).splitlines()
    assert max(map(len, lines)) <= 60
    assert f"ACTIVE {active.kid[:8]}" in lines
    # Nothing is cut off.
    text = " ".join(" ".join(lines).split())
    assert "hand over to the next key, 2027-01-16 09:00:00 CET" in text


@pytest.mark.parametrize("without", [("--no-color",), ()])
def test_no_colors_where_none_are_wanted(rotate: Rotating, without: tuple[str, ...]) -> None:
    rotate.standing_by()
    env = SCREEN if without else {**SCREEN, "NO_COLOR": "1"}
    shown = rotate("status", *without, **env, COLUMNS="100").stdout
    assert "What happens next" in shown
    assert not re.search(r"\x1b\[[0-9;]*3[1-6]", shown)


def test_watch_draws_again_until_ctrl_c(rotate: Rotating, monkeypatch: pytest.MonkeyPatch) -> None:
    rotate.begun()
    looks = 0

    def sleep(_: float) -> None:
        nonlocal looks
        looks += 1
        if looks == 1:
            rotate.world.rotation().tick()
        if looks == 2:
            # Never for ever: AWS may not answer for a while.
            rotate.world.hook = unreachable
        if looks == 3:
            rotate.world.hook = None
        if looks == 4:
            raise KeyboardInterrupt

    def unreachable(*_: object) -> None:
        raise ConnectionError

    monkeypatch.setattr("signer.cli.rotate.looking.sleep", sleep)
    result = rotate("status", "--watch", **SCREEN, COLUMNS="100")
    assert result.exit_code == 0, result.output
    shown = _COLOR.sub("", result.stdout)
    assert shown.count(" OK  r") == 4
    assert shown.count("\n  PLANNED ") == 3
    assert shown.count("what is shown is older") == 1


def test_watch_is_for_a_terminal(rotate: Rotating) -> None:
    rotate.begun()
    refused(rotate("status", "--watch"), "usage", exit_code=2)
    result = rotate("status", "--watch", "--json", **SCREEN)
    assert (result.exit_code, result.stdout) == (2, "")
    missing = rotate("status", "--watch", "--ring", "dynamodb:rings/none", **SCREEN)
    assert (missing.exit_code, missing.stdout) == (1, "")


def test_revoked_keys_are_red(rotate: Rotating) -> None:
    _, standby = rotate.standing_by()
    rotate("revoke", standby.kid, "--reason", "stolen", "--yes", "--no-wait")
    rotate("tick")
    key = rotate.ring().key(standby.kid)
    assert key is not None
    assert key.state is KeyState.REVOKED
    shown = rotate("status", **SCREEN, COLUMNS="100").stdout
    assert "\x1b[31mREVOKED" in shown
    assert "\x1b[31mrevoked: stolen" in shown
    assert "Revoked: stolen" in rotate("status").stdout
