"""`signer rotate init` and `adopt`: a ring from nothing, and around what is there."""

from __future__ import annotations

import pytest

from signer.cli.rotate.kinds import _ALL, _shown, changed
from signer.credential import Credential
from signer.keys import KeyAlgorithm
from signer.rotation.ring import DAY, Custody, Settings
from tests.cli.rotating import INIT, SECRETS, Rotating, installed
from tests.cli.running import refused

LIFE = ("--max-lifetime", "7d")


@pytest.fixture
def rotate(monkeypatch: pytest.MonkeyPatch) -> Rotating:
    return installed(monkeypatch)


def test_init_ends_when_the_first_key_signs(rotate: Rotating) -> None:
    result = rotate(*INIT)
    assert result.exit_code == 0, result.output
    ring = rotate.ring()
    assert ring.started
    assert ring.active is not None
    assert result.stdout.startswith(
        "READY r: issuers can sign, once the distribution trusts the group\n"
    )
    assert f"trust key group {ring.key_group_id} in every" in result.stdout
    assert "SIGNER_CREDENTIAL=secretsmanager:signing\n" in result.stdout
    assert ring.active.public_key_id in rotate.world.group()
    told = [line.split("  ")[1].split(" (")[0] for line in result.stderr.splitlines()]
    assert told[0] == "plan a key: no key stands by; it is PLANNED now"
    assert told[-1] == "switch issuers to the key"
    assert {service for service, _ in rotate.made} == {"cloudfront", "secretsmanager", "dynamodb"}


def test_init_makes_the_table_and_the_secrets(rotate: Rotating) -> None:
    names = ("--signing-secret", "media/signing", "--standby-secret", "media/standby")
    # The world looks at its own secrets.
    rotate.world.checking = False
    where = ("--ring", "dynamodb:media/films")
    refused(rotate("init", "media", *names, *where), "ring_table")
    document = rotate.document("init", "media", *names, *where, "--create-table")
    assert "films" in rotate.world.dynamodb.tables["media"].items
    assert document["credential"] == "secretsmanager:media/signing"
    text = rotate.world.secrets.get_secret_value(SecretId="media/signing")["SecretString"]
    credential = Credential.from_json(text)
    assert credential.key_pair_id == document["key_pair_id"]
    assert [step["act"] for step in document["steps"]][:2] == [
        "plan",
        "store",
    ]


def test_init_goes_on_where_it_was_interrupted(rotate: Rotating) -> None:
    rotate.denied("create_key_group")
    result = rotate(*INIT)
    refused_after_progress(result.stderr, "aws_denied", "cloudfront:CreateKeyGroup")
    assert (result.exit_code, result.stdout) == (1, "")
    kid = rotate.ring().keys[0].kid
    rotate.world.hook = None
    assert rotate.document(*INIT)["kid"] == kid
    again = rotate.document(*INIT)
    assert (again["kid"], again["steps"]) == (kid, [])


def test_init_refuses_another_ring_and_a_credential_of_others(rotate: Rotating) -> None:
    rotate.begun()
    other = rotate(*INIT, "--soak", "2h")
    refused(other, "ring_exists")
    assert "there is a ring r with other settings already: dynamodb:rings/r" in other.stderr
    assert "needs a place of its own: another --ring" in other.stderr
    refused(rotate(*INIT, "--ring", "dynamodb:rings/other"), "credential_foreign")


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("--period", "1h", "--soak", "2h"), "rotation_setting"),
        (("--custody", "kms"), "rotation_setting"),
        (("--custody", "kms", "--issuer-role-arn", "arn", "--hash", "SHA1"), "rotation_setting"),
        (("--max-lifetime", "0"), "rotation_setting"),
        (("--standby-secret", "signing"), "rotation_setting"),
        (("--soak", "soon"), "usage"),
        (("--algorithm", "p384"), "usage"),
        (("--ring", "file:ring.json", "--create-table"), "usage"),
    ],
)
def test_settings_that_cannot_be_are_wrong_usage(
    rotate: Rotating, options: tuple[str, ...], code: str
) -> None:
    refused(rotate(*INIT, *options), code, exit_code=2)
    assert rotate.world.calls == 0


def test_a_name_that_cannot_be_one_is_wrong_usage(rotate: Rotating) -> None:
    result = rotate("init", "no name", *SECRETS)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "error[rotation_setting]" in result.stderr


def test_keys_may_live_in_kms(rotate: Rotating) -> None:
    role = "arn:aws:iam::111122223333:role/issuer"
    kind = ("--custody", "kms", "--issuer-role-arn", role, "--algorithm", "rsa")
    rotate.document(*INIT, *kind)
    active = rotate.ring().active
    assert active is not None
    assert active.kind.custody is Custody.KMS
    assert active.kind.algorithm is KeyAlgorithm.RSA_2048
    assert active.kms_key_arn is not None
    assert "in KMS" in rotate("status").stdout


def test_the_defaults_that_are_shown_are_those_that_are_used() -> None:
    bare = Settings(signing_secret="a", standby_secret="b")
    said = {name: one.kind.convert(one.default, None, None) for name, one in _ALL.items()}
    said |= {"probe_url": None, "issuer_role_arn": None}
    assert changed(bare, said) == bare
    assert changed(bare, dict.fromkeys(_ALL)) == bare
    assert _shown(bare, "soak") == "1 day"


def test_adopt_takes_over_what_was_made_by_hand(rotate: Rotating) -> None:
    ring = rotate.begun()
    assert ring.key_group_id is not None
    where = ("--ring", "dynamodb:rings/other", *SECRETS)
    result = rotate("adopt", "other", "--key-group", ring.key_group_id, *where, *LIFE)
    assert result.exit_code == 0, result.output
    assert "SIGNER_CREDENTIAL=secretsmanager:signing\n" in result.stdout
    assert "once the distribution trusts the group\n" in result.stdout
    assert result.stdout.startswith("ADOPTED other: its key goes on signing\n")
    assert "Replaced: 2027-04-15" in result.stdout
    assert rotate.document("status", *where[:2])["keys"][0]["state"] == "ACTIVE"
    again = rotate("adopt", "other", "--key-group", ring.key_group_id, *where, *LIFE)
    refused(again, "ring_exists")
    assert "dynamodb:rings/other" in again.stderr
    assert "another --ring" in again.stderr
    there = ("--ring", "dynamodb:rings/third", *SECRETS, *LIFE)
    refused(rotate("adopt", "third", "--key-group", "none", *there), "adopt_key")


def test_adopt_makes_the_standby_secret_and_leaves_other_keys_alone(rotate: Rotating) -> None:
    first, second = rotate.standing_by()
    group = str(rotate.ring().key_group_id)
    names = ("--signing-secret", "signing", "--standby-secret", "new")
    where = ("--ring", "dynamodb:rings/other")
    document = rotate.document("adopt", "other", "--key-group", group, *names, *where, *LIFE)
    assert document["foreign_keys"] == [second.public_key_id]
    assert document["key_pair_id"] == first.public_key_id
    assert "new" in rotate.world.secrets.secrets


def test_adopt_has_to_know_the_longest_life(rotate: Rotating) -> None:
    ring = rotate.begun()
    where = ("--key-group", str(ring.key_group_id), "--ring", "dynamodb:rings/other", *SECRETS)
    result = rotate("adopt", "other", *where)
    refused(result, "usage", exit_code=2)
    assert "--max-lifetime" in result.stderr
    rotate.document("adopt", "other", *where, *LIFE)
    [key] = rotate.document("status", *where[2:4])["keys"]
    assert key["max_lifetime"] == 7 * DAY


def test_adopt_makes_the_table_if_it_is_told_to(rotate: Rotating) -> None:
    group = str(rotate.begun().key_group_id)
    adopt = ("adopt", "other", "--key-group", group, *SECRETS, *LIFE)
    missing = rotate(*adopt, "--ring", "dynamodb:media/films")
    refused(missing, "ring_table")
    assert "--create-table" in missing.stderr
    rotate.document(*adopt, "--ring", "dynamodb:media/films", "--create-table")
    assert "films" in rotate.world.dynamodb.tables["media"].items
    refused(rotate(*adopt, "--ring", "file:r.json", "--create-table"), "usage", exit_code=2)


@pytest.mark.parametrize("command", ["init", "adopt"])
def test_short_times_are_warned_of(rotate: Rotating, command: str) -> None:
    group = ("--key-group", str(rotate.begun().key_group_id)) if command == "adopt" else ()
    rest = (*SECRETS, *LIFE, *group, "--soak", "10m", "--stale-limit", "5m")
    first, second = ("dynamodb:rings/one", "dynamodb:rings/two")
    result = rotate(command, "r", *rest, "--ring", first)
    assert result.stderr.startswith("warning: a soak of 10 min is short: ")
    assert "\nwarning: the stale limit is lowered from 30 min to 5 min: " in result.stderr
    if command == "adopt":
        document = rotate.document(command, "r", *rest, "--ring", second)
        assert len(document["warnings"]) == 2


def refused_after_progress(stderr: str, code: str, about: str) -> None:
    """Check that a command told of its steps, and then why it went no further."""
    last = stderr[stderr.index("error[") :]
    assert last.startswith(f"error[{code}]")
    assert about in last
