"""Rings and observations, made short."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from signer.rotation.plan import plan
from signer.rotation.ring import DAY, HOUR, KeyState, Ring, RingKey, Schedule, Settings
from signer.rotation.steps import Act, Observed

NOW = 1_800_000_000
SETTINGS = Settings(
    signing_secret="signing", standby_secret="standby", probe_url="https://cdn.example/p"
)
SOAK, PERIOD = DAY, 90 * DAY
STALE, SKEW, BACK = 1800, 300, HOUR


def key(kid: str, state: KeyState, *, since: int = NOW, **fields: Any) -> RingKey:  # noqa: ANN401
    """Return a key; from UPLOADED on it has the key pair id ``K`` and its kid in capitals."""
    early = state in {KeyState.PLANNED, KeyState.STORED}
    made: dict[str, Any] = {
        "kind": SETTINGS.next_key,
        "created_at": since,
        "public_key_id": None if early else f"K{kid.upper()}",
    }
    if state in {KeyState.PUBLISHED, KeyState.STANDBY, KeyState.ACTIVE, KeyState.DRAINING}:
        made |= {"published_at": since, "staged_at": since}
    if state is KeyState.ACTIVE:
        made["promoted_at"] = since
    return RingKey(kid=kid, state=state, since=since, **{**made, **fields})


def ring(*keys: RingKey, **fields: Any) -> Ring:  # noqa: ANN401
    """Return a ring that has started, unless it is told otherwise."""
    made: dict[str, Any] = {"key_group_id": "group", "started": True}
    return Ring(name="r", settings=SETTINGS, keys=keys, **{**made, **fields})


def seen(one: Ring, **fields: Any) -> Observed:  # noqa: ANN401
    """Return what is seen when everything is as the ring says."""
    trusted = {
        KeyState.PUBLISHED, KeyState.STANDBY, KeyState.ACTIVE, KeyState.DRAINING,
        KeyState.RETIRING, KeyState.REVOKED, KeyState.QUARANTINED,
    }  # fmt: skip
    ids = {key.kid: key.public_key_id for key in one.keys if key.public_key_id}
    made: dict[str, Any] = {
        "now": NOW,
        "group": tuple(ids[key.kid] for key in one.keys if key.state in trusted and key.kid in ids),
        "uploaded": ids,
        "public_key_ids": frozenset(ids.values()),
        "current": one.active.version if one.active else None,
    }
    return Observed(**{**made, **fields})


def scheduled(one: Ring, **fields: int) -> Ring:
    """Return the ring with another schedule."""
    schedule: Schedule = replace(one.settings.schedule, **fields)
    return replace(one, settings=replace(one.settings, schedule=schedule))


A = key("a", KeyState.ACTIVE)
S = key("s", KeyState.STANDBY)


def next_of(one: Ring, **fields: object) -> tuple[Act, str | None]:
    step = plan(one, seen(one, **fields))
    return step.act, step.kid


def draining(
    kid: str = "d",
    *,
    demoted: int = NOW,
    until: int | None = None,
    **more: Any,  # noqa: ANN401
) -> RingKey:
    until = demoted + SETTINGS.next_key.max_lifetime + STALE + SKEW if until is None else until
    return key(kid, KeyState.DRAINING, demoted_at=demoted, drain_until=until, **more)
