"""What somebody with too many rights, a broken machine or a hand-edited ring could do, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from signer.credential import Credential
from signer.errors import ConfigurationError, PassingError, RotationError
from signer.https import Answer
from signer.keys import PrivateKey
from signer.rotation import orders
from signer.rotation.driver import LEASE_SECONDS, Result, Rotation
from signer.rotation.plan import plan
from signer.rotation.report import report
from signer.rotation.ring import DAY, HOUR, Custody, KeyState, Lease, Ring, RingKey, Schedule
from signer.rotation.steps import Act
from tests.rotation.world import KIND, SETTINGS, Call, World, rotated

ROLE = "arn:aws:iam::111122223333:role/issuer"
IN_KMS = replace(SETTINGS, next_key=replace(KIND, custody=Custody.KMS), issuer_role_arn=ROLE)


def standing_by(world: World) -> tuple[Rotation, RingKey, RingKey]:
    """Go on until a key stands by; return the one that signs and that one."""
    rotation = world.begin()
    ring = world.run(rotation, lambda tick: any(tick.ring.in_state(KeyState.STANDBY)))[-1].ring
    assert ring.active is not None
    assert ring.coming is not None
    return rotation, ring.active, ring.coming


def edited(rotation: Rotation, change: Callable[[Ring], Ring]) -> Ring:
    """Write the ring by hand."""
    ring = rotation.ring()
    changed = replace(change(ring), rev=ring.rev + 1)
    rotation.store.write(changed, over=ring.rev)
    return changed


def put_back(world: World, key_pair_id: str) -> None:
    [(group_id, group)] = world.cloudfront.key_groups.items()
    there = world.cloudfront.get_key_group(Id=group_id)
    config = {**group.config, "Items": [*group.items, key_pair_id]}
    world.cloudfront.update_key_group(Id=group_id, IfMatch=there["ETag"], KeyGroupConfig=config)


def test_a_revoked_key_that_is_put_back_into_the_group_leaves_it_again() -> None:
    world = World()
    rotation, stolen, _ = standing_by(world)
    stolen_id = stolen.public_key_id or ""
    world.revoked.add(stolen_id)
    orders.revoke(rotation, stolen.kid, "stolen")
    world.run(rotation, lambda tick: tick.step.act is Act.REMOVE)
    put_back(world, stolen_id)
    tick = rotation.tick()
    assert (tick.step.act, tick.step.kid) == (Act.REMOVE, stolen.kid)
    assert stolen_id not in world.group()


def test_a_key_group_that_another_try_left_behind_is_taken_over() -> None:
    world = World()
    rotation = world.rotation()
    made = rotation.aws.key_groups.upload(
        "r", "00000000-0000-0000-0000-000000000000", PrivateKey.generate().public_key()
    )
    group = rotation.aws.key_groups.create("r", made)
    world.begin()
    ring = world.rotation().ring()
    assert ring.key_group_id == group
    assert made in world.group()


@pytest.mark.parametrize("state", ["Disabled", "PendingDeletion"])
@pytest.mark.parametrize("when", [KeyState.STORED, KeyState.PUBLISHED, KeyState.STANDBY])
def test_a_coming_key_that_is_out_of_use_in_kms_is_replaced(when: KeyState, state: str) -> None:
    world = World(settings=IN_KMS)
    rotation = world.begin()
    former = rotation.ring().active
    world.run(rotation, lambda tick: any(tick.ring.in_state(when)))
    coming = rotation.ring().coming
    assert coming is not None
    world.kms.stored[(coming.kms_key_arn or "").rpartition("/")[2]].state = state
    ticks = world.run(rotation, lambda tick: rotated(tick.ring, former.kid if former else ""))
    assert any(event.what.startswith("QUARANTINED") for event in ticks[-1].ring.history)
    assert ticks[-1].ring.active != coming


@pytest.mark.parametrize("state", ["Disabled", "PendingDeletion"])
def test_issuers_leave_a_key_that_somebody_put_out_of_use_in_kms(state: str) -> None:
    world = World(settings=IN_KMS)
    rotation, active, coming = standing_by(world)
    world.kms.stored[(active.kms_key_arn or "").rpartition("/")[2]].state = state
    ring, observed = rotation.look()
    [concern] = report(ring, observed, plan(ring, observed)).concerns
    assert concern.startswith(f"issuers cannot sign: the key in KMS of {active.kid[:8]}")
    began = world.clock.now
    ticks = world.run(rotation, lambda tick: tick.step.act is Act.PROMOTE)
    # As soon as the grant holds.
    assert world.clock.now - began <= 600
    assert ticks[-1].ring.active is not None
    assert ticks[-1].ring.active.kid == coming.kid
    # What it signed is good until it ends: that needs the public half only.
    world.run(rotation, lambda tick: rotated(tick.ring, active.kid))


def test_a_key_that_somebody_planted_in_kms_is_not_taken_for_ours() -> None:
    world = World(settings=IN_KMS)
    rotation = world.begin()
    tick = rotation.tick()
    assert tick.ring.coming is not None
    kid = tick.ring.coming.kid

    def throttled(_: str, method: str, __: dict[str, Any], call: Call) -> object:
        if method == "create_key":
            raise world.clock.refused(method, "LimitExceededException")
        return call()

    world.hook = throttled
    with pytest.raises(Exception, match="LimitExceeded"):
        rotation.tick()
    world.hook = None
    planted = world.kms.create_key(
        KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY", Description=f"signer ring r, key {kid}"
    )["KeyMetadata"]["Arn"]
    world.advance(300)
    tick = rotation.tick()
    assert [key.state for key in tick.ring.keys if key.kid == kid] == [KeyState.QUARANTINED]
    assert planted not in {key.kms_key_arn for key in tick.ring.keys}


def test_a_ring_that_names_somebody_elses_keys_harms_none_of_them() -> None:
    world = World(settings=IN_KMS)
    rotation, active, _ = standing_by(world)
    payroll = world.kms.create_key(
        KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY", Description="payroll"
    )["KeyMetadata"]["Arn"]
    theirs = world.cloudfront.create_public_key(
        PublicKeyConfig={
            "Name": "theirs", "CallerReference": "theirs",
            "EncodedKey": PrivateKey.generate().public_key().to_pem(),
        }
    )["PublicKey"]["Id"]  # fmt: skip
    planted = replace(
        active, kid="planted", version="planted", state=KeyState.REMOVED, since=0,
        public_key_id=theirs, kms_key_arn=payroll, demoted_at=1,
    )  # fmt: skip
    edited(rotation, lambda ring: ring.with_keys([planted]))
    world.run(rotation, lambda tick: tick.ring.key("planted") is None)
    assert world.kms.stored[payroll.rpartition("/")[2]].state == "Enabled"
    assert theirs in world.cloudfront.public_keys


def test_a_key_is_not_given_up_for_what_an_origin_says(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    rotation = world.begin()
    world.run(rotation, lambda tick: any(tick.ring.in_state(KeyState.PUBLISHED)))
    world.advance(2 * HOUR)
    send = world.send

    def looks_like_cloudfront(url: str) -> Answer:
        answer = send(url)
        if answer.status == 404:
            return Answer(403, {"server": "CloudFront"}, b"<Code>AccessDenied</Code>")
        return answer

    monkeypatch.setattr(world, "send", looks_like_cloudfront)
    rotation = world.rotation()
    with pytest.raises(RotationError) as caught:
        rotation.tick()
    assert caught.value.code == "probe_unclear"
    assert any(rotation.ring().in_state(KeyState.PUBLISHED))


@pytest.mark.parametrize(
    "until",
    [lambda key: key is not None and key.state is KeyState.REMOVED, lambda key: key is None],
    ids=["removed", "gone"],
)
def test_a_switch_that_overslept_a_revocation_is_taken_back(
    until: Callable[[RingKey | None], bool],
) -> None:
    world = World()
    rotation, active, coming = standing_by(world)
    orders.rotate(rotation)
    world.run(rotation, lambda tick: tick.step.act is Act.STAGE)
    world.revoked.add(coming.public_key_id or "")

    def overslept(_: str, method: str, members: dict[str, Any], call: Call) -> object:
        if method == "update_secret_version_stage" and members["VersionStage"] == "AWSCURRENT":
            world.hook = None
            orders.revoke(world.rotation(), coming.kid, "seen in a log")
            world.advance(LEASE_SECONDS + 1)
            other = world.rotation()
            world.run(other, lambda tick: until(tick.ring.key(coming.kid)), most=60)
            world.checking = False  # What is signed from here on is refused, until the next tick.
        return call()

    world.hook = overslept
    with pytest.raises(RotationError):
        rotation.tick()
    tick = world.rotation().tick()
    assert (tick.step.act, tick.step.kid) == (Act.RESTORE, active.kid)
    assert world.secrets.secrets["signing"].labels["AWSCURRENT"] == active.version


def test_issuers_are_switched_back_to_the_key_that_is_trusted() -> None:
    world = World()
    rotation, active, coming = standing_by(world)
    orders.rotate(rotation)
    world.run(rotation, lambda tick: tick.step.act is Act.STAGE)
    edited(
        rotation,
        lambda ring: ring.with_keys([replace(coming, state=KeyState.RETIRING, staged_at=1)]),
    )
    world.run(rotation, lambda tick: tick.step.act is Act.REMOVE)
    world.checking = False
    rotation.aws.secrets.switch("signing", coming.version, active.version)
    tick = rotation.tick()
    assert (tick.step.act, tick.step.kid) == (Act.RESTORE, active.kid)
    assert world.secrets.secrets["signing"].labels["AWSCURRENT"] == active.version
    assert any(event.what.startswith("RESTORED") for event in tick.ring.history)


def test_a_rollback_waits_for_a_tick_that_is_at_work() -> None:
    world = World()
    rotation, active, _ = standing_by(world)
    orders.rotate(rotation)
    world.run(rotation, lambda tick: tick.step.act is Act.PROMOTE)
    until = int(world.clock.now) + 60
    edited(rotation, lambda ring: replace(ring, lease=Lease("another", until)))
    with pytest.raises(PassingError) as caught:
        orders.rollback(rotation)
    assert caught.value.code == "ring_busy"
    world.advance(61)
    assert orders.rollback(rotation).kid == active.kid
    assert rotation.ring().lease is None


def test_a_lease_that_no_tick_can_have_taken_holds_nobody_up() -> None:
    world = World()
    rotation = world.begin()
    edited(rotation, lambda ring: replace(ring, lease=Lease("x", int(world.clock.now) + DAY)))
    assert rotation.tick().result is Result.DONE


def test_dates_that_lie_apart_are_not_believed() -> None:
    world = World()
    rotation = world.begin()

    def slow(_: str, method: str, __: dict[str, Any], call: Call) -> object:
        answer = call()
        if method == "get_key_group":
            world.clock.advance(3 * HOUR)
        return answer

    world.hook = slow
    with pytest.raises(PassingError) as caught:
        rotation.tick()
    assert caught.value.code == "aws_time"
    world.hook = None
    assert rotation.tick().result is Result.DONE


def test_a_secret_that_holds_a_key_in_any_form_is_left_alone() -> None:
    world = World()
    world.checking = False
    pem = PrivateKey.generate().to_pem()
    world.secrets.put_secret_value(SecretId="signing", SecretString=pem)
    with pytest.raises(RotationError) as caught:
        orders.create(world.rotation(), "r", SETTINGS)
    assert caught.value.code == "credential_foreign"
    assert world.secrets.get_secret_value(SecretId="signing")["SecretString"] == pem


@pytest.mark.parametrize("text", ["not initialised", "a9!kd8w"])
def test_a_secret_that_holds_no_key_is_as_good_as_none(text: str) -> None:
    world = World()
    world.checking = False
    world.secrets.put_secret_value(SecretId="signing", SecretString=text)
    assert orders.create(world.rotation(), "r", SETTINGS).keys == ()


def test_one_secret_by_two_names_is_not_two() -> None:
    world = World()
    arn = world.secrets.describe_secret(SecretId="signing")["ARN"]
    with pytest.raises(RotationError) as caught:
        orders.create(world.rotation(), "r", replace(SETTINGS, standby_secret=arn))
    assert caught.value.code == "secret_shared"
    assert world.rotation().store.read() is None


def test_another_role_may_sign_with_the_key_in_use_as_soon_as_it_is_named() -> None:
    world = World(settings=IN_KMS)
    rotation, active, _ = standing_by(world)
    other = ROLE.replace("issuer", "other")
    orders.configure(rotation, lambda now: replace(now, issuer_role_arn=other))
    stored = world.kms.stored[(active.kms_key_arn or "").rpartition("/")[2]]
    assert other in str(vars(world.kms)) + str(stored)


@pytest.mark.parametrize(
    "url",
    [
        "nonsense",
        "ftp://x/y",
        "http://media.example.com/p",
        "https:///p",
        "https://a@b/p",
        "",
        "/",
        "//evil.example/p",
        "/a/../b",
        "/./a",
        "/a/",
        "/a?b",
        "/a#b",
        "/%2e%2e/a",
        "/a b",
        "/*",
    ],
)
def test_a_probe_that_cannot_be_asked_is_refused_at_once(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        replace(SETTINGS, probe_url=url)
    assert caught.value.evidence["field"] == "probe_url"


@pytest.mark.parametrize("probes", [-1, 101])
def test_a_number_of_probes_is_one(probes: int) -> None:
    with pytest.raises(ConfigurationError, match="probes is not a number from 0 to 100"):
        Schedule(probes=probes)


def test_a_credential_that_was_made_in_the_future_is_of_now() -> None:
    world = World()
    key = PrivateKey.generate()
    made = world.cloudfront.create_public_key(
        PublicKeyConfig={
            "Name": "k",
            "CallerReference": "k",
            "EncodedKey": key.public_key().to_pem(),
        }
    )["PublicKey"]["Id"]
    group = world.cloudfront.create_key_group(KeyGroupConfig={"Name": "g", "Items": [made]})
    document = Credential(
        kid="k", key_pair_id=made, private_key=key, activated_at="2099-01-01T00:00:00+00:00"
    )
    world.secrets.put_secret_value(SecretId="signing", SecretString=document.to_json())
    ring = orders.adopt(
        world.rotation(), "r", SETTINGS, key_group_id=group["KeyGroup"]["Id"], max_lifetime=DAY
    )
    assert ring.keys[0].promoted_at == int(world.clock.now)
