"""How a ring stands: what ``signer rotate status`` shows and what the Lambda function measures.

Pure, and without anything secret: a ring document holds no key material.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

from signer.rotation.concerns import is_stale, overdue, put_back, signing_age, troubles
from signer.rotation.due import (
    deletion_due,
    destruction_due,
    drained_at,
    permitted_at,
    rotation_due,
    soaked_at,
)
from signer.rotation.plan import MAX_KEYS_IN_GROUP, foreign_keys
from signer.rotation.ring import DAY, TRUSTED, KeyState
from signer.rotation.steps import Act

if TYPE_CHECKING:
    from collections.abc import Iterator

    from signer.rotation.ring import Event, Ring, RingKey, Settings
    from signer.rotation.steps import Observed, Step


_NEVER: Final = float("inf")

HAND_OVER: Final = "hand_over"
"""What comes to the signing key; the plan has the same as an act upon the next one."""

_AT_ONCE: Final = {
    KeyState.PLANNED: Act.STORE,
    KeyState.STORED: Act.UPLOAD,
    KeyState.UPLOADED: Act.PUBLISH,
    KeyState.RETIRING: Act.REMOVE,
    KeyState.REVOKED: Act.REMOVE,
    KeyState.QUARANTINED: Act.REMOVE,
}


@dataclass(frozen=True, slots=True)
class Coming:
    """What happens next.

    Attributes:
        act: What, a value of :class:`signer.rotation.steps.Act`, or :data:`HAND_OVER`.
        kid: The key that it is about; None when it is about none.
        at: When, epoch seconds; None when that depends on something else than time.
        why: Why; empty where the rules of the plan say so.
    """

    act: str
    kid: str | None = None
    at: int | None = None
    why: str = ""

    @property
    def words(self) -> str:
        """Return what comes, for people."""
        return "hand over to the next key" if self.act == HAND_OVER else Act(self.act).words


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyReport:
    """One key.

    Attributes:
        kid: Our own name of it.
        key_pair_id: CloudFront's id; None before its public half is uploaded.
        state: Where it stands.
        algorithm: Kind of the key pair.
        hash_algorithm: Hash for everything signed with it.
        custody: Where its private half lies: ``secret`` or ``kms``.
        max_lifetime: Seconds that anything signed with it may be good for.
        since: When it entered its state, epoch seconds.
        age: Seconds in its state.
        in_group: Whether it is in the key group now.
        in_place: Whether it is in the group if it has to be.
        stale: Whether it is in a passing state for much longer than that takes.
        private_destroyed: Whether its private half is out of reach.
        revoked: Why it was revoked; empty when it was not.
        next: What happens to it next; None when nothing does.
    """

    kid: str
    key_pair_id: str | None
    state: str
    algorithm: str
    hash_algorithm: str
    custody: str
    max_lifetime: int
    since: int
    age: int
    in_group: bool
    in_place: bool
    stale: bool
    private_destroyed: bool
    revoked: str
    next: Coming | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Numbers for metrics and alarms.

    Those of the last 24 hours are counted in the ring's history, which has its latest 60 events.

    Attributes:
        keys_in_group: Keys in the key group.
        foreign: Keys in the group that this ring did not put there.
        quarantined: Keys given up in the last 24 hours.
        revoked: Keys revoked in the last 24 hours.
        healed: Keys put back into the group in the last 24 hours.
        overdue: Keys that are late.
        stale: Keys that are in a passing state for much longer than that takes.
        halted: 1 when nothing is done until a person does something, else 0.
        signing_key_age: Seconds since issuers began to sign with their key; 0 before the first.
        coming_key_age: Seconds that the next key is in its state; 0 when there is none.
    """

    keys_in_group: int
    foreign: int
    quarantined: int
    revoked: int
    healed: int
    overdue: int
    stale: int
    halted: int
    signing_key_age: int
    coming_key_age: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The whole ring.

    Attributes:
        name: Name of the ring.
        rev: Its revision.
        now: When AWS was looked at, epoch seconds by its clock.
        key_group_id: CloudFront's key group; None before it is made.
        signing_secret: Secret that issuers read.
        frozen: Why nothing is done at present; empty when something is.
        halted: What only a person can put right; empty when there is nothing. A frozen ring is
            halted too.
        rotate_requested: Whether the next rotation does not wait for the period's end.
        keys: In the order of their planning.
        foreign_keys: Key pair ids in the group that this ring did not make, or took out of it.
        overdue: Sentences about keys that are late.
        troubles: Sentences about keys that were revoked and are trusted all the same, that
            somebody put back, and whose step fails again and again.
        totals: The same in numbers.
        next: What the next tick does, or what it waits for; None when it is halted.
        settings: What an operator decided.
        history: Latest events, oldest first.
    """

    name: str
    rev: int
    now: int
    key_group_id: str | None
    signing_secret: str
    frozen: str
    halted: str
    rotate_requested: bool
    keys: tuple[KeyReport, ...]
    foreign_keys: tuple[str, ...]
    overdue: tuple[str, ...]
    troubles: tuple[str, ...]
    totals: Totals
    next: Coming | None
    settings: Settings
    history: tuple[Event, ...]

    @property
    def concerns(self) -> tuple[str, ...]:
        """What needs a person, in sentences; nothing when all is well."""
        found = [self.halted] if self.halted else []
        found += [*self.troubles, *self.overdue]
        ours = {key.key_pair_id for key in self.keys}
        others = [one for one in self.foreign_keys if one not in ours]
        if others:
            names = ", ".join(others)
            found.append(f"keys that this ring did not make are in the key group: {names}")
        if self.totals.keys_in_group >= MAX_KEYS_IN_GROUP:
            found.append(f"the key group is full: it has {self.totals.keys_in_group} keys")
        return tuple(found)

    def document(self) -> dict[str, object]:
        """Return all of it for JSON; times are epoch seconds."""
        return {**asdict(self, dict_factory=_plain), "concerns": list(self.concerns)}


def report(ring: Ring, observed: Observed, step: Step) -> Report:
    """Describe a ring.

    Args:
        ring: What is written down.
        observed: What was just seen.
        step: What is planned for exactly these two.
    """
    back = [str(key.public_key_id) for key in put_back(ring, observed)]
    foreign = (*foreign_keys(ring, observed), *back)
    late = tuple(overdue(ring, observed.now))
    halted = step.why if step.act is Act.HALT else ""
    return Report(
        name=ring.name,
        rev=ring.rev,
        now=observed.now,
        key_group_id=ring.key_group_id,
        signing_secret=ring.settings.signing_secret,
        frozen=ring.frozen,
        halted=halted,
        rotate_requested=ring.rotate_requested,
        keys=tuple(_key(ring, observed, step, key) for key in ring.keys),
        foreign_keys=foreign,
        overdue=late,
        troubles=tuple(troubles(ring, observed, step)),
        totals=Totals(
            keys_in_group=len(observed.group or ()),
            foreign=len(foreign),
            quarantined=_lately(ring, observed.now, KeyState.QUARANTINED.value),
            revoked=_lately(ring, observed.now, KeyState.REVOKED.value),
            healed=_lately(ring, observed.now, "HEALED"),
            overdue=len(late),
            stale=sum(is_stale(ring, key, observed.now) for key in ring.keys),
            halted=int(bool(halted)),
            signing_key_age=signing_age(ring, observed.now),
            coming_key_age=max(0, observed.now - ring.coming.since) if ring.coming else 0,
        ),
        next=_next(step, observed.now),
        settings=ring.settings,
        history=ring.history,
    )


def _key(ring: Ring, observed: Observed, step: Step, key: RingKey) -> KeyReport:
    in_group = observed.has(key)
    return KeyReport(
        kid=key.kid,
        key_pair_id=key.public_key_id,
        state=key.state.value,
        algorithm=key.kind.algorithm.value,
        hash_algorithm=key.kind.hash_algorithm.value,
        custody=key.kind.custody.value,
        max_lifetime=key.kind.max_lifetime,
        since=key.since,
        age=max(0, observed.now - key.since),
        in_group=in_group,
        in_place=in_group or key.state not in TRUSTED,
        stale=is_stale(ring, key, observed.now),
        private_destroyed=key.private_destroyed,
        revoked=key.revoked,
        next=_next_of(ring, observed, step, key),
    )


def _next(step: Step, now: int) -> Coming | None:
    if step.act is Act.HALT:
        return None
    if step.act is not Act.WAIT:
        return Coming(step.act.value, step.kid, now, step.why)
    if step.until is None:
        return Coming(Act.WAIT.value, step.kid, None, step.why)
    return Coming((step.then or Act.WAIT).value, step.kid, step.until)


def _next_of(ring: Ring, observed: Observed, step: Step, key: RingKey) -> Coming | None:
    if step.act is Act.HALT:
        return None
    if step.kid == key.kid and step.act is not Act.WAIT:
        return Coming(step.act.value, key.kid, observed.now, step.why)
    if step.kid == key.kid and step.then is not None:
        return Coming(step.then.value, key.kid, step.until)
    ahead = [*_ahead(ring, observed, key), (destruction_due(ring, key), Act.DESTROY.value)]
    when, act = min(ahead, key=lambda one: one[0])
    if when == _NEVER:
        return None
    if when > observed.now:
        return Coming(act, key.kid, int(when))
    # It is due, and the plan waits all the same: for room in the group, or for another key.
    return Coming(act, key.kid, None if step.act is Act.WAIT else observed.now)


def _ahead(ring: Ring, observed: Observed, key: RingKey) -> Iterator[tuple[float, str]]:
    """Yield what time brings to a key, and when; as the plan reckons."""
    now = observed.now
    if key.state in _AT_ONCE:
        yield now, _AT_ONCE[key.state].value
    elif key.state is KeyState.PUBLISHED and ring.started:
        yield soaked_at(ring, observed, key), Act.TEST.value
    elif key.state in {KeyState.PUBLISHED, KeyState.STANDBY}:
        yield max(rotation_due(ring, observed), permitted_at(key)), Act.PROMOTE.value
    elif key.state is KeyState.ACTIVE:
        yield rotation_due(ring, observed), HAND_OVER
    elif key.state is KeyState.DRAINING:
        yield drained_at(key), Act.RETIRE.value
    else:  # REMOVED
        yield deletion_due(ring, key), Act.DELETE.value


def _lately(ring: Ring, now: int, what: str) -> int:
    """Count the keys to which something happened in the last 24 hours, each time it did."""
    return sum(event.what.startswith(what) for event in ring.history if event.at > now - DAY)


def _plain(members: list[tuple[str, object]]) -> dict[str, object]:
    return {name: one.value if isinstance(one, Enum) else one for name, one in members}
