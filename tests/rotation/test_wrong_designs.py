"""The oracle can fail: each of the usual designs that hurt viewers is caught by it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from signer.rotation import acts, records
from signer.rotation.acts import Acts
from signer.rotation.driver import Tick
from signer.rotation.ring import HOUR, Ring, RingKey, Settings
from signer.rotation.secret_versions import STANDBY
from signer.rotation.steps import Observed
from signer.rotation.stored_key import StoredKey
from tests.rotation.faults import DiedError
from tests.rotation.world import SETTINGS, BrokenPromiseError, Call, World, rotated, with_schedule


def rotate(world: World) -> None:
    """Go through a whole rotation."""
    rotation = world.begin()
    former = rotation.ring().active
    assert former is not None
    world.run(rotation, lambda tick: rotated(tick.ring, former.kid))


def world_of(settings: Settings = SETTINGS) -> World:
    return World(settings=settings)


def test_the_right_design_passes() -> None:
    rotate(world_of())


def test_without_a_soak_some_edge_location_does_not_know_the_key_yet() -> None:
    hasty = with_schedule(SETTINGS, soak=0, probes=1, period=900)
    with pytest.raises(
        BrokenPromiseError,
        match=r"at the edge with 1200\.0 s delay, but issuers sign with it",
    ):
        rotate(world_of(hasty))


def test_without_a_drain_what_was_signed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Ring, "drain_until", lambda _ring, _key, now: now)
    with pytest.raises(BrokenPromiseError, match="but issuers signed with it until"):
        rotate(world_of())


def test_a_drain_that_forgets_what_issuers_hold_is_too_short(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Ring, "drain_until", lambda _ring, key, now: now + key.kind.max_lifetime)
    with pytest.raises(BrokenPromiseError, match=r"but issuers signed with it until \d+ s ago"):
        rotate(world_of())


def test_a_template_that_owns_the_group_takes_the_new_key_out() -> None:
    world = world_of()
    rotation = world.begin()
    former = rotation.ring().active
    assert former is not None
    [(group_id, template)] = world.cloudfront.key_groups.items()

    def switched(tick: Tick) -> bool:
        active = tick.ring.active
        return active is not None and active.kid != former.kid

    world.run(rotation, switched)
    # A deployment: whatever the group holds, it gets what the template says.
    there = world.cloudfront.get_key_group(Id=group_id)
    world.cloudfront.update_key_group(
        Id=group_id, IfMatch=there["ETag"], KeyGroupConfig=template.config
    )
    with pytest.raises(BrokenPromiseError, match="but issuers sign with it"):
        world.advance(300)


def test_uploading_before_storing_gives_issuers_a_pair_that_does_not_fit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def upload_first(self: Acts, ring: Ring, key: RingKey, observed: Observed) -> Ring:
        made = StoredKey.new(key.kid, key.kind.algorithm)
        if key.kid not in observed.uploaded:
            self._aws.key_groups.upload(ring.name, key.kid, made.private_key.public_key())
        self._aws.secrets.put(ring.settings.standby_secret, key.version, made.to_json(), STANDBY)
        return records.stored(ring, key, self._now(), kms_key_arn=None)

    def believe(self: Acts, ring: Ring, key: RingKey, observed: Observed) -> Ring:
        public_key = self._private_half(ring, key).public_key()
        found = observed.uploaded[key.kid]
        return records.uploaded(ring, key, self._now(), public_key_id=found, public_key=public_key)

    world = world_of(with_schedule(replace(SETTINGS, probe_url=None), probes=0, period=2 * HOUR))
    world.begin()
    monkeypatch.setattr(Acts, "_store", upload_first)
    monkeypatch.setattr(Acts, "_upload", believe)
    monkeypatch.setattr(Acts, "_check_pair", lambda *_: None)
    monkeypatch.setattr(acts, "check_credential", lambda *_: None)
    died: list[str] = []

    def dies_once(_: str, method: str, __: dict[str, Any], call: Call) -> object:
        if method == "put_secret_value" and not died:
            died.append(method)
            raise DiedError
        return call()

    world.hook = dies_once
    rotation = world.rotation()
    rotation.tick()
    with pytest.raises(DiedError):
        rotation.tick()
    world.advance(300)
    with pytest.raises(BrokenPromiseError, match="a pair that does not fit"):
        world.run(world.rotation(), lambda _: False, most=60)
