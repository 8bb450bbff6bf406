"""What the stores promise where MiniStack is laxer than AWS, or has no such call: fakes only.

MiniStack takes a public key's name and caller reference twice, a sixth key in a group, another text
under a version's name, leaves a label on two versions when it is put on a second one, and does not
know which distributions a key group has.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from signer.errors import RemoteError, RotationError
from signer.keys import KeyAlgorithm
from signer.rotation.key_groups import KeyGroups
from signer.rotation.kms_keys import KmsKeys
from signer.rotation.secret_versions import STAGED, STANDBY, Labels, SecretVersions
from tests.rotation.aws_worlds import FakeWorld, new_key, new_kid
from tests.rotation.fakes.secrets import CURRENT

ROLE = "arn:aws:iam::111122223333:role/issuer"


@pytest.fixture(params=[1, 100], ids=["one-a-page", "all-on-a-page"])
def strict(request: pytest.FixtureRequest) -> FakeWorld:
    return FakeWorld.new(page_size=request.param)


# Public keys.


@pytest.mark.parametrize("algorithm", KeyAlgorithm)
def test_uploading_again_gives_the_same_key(strict: FakeWorld, algorithm: KeyAlgorithm) -> None:
    kid, key = new_kid(), new_key(algorithm)
    assert strict.key_groups.upload(strict.ring, kid, key) == strict.key_groups.upload(
        strict.ring, kid, key
    )


def test_another_key_under_the_same_name_is_refused(strict: FakeWorld) -> None:
    kid = new_kid()
    made = strict.uploaded(kid)
    with pytest.raises(RotationError) as caught:
        strict.uploaded(kid)
    assert caught.value.code == "public_key_mismatch"
    assert strict.key_groups.look(strict.ring, None).uploaded == {kid: made}


def test_a_key_that_was_uploaded_with_another_comment_is_found(strict: FakeWorld) -> None:
    kid, key = new_kid(), new_key()
    name = f"{strict.ring}-{kid}"
    config = {"Name": name, "CallerReference": name, "EncodedKey": key.to_pem()}
    made = strict.cloudfront.create_public_key(PublicKeyConfig={**config, "Comment": "edited"})
    assert strict.key_groups.upload(strict.ring, kid, key) == made["PublicKey"]["Id"]


def test_a_key_that_is_there_but_not_listed_is_told(strict: FakeWorld) -> None:
    kid, key = new_kid(), new_key()
    config = {
        "Name": "other",
        "CallerReference": f"{strict.ring}-{kid}",
        "EncodedKey": key.to_pem(),
    }
    strict.cloudfront.create_public_key(PublicKeyConfig=config)
    with pytest.raises(RotationError) as caught:
        strict.key_groups.upload(strict.ring, kid, key)
    assert caught.value.code == "public_key_hidden"


def test_an_eleventh_public_key_is_refused(strict: FakeWorld) -> None:
    for _ in range(10):
        strict.uploaded()
    with pytest.raises(RemoteError, match=r"CreatePublicKey.*TooManyPublicKeys"):
        strict.uploaded()


@pytest.mark.parametrize("call", ["delete_public_key", "delete_key_group", "update_key_group"])
@pytest.mark.parametrize(
    ("version", "code"),
    [({}, "InvalidIfMatchVersion"), ({"IfMatch": "E0"}, "PreconditionFailed")],
    ids=["none", "stale"],
)
def test_nothing_is_written_but_over_the_version_that_was_read(
    strict: FakeWorld, call: str, version: dict[str, str], code: str
) -> None:
    group, _ = strict.grouped()
    config = strict.cloudfront.get_key_group(Id=group)["KeyGroup"]["KeyGroupConfig"]
    members: dict[str, Any] = {"Id": group, **version}
    if call == "delete_public_key":
        members["Id"] = strict.uploaded()
    if call == "update_key_group":
        members["KeyGroupConfig"] = config
    with pytest.raises(ClientError) as caught:
        getattr(strict.cloudfront, call)(**members)
    assert caught.value.response["Error"]["Code"] == code


@pytest.mark.parametrize(
    ("delete", "code"),
    [("delete_public_key", "public_key_changed"), ("delete_group", "key_group_changed")],
)
def test_what_was_changed_meanwhile_is_not_deleted(
    strict: FakeWorld, monkeypatch: pytest.MonkeyPatch, delete: str, code: str
) -> None:
    group, _ = strict.grouped()
    name = "get_public_key" if delete == "delete_public_key" else "get_key_group"
    victim = strict.uploaded() if delete == "delete_public_key" else group
    read = getattr(strict.cloudfront, name)
    monkeypatch.setattr(strict.cloudfront, name, lambda **m: {**read(**m), "ETag": "E0"})
    with pytest.raises(RotationError) as caught:
        getattr(strict.key_groups, delete)(victim)
    assert caught.value.code == code


def test_a_group_that_is_deleted_while_it_is_written_is_told(
    strict: FakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    group, _ = strict.grouped()
    other = strict.uploaded()
    read = strict.cloudfront.get_key_group

    def read_then_deleted(**members: str) -> Mapping[str, Any]:
        answer = read(**members)
        del strict.cloudfront.key_groups[group]
        return answer

    monkeypatch.setattr(strict.cloudfront, "get_key_group", read_then_deleted)
    with pytest.raises(RotationError) as caught:
        strict.key_groups.add(group, other)
    assert caught.value.code == "key_group_gone"


# Distributions.


def test_without_a_distribution_there_is_nothing_to_wait_for(strict: FakeWorld) -> None:
    group, first = strict.grouped()
    assert strict.key_groups.is_deployed(group, first)


def test_all_distributions_have_to_list_the_key_and_be_deployed(strict: FakeWorld) -> None:
    group, first = strict.grouped()
    one, two = (strict.cloudfront.add_distribution(group) for _ in range(2))
    strict.cloudfront.add_distribution()
    second = strict.uploaded()
    strict.key_groups.add(group, second)
    assert strict.key_groups.is_deployed(group, second)
    two.active = {group: (first,), "another group": (second,)}
    assert not strict.key_groups.is_deployed(group, second)
    assert strict.key_groups.is_deployed(group, first)
    two.active = None
    one.status = "InProgress"
    assert not strict.key_groups.is_deployed(group, second)


def test_a_distribution_that_is_deleted_meanwhile_is_not_waited_for(
    strict: FakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    group, first = strict.grouped()
    strict.cloudfront.add_distribution(group, status="InProgress")
    listed = strict.cloudfront.list_distributions_by_key_group

    def listed_then_deleted(**members: str) -> Mapping[str, Any]:
        answer = listed(**members)
        strict.cloudfront.distributions.clear()
        return answer

    name = "list_distributions_by_key_group"
    monkeypatch.setattr(strict.cloudfront, name, listed_then_deleted)
    assert strict.key_groups.is_deployed(group, first)


def test_a_group_that_a_distribution_trusts_is_not_deleted(strict: FakeWorld) -> None:
    group, _ = strict.grouped()
    strict.cloudfront.add_distribution(group)
    with pytest.raises(RotationError) as caught:
        strict.key_groups.delete_group(group)
    assert caught.value.code == "key_group_in_use"


# Secrets.


def test_a_label_that_is_elsewhere_does_not_move(strict: FakeWorld) -> None:
    name, current = strict.secret()
    one, two = new_kid(), new_kid()
    strict.secrets.put(name, one, "one", STAGED)
    strict.secrets.put(name, two, "two", STAGED)
    with pytest.raises(RotationError) as caught:
        strict.secrets.move(name, STAGED, one, current)
    assert caught.value.code == "secret_label_moved"
    assert strict.secrets.look(name).staged == two


def test_another_text_under_the_same_version_is_refused(strict: FakeWorld) -> None:
    name, _ = strict.secret()
    version = new_kid()
    strict.secrets.put(name, version, "text", STAGED)
    with pytest.raises(RotationError) as caught:
        strict.secrets.put(name, version, "another", STAGED)
    assert caught.value.code == "secret_version_taken"
    assert strict.secrets.read(name, version) == "text"


def test_the_first_version_of_a_secret_is_the_current_one(strict: FakeWorld) -> None:
    strict.secretsmanager.create_secret(Name="empty")
    assert strict.secrets.look("empty") == Labels(None, None)
    version = new_kid()
    strict.secrets.put("empty", version, "text", STANDBY)
    assert strict.secrets.look("empty") == Labels(version, None)


def test_a_version_without_labels_can_still_be_read_by_its_name(strict: FakeWorld) -> None:
    name, _ = strict.secret()
    version = new_kid()
    strict.secrets.put(name, version, "text", STAGED)
    strict.secrets.strip(name, version, STAGED)
    assert strict.secrets.read(name, version) == "text"


def test_what_is_stripped_by_two_is_stripped(
    strict: FakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, current = strict.secret()
    version = new_kid()
    strict.secrets.put(name, version, "text", STAGED)
    update = strict.secretsmanager.update_secret_version_stage

    def overtaken(**members: str) -> Mapping[str, Any]:
        monkeypatch.undo()
        strict.secrets.strip(name, version, STAGED)
        return update(**members)

    monkeypatch.setattr(strict.secretsmanager, "update_secret_version_stage", overtaken)
    strict.secrets.strip(name, version, STAGED)
    assert strict.secretsmanager.secrets[name].labels == {CURRENT: current}


# KMS.


def test_keys_that_are_kept_from_us_are_passed_over(
    strict: FakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    kid, kind = new_kid(), KeyAlgorithm.ECDSA_P256
    theirs = strict.kms_keys.make("other", new_kid(), kind)
    ours = strict.kms_keys.make(strict.ring, kid, kind)
    describe = strict.kms.describe_key

    def describe_ours(*, KeyId: str) -> Mapping[str, Any]:  # noqa: N803 - boto3's name
        if KeyId == theirs:
            raise strict.kms.clock.refused("DescribeKey", "AccessDeniedException")
        return describe(KeyId=KeyId)

    monkeypatch.setattr(strict.kms, "describe_key", describe_ours)
    assert strict.kms_keys.find(strict.ring, kid) == ours


def test_of_two_keys_under_one_name_the_older_is_taken(strict: FakeWorld) -> None:
    kid, kind = new_kid(), KeyAlgorithm.ECDSA_P256
    first = strict.kms_keys.make(strict.ring, kid, kind)
    strict.kms.clock.advance(1)
    strict.kms_keys.make(strict.ring, kid, kind)
    assert strict.kms_keys.find(strict.ring, kid) == first


# Permissions.


def use_key_groups(world: FakeWorld) -> None:
    group, first = world.grouped()
    world.cloudfront.add_distribution(group)
    second = world.uploaded()
    world.key_groups.look(world.ring, None)
    world.key_groups.add(group, second)
    world.key_groups.is_deployed(group, second)
    world.key_groups.remove(group, first)
    world.key_groups.delete_public_key(first)
    world.cloudfront.distributions.clear()
    world.key_groups.delete_group(group)


def use_secrets(world: FakeWorld) -> None:
    name, current = world.secret()
    world.secrets.put(name, new_kid(), "text", STAGED)
    world.secrets.read(name, current)
    world.secrets.strip(name, current)
    world.secrets.move(name, STAGED, current)


def use_kms(world: FakeWorld) -> None:
    kid = new_kid()
    arn = world.kms_keys.make(world.ring, kid, KeyAlgorithm.ECDSA_P256)
    world.kms_keys.find(world.ring, kid)
    world.kms_keys.grant(arn, kid, ROLE)
    world.kms_keys.disable(arn)
    world.kms_keys.schedule_deletion(arn)


@pytest.mark.parametrize(
    ("store", "service", "use", "besides"),
    [
        (KeyGroups, "cloudfront", use_key_groups, set()),
        (SecretVersions, "secretsmanager", use_secrets, set()),
        (KmsKeys, "kms", use_kms, {"TagResource"}),
    ],
)
def test_a_store_names_the_permissions_that_it_needs(
    strict: FakeWorld,
    store: type,
    service: str,
    use: Callable[[FakeWorld], None],
    besides: set[str],
) -> None:
    use(strict)
    called = {one.title().replace("_", "") for one in strict.calls[service].called}
    named = re.findall(rf"``{service}:(\w+)``", store.__doc__ or "")
    assert sorted(named) == sorted(called | besides)
