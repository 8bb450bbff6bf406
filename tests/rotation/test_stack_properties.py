"""What a template says about a ring is read strictly, and refused by name."""

from __future__ import annotations

from dataclasses import replace

import pytest

from signer.keys import HashAlgorithm, KeyAlgorithm
from signer.rotation.ring import DAY, Custody, KeyKind, Schedule, Settings
from signer.rotation.stack_properties import PROPERTIES, asked
from tests.rotation import stack as stacks
from tests.rotation.stack import Stack, failed
from tests.rotation.world import World

PLAIN = Settings(signing_secret="signing", standby_secret="standby")
ROLE = "arn:aws:iam::111122223333:role/issuer"


@pytest.fixture
def world() -> World:
    return World(settings=PLAIN)


def test_all_properties_are_read() -> None:
    said = {
        "Name": "media",
        "SigningSecret": "s",
        "StandbySecret": "n",
        "ProbeUrl": "https://media.example.com/private/probe",
        "IssuerRoleArn": ROLE,
        "Algorithm": "RSA_2048",
        "HashAlgorithm": "SHA256",
        "Custody": "kms",
        "MaxLifetime": "12h",
        "Period": "30d",
        "Soak": "7200",
        "StaleLimit": "45m",
        "Skew": "60s",
        "RollbackWindow": "2h",
        "Probes": "5",
        "Destroy": "true",
    }
    assert set(said) == set(PROPERTIES)
    wanted = asked(said)
    assert wanted.name == "media"
    assert wanted.settings == Settings(
        signing_secret="s",
        standby_secret="n",
        probe_url="https://media.example.com/private/probe",
        issuer_role_arn=ROLE,
        next_key=KeyKind(
            KeyAlgorithm.RSA_2048, HashAlgorithm.SHA256, Custody.KMS, max_lifetime=43200
        ),
        schedule=Schedule(
            period=30 * DAY, soak=7200, stale_limit=2700, skew=60, rollback_window=7200, probes=5
        ),
    )


def test_what_is_empty_or_missing_has_its_default() -> None:
    least = {name: stacks.PROPERTIES[name] for name in ("Name", "SigningSecret", "StandbySecret")}
    empty = dict.fromkeys(set(PROPERTIES) - set(least), "")
    assert asked(least).settings == asked({**empty, **least}).settings == PLAIN


def test_a_probe_may_be_a_path() -> None:
    assert asked({**stacks.PROPERTIES, "ProbeUrl": "/.signer/probe"}).settings == replace(
        PLAIN, probe_url="/.signer/probe"
    )


CANARY = "canary-3f9a"


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("Nmae", CANARY, "stack_property"),
        ("Name", None, "stack_property"),
        ("Name", f"-{CANARY}", "rotation_setting"),
        ("SigningSecret", "", "stack_property"),
        ("StandbySecret", None, "stack_property"),
        ("StandbySecret", "signing", "rotation_setting"),
        ("ProbeUrl", [CANARY], "stack_property"),
        ("ProbeUrl", f"//{CANARY}/p", "rotation_setting"),
        ("Algorithm", CANARY, "stack_property"),
        ("HashAlgorithm", "sha256", "stack_property"),
        ("Custody", CANARY, "stack_property"),
        ("Period", CANARY, "stack_property"),
        ("Period", "-1", "stack_property"),
        ("Period", "1h", "rotation_setting"),
        ("Probes", "1.5", "stack_property"),
        ("Destroy", CANARY, "stack_property"),
    ],
)
def test_a_wrong_property_is_refused_by_its_name(
    world: World, stack: Stack, name: str, value: object, code: str
) -> None:
    reason = failed(stack, world.rotation(), stack.event("Create", **{name: value}))
    assert reason.startswith(f"{code}: ")
    snake = "".join(f"_{one.lower()}" if one.isupper() else one for one in name).strip("_")
    assert name in reason or snake in reason or "name of a ring" in reason
    if name != "Name":
        assert CANARY not in reason
    assert not world.cloudfront.key_groups


def test_keys_in_kms_need_to_know_who_signs_with_them(world: World, stack: Stack) -> None:
    reason = failed(stack, world.rotation(), stack.event("Create", Custody="kms"))
    assert reason.startswith("rotation_setting: issuer_role_arn is needed")
