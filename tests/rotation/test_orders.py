from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from signer.errors import ConfigurationError, RotationError
from signer.rotation import orders
from signer.rotation.driver import Result, Rotation, Tick
from signer.rotation.ring import DAY, HOUR, KeyKind, KeyState, Ring
from signer.rotation.steps import Act
from tests.rotation.world import World, rotated, switched


def standing_by(world: World) -> tuple[Rotation, Ring]:
    """Go on until a key stands by."""
    rotation = world.begin()
    ticks = world.run(
        rotation,
        lambda tick: tick.ring.coming is not None and tick.ring.coming.state is KeyState.STANDBY,
    )
    return rotation, ticks[-1].ring


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
