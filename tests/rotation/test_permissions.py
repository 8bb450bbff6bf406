"""The function's policy has every action that a rotation asks for, and no other; so has each command's."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from signer.errors import RemoteError
from signer.rotation import orders
from signer.rotation.driver import Rotation
from signer.rotation.ring import Custody, Settings
from tests.lambda_asset import ROOT
from tests.rotation.policies import actions_of, allowed, statements
from tests.rotation.test_orders_beginning import made_by_hand
from tests.rotation.world import KIND, SETTINGS, Call, World, rotated

IN_KMS = replace(
    SETTINGS,
    next_key=replace(KIND, custody=Custody.KMS),
    issuer_role_arn="arn:aws:iam::111122223333:role/issuer",
)
WRITES = ("Put", "Update", "Create", "Delete", "Disable", "Schedule", "Tag")


def asked(world: World) -> set[str]:
    """Return the IAM actions of all calls that were made; a key with tags needs one more."""
    names = {f"{service}:{method.title().replace('_', '')}" for service, method in world.actions}
    return names | {"kms:TagResource"} if "kms:CreateKey" in names else names


def rotated_world(settings: Settings) -> World:
    """Return a world in which a ring was begun and went through a whole rotation."""
    world = World(settings=settings)
    orders.create(world.rotation(), "r", settings)
    rotation = world.rotation()
    world.run(rotation, lambda tick: tick.ring.started)
    world.cloudfront.add_distribution(*world.cloudfront.key_groups)
    former = rotation.ring().active
    assert former is not None
    world.hook = lost_once()
    with contextlib.suppress(RemoteError):
        world.run(rotation, lambda tick: rotated(tick.ring, former.kid))
    world.run(rotation, lambda tick: rotated(tick.ring, former.kid))
    return world


def lost_once() -> Any:  # noqa: ANN401 - a hook
    """Lose the answer of the first key's making in KMS, so that it is looked for."""
    lost = False

    def hook(_service: str, method: str, _members: dict[str, Any], do: Call) -> object:
        nonlocal lost
        answer = do()
        if method == "create_key" and not lost:
            lost = True
            raise ReadTimeoutError(endpoint_url="https://kms")
        return answer

    return hook


def test_a_rotation_asks_for_what_the_docs_list_and_nothing_else() -> None:
    assert asked(rotated_world(SETTINGS)) == allowed("Tick")


def test_keys_in_kms_need_one_more_statement() -> None:
    assert asked(rotated_world(IN_KMS)) == allowed("Tick", "Kms")


def test_missing_secrets_need_one_more_statement() -> None:
    world = World()
    world.checking = False
    world.secrets.secrets.clear()
    orders.create(world.rotation(), "r", SETTINGS)
    assert asked(world) - allowed("Tick") == allowed("Make")


def test_the_end_of_a_ring_needs_one_more_statement() -> None:
    world = rotated_world(SETTINGS)
    world.checking = False
    world.cloudfront.distributions.clear()
    world.actions.clear()
    orders.destroy(world.rotation())
    assert asked(world) - allowed("Tick") == allowed("Destroy")


def listed(command: str) -> set[str]:
    """Return the IAM actions that the table of commands has for one."""
    text = (ROOT / "docs" / "rotation-function.md").read_text(encoding="utf-8")
    [row] = [line for line in text.splitlines() if re.match(rf"\| .*`{command}`.* \|", line)]
    cells = row.split("|")[2:-1]
    services = ("dynamodb", "secretsmanager", "cloudfront")
    return {
        f"{service}:{action}"
        for service, cell in zip(services, cells, strict=False)
        for action in re.findall(r"[A-Z]\w+", cell)
    }


def switched_world() -> World:
    """Return a world in which issuers were just switched to another key."""
    world = World()
    rotation = world.begin()
    former = rotation.ring().active
    orders.rotate(rotation)
    world.run(rotation, lambda tick: tick.ring.active not in {None, former} and tick.ring.started)
    world.actions.clear()
    return world


def roll_back(rotation: Rotation) -> None:
    orders.rollback(rotation)
    rotation.tick()


@pytest.mark.parametrize(
    ("command", "order"),
    [
        ("status", lambda _: None),
        ("now", orders.rotate),
        ("configure", lambda rotation: orders.configure(rotation, lambda settings: settings)),
        ("rollback", roll_back),
    ],
)
def test_a_command_that_looks_at_the_ring_asks_for_what_the_table_lists(
    command: str, order: Callable[[Rotation], object]
) -> None:
    world = switched_world()
    order(world.rotation())
    world.rotation().next_step()
    assert asked(world) == listed(command)


@pytest.mark.parametrize(
    ("command", "order"),
    [
        ("freeze", lambda rotation: orders.freeze(rotation, "a look into it")),
        ("unfreeze", orders.unfreeze),
    ],
)
def test_a_command_about_the_ring_alone_asks_for_nothing_else(
    command: str, order: Callable[[Rotation], object]
) -> None:
    world = switched_world()
    order(world.rotation())
    assert asked(world) == listed(command) == {"dynamodb:GetItem", "dynamodb:PutItem"}


def test_taking_over_asks_for_what_the_table_lists() -> None:
    world = World()
    group, _ = made_by_hand(world)
    del world.secrets.secrets["standby"]
    world.actions.clear()
    rotation = world.rotation()
    orders.adopt(rotation, "r", SETTINGS, key_group_id=group, max_lifetime=1)
    rotation.next_step()
    assert asked(world) == listed("adopt")


def test_the_issuer_may_only_read_the_current_version_of_the_signing_secret() -> None:
    found = statements("custody.md")
    assert found
    for statement in found:
        assert actions_of(statement) == {"secretsmanager:GetSecretValue"}
        assert "signing" in statement["Resource"]
        assert "standby" not in statement["Resource"]
        assert "*" not in statement["Resource"]
        assert statement["Condition"] == {
            "Null": {"secretsmanager:VersionId": "true"},
            "StringEqualsIfExists": {"secretsmanager:VersionStage": "AWSCURRENT"},
        }


def test_nothing_is_permitted_by_a_wildcard() -> None:
    for statement in statements():
        assert statement["Effect"] == "Allow"
        assert not any("*" in action for action in actions_of(statement))


def test_only_the_rotation_may_write() -> None:
    granted = {action.partition(":")[2] for action in allowed("")}
    assert any(name.startswith(WRITES) for name in granted)
    issuers = {
        action.partition(":")[2] for one in statements("custody.md") for action in actions_of(one)
    }
    assert not any(name.startswith(WRITES) for name in issuers)
