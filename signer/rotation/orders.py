"""What an operator may order: changes of the ring that the next ticks carry out.

Each is one writing of the ring, over the revision that was read. A tick that is at work meanwhile
finds its own writing refused, and the next one looks at what was done and goes on from there.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from typing import Final

from signer.aws import KmsKey
from signer.credential import Credential
from signer.errors import RotationError, excerpt
from signer.keys import PrivateKey
from signer.rotation.credentials import refuse_foreign
from signer.rotation.driver import Rotation
from signer.rotation.ownership import ADOPTED, is_own_group, made_here
from signer.rotation.ring import (
    LEAVING,
    Custody,
    Event,
    KeyKind,
    KeyState,
    Ring,
    RingKey,
    Settings,
)
from signer.rotation.secret_versions import CURRENT, PREVIOUS, STAGED, STANDBY, SecretVersions
from signer.rotation.steps import Observed

NOT_INITIALISED: Final = '{"status": "not-initialised"}\n'
"""What a secret holds before there is a key: readers say so instead of failing oddly."""

DESTROYED: Final = "destroyed with its stack"
"""Why a ring is frozen that :func:`destroy` has emptied."""

_TRIES: Final = 5
_LONGEST_REASON: Final = 200


def create(rotation: Rotation, name: str, settings: Settings) -> Ring:
    """Make an empty ring and its secrets; what is there already is left as it is.

    The next ticks make the first key and the key group.

    Raises:
        RotationError: ``ring_exists``: there is one with other settings;
            ``credential_foreign``: the signing secret holds a credential already;
            ``secret_shared``: both secrets are one.
        RemoteError: AWS did not answer.
    """
    there = rotation.store.read()
    if there is not None:
        if (there.name, there.settings) != (name, settings):
            raise RotationError(
                "ring_exists",
                f"there is a ring {there.name} with other settings already",
                advice="change them with: signer rotate configure",
            )
        return there
    secrets = rotation.aws.secrets
    _make_secret(secrets, settings.signing_secret, f"{name}: what issuers sign with")
    refuse_foreign(secrets.read_current(settings.signing_secret) or "", None)
    _make_standby(secrets, name, settings)
    ring = Ring(name=name, settings=settings)
    rotation.store.write(ring, over=None)
    return ring


def adopt(
    rotation: Rotation, name: str, settings: Settings, *, key_group_id: str, max_lifetime: int
) -> Ring:
    """Make a ring around a key group and a signing secret that somebody made by hand.

    Nothing is changed: only the ring and, if there is none, an empty standby secret are made. The
    credential's key goes on signing, and is replaced when it is due.

    Args:
        rotation: Without a ring.
        name: Name of the new ring.
        settings: As for :func:`create`.
        key_group_id: The key group.
        max_lifetime: The longest life, in seconds, of anything that was signed so far; its key
            drains for at least as long.

    Raises:
        RotationError: ``ring_exists``; ``adopt_key``: the credential's key is not in the group, or
            is another one there.
        CredentialError: The signing secret has no credential.
        RemoteError: AWS did not answer.
    """
    if rotation.store.read() is not None:
        raise RotationError("ring_exists", "there is a ring already")
    aws = rotation.aws
    version = aws.secrets.look(settings.signing_secret).current
    credential = Credential.from_json(aws.secrets.read_current(settings.signing_secret) or "")
    public_key = aws.key_groups.public_key(credential.key_pair_id)
    seen = aws.key_groups.look(name, key_group_id)
    if public_key is None or credential.key_pair_id not in (seen.items or ()):
        raise RotationError(
            "adopt_key",
            f"the key {credential.key_pair_id} of the signing secret is not in the key group",
            advice="give the key group that the distribution trusts",
        )
    signing: PrivateKey | KmsKey | None = credential.private_key
    if credential.kms_key is not None:
        signing = aws.kms.signing_key(credential.kms_key.arn, credential.algorithm)
    assert signing is not None  # noqa: S101 - a credential has one of the two
    fingerprint = signing.public_key().fingerprint
    if fingerprint != public_key.fingerprint:
        raise RotationError(
            "adopt_key", "the signing secret's key is not the one that CloudFront has under its id"
        )
    now = aws.time.now()
    kind = KeyKind(
        algorithm=credential.algorithm,
        hash_algorithm=credential.hash_algorithm,
        custody=Custody.KMS if credential.kms_key else Custody.SECRET,
        max_lifetime=max(max_lifetime, int(credential.max_lifetime.total_seconds())),
    )
    key = RingKey(
        kid=credential.kid or (version or ""),
        state=KeyState.ACTIVE,
        kind=kind,
        since=now,
        created_at=now,
        version=version or "",
        public_key_id=credential.key_pair_id,
        fingerprint=fingerprint,
        kms_key_arn=credential.kms_key.arn if credential.kms_key else None,
        published_at=now,
        promoted_at=min(now, _moment(credential.activated_at) or now),
    )
    ring = Ring(
        name=name,
        settings=settings,
        key_group_id=key_group_id,
        started=True,
        keys=(key,),
        history=(Event(now, key.kid, ADOPTED),),
    )
    _make_standby(aws.secrets, name, settings)
    rotation.store.write(ring, over=None)
    return ring


def rotate(rotation: Rotation) -> Ring:
    """Ask for a rotation as soon as a key stands by, however young the signing key is."""
    return _changed(rotation, lambda ring: replace(ring, rotate_requested=True))


def freeze(rotation: Rotation, why: str) -> Ring:
    """Do nothing any more, until :func:`unfreeze`: not even put back a key that lost its place."""
    return _changed(rotation, lambda ring: replace(ring, frozen=_reason(why)))


def unfreeze(rotation: Rotation) -> Ring:
    """Go on."""
    return _changed(rotation, lambda ring: replace(ring, frozen=""))


def configure(rotation: Rotation, change: Callable[[Settings], Settings]) -> Ring:
    """Change settings. Keys keep what they were made with; the next one follows the new settings.

    Raises:
        ConfigurationError: ``rotation_setting``.
        RotationError: ``ring_settings``: the secrets of a ring stay the same.
    """

    def changed(ring: Ring) -> Ring:
        settings = change(ring.settings)
        before = (ring.settings.signing_secret, ring.settings.standby_secret)
        if (settings.signing_secret, settings.standby_secret) != before:
            raise RotationError("ring_settings", "a ring keeps its secrets", advice="make another")
        return replace(ring, settings=settings)

    ring = _changed(rotation, changed)
    role = ring.settings.issuer_role_arn
    for key in ring.keys:
        # What stands by is granted when it is staged.
        if role is not None and key.kms_key_arn is not None and key.state is KeyState.ACTIVE:
            rotation.aws.kms.grant(key.kms_key_arn, key.kid, role)
    return ring


def revoke(rotation: Rotation, kid: str, why: str) -> Ring:
    """Trust a key no longer. The next ticks switch issuers first, if it is the signing key.

    Args:
        rotation: The ring.
        kid: The key: its kid, the beginning of it, or its key pair id.
        why: For the record.

    Raises:
        RotationError: ``key_unknown``; ``key_gone``: it has left the group already.
    """

    def changed(ring: Ring) -> Ring:
        key = find(ring, kid)
        if key.state in {KeyState.REMOVED, *LEAVING}:
            raise RotationError("key_gone", f"the key is {key.state.value} already")
        reason = _reason(why)
        told = Event(rotation.aws.time.now(), key.kid, f"to be revoked: {reason}")
        return ring.with_keys([replace(key, revoked=reason)], [told])

    return _changed(rotation, changed)


def former(ring: Ring, observed: Observed) -> RingKey | None:
    """Return the key that issuers can be told to sign with again; None when there is none."""
    schedule = ring.settings.schedule
    window = schedule.stale_limit + schedule.rollback_window
    found = [
        key
        for key in ring.in_state(KeyState.DRAINING)
        if not (key.private_destroyed or key.revoked)
        and observed.has(key)
        and key.demoted_at is not None
        and observed.now < key.demoted_at + window
    ]
    return max(found, key=lambda key: key.demoted_at or 0, default=None)


def rollback(rotation: Rotation) -> RingKey:
    """Tell issuers to sign with the former key again; the present one drains.

    Returns:
        The key that they sign with from now on. The next tick writes that down.

    Raises:
        RotationError: ``rollback_late``: no former key can be signed with any more.
        PassingError: ``ring_busy``: a tick is at work; ``credential_switched``: somebody else
            switches at this moment.
    """
    with rotation.held() as (ring, observed):
        back = former(ring, observed)
        if back is None or ring.active is None:
            raise RotationError(
                "rollback_late",
                "there is no former key that could be signed with again",
                advice="its private half is destroyed some time after a switch; rotate instead",
            )
        secret = ring.settings.signing_secret
        rotation.aws.secrets.switch(secret, back.version, ring.active.version)
    return back


def destroy(rotation: Rotation) -> Ring:
    """Delete the key group and the public halves, and let nobody sign with the private ones.

    What is left is a frozen ring without keys, and a signing secret that says that there is none.
    Half of it is done by doing it again. Keys that the ring did not make stay.

    Raises:
        RotationError: ``key_group_in_use``: a distribution trusts the group; ``ring_adopted``: the
            group was made by others; with both nothing was changed.
            ``public_key_in_use``: another key group has one of the keys.
        RemoteError: AWS did not answer.
    """
    ring, aws = rotation.ring(), rotation.aws
    seen = aws.key_groups.look(ring.name, None)
    if seen.group_id is not None and is_own_group(ring, seen):
        # First, since CloudFront refuses it for a group in use. No tick does anything without one.
        aws.key_groups.delete_group(seen.group_id)
    elif ring.key_group_id and aws.key_groups.look(ring.name, ring.key_group_id).items is not None:
        raise RotationError(
            "ring_adopted",
            "the key group was not made by the ring, and others may need what is in it",
            advice="freeze the ring and take it down by hand, or let it stay",
        )
    ring = _changed(rotation, lambda ring: replace(ring, frozen=DESTROYED))
    # Again: a tick may have uploaded something before it could see that.
    made = made_here(ring, aws.key_groups.look(ring.name, None).uploaded)
    own = [key for key in ring.keys if key.public_key_id is None or key.kid in made]
    _forget(rotation, ring, own)
    for key in own:
        # Before the public half, by which a key is known for the ring's own.
        if key.kms_key_arn is not None:
            aws.kms.schedule_deletion(key.kms_key_arn)
    for public_key_id in sorted(made.values()):
        aws.key_groups.delete_public_key(public_key_id)
    at = aws.time.now()
    return _changed(rotation, lambda ring: _emptied(ring, at))


def find(ring: Ring, name: str) -> RingKey:
    """Return the key that an operator means.

    Raises:
        RotationError: ``key_unknown``: there is none, or more than one, of this name.
    """
    found = [key for key in ring.keys if name in {key.kid, key.public_key_id}]
    if not found and len(name) >= _SHORTEST_NAME:
        found = [key for key in ring.keys if key.kid.startswith(name)]
    if len(found) != 1:
        raise RotationError(
            "key_unknown",
            f"{excerpt(name)} names {len(found) or 'none'} of the ring's keys",
            advice="signer rotate status lists them",
        )
    return found[0]


_SHORTEST_NAME: Final = 4


def _reason(why: str) -> str:
    """Return a reason as it is kept: a line of the ring document."""
    return " ".join(why.split())[:_LONGEST_REASON] or "by an operator"


def _changed(rotation: Rotation, change: Callable[[Ring], Ring]) -> Ring:
    for _ in range(_TRIES):
        ring = rotation.ring()
        changed = replace(change(ring), rev=ring.rev + 1)
        try:
            rotation.store.write(changed, over=ring.rev)
        except RotationError as error:
            if error.code != "ring_changed":
                raise
        else:
            return changed
    raise RotationError("ring_changed", "others write the ring all the time", advice="try again")


def _forget(rotation: Rotation, ring: Ring, keys: Iterable[RingKey]) -> None:
    """Take the private halves out of the secrets, as far as these are still there."""
    secrets, settings = rotation.aws.secrets, ring.settings
    if ring.by_version(secrets.current(settings.signing_secret)) is not None:
        secrets.put(settings.signing_secret, str(uuid.uuid4()), NOT_INITIALISED, CURRENT)
    for key in keys:
        secrets.strip(settings.standby_secret, key.version, STANDBY)
        secrets.strip(settings.signing_secret, key.version, PREVIOUS, STAGED)


def _emptied(ring: Ring, at: int) -> Ring:
    if not ring.keys and ring.history and ring.history[-1].what == DESTROYED:
        return ring
    empty = Ring(name=ring.name, settings=ring.settings, rev=ring.rev, frozen=DESTROYED)
    return replace(empty, history=ring.history).with_keys([], [Event(at, "", DESTROYED)])


def _make_standby(secrets: SecretVersions, name: str, settings: Settings) -> None:
    _make_secret(secrets, settings.standby_secret, f"{name}: the next key, which no issuer reads")
    # One may be given by its name and the other by its ARN.
    if secrets.arn(settings.standby_secret) == secrets.arn(settings.signing_secret):
        raise RotationError(
            "secret_shared",
            "the standby secret is the signing secret, which issuers read",
            advice="give another one for the next key",
        )


def _make_secret(secrets: SecretVersions, secret: str, about: str) -> None:
    """Make a secret with a placeholder, unless somebody did: they need no permission to make one.

    A secret without any version gets the placeholder too: AWS would let issuers read the first
    one that it is given, whatever its label.
    """
    try:
        current = secrets.look(secret).current
    except RotationError as error:
        if error.code != "secret_missing":
            raise
        secrets.create(secret, NOT_INITIALISED, about)
        return
    if current is None:
        secrets.put(secret, str(uuid.uuid4()), NOT_INITIALISED, CURRENT)


def _moment(text: str | None) -> int | None:
    try:
        return int(datetime.fromisoformat(text).timestamp()) if text else None
    except ValueError:
        return None
