"""The end of a ring: nothing of it is left to sign with or to be trusted, and nothing else is touched."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

import pytest

from signer.errors import RotationError
from signer.rotation import orders
from signer.rotation.driver import Result
from signer.rotation.ring import Custody, Event, KeyState, Settings
from tests.rotation.world import KIND, SETTINGS, Call, World

IN_KMS = replace(
    SETTINGS,
    next_key=replace(KIND, custody=Custody.KMS),
    issuer_role_arn="arn:aws:iam::111122223333:role/issuer",
)


def standing_by(settings: Settings = SETTINGS) -> World:
    """Return a world in which one key signs and another stands by, and no distribution is left."""
    world = World(settings=settings)
    rotation = world.begin()
    world.run(rotation, lambda tick: any(tick.ring.in_state(KeyState.STANDBY)))
    world.cloudfront.distributions.clear()
    # From here on viewers are refused, which is what was asked for.
    world.checking = False
    return world


def check_ended(world: World) -> None:
    ring = world.rotation().ring()
    assert (ring.keys, ring.key_group_id, ring.started) == ((), None, False)
    assert not world.cloudfront.key_groups
    assert not world.cloudfront.public_keys
    assert world.rotation().aws.secrets.read_current("signing") == orders.NOT_INITIALISED
    for secret in world.secrets.secrets.values():
        for version in secret.labels.values():
            assert "PRIVATE KEY" not in str(secret.versions[version].value)


def test_group_and_keys_are_gone_and_the_ring_holds_still() -> None:
    world = standing_by()
    orders.destroy(world.rotation())
    check_ended(world)
    tick = world.rotation().tick()
    assert (tick.result, tick.step.why) == (Result.HALTED, f"frozen: {orders.DESTROYED}")
    assert tick.ring.history, "what happened to the ring can still be read"


def test_nothing_is_done_twice() -> None:
    world = standing_by()
    first = orders.destroy(world.rotation())
    version = world.rotation().aws.secrets.current("signing")
    again = orders.destroy(world.rotation())
    assert replace(again, rev=first.rev) == first
    assert world.rotation().aws.secrets.current("signing") == version


def test_it_goes_on_after_a_death_anywhere() -> None:
    class DeathError(BaseException):
        pass

    def die(_service: str, _method: str, _members: dict[str, Any], do: Call) -> object:
        if world.calls == last:
            raise DeathError
        return do()

    begun = standing_by()
    for call in range(1, 60):
        world = begun.copied()
        world.hook, last = die, world.calls + call
        try:
            orders.destroy(world.rotation())
        except DeathError:
            world.hook = None
            # Whatever tick comes in between does nothing, or goes on with what it did before.
            world.rotation().tick()
            orders.destroy(world.rotation())
            check_ended(world)
        else:
            assert call > 15
            return
    pytest.fail("it does not come to an end")


def test_a_group_that_a_distribution_trusts_stays_with_its_keys() -> None:
    world = standing_by()
    world.cloudfront.add_distribution(*world.cloudfront.key_groups)
    before, members = world.rotation().ring(), world.group()
    with pytest.raises(RotationError) as caught:
        orders.destroy(world.rotation())
    assert caught.value.code == "key_group_in_use"
    assert world.rotation().ring() == before
    assert world.group() == members


def test_keys_of_others_stay() -> None:
    world = standing_by()
    rotation = world.rotation()
    pem = next(iter(world.cloudfront.public_keys.values())).public_key.to_pem()
    config = {"Name": "stranger", "CallerReference": "stranger", "EncodedKey": pem}
    stranger = world.cloudfront.create_public_key(PublicKeyConfig=config)["PublicKey"]["Id"]
    rotation.aws.key_groups.add(rotation.ring().key_group_id or "", stranger)
    orders.destroy(rotation)
    assert set(world.cloudfront.public_keys) == {stranger}


def test_keys_in_kms_are_scheduled_for_deletion() -> None:
    world = standing_by(IN_KMS)
    orders.destroy(world.rotation())
    check_ended(world)
    states = {key["KeyArn"]: key for key in world.kms.list_keys()["Keys"]}
    assert len(states) == 2
    for arn in states:
        assert world.kms.describe_key(KeyId=arn)["KeyMetadata"]["KeyState"] == "PendingDeletion"


def test_secrets_that_are_gone_already_are_not_missed() -> None:
    world = standing_by()
    world.secrets.secrets.clear()
    orders.destroy(world.rotation())
    assert not world.cloudfront.public_keys


def test_a_ring_that_never_began_can_end() -> None:
    world = World()
    orders.create(world.rotation(), "r", SETTINGS)
    orders.destroy(world.rotation())
    assert world.rotation().ring().frozen == orders.DESTROYED


def test_public_keys_of_another_ring_of_that_name_stay() -> None:
    world = standing_by()
    pem = next(iter(world.cloudfront.public_keys.values())).public_key.to_pem()
    name = f"r-{uuid.uuid4()}"
    config = {"Name": name, "CallerReference": name, "EncodedKey": pem}
    other = world.cloudfront.create_public_key(PublicKeyConfig=config)["PublicKey"]["Id"]
    orders.destroy(world.rotation())
    assert set(world.cloudfront.public_keys) == {other}


def test_a_public_half_that_only_the_history_knows_goes_too() -> None:
    world = standing_by()
    rotation = world.rotation()
    ring = rotation.ring()
    coming = ring.coming
    assert coming is not None
    forgotten = ring.without(coming.kid, Event(int(world.clock.now), coming.kid, "deleted"))
    rotation.store.write(replace(forgotten, rev=ring.rev + 1), over=ring.rev)
    orders.destroy(rotation)
    assert not world.cloudfront.public_keys


def test_nobody_is_given_a_key_any_more_before_the_first_one_is_deleted() -> None:
    world = standing_by()

    def look(_service: str, method: str, _members: dict[str, Any], do: Call) -> object:
        if method == "delete_public_key":
            current = world.secrets.secrets["signing"].labels["AWSCURRENT"]
            text = world.secrets.secrets["signing"].versions[current].value
            told.append(str(text))
        return do()

    told: list[str] = []
    world.hook = look
    orders.destroy(world.rotation())
    assert told == [orders.NOT_INITIALISED] * 2


def test_a_credential_that_the_ring_did_not_make_is_left_to_issuers() -> None:
    world = standing_by()
    world.secrets.put_secret_value(SecretId="signing", SecretString="somebody else's")
    orders.destroy(world.rotation())
    assert world.rotation().aws.secrets.read_current("signing") == "somebody else's"


@pytest.mark.parametrize("settings", [SETTINGS, IN_KMS], ids=["secret", "kms"])
@pytest.mark.parametrize("remembered", [True, False], ids=["remembered", "forgotten"])
def test_a_ring_around_a_group_of_somebody_elses_is_left_alone(
    settings: Settings, *, remembered: bool
) -> None:
    """Adopt what another ring made, under another name."""
    world = standing_by(settings)
    world.dynamodb.tables["rings"].items.clear()
    (group,) = world.cloudfront.key_groups
    rotation = world.rotation()
    ring = orders.adopt(rotation, "other", settings, key_group_id=group, max_lifetime=60)
    if not remembered:
        rotation.store.write(replace(ring, rev=ring.rev + 1, history=()), over=ring.rev)
    before, members = rotation.ring(), world.group()
    with pytest.raises(RotationError) as caught:
        orders.destroy(rotation)
    assert caught.value.code == "ring_adopted"
    assert rotation.ring() == before
    assert world.group() == members
    assert {key["KeyState"] for key in kms_keys(world)} <= {"Enabled"}


@pytest.mark.parametrize("settings", [SETTINGS, IN_KMS], ids=["secret", "kms"])
def test_an_adopted_key_stays_where_its_group_is_gone(settings: Settings) -> None:
    world = standing_by(settings)
    world.dynamodb.tables["rings"].items.clear()
    (group,) = world.cloudfront.key_groups
    rotation = world.rotation()
    ring = orders.adopt(rotation, "other", settings, key_group_id=group, max_lifetime=60)
    public_keys = set(world.cloudfront.public_keys)
    rotation.aws.key_groups.delete_group(group)
    orders.destroy(rotation)
    assert set(world.cloudfront.public_keys) == public_keys
    assert {key["KeyState"] for key in kms_keys(world)} <= {"Enabled"}
    assert rotation.aws.secrets.read_current("signing") == orders.NOT_INITIALISED
    secret = world.secrets.secrets["signing"]
    assert secret.labels["AWSPREVIOUS"] == ring.keys[0].version, "its private half can be found"


def test_a_group_whose_making_was_not_answered_goes_too() -> None:
    world = World()
    rotation = world.rotation()
    orders.create(rotation, "r", SETTINGS)
    while not world.cloudfront.key_groups:
        rotation.tick()
    ring = rotation.ring()
    unanswered = replace(ring, rev=ring.rev + 1, key_group_id=None)
    rotation.store.write(unanswered, over=ring.rev)
    orders.destroy(rotation)
    check_ended(world)


def kms_keys(world: World) -> list[dict[str, Any]]:
    arns = [key["KeyArn"] for key in world.kms.list_keys()["Keys"]]
    return [world.kms.describe_key(KeyId=arn)["KeyMetadata"] for arn in arns]
