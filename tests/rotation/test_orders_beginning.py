from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from signer.credential import Credential
from signer.errors import CredentialError, RemoteError, RotationError
from signer.keys import KeyAlgorithm, PrivateKey
from signer.rotation import orders
from signer.rotation.ring import DAY, HOUR, KeyState
from signer.rotation.steps import Act
from tests.rotation.world import PLACEHOLDER, SETTINGS, World, rotated, switched

# Beginning.


def test_a_ring_and_its_secrets_are_made_once() -> None:
    world = World()
    world.checking = False  # There is nothing to look at yet.
    world.secrets.secrets.clear()
    rotation = world.rotation()
    made = orders.create(rotation, "r", SETTINGS)
    assert orders.create(rotation, "r", SETTINGS) == made
    for name in ("signing", "standby"):
        text = world.secrets.get_secret_value(SecretId=name)["SecretString"]
        with pytest.raises(CredentialError) as caught:
            Credential.from_json(text)
        assert caught.value.code == "credential_uninitialised"
    world.run(rotation, lambda tick: tick.ring.started)
    world.checking = True
    world.check()
    world.check_end(rotation.ring())


def test_a_ring_with_other_settings_is_left_alone() -> None:
    rotation = World().rotation()
    orders.create(rotation, "r", SETTINGS)
    with pytest.raises(RotationError) as caught:
        orders.create(rotation, "r", replace(SETTINGS, probe_url=None))
    assert caught.value.code == "ring_exists"


def test_a_secret_that_is_in_use_is_left_alone() -> None:
    world = World()
    world.checking = False  # A pair that is not even at CloudFront.
    made = Credential.new(key_pair_id="K2JCJMDEHXQW5F", algorithm=KeyAlgorithm.ECDSA_P256)
    world.secrets.put_secret_value(SecretId="signing", SecretString=made.to_json())
    with pytest.raises(RotationError) as caught:
        orders.create(world.rotation(), "r", SETTINGS)
    assert caught.value.code == "credential_foreign"
    assert world.rotation().store.read() is None


def test_secrets_without_any_version_get_one_that_is_no_credential() -> None:
    world = World()
    world.checking = False
    world.secrets.secrets.clear()
    for name in ("signing", "standby"):
        world.secrets.create_secret(Name=name)
    rotation = world.rotation()
    orders.create(rotation, "r", SETTINGS)
    world.run(rotation, lambda tick: tick.ring.started)
    world.checking = True
    former = rotation.ring().active
    world.cloudfront.add_distribution(*world.cloudfront.key_groups)
    ticks = world.run(rotation, lambda tick: rotated(tick.ring, former.kid if former else ""))
    world.check_end(ticks[-1].ring)


def test_a_store_of_secrets_that_is_down_is_told() -> None:
    world = World()

    def down(service: str, method: str, _: object, call: Callable[[], object]) -> object:
        if service == "secretsmanager":
            raise world.clock.refused(method, "InternalServiceError", 500)
        return call()

    world.hook = down
    with pytest.raises(RemoteError):
        orders.create(world.rotation(), "r", SETTINGS)


def test_a_standby_secret_is_made_for_what_is_taken_over() -> None:
    world = World()
    group, _ = made_by_hand(world)
    del world.secrets.secrets["standby"]
    rotation = world.rotation()
    ring = orders.adopt(rotation, "r", SETTINGS, key_group_id=group, max_lifetime=DAY)
    world.run(rotation, switched(ring.keys[0].kid))


def test_placeholders_that_others_made_are_as_good() -> None:
    world = World()
    assert orders.create(world.rotation(), "r", SETTINGS).rev == 0
    text = world.secrets.get_secret_value(SecretId="signing")["SecretString"]
    assert text == PLACEHOLDER


# Taking over.


def made_by_hand(
    world: World, *, activated_at: str | None = None, kid: str = "old"
) -> tuple[str, Credential]:
    """Make a key group and a credential as people do; return the group's id."""
    key = PrivateKey.generate()
    uploaded = world.cloudfront.create_public_key(
        PublicKeyConfig={
            "Name": "our-key", "CallerReference": "2025", "EncodedKey": key.public_key().to_pem()
        }
    )  # fmt: skip
    key_pair_id = uploaded["PublicKey"]["Id"]
    group = world.cloudfront.create_key_group(
        KeyGroupConfig={"Name": "our-group", "Items": [key_pair_id]}
    )
    credential = Credential(
        kid=kid, key_pair_id=key_pair_id, private_key=key, activated_at=activated_at
    )
    world.secrets.put_secret_value(SecretId="signing", SecretString=credential.to_json())
    world.cloudfront.add_distribution(group["KeyGroup"]["Id"])
    world.clock.advance(HOUR)
    return group["KeyGroup"]["Id"], credential


@pytest.mark.parametrize("kid", ["", "old"])
def test_what_was_made_by_hand_is_taken_over_and_then_rotated(kid: str) -> None:
    world = World()
    group, credential = made_by_hand(world, kid=kid)
    rotation = world.rotation()
    ring = orders.adopt(rotation, "r", SETTINGS, key_group_id=group, max_lifetime=3 * DAY)
    [key] = ring.keys
    assert (key.state, key.public_key_id) == (KeyState.ACTIVE, credential.key_pair_id)
    assert key.kid
    assert key.kind.max_lifetime == 7 * DAY  # what the document permits is longer
    before = world.group()
    ticks = world.run(rotation, switched(key.kid))
    drained = ticks[-1].ring.key(key.kid)
    assert drained is not None
    assert drained.drain_until == world.told[-1].at + 1800 + 7 * DAY + 300
    ticks = world.run(rotation, lambda tick: rotated(tick.ring, key.kid))
    assert before[0] not in world.group()
    # Its public half is left to whoever made it.
    assert before[0] in world.cloudfront.public_keys
    world.check_end(ticks[-1].ring)


def test_the_age_of_a_key_that_is_taken_over_counts() -> None:
    world = World()
    since = datetime.fromtimestamp(world.clock.now - 100 * DAY, UTC).isoformat()
    group, _ = made_by_hand(world, activated_at=since)
    ring = orders.adopt(world.rotation(), "r", SETTINGS, key_group_id=group, max_lifetime=DAY)
    [key] = ring.keys
    assert key.promoted_at == int(world.clock.now - HOUR - 100 * DAY)


def test_a_key_that_lost_its_place_after_it_was_taken_over_comes_back() -> None:
    world = World()
    group, credential = made_by_hand(world)
    other = world.cloudfront.create_public_key(
        PublicKeyConfig={
            "Name": "x", "CallerReference": "x", "EncodedKey": PrivateKey.generate().public_key().to_pem()
        }
    )  # fmt: skip
    rotation = world.rotation()
    orders.adopt(rotation, "r", SETTINGS, key_group_id=group, max_lifetime=DAY)
    world.checking = False
    there = world.cloudfront.get_key_group(Id=group)
    world.cloudfront.update_key_group(
        Id=group, IfMatch=there["ETag"],
        KeyGroupConfig={"Name": "our-group", "Items": [other["PublicKey"]["Id"]]},
    )  # fmt: skip
    assert rotation.tick().step.act is Act.HEAL
    assert credential.key_pair_id in world.group()
    # The other one is nobody's business.
    assert other["PublicKey"]["Id"] in world.group()


@pytest.mark.parametrize(
    "change",
    [
        {"key_pair_id": "K36X4X2EO997HM"},
        {"private_key_pem": PrivateKey.generate().to_pem()},
    ],
)
def test_a_credential_that_does_not_fit_the_group_is_not_taken_over(change: dict[str, str]) -> None:
    world = World()
    world.checking = False
    group, credential = made_by_hand(world)
    document = json.loads(credential.to_json()) | change
    world.secrets.put_secret_value(SecretId="signing", SecretString=json.dumps(document))
    with pytest.raises(RotationError) as caught:
        orders.adopt(world.rotation(), "r", SETTINGS, key_group_id=group, max_lifetime=DAY)
    assert caught.value.code == "adopt_key"
    assert world.rotation().store.read() is None


def test_a_ring_is_taken_over_once_and_only_with_a_credential() -> None:
    world = World()
    with pytest.raises(CredentialError):
        orders.adopt(world.rotation(), "r", SETTINGS, key_group_id="x", max_lifetime=DAY)
    rotation = world.begin()
    with pytest.raises(RotationError) as caught:
        orders.adopt(rotation, "r", SETTINGS, key_group_id="x", max_lifetime=DAY)
    assert caught.value.code == "ring_exists"
