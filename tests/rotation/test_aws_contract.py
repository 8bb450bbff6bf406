"""What the stores promise, kept by the strict fakes and by MiniStack alike."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from signer.errors import RotationError
from signer.rotation.aws_calls import ServerTime
from signer.rotation.secret_versions import PREVIOUS, STAGED, STANDBY, Labels
from tests.rotation.aws_worlds import World, new_key, new_kid


@pytest.fixture
def world(aws: World) -> World:
    return aws


# Public keys and key groups.


def test_nothing_is_seen_of_a_new_ring(world: World) -> None:
    seen = world.key_groups.look(world.ring, None)
    assert (seen.group_id, seen.items, seen.uploaded) == (None, None, {})


def test_a_key_that_was_uploaded_is_seen_and_read_back(world: World) -> None:
    kid, key = new_kid(), new_key()
    made = world.key_groups.upload(world.ring, kid, key)
    seen = world.key_groups.look(world.ring, None)
    assert seen.uploaded == {kid: made}
    assert made in seen.public_key_ids
    assert world.key_groups.public_key(made) == key


@pytest.mark.parametrize("name", ["{}-x", "{}2-{kid}", "x{}-{kid}", "{}-{kid}x", "{}-{kid}-{kid}"])
def test_keys_with_other_names_are_not_the_rings(world: World, name: str) -> None:
    other = name.format(world.ring, kid=new_kid())
    made = world.cloudfront.create_public_key(
        PublicKeyConfig={"Name": other, "CallerReference": other, "EncodedKey": new_key().to_pem()}
    )
    seen = world.key_groups.look(world.ring, None)
    assert seen.uploaded == {}
    assert made["PublicKey"]["Id"] in seen.public_key_ids


def test_a_key_that_is_not_there_is_none(world: World) -> None:
    assert world.key_groups.public_key("K0000000000000") is None


def test_a_group_is_found_by_id_and_by_name(world: World) -> None:
    group, first = world.grouped()
    for known in (None, group):
        seen = world.key_groups.look(world.ring, known)
        assert (seen.group_id, seen.items) == (group, (first,))


def test_a_group_that_is_gone_is_seen_as_none(world: World) -> None:
    group, _ = world.grouped()
    world.key_groups.delete_group(group)
    world.key_groups.delete_group(group)
    seen = world.key_groups.look(world.ring, group)
    assert (seen.group_id, seen.items, len(seen.uploaded)) == (None, None, 1)


def test_making_the_group_again_finds_it(world: World) -> None:
    group, first = world.grouped()
    assert world.key_groups.create(world.ring, world.uploaded()) == group
    assert world.key_groups.look(world.ring, group).items == (first,)


def test_a_group_with_keys_of_others_is_not_taken_over(world: World) -> None:
    others = world.key_groups.upload(f"{world.ring}-other", new_kid(), new_key())
    config = {"Name": world.ring, "Items": [others]}
    world.cloudfront.create_key_group(KeyGroupConfig=config)
    with pytest.raises(RotationError) as caught:
        world.grouped()
    assert caught.value.code == "key_group_taken"


def test_keys_come_and_go_and_the_rest_of_the_group_stays(world: World) -> None:
    group, first = world.grouped()
    second = world.uploaded()
    world.key_groups.add(group, second)
    assert world.key_groups.look(world.ring, group).items == (first, second)
    world.key_groups.remove(group, first)
    assert world.key_groups.look(world.ring, group).items == (second,)
    config = world.cloudfront.get_key_group(Id=group)["KeyGroup"]["KeyGroupConfig"]
    assert (config["Name"], config["Comment"]) == (world.ring, f"signer ring {world.ring}")


def test_what_is_so_already_is_not_written(world: World) -> None:
    group, first = world.grouped()
    world.key_groups.add(group, first)
    world.key_groups.remove(group, "K0000000000000")
    assert "update_key_group" not in world.calls["cloudfront"].called


def test_a_sixth_key_is_refused(world: World) -> None:
    group, _ = world.grouped()
    for _ in range(4):
        world.key_groups.add(group, world.uploaded())
    with pytest.raises(RotationError) as caught:
        world.key_groups.add(group, world.uploaded())
    assert caught.value.code == "key_group_full"


def test_the_last_key_stays(world: World) -> None:
    group, first = world.grouped()
    with pytest.raises(RotationError) as caught:
        world.key_groups.remove(group, first)
    assert caught.value.code == "key_group_last"


def test_a_change_by_somebody_else_is_not_undone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    group, first = world.grouped()
    theirs, ours = world.uploaded(), world.uploaded()
    read = world.cloudfront.get_key_group

    def read_then_overtaken(**members: str) -> object:
        answer = read(**members)
        monkeypatch.undo()
        world.key_groups.add(group, theirs)
        return answer

    monkeypatch.setattr(world.cloudfront, "get_key_group", read_then_overtaken)
    with pytest.raises(RotationError) as caught:
        world.key_groups.add(group, ours)
    assert caught.value.code == "key_group_changed"
    assert world.key_groups.look(world.ring, group).items == (first, theirs)


def test_writing_to_a_group_that_is_gone_is_told(world: World) -> None:
    group, first = world.grouped()
    world.key_groups.delete_group(group)
    for change in (world.key_groups.add, world.key_groups.remove):
        with pytest.raises(RotationError) as caught:
            change(group, first)
        assert caught.value.code == "key_group_gone"


def test_a_public_key_is_deleted_once_it_is_out_of_the_group(world: World) -> None:
    group, first = world.grouped()
    world.key_groups.add(group, world.uploaded())
    with pytest.raises(RotationError) as caught:
        world.key_groups.delete_public_key(first)
    assert caught.value.code == "public_key_in_use"
    world.key_groups.remove(group, first)
    for _ in range(2):
        world.key_groups.delete_public_key(first)
    assert world.key_groups.public_key(first) is None


# Secrets.


def test_labels_of_a_new_secret(world: World) -> None:
    name, current = world.secret()
    assert world.secrets.look(name) == Labels(current, None)
    assert world.secrets.read_current(name) == "first"
    assert world.secrets.read(name, current) == "first"
    assert world.secrets.current(name) == current


def test_making_a_secret_again_changes_nothing(world: World) -> None:
    name, current = world.secret()
    assert not world.secrets.create(name, "second", "made by a test")
    assert world.secrets.look(name).current == current
    assert world.secrets.read_current(name) == "first"


def test_what_is_not_there_reads_as_none(world: World) -> None:
    name, _ = world.secret()
    assert world.secrets.read(name, new_kid()) is None
    assert world.secrets.read_current(f"{name}-other") is None
    assert world.secrets.current(f"{name}-other") is None


def test_a_secret_that_is_missing_is_told_where_that_matters(world: World) -> None:
    name, version = f"{world.ring}/none", new_kid()
    for ask in (
        lambda: world.secrets.look(name),
        lambda: world.secrets.put(name, version, "text", STAGED),
        lambda: world.secrets.move(name, STAGED, version),
        lambda: world.secrets.switch(name, version, None),
    ):
        with pytest.raises(RotationError) as caught:
            ask()
        assert caught.value.code == "secret_missing"
    world.secrets.strip(name, version, STAGED)


def test_a_binary_secret_is_no_text(world: World) -> None:
    name, _ = world.secret()
    version = new_kid()
    world.secretsmanager.put_secret_value(
        SecretId=name, ClientRequestToken=version, SecretBinary=b"x", VersionStages=[STAGED]
    )
    assert world.secrets.read(name, version) == ""


def test_a_staged_version_is_not_what_issuers_read(world: World) -> None:
    name, current = world.secret()
    staged = new_kid()
    for _ in range(2):
        world.secrets.put(name, staged, "next", STAGED)
    assert world.secrets.look(name) == Labels(current, staged)
    assert world.secrets.read_current(name) == "first"
    assert world.secrets.read(name, staged) == "next"


def test_a_version_that_was_stripped_is_staged_again(world: World) -> None:
    name, current = world.secret()
    staged = new_kid()
    world.secrets.put(name, staged, "next", STAGED)
    world.secrets.strip(name, staged, STAGED)
    assert world.secrets.look(name) == Labels(current, None)
    world.secrets.put(name, staged, "next", STAGED)
    assert world.secrets.look(name) == Labels(current, staged)


def test_a_label_is_on_one_version_at_a_time(world: World) -> None:
    name, current = world.secret()
    for text in ("one", "two", "three"):
        version = new_kid()
        world.secrets.put(name, version, text, STANDBY)
    stages = world.secretsmanager.describe_secret(SecretId=name)["VersionIdsToStages"]
    labelled = {one: labels for one, labels in stages.items() if labels}
    assert labelled == {current: ["AWSCURRENT"], version: [STANDBY]}


def test_a_label_moves_from_where_it_is(world: World) -> None:
    name, current = world.secret()
    one, two = new_kid(), new_kid()
    world.secrets.put(name, one, "one", STAGED)
    world.secrets.put(name, two, "two", STAGED)
    for to in (two, one, one, two):
        world.secrets.move(name, STAGED, to)
        assert world.secrets.look(name) == Labels(current, to)


def test_issuers_are_switched_and_switched_back(world: World) -> None:
    name, first = world.secret()
    second = new_kid()
    world.secrets.put(name, second, "second", STAGED)
    world.secrets.switch(name, second, first)
    assert world.secrets.read_current(name) == "second"
    world.secrets.switch(name, first, second)
    assert world.secrets.read_current(name) == "first"


def test_a_switch_over_another_version_than_the_one_seen_is_refused(world: World) -> None:
    name, first = world.secret()
    second, third = new_kid(), new_kid()
    world.secrets.put(name, second, "second", STAGED)
    world.secrets.put(name, third, "third", STAGED)
    world.secrets.switch(name, second, first)
    for expected in (first, third, None):
        with pytest.raises(RotationError) as caught:
            world.secrets.switch(name, third, expected)
        assert caught.value.code == "credential_switched"
    assert world.secrets.read_current(name) == "second"


def test_a_version_that_is_not_there_cannot_be_switched_to(world: World) -> None:
    name, first = world.secret()
    with pytest.raises(RotationError) as caught:
        world.secrets.switch(name, new_kid(), first)
    assert caught.value.code == "secret_missing"
    assert world.secrets.look(name).current == first


def test_stripping_takes_all_labels_but_the_current_one(world: World) -> None:
    name, first = world.secret()
    second = new_kid()
    world.secrets.put(name, second, "second", STAGED)
    world.secrets.switch(name, second, first)
    for version in (first, second, second, new_kid()):
        world.secrets.strip(name, version, PREVIOUS, STAGED)
    stages = world.secretsmanager.describe_secret(SecretId=name)["VersionIdsToStages"]
    assert {one: labels for one, labels in stages.items() if labels} == {second: ["AWSCURRENT"]}


def test_a_label_that_nobody_thought_of_is_told_and_taken_off(world: World) -> None:
    name, current = world.secret()
    version = new_kid()
    world.secrets.put(name, version, "text", "THEIRS")
    with pytest.raises(RotationError) as caught:
        world.secrets.strip(name, version, STAGED)
    assert caught.value.code == "secret_labelled"
    world.secrets.strip(name, version, STAGED)
    stages = world.secretsmanager.describe_secret(SecretId=name)["VersionIdsToStages"]
    assert {one: labels for one, labels in stages.items() if labels} == {current: ["AWSCURRENT"]}


# What they have in common.


def test_time_is_learned_from_answers_and_from_refusals(world: World) -> None:
    asks: list[Callable[[World], object]] = [
        lambda one: one.key_groups.look(one.ring, None),
        lambda one: one.key_groups.public_key("K0000000000000"),
        lambda one: one.secrets.read_current(one.ring),
        lambda one: one.kms_keys.find(one.ring, "none"),
    ]
    for ask in asks:
        known = World(world.cloudfront, world.secretsmanager, world.kms, ServerTime(lambda: 1.0))
        assert known.time.now() == 1
        ask(known)
        assert known.time.now() > 1_700_000_000
