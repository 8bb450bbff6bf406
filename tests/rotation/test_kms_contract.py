"""What the store of keys in KMS promises, kept by the strict fakes and by MiniStack alike."""

from __future__ import annotations

import pytest

from signer.errors import RotationError
from signer.keys import HashAlgorithm, KeyAlgorithm
from tests.rotation.aws_worlds import World, new_kid

ROLE = "arn:aws:iam::111122223333:role/issuer"


@pytest.fixture
def world(aws: World) -> World:
    return aws


@pytest.mark.parametrize("algorithm", KeyAlgorithm)
def test_a_key_in_kms_signs(world: World, algorithm: KeyAlgorithm) -> None:
    arn = world.kms_keys.make(world.ring, new_kid(), algorithm)
    key = world.kms_keys.signing_key(arn, algorithm)
    signature = key.sign(b"message", HashAlgorithm.SHA256)
    assert key.public_key().verify(signature, b"message", HashAlgorithm.SHA256)


def test_a_key_whose_making_was_not_written_down_is_found(world: World) -> None:
    kid, kind = new_kid(), KeyAlgorithm.ECDSA_P256
    assert world.kms_keys.find(world.ring, kid) is None
    made = world.kms_keys.make(world.ring, kid, kind)
    world.kms_keys.make(world.ring, new_kid(), kind)
    assert world.kms_keys.find(world.ring, kid) == made
    # KMS cannot be told that it is the same request.
    assert world.kms_keys.make(world.ring, kid, kind) != made


def test_a_key_can_be_signed_with_until_it_is_disabled_or_gone(world: World) -> None:
    arn = world.kms_keys.make(world.ring, new_kid(), KeyAlgorithm.ECDSA_P256)
    assert world.kms_keys.is_enabled(arn)
    world.kms_keys.disable(arn)
    assert not world.kms_keys.is_enabled(arn)
    assert not world.kms_keys.is_enabled(arn.rpartition("/")[0] + "/" + new_kid())


def test_only_a_key_with_our_description_is_ours(world: World) -> None:
    kid = new_kid()
    arn = world.kms_keys.make(world.ring, kid, KeyAlgorithm.ECDSA_P256)
    assert world.kms_keys.is_named(arn, world.ring, kid)
    assert not world.kms_keys.is_named(arn, world.ring, new_kid())
    assert not world.kms_keys.is_named(arn, "another", kid)
    gone = arn.rpartition("/")[0] + "/" + new_kid()
    assert not world.kms_keys.is_named(gone, world.ring, kid)


def test_a_disabled_key_is_not_found_and_does_not_sign(world: World) -> None:
    kid, kind = new_kid(), KeyAlgorithm.ECDSA_P256
    arn = world.kms_keys.make(world.ring, kid, kind)
    for end in (world.kms_keys.disable, world.kms_keys.schedule_deletion):
        end(arn)
        end(arn)
        assert world.kms_keys.find(world.ring, kid) is None
        state = world.kms.describe_key(KeyId=arn)["KeyMetadata"]["KeyState"]
        assert state in {"Disabled", "PendingDeletion"}
    world.kms_keys.disable(arn)


def test_a_key_that_is_gone_needs_no_end(world: World) -> None:
    arn = world.kms_keys.make(world.ring, new_kid(), KeyAlgorithm.ECDSA_P256)
    gone = f"{arn[:-12]}ffffffffffff"
    world.kms_keys.disable(gone)
    world.kms_keys.schedule_deletion(gone)
    with pytest.raises(RotationError) as caught:
        world.kms_keys.grant(gone, new_kid(), ROLE)
    assert caught.value.code == "kms_key_missing"


def test_granting_again_is_not_a_second_grant(world: World) -> None:
    kid = new_kid()
    arn = world.kms_keys.make(world.ring, kid, KeyAlgorithm.ECDSA_P256)
    for _ in range(2):
        world.kms_keys.grant(arn, kid, ROLE)
    # The same request tells the id of the one grant that there is.
    wanted = {"GranteePrincipal": ROLE, "Operations": ["Sign"], "Name": kid}
    told = {world.kms.create_grant(KeyId=arn, **wanted)["GrantId"] for _ in range(2)}
    assert len(told) == 1
