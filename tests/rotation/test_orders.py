from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from signer.credential import Credential
from signer.errors import ConfigurationError, CredentialError, RemoteError, RotationError
from signer.keys import KeyAlgorithm, PrivateKey
from signer.rotation import orders
from signer.rotation.driver import Result, Rotation, Tick
from signer.rotation.ring import DAY, HOUR, KeyKind, KeyState, Ring
from signer.rotation.steps import Act
from tests.rotation.world import PLACEHOLDER, SETTINGS, World, rotated


def standing_by(world: World) -> tuple[Rotation, Ring]:
    """Go on until a key stands by."""
    rotation = world.begin()
    ticks = world.run(
        rotation,
        lambda tick: tick.ring.coming is not None and tick.ring.coming.state is KeyState.STANDBY,
    )
    return rotation, ticks[-1].ring


def switched(former: str) -> Callable[[Tick], bool]:
    return lambda tick: tick.ring.active is not None and tick.ring.active.kid != former


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
    assert before[0] not in world.cloudfront.public_keys
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


# Rotating, holding still.


def test_a_rotation_that_is_asked_for_happens_as_soon_as_a_key_stands_by() -> None:
    world = World()
    rotation, ring = standing_by(world)
    assert ring.active is not None
    orders.rotate(rotation)
    ticks = world.run(rotation, switched(ring.active.kid))
    assert len(ticks) == 2  # staged, switched
    assert not ticks[-1].ring.rotate_requested


def test_a_frozen_ring_holds_still_and_goes_on_later() -> None:
    world = World()
    rotation, ring = standing_by(world)
    assert ring.active is not None
    orders.freeze(rotation, "  look\ninto it  ")
    world.advance(2 * DAY)
    tick = rotation.tick()
    assert (tick.result, tick.step.why) == (Result.HALTED, "frozen: look into it")
    orders.unfreeze(rotation)
    world.run(rotation, lambda tick: rotated(tick.ring, ring.active.kid))  # type: ignore[union-attr]


def test_settings_change_but_for_the_secrets() -> None:
    rotation = World().begin()
    ring = orders.configure(rotation, lambda settings: replace(settings, probe_url=None))
    assert ring.settings.probe_url is None
    with pytest.raises(RotationError) as caught:
        orders.configure(rotation, lambda settings: replace(settings, signing_secret="other"))
    assert caught.value.code == "ring_settings"
    with pytest.raises(ConfigurationError):
        orders.configure(
            rotation, lambda settings: replace(settings, next_key=KeyKind(max_lifetime=0))
        )


def test_an_order_given_while_a_tick_is_at_work_is_kept() -> None:
    world = World()
    rotation = world.begin()
    order: list[Ring] = []

    def meanwhile(_: str, method: str, __: object, call: Callable[[], object]) -> object:
        if method == "put_secret_value" and not order:
            order.append(orders.freeze(world.rotation(), "now"))
        return call()

    rotation.tick()
    world.hook = meanwhile
    with pytest.raises(RotationError) as caught:
        rotation.tick()
    assert caught.value.code == "ring_changed"
    world.hook = None
    assert rotation.ring().frozen == "now"
    orders.unfreeze(rotation)
    world.advance(300)
    active = rotation.ring().active
    world.run(rotation, lambda tick: rotated(tick.ring, active.kid if active else ""))


def test_an_order_is_tried_again_when_somebody_writes_at_the_same_time() -> None:
    world = World()
    rotation = world.begin()
    write = rotation.store.write
    raced: list[int] = []

    def racing(ring: Ring, *, over: int | None) -> None:
        if len(raced) < 2:
            raced.append(1)
            there = world.rotation().ring()
            write(replace(there, rev=there.rev + 1), over=there.rev)
        write(ring, over=over)

    rotation.store.write = racing  # type: ignore[method-assign]
    assert orders.rotate(rotation).rotate_requested


@pytest.mark.parametrize("code", ["ring_changed", "ring_table"])
def test_an_order_that_cannot_be_written_is_refused(code: str) -> None:
    rotation = World().begin()

    def refused(ring: Ring, *, over: int | None) -> None:
        raise RotationError(code, f"{ring.rev} is not written over {over}")

    rotation.store.write = refused  # type: ignore[method-assign]
    with pytest.raises(RotationError) as caught:
        orders.rotate(rotation)
    assert caught.value.code == code


# Revoking.


@pytest.mark.parametrize("name", ["kid", "the beginning of it", "key pair id"])
def test_a_stolen_signing_key_is_out_of_the_group_within_a_few_ticks(name: str) -> None:
    world = World()
    rotation, ring = standing_by(world)
    stolen = ring.active
    assert stolen is not None
    assert stolen.public_key_id is not None
    names = {"kid": stolen.kid, "key pair id": stolen.public_key_id}
    world.revoked.add(stolen.public_key_id)
    orders.revoke(rotation, names.get(name, stolen.kid[:8]), "stolen")
    ticks = world.run(rotation, lambda _: stolen.public_key_id not in world.group())
    # Staged, switched, noted as revoked, removed; the new key's holders notice nothing.
    assert [tick.step.act for tick in ticks] == [Act.STAGE, Act.PROMOTE, Act.REVOKE, Act.REMOVE]
    world.run(rotation, lambda tick: rotated(tick.ring, stolen.kid))


def test_without_a_standby_a_revoked_key_leaves_when_another_one_passed_the_probes() -> None:
    world = World()
    rotation = world.begin()
    stolen = rotation.ring().active
    assert stolen is not None
    assert stolen.public_key_id is not None
    world.revoked.add(stolen.public_key_id)
    world.checking = False  # Edge locations that learn late refuse what is new: that is the price.
    orders.revoke(rotation, stolen.kid, "stolen")
    began = world.clock.now
    world.run(rotation, lambda _: stolen.public_key_id not in world.group())
    assert world.clock.now - began < HOUR


def test_a_standby_key_is_revoked_and_another_one_is_made() -> None:
    world = World()
    rotation, ring = standing_by(world)
    coming, active = ring.coming, ring.active
    assert coming is not None
    assert active is not None
    orders.revoke(rotation, coming.kid, "seen in a log")
    ticks = world.run(rotation, lambda tick: tick.ring.key(coming.kid) is None)
    assert ticks[-1].ring.active == active
    assert coming.public_key_id not in world.cloudfront.public_keys
    revoked = ticks[-1].ring.history
    assert any(event.what == "REVOKED: seen in a log" for event in revoked)


def test_a_key_that_has_left_cannot_be_revoked() -> None:
    world = World()
    rotation = world.begin()
    former = rotation.ring().active
    assert former is not None
    left = (KeyState.RETIRING, KeyState.REMOVED)
    for state in left:

        def there(tick: Tick, state: KeyState = state) -> bool:
            key = tick.ring.key(former.kid)
            return key is not None and key.state is state

        world.run(rotation, there)
        with pytest.raises(RotationError) as caught:
            orders.revoke(rotation, former.kid, "")
        assert caught.value.code == "key_gone"


@pytest.mark.parametrize("name", ["", "abc", "nobody", "K1"])
def test_a_name_that_means_no_key_is_refused(name: str) -> None:
    with pytest.raises(RotationError) as caught:
        orders.revoke(World().begin(), name, "x")
    assert caught.value.code == "key_unknown"


# Back.


def test_a_switch_is_taken_back() -> None:
    world = World()
    rotation, ring = standing_by(world)
    former, bad = ring.active, ring.coming
    assert former is not None
    assert bad is not None
    orders.rotate(rotation)
    world.run(rotation, switched(former.kid))
    world.advance(600)
    orders.rollback(rotation)
    tick = rotation.tick()
    assert (tick.step.act, tick.step.kid) == (Act.NOTE_ACTIVE, former.kid)
    active, drains = tick.ring.active, tick.ring.key(bad.kid)
    assert active is not None
    assert active.kid == former.kid
    # It has signed for ten minutes.
    assert drains is not None
    assert (drains.state, drains.demoted_at) == (KeyState.DRAINING, int(world.clock.now))
    world.run(rotation, lambda tick: tick.ring.key(bad.kid) is None)


def test_a_switch_is_not_taken_back_when_the_former_key_may_be_gone() -> None:
    world = World()
    rotation, ring = standing_by(world)
    with pytest.raises(RotationError) as caught:
        orders.rollback(rotation)
    assert caught.value.code == "rollback_late"
    assert ring.active is not None
    orders.rotate(rotation)
    world.run(rotation, switched(ring.active.kid))
    world.advance(1800 + HOUR)
    with pytest.raises(RotationError):
        orders.rollback(rotation)
