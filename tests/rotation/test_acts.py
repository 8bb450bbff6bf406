"""Keys that cannot be used, and things that are not as they should be: nothing of it reaches issuers."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from signer.credential import Credential
from signer.errors import RotationError
from signer.https import Answer
from signer.keys import HashAlgorithm, KeyAlgorithm, PrivateKey
from signer.rotation.driver import Result, Rotation, Tick
from signer.rotation.ring import HOUR, Custody, KeyKind, KeyState, Ring, RingKey
from signer.rotation.steps import Act
from signer.rotation.stored_key import StoredKey
from tests.rotation.fakes.secrets import StoredVersion
from tests.rotation.world import KIND, PROBE_URL, SETTINGS, World, rotated, with_schedule

SPOILED: dict[str, Callable[[str], str | bytes]] = {
    "empty": lambda _: "",
    "binary": lambda _: b"\x00\x01",
    "no JSON": lambda _: "{",
    "truncated": lambda text: text[: len(text) // 2],
    "a key of another type": lambda text: StoredKey.new(
        json.loads(text)["kid"], KeyAlgorithm.RSA_2048
    ).to_json(),
    "another key": lambda text: StoredKey.new(json.loads(text)["kid"], KIND.algorithm).to_json(),
    "another kid": lambda text: json.dumps(json.loads(text) | {"kid": "other"}),
    "a damaged key": lambda text: json.dumps(
        json.loads(text) | {"private_key_pem": json.loads(text)["private_key_pem"][:60]}
    ),
}


def spoil(world: World, secret: str, version: str, how: Callable[[str], str | bytes]) -> None:
    versions = world.secrets.secrets[secret].versions
    stored = versions[version]
    versions[version] = StoredVersion(how(str(stored.value)), stored.created)


def coming_at(world: World, rotation: Rotation, state: KeyState) -> RingKey:
    """Go on until the coming key is in a state."""

    def there(tick: Tick) -> bool:
        return tick.ring.coming is not None and tick.ring.coming.state is state

    coming = world.run(rotation, there)[-1].ring.coming
    assert coming is not None
    return coming


def quarantined(ring: Ring) -> list[str]:
    return [event.kid for event in ring.history if event.what.startswith("QUARANTINED")]


@pytest.mark.parametrize("how", SPOILED.values(), ids=SPOILED.keys())
@pytest.mark.parametrize("state", [KeyState.STORED, KeyState.PUBLISHED, KeyState.STANDBY])
def test_a_poisoned_stored_key_is_given_up_and_replaced(
    state: KeyState, how: Callable[[str], str | bytes]
) -> None:
    world = World()
    rotation = world.begin()
    former = rotation.ring().active
    poisoned = coming_at(world, rotation, state)
    spoil(world, "standby", poisoned.version, how)
    ticks = world.run(rotation, lambda tick: rotated(tick.ring, former.kid if former else ""))
    ring = ticks[-1].ring
    promoted = {told.key_pair_id for told in world.told}
    if poisoned.kid in quarantined(ring):
        assert quarantined(ring) == [poisoned.kid]
        assert poisoned.public_key_id not in promoted
    else:
        # A whole key under the right name, before its public half was made: as good as any.
        assert (state, how) == (KeyState.STORED, SPOILED["another key"])
    assert ring.key(poisoned.kid) is None or ring.active == ring.key(poisoned.kid)
    world.check_end(ring)


@pytest.mark.parametrize(
    "how",
    [
        lambda _: "",
        lambda text: text[:-60],
        lambda text: json.dumps(json.loads(text) | {"key_pair_id": "K36X4X2EO997HM"}),
        lambda text: json.dumps(json.loads(text) | {"max_lifetime": 7 * 24 * HOUR}),
        lambda text: json.dumps(json.loads(text) | {"hash_algorithm": "SHA1"}),
        lambda text: json.dumps(
            json.loads(text) | {"private_key_pem": PrivateKey.generate().to_pem()}
        ),
    ],
)
def test_a_poisoned_credential_is_never_switched_to(how: Callable[[str], str]) -> None:
    world = World()
    rotation = world.begin()
    former = rotation.ring().active
    ticks = world.run(rotation, lambda tick: tick.step.act is Act.STAGE)
    kid = ticks[-1].step.kid or ""
    spoil(world, "signing", kid, how)
    world.advance(300)
    assert rotation.tick().step.act is Act.PROMOTE
    assert quarantined(rotation.ring()) == [kid]
    assert rotation.ring().active == former
    ticks = world.run(rotation, lambda tick: rotated(tick.ring, former.kid if former else ""))
    world.check_end(ticks[-1].ring)


def test_keys_that_all_fail_are_not_made_for_ever() -> None:
    world = World()
    rotation = world.begin()
    for _ in range(40):
        tick = rotation.tick()
        coming = tick.ring.coming
        if coming is not None and coming.state is KeyState.STORED:
            spoil(world, "standby", coming.version, SPOILED["empty"])
        world.advance(60)
    assert len(quarantined(rotation.ring())) == 3


def test_an_edge_that_refuses_what_a_key_signs_makes_it_given_up() -> None:
    world = World()
    rotation = world.begin()
    coming = coming_at(world, rotation, KeyState.PUBLISHED)
    other = PrivateKey.generate().public_key()
    real = world.cloudfront.public_keys[coming.public_key_id or ""].public_key
    world.cloudfront.public_keys[coming.public_key_id or ""].public_key = other
    world.run(rotation, lambda tick: quarantined(tick.ring) == [coming.kid])
    world.cloudfront.public_keys[coming.public_key_id or ""].public_key = real


def test_a_standby_key_that_an_edge_does_not_know_any_more_soaks_again() -> None:
    world = World()
    rotation = world.begin()
    coming_at(world, rotation, KeyState.STANDBY)
    world.run(rotation, lambda tick: tick.step.act is Act.STAGE)
    world.delays = (600.0, 1200.0)
    [(group_id, group)] = world.cloudfront.key_groups.items()
    full = world.cloudfront.get_key_group(Id=group_id)
    # Gone and back within a moment; the location learns of both, one after the other.
    world.clock.advance(300)
    world.checking = False
    world.cloudfront.update_key_group(
        Id=group_id, IfMatch=full["ETag"],
        KeyGroupConfig={**group.config, "Items": list(group.items)[:1]},
    )  # fmt: skip
    world.clock.advance(5)
    again = world.cloudfront.get_key_group(Id=group_id)
    world.cloudfront.update_key_group(
        Id=group_id, IfMatch=again["ETag"], KeyGroupConfig=group.config
    )
    world.clock.advance(597)
    tick = rotation.tick()
    assert tick.step.act is Act.PROMOTE
    coming = tick.ring.coming
    assert coming is not None
    assert (coming.state, coming.passes) == (KeyState.PUBLISHED, 0)


def test_a_key_under_our_name_that_is_not_ours_is_not_used() -> None:
    world = World()
    rotation = world.begin()
    coming = coming_at(world, rotation, KeyState.STORED)
    world.cloudfront.create_public_key(
        PublicKeyConfig={
            "Name": f"r-{coming.kid}",
            "CallerReference": "somebody",
            "EncodedKey": PrivateKey.generate().public_key().to_pem(),
        }
    )
    world.advance(60)
    assert rotation.tick().step.act is Act.UPLOAD
    assert quarantined(rotation.ring()) == [coming.kid]


def test_a_distribution_that_is_not_deployed_yet_is_waited_for() -> None:
    world = World()
    rotation = world.begin()
    [distribution] = world.cloudfront.distributions.values()
    coming_at(world, rotation, KeyState.PUBLISHED)
    distribution.status = "InProgress"
    for _ in range(5):
        tick = rotation.tick()
        world.pass_time(tick)
    assert (tick.step.act, tick.ring.coming and tick.ring.coming.passes) == (Act.TEST, 0)
    distribution.status = "Deployed"
    coming_at(world, rotation, KeyState.STANDBY)


def test_a_probe_that_shows_an_open_door_is_told_and_blames_no_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    rotation = world.begin()
    coming_at(world, rotation, KeyState.PUBLISHED)
    world.advance(2 * HOUR)
    answer, open_door = world.send, Answer(200, {}, b"")
    monkeypatch.setattr(world, "send", lambda url: answer(url) if "Signature" in url else open_door)
    rotation = world.rotation()
    with pytest.raises(RotationError) as caught:
        rotation.tick()
    assert caught.value.code == "probe_unprotected"
    assert quarantined(rotation.ring()) == []


def test_without_a_probe_the_soak_and_the_distribution_have_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(settings=replace(SETTINGS, probe_url=None))
    monkeypatch.setattr(world, "send", None)
    rotation = world.begin()
    former = rotation.ring().active
    assert former is not None
    world.run(rotation, lambda tick: rotated(tick.ring, former.kid))


def test_a_path_is_probed_at_every_distribution_that_trusts_the_group(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = urlsplit(PROBE_URL).path
    world = World(settings=replace(SETTINGS, probe_url=path))
    asked: list[str] = []
    answer = world.send

    def send(url: str) -> Answer:
        asked.append(url)
        return answer(url)

    monkeypatch.setattr(world, "send", send)
    rotation = world.begin()
    assert not asked
    group = rotation.ring().key_group_id or ""
    world.cloudfront.distributions.clear()
    both = [world.cloudfront.add_distribution(group) for _ in range(2)]
    world.cloudfront.add_distribution(group).enabled = False
    world.cloudfront.add_distribution()
    coming_at(world, rotation, KeyState.PUBLISHED)
    world.advance(2 * HOUR)
    world.rotation().tick()
    hosts = {urlsplit(url).netloc for url in asked}
    assert hosts == {f"{one.id.lower()}.cloudfront.net" for one in both}
    assert {urlsplit(url).path for url in asked} == {path}


def test_one_distribution_that_does_not_know_the_key_is_enough_to_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(settings=replace(SETTINGS, probe_url=urlsplit(PROBE_URL).path))
    rotation = world.begin()
    late = world.cloudfront.add_distribution(rotation.ring().key_group_id or "").id.lower()
    coming_at(world, rotation, KeyState.PUBLISHED)
    world.advance(2 * HOUR)
    answer = world.send
    unknown = Answer(403, {"server": "CloudFront"}, b"<Error><Code>InvalidKey</Code></Error>")
    monkeypatch.setattr(world, "send", lambda url: unknown if late in url else answer(url))
    rotation = world.rotation()
    rotation.tick()
    key = rotation.ring().coming
    assert key is not None
    assert (key.state, key.passes) == (KeyState.PUBLISHED, 0)


def test_the_signing_key_is_never_removed_or_destroyed_whatever_the_ring_says() -> None:
    world = World()
    rotation = world.begin()
    coming_at(world, rotation, KeyState.STANDBY)
    ring = rotation.ring()
    active = ring.active
    assert active is not None
    for state in (KeyState.RETIRING, KeyState.REVOKED):
        other = replace(active, state=state)
        for act in (rotation._acts._remove, rotation._acts._destroy):
            with pytest.raises(RotationError) as caught:
                act(ring, other, rotation.look()[1])
            assert caught.value.code == "key_in_use"


def test_a_credential_that_somebody_made_is_not_overwritten() -> None:
    world = World()
    made = Credential.new(key_pair_id="K2JCJMDEHXQW5F", algorithm=KeyAlgorithm.ECDSA_P256)
    world.secrets.put_secret_value(SecretId="signing", SecretString=made.to_json())
    world.checking = False
    rotation = world.rotation()
    rotation.store.write(Ring(name="r", settings=SETTINGS), over=None)
    with pytest.raises(RotationError) as caught:
        world.run(rotation, lambda _: False)
    assert caught.value.code == "credential_foreign"
    assert world.secrets.get_secret_value(SecretId="signing")["SecretString"] == made.to_json()


KINDS = {
    "RSA": replace(KIND, algorithm=KeyAlgorithm.RSA_2048),
    "SHA-1": replace(KIND, algorithm=KeyAlgorithm.RSA_2048, hash_algorithm=HashAlgorithm.SHA1),
    "KMS": replace(KIND, custody=Custody.KMS),
    "KMS, RSA": replace(KIND, custody=Custody.KMS, algorithm=KeyAlgorithm.RSA_2048),
    "a longer life": replace(KIND, max_lifetime=3 * HOUR),
}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())
@pytest.mark.parametrize("back", [False, True])
def test_another_kind_of_key_is_an_ordinary_rotation(kind: KeyKind, back: bool) -> None:
    role = "arn:aws:iam::111122223333:role/issuer"
    first = replace(SETTINGS, next_key=kind if back else KIND, issuer_role_arn=role)
    world = World(settings=first)
    rotation = world.begin()
    active = rotation.ring().active
    assert active is not None
    ring = rotation.ring()
    settings = replace(first, next_key=KIND if back else kind)
    rotation.store.write(replace(ring, settings=settings, rev=ring.rev + 1), over=ring.rev)
    ticks = world.run(rotation, lambda tick: rotated(tick.ring, active.kid))
    new = ticks[-1].ring.active
    assert new is not None
    assert new.kind == settings.next_key
    text = world.secrets.get_secret_value(SecretId="signing")["SecretString"]
    credential = Credential.from_json(text)
    assert (credential.algorithm, credential.hash_algorithm) == (
        new.kind.algorithm,
        new.kind.hash_algorithm,
    )
    assert (credential.kms_key is not None) is (new.kind.custody is Custody.KMS)
    assert (credential.private_key is None) is (new.kind.custody is Custody.KMS)


def test_a_standby_of_the_old_kind_is_let_go_without_having_signed() -> None:
    world = World()
    rotation = world.begin()
    old = coming_at(world, rotation, KeyState.STANDBY)
    ring = rotation.ring()
    settings = replace(SETTINGS, next_key=KINDS["RSA"])
    rotation.store.write(replace(ring, settings=settings, rev=ring.rev + 1), over=ring.rev)
    new = coming_at(world, rotation, KeyState.PUBLISHED)
    assert new.kind == KINDS["RSA"]
    world.run(rotation, lambda tick: tick.ring.key(old.kid) is None)
    assert old.public_key_id not in world.cloudfront.public_keys


def test_a_schedule_may_be_short() -> None:
    world = World(
        settings=with_schedule(SETTINGS, period=7200, soak=1800, rollback_window=0, probes=1)
    )
    rotation = world.begin()
    for _ in range(3):
        former = rotation.ring().active
        assert former is not None
        world.run(rotation, lambda tick, kid=former.kid: tick.ring.key(kid) is None)  # type: ignore[misc]
    assert rotation.tick().result in {Result.DONE, Result.WAITING}
