"""The ring document: which keys there are, in which state, since when. It holds no key material.

It lies in one DynamoDB item or one file (:mod:`signer.rotation.ring_store`), is read whole and
written whole, and each writing raises its revision by one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TYPE_CHECKING, Final

from signer.errors import ConfigurationError, RotationError, excerpt
from signer.keys import HashAlgorithm, KeyAlgorithm

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

HOUR: Final = 3600
DAY: Final = 24 * HOUR
MAX_HISTORY: Final = 60
"""Events that are kept; with ten keys they stay far below the 400 kB of a DynamoDB item."""

_MOST_PROBES: Final = 100
# No dot segments: what is signed would not be what is sent.
_PATH = re.compile(r"(?:/(?!\.\.?(?:/|$))[A-Za-z0-9_.~-]+)+")
_URL = re.compile(r"(?:https://[^\s/?#@]+|http://(?:localhost|127\.0\.0\.1)(?::\d+)?)/[!-~]*")
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,62}[A-Za-z0-9])?")


class KeyState(Enum):
    """Where a key stands; :mod:`signer.rotation.plan` has the way from each to the next."""

    PLANNED = "PLANNED"
    STORED = "STORED"
    UPLOADED = "UPLOADED"
    PUBLISHED = "PUBLISHED"
    STANDBY = "STANDBY"
    ACTIVE = "ACTIVE"
    DRAINING = "DRAINING"
    RETIRING = "RETIRING"
    REVOKED = "REVOKED"
    QUARANTINED = "QUARANTINED"
    REMOVED = "REMOVED"


BEFORE_ACTIVE: Final = (
    KeyState.PLANNED,
    KeyState.STORED,
    KeyState.UPLOADED,
    KeyState.PUBLISHED,
    KeyState.STANDBY,
)
"""States of a key that has never signed, in their order. At most one key is in any of them."""

TRUSTED: Final = (KeyState.ACTIVE, KeyState.DRAINING, KeyState.STANDBY, KeyState.PUBLISHED)
"""States in which a key has to be in the key group, what viewers need most first."""

LEAVING: Final = (KeyState.RETIRING, KeyState.REVOKED, KeyState.QUARANTINED)
"""States in which a key has to leave the key group."""


class Custody(Enum):
    """Where the private half of a key lies."""

    SECRET = "secret"  # noqa: S105 - a kind of place
    KMS = "kms"


@dataclass(frozen=True, slots=True)
class KeyKind:
    """What a key is like; all of it stays with the key until its end.

    Attributes:
        algorithm: Kind of the key pair.
        hash_algorithm: Hash for everything signed with it.
        custody: Where its private half lies.
        max_lifetime: Seconds that anything signed with it may be good for.
    """

    algorithm: KeyAlgorithm = KeyAlgorithm.ECDSA_P256
    hash_algorithm: HashAlgorithm = HashAlgorithm.SHA256
    custody: Custody = Custody.SECRET
    max_lifetime: int = DAY

    def __post_init__(self) -> None:
        """Refuse what KMS cannot sign with, and lives that no drain could wait for."""
        if self.custody is Custody.KMS and self.hash_algorithm is not HashAlgorithm.SHA256:
            raise _wrong("hash_algorithm", "is not SHA256, the only hash that KMS signs with")
        if not 1 <= self.max_lifetime <= 366 * DAY:
            raise _wrong("max_lifetime", "is not between one second and 366 days")


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """How long each thing takes; all in seconds.

    Attributes:
        period: Age at which the signing key is replaced.
        soak: How long a key is in the key group before anything is signed with it, so that every
            edge location knows it: AWS documents no end of that time, so this waits much longer
            than any that was observed. Also how long a key is out of the group before its public
            half is deleted.
        stale_limit: How long an issuer may sign with a credential that it read earlier. At least
            that of every issuer (:class:`signer.custody.CachedIssuer`'s is 30 minutes), and the
            replication lag where the secret is replicated into other Regions.
        skew: How much the clocks of issuers and edge locations may differ.
        rollback_window: How long after a switch the earlier key can still be switched back to.
        probes: Consecutive good probes that a key needs before it may sign.
    """

    period: int = 90 * DAY
    soak: int = DAY
    stale_limit: int = 1800
    skew: int = 300
    rollback_window: int = HOUR
    probes: int = 3

    def __post_init__(self) -> None:
        """Refuse a schedule under which a key would be replaced before its successor is ready."""
        if not 0 <= self.probes <= _MOST_PROBES:
            raise _wrong("probes", f"is not a number from 0 to {_MOST_PROBES}")
        for name in ("period", "soak", "stale_limit", "skew", "rollback_window"):
            if not 0 <= getattr(self, name) <= 3660 * DAY:
                raise _wrong(name, "is not a number of seconds up to ten years")
        if self.period <= self.soak:
            raise _wrong("period", f"({self.period} s) is not longer than soak ({self.soak} s)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What an operator decides.

    Attributes:
        signing_secret: Secret whose current version is the credential that issuers read.
        standby_secret: Secret with the next key, which no issuer may read.
        probe_url: URL below a behavior that trusts the key group, or its path, which is then asked
            for at every distribution that trusts the group; None to do without probes.
        issuer_role_arn: Who may sign with keys in KMS; needed for that custody only.
        next_key: What the next key is like.
        schedule: How long things take.
    """

    signing_secret: str
    standby_secret: str
    probe_url: str | None = None
    issuer_role_arn: str | None = None
    next_key: KeyKind = field(default_factory=KeyKind)
    schedule: Schedule = field(default_factory=Schedule)

    def __post_init__(self) -> None:
        """Refuse one secret for both, which would give issuers the next key too."""
        if self.signing_secret == self.standby_secret:
            raise _wrong("standby_secret", "is the signing secret, which issuers read")
        probe = self.probe_url
        if probe is not None and not (_URL.fullmatch(probe) or _PATH.fullmatch(probe)):
            raise _wrong("probe_url", "is no https:// URL, none of this machine's own, and no path")
        if self.next_key.custody is Custody.KMS and self.issuer_role_arn is None:
            raise _wrong("issuer_role_arn", "is needed for keys in KMS")


@dataclass(frozen=True, slots=True, kw_only=True)
class RingKey:
    """A key from its planning to the deletion of its public half.

    Attributes:
        kid: Our own name of it, a UUID; also in the name of CloudFront's public key.
        state: Where it stands.
        kind: What it is like.
        since: When it entered its state, epoch seconds like all times here.
        created_at: When it was planned.
        version: Version of the secrets that holds it; its ``kid`` unless it was adopted.
        attempts: How often the step from its state was begun.
        public_key_id: CloudFront's id, the key pair id in URLs and cookies.
        fingerprint: SHA-256 of the public half.
        kms_key_arn: Where it lives, if that is KMS.
        published_at: When it was last put into the key group.
        passes: Consecutive good probes since then.
        staged_at: When its credential was last made ready to be switched to.
        promoted_at: When issuers began to sign with it.
        demoted_at: When they were told to stop.
        drain_until: When nothing that was signed with it can be good any more.
        private_destroyed: Whether its private half is out of reach.
        revoked: Why it was revoked; empty when it was not.
    """

    kid: str
    state: KeyState
    kind: KeyKind
    since: int
    created_at: int
    version: str = ""
    attempts: int = 0
    public_key_id: str | None = None
    fingerprint: str | None = None
    kms_key_arn: str | None = None
    published_at: int | None = None
    passes: int = 0
    staged_at: int | None = None
    promoted_at: int | None = None
    demoted_at: int | None = None
    drain_until: int | None = None
    private_destroyed: bool = False
    revoked: str = ""

    def __post_init__(self) -> None:
        """Name the version after the key."""
        if not self.version:
            object.__setattr__(self, "version", self.kid)

    def moved(self, state: KeyState, now: int, **changes: object) -> RingKey:
        """Return the key in another state, with a new count of attempts."""
        return replace(self, state=state, since=now, attempts=0, **changes)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


@dataclass(frozen=True, slots=True)
class Lease:
    """Who is at work, and until when nobody else begins."""

    owner: str
    until: int


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a key, for people."""

    at: int
    kid: str
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ring:
    """The whole document.

    Attributes:
        name: Name of the ring, in the names of all that it makes.
        settings: What an operator decides.
        rev: Revision; the next writing has the next one.
        key_group_id: CloudFront's key group; None before it is made.
        keys: In the order of their planning.
        started: Whether any of its keys was ever signed with.
        frozen: Why nothing is done at present; empty when something is.
        rotate_requested: Whether the next rotation does not wait for the period's end.
        lease: Who is at work.
        history: Latest events, oldest first.
    """

    name: str
    settings: Settings
    rev: int = 0
    key_group_id: str | None = None
    keys: tuple[RingKey, ...] = ()
    started: bool = False
    frozen: str = ""
    rotate_requested: bool = False
    lease: Lease | None = None
    history: tuple[Event, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a ring that contradicts itself.

        Raises:
            RotationError: ``ring_document``.
            ConfigurationError: ``rotation_setting``: its name cannot be one.
        """
        if not _NAME.fullmatch(self.name):
            raise ConfigurationError(
                "rotation_setting",
                f"{excerpt(self.name)} cannot be the name of a ring",
                advice="use up to 64 letters, digits, hyphens and underscores",
                field="name",
            )
        for what, values in (
            ("kid", [key.kid for key in self.keys]),
            ("key pair id", [key.public_key_id for key in self.keys if key.public_key_id]),
            ("ACTIVE key", [1 for key in self.keys if key.state is KeyState.ACTIVE]),
            ("key that is being made", [1 for key in self.keys if key.state in BEFORE_ACTIVE]),
        ):
            if len(set(values)) != len(values):
                raise RotationError("ring_document", f"the ring has one {what} twice")

    @property
    def active(self) -> RingKey | None:
        """The key that issuers sign with."""
        return next(self.in_state(KeyState.ACTIVE), None)

    @property
    def coming(self) -> RingKey | None:
        """The key that is being made, or stands by."""
        return next(self.in_state(*BEFORE_ACTIVE), None)

    def in_state(self, *states: KeyState) -> Iterator[RingKey]:
        """Return the keys in these states."""
        return (key for key in self.keys if key.state in states)

    def key(self, kid: str) -> RingKey | None:
        """Return a key by its kid."""
        return next((key for key in self.keys if key.kid == kid), None)

    def by_version(self, version: str | None) -> RingKey | None:
        """Return the key that a version of the secrets holds."""
        return next((key for key in self.keys if key.version == version), None)

    def with_keys(self, changed: Iterable[RingKey], events: Iterable[Event] = ()) -> Ring:
        """Return the ring with keys replaced by their kid, or added."""
        new = {key.kid: key for key in changed}
        keys = [new.pop(key.kid, key) for key in self.keys]
        return replace(
            self,
            keys=(*keys, *new.values()),
            history=(*self.history, *events)[-MAX_HISTORY:],
        )

    def without(self, kid: str, event: Event) -> Ring:
        """Return the ring without a key that is gone."""
        return replace(
            self,
            keys=tuple(key for key in self.keys if key.kid != kid),
            history=(*self.history, event)[-MAX_HISTORY:],
        )

    def drain_until(self, key: RingKey, now: int) -> int:
        """Return when nothing signed with a key can be good any more, if it stops now."""
        schedule = self.settings.schedule
        # Until the window is over it can be switched back to, for which it has to be trusted.
        signed = max(key.kind.max_lifetime + schedule.skew, schedule.rollback_window)
        return now + schedule.stale_limit + signed


def _wrong(name: str, problem: str) -> ConfigurationError:
    return ConfigurationError("rotation_setting", f"{name} {problem}", field=name)
