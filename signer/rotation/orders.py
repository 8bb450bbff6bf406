"""What an operator may order: changes of the ring that the next ticks carry out.

Each is one writing of the ring, over the revision that was read. A tick that is at work meanwhile
finds its own writing refused, and the next one looks at what was done and goes on from there.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Final

from signer.aws import KmsKey
from signer.credential import Credential
from signer.errors import CredentialError, RotationError, excerpt
from signer.keys import PrivateKey
from signer.rotation.driver import Rotation
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

NOT_INITIALISED: Final = '{"status": "not-initialised"}\n'
"""What a secret holds before there is a key: readers say so instead of failing oddly."""

DESTROYED: Final = "destroyed with its stack"
"""Why a ring is frozen that :func:`destroy` has emptied."""

_ABOUT_STANDBY: Final = "{}: the next key, which no issuer reads"
_TRIES: Final = 5
_LONGEST_REASON: Final = 200


def create(rotation: Rotation, name: str, settings: Settings) -> Ring:
    """Make an empty ring and its secrets; what is there already is left as it is.

    The next ticks make the first key and the key group.

    Raises:
        RotationError: ``ring_exists``: there is one with other settings;
            ``credential_foreign``: the signing secret holds a credential already.
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
    _refuse_credential(secrets.read_current(settings.signing_secret) or "")
    _make_secret(secrets, settings.standby_secret, _ABOUT_STANDBY.format(name))
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
        promoted_at=_moment(credential.activated_at) or now,
    )
    ring = Ring(
        name=name,
        settings=settings,
        key_group_id=key_group_id,
        started=True,
        keys=(key,),
        history=(Event(now, key.kid, "adopted"),),
    )
    _make_secret(aws.secrets, settings.standby_secret, _ABOUT_STANDBY.format(name))
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

    return _changed(rotation, changed)


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
        return ring.with_keys([replace(key, revoked=_reason(why))])

    return _changed(rotation, changed)


def rollback(rotation: Rotation) -> Ring:
    """Tell issuers to sign with the former key again; the present one drains.

    Raises:
        RotationError: ``rollback_late``: no former key can be signed with any more;
            ``credential_switched``: somebody else switches at this moment.
    """
    ring, observed = rotation.look()
    window = ring.settings.schedule.stale_limit + ring.settings.schedule.rollback_window
    former = [
        key
        for key in ring.in_state(KeyState.DRAINING)
        if not key.private_destroyed
        and not key.revoked
        and observed.has(key)
        and key.demoted_at is not None
        and observed.now < key.demoted_at + window
    ]
    if not former or ring.active is None:
        raise RotationError(
            "rollback_late",
            "there is no former key that could be signed with again",
            advice="its private half is destroyed some time after a switch; rotate instead",
        )
    latest = max(former, key=lambda key: key.demoted_at or 0)
    secret = ring.settings.signing_secret
    rotation.aws.secrets.switch(secret, latest.version, ring.active.version)
    # The next tick sees what issuers are told and writes it down.
    return ring


def destroy(rotation: Rotation) -> Ring:
    """Delete the key group and the public halves, and let nobody sign with the private ones.

    What is left is a frozen ring without keys, and a signing secret that says that there is none.
    Half of it is done by doing it again. Keys that the ring did not make stay.

    Raises:
        RotationError: ``key_group_in_use``: a distribution trusts the group; nothing was changed.
            ``public_key_in_use``: another key group has one of the keys.
        RemoteError: AWS did not answer.
    """
    ring, aws = rotation.ring(), rotation.aws
    if ring.key_group_id is not None:
        # First, since CloudFront refuses it for a group in use. No tick does anything without one.
        aws.key_groups.delete_group(ring.key_group_id)
    ring = _changed(rotation, lambda ring: replace(ring, frozen=DESTROYED))
    seen = aws.key_groups.look(ring.name, ring.key_group_id)
    kept = {key.public_key_id for key in ring.keys if key.public_key_id is not None}
    for public_key_id in sorted({*seen.uploaded.values(), *kept}):
        aws.key_groups.delete_public_key(public_key_id)
    for key in ring.keys:
        if key.kms_key_arn is not None:
            aws.kms.schedule_deletion(key.kms_key_arn)
    _forget(rotation, ring)
    return _changed(rotation, _emptied)


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


def _forget(rotation: Rotation, ring: Ring) -> None:
    """Take the private halves out of the secrets, as far as these are still there."""
    secrets, settings = rotation.aws.secrets, ring.settings
    text = secrets.read_current(settings.signing_secret)
    if text not in {None, NOT_INITIALISED}:
        secrets.put(settings.signing_secret, str(uuid.uuid4()), NOT_INITIALISED, CURRENT)
    for key in ring.keys:
        secrets.strip(settings.standby_secret, key.version, STANDBY)
        secrets.strip(settings.signing_secret, key.version, PREVIOUS, STAGED)


def _emptied(ring: Ring) -> Ring:
    empty = Ring(name=ring.name, settings=ring.settings, rev=ring.rev, frozen=DESTROYED)
    return replace(empty, history=ring.history)


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


def _refuse_credential(text: str) -> None:
    try:
        Credential.from_json(text)
    except CredentialError:
        return
    raise RotationError(
        "credential_foreign",
        "the signing secret holds a credential already",
        advice="take it over with: signer rotate adopt",
    )


def _moment(text: str | None) -> int | None:
    try:
        return int(datetime.fromisoformat(text).timestamp()) if text else None
    except ValueError:
        return None
