"""The function's policy has every action that a rotation asks for, and no other; the issuer's has none."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import Any

from botocore.exceptions import ReadTimeoutError

from signer.errors import RemoteError
from signer.rotation import orders
from signer.rotation.ring import Custody, Settings
from tests.rotation.policies import actions_of, allowed, statements
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


def test_the_issuer_may_only_read_the_signing_secret() -> None:
    found = statements("custody.md")
    assert found
    for statement in found:
        assert actions_of(statement) == {"secretsmanager:GetSecretValue"}
        assert "signing" in statement["Resource"]
        assert "standby" not in statement["Resource"]
        assert "*" not in statement["Resource"]


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
