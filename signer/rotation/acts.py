"""Doing what was planned. Each step may be done twice, by two, or only half: the next one sees it.

What makes that safe is named in each: a version of a secret has the key's own name, so that it is
written once; a public key has it too, so that it is found again; the key group is written over the
version that was read, and the switch over the version that was seen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from signer.aws import KmsKey
from signer.credential import Credential, KmsKeyName
from signer.errors import RotationError, SignerError
from signer.rotation import records
from signer.rotation.plan import is_urgent
from signer.rotation.probe import Finding, Send, probe
from signer.rotation.ring import Custody, Ring, RingKey
from signer.rotation.secret_versions import PREVIOUS, STAGED, STANDBY
from signer.rotation.steps import Act, Observed, Step
from signer.rotation.stored_key import StoredKey

if TYPE_CHECKING:
    from signer.keys import PrivateKey, SigningKey
    from signer.rotation.aws_calls import ServerTime
    from signer.rotation.key_groups import KeyGroups
    from signer.rotation.kms_keys import KmsKeys
    from signer.rotation.secret_versions import SecretVersions

_TRIAL: Final = b"a key signs and its public half at CloudFront verifies"


_WRITTEN_ONLY: Final[dict[Act, Callable[[Ring, RingKey, int], Ring]]] = {
    Act.RETIRE: records.retired,
    Act.REVOKE: records.revoked,
    Act.GIVE_UP: records.given_up,
    Act.NOTE_PUBLISHED: records.published,
    Act.NOTE_LOST: records.lost,
    Act.NOTE_REMOVED: records.removed,
}


class _GivenUpError(Exception):
    """A key cannot be used, now or later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Aws:
    """What rotation needs of AWS.

    Attributes:
        key_groups: Public keys and the key group.
        secrets: The signing and the standby secret.
        kms: Keys in KMS.
        time: AWS's clock.
        send: Sends probes.
    """

    key_groups: KeyGroups
    secrets: SecretVersions
    kms: KmsKeys
    time: ServerTime
    send: Send | None = None


class Acts:
    """Takes steps."""

    def __init__(self, aws: Aws, new_kid: Callable[[], str]) -> None:
        """Remember what to work with.

        Args:
            aws: The stores.
            new_kid: Returns a new UUID.
        """
        self._aws = aws
        self._new_kid = new_kid
        self._doing = {
            Act.STORE: self._store,
            Act.UPLOAD: self._upload,
            Act.CREATE_GROUP: self._create_group,
            Act.PUBLISH: self._publish,
            Act.TEST: self._test,
            Act.STAGE: self._stage,
            Act.PROMOTE: self._promote,
            Act.REMOVE: self._remove,
            Act.DESTROY: self._destroy,
            Act.DELETE: self._delete,
            Act.HEAL: self._heal,
            Act.NOTE_ACTIVE: self._note_active,
        }

    def perform(self, step: Step, ring: Ring, observed: Observed) -> Ring:
        """Take a step and return what has to be written down.

        Raises:
            RotationError: It was not taken; nothing that viewers need was changed.
            RemoteError: AWS or the distribution did not answer; nobody knows whether it was taken.
        """
        if step.act is Act.PLAN:
            return records.planned(ring, self._new_kid(), self._now())
        key = None if step.kid is None else ring.key(step.kid)
        if key is None:
            raise RotationError("ring_document", "the step is about a key that is not in the ring")
        if step.act in _WRITTEN_ONLY:
            return _WRITTEN_ONLY[step.act](ring, key, self._now())
        try:
            return self._doing[step.act](ring, key, observed)
        except _GivenUpError as error:
            return records.quarantined(ring, key, self._now(), why=str(error))

    def _now(self) -> int:
        return self._aws.time.now()

    def _store(self, ring: Ring, key: RingKey, _: Observed) -> Ring:
        """Make the private half where it stays. A secret's version is written once."""
        arn = None
        if key.kind.custody is Custody.KMS:
            again = key.attempts > 1
            arn = self._aws.kms.make(ring.name, key.kid, key.kind.algorithm, again=again)
        elif self._aws.secrets.read(ring.settings.standby_secret, key.version) is None:
            made = StoredKey.new(key.kid, key.kind.algorithm)
            secret = ring.settings.standby_secret
            self._aws.secrets.put(secret, key.version, made.to_json(), STANDBY)
        return records.stored(ring, key, self._now(), kms_key_arn=arn)

    def _upload(self, ring: Ring, key: RingKey, observed: Observed) -> Ring:
        """Upload the public half of what was stored, under the key's own name."""
        public_key = self._private_half(ring, key).public_key()
        found = observed.uploaded.get(key.kid)
        if found is None:
            found = self._aws.key_groups.upload(ring.name, key.kid, public_key)
        there = self._aws.key_groups.public_key(found)
        if there is None or there.fingerprint != public_key.fingerprint:
            raise _GivenUpError("CloudFront has another key under its name")
        return records.uploaded(ring, key, self._now(), public_key_id=found, public_key=public_key)

    def _create_group(self, ring: Ring, key: RingKey, _: Observed) -> Ring:
        group = self._aws.key_groups.create(ring.name, _id_of(key))
        return records.published(ring, key, self._now(), key_group_id=group)

    def _publish(self, ring: Ring, key: RingKey, _: Observed) -> Ring:
        self._aws.key_groups.add(_group_of(ring), _id_of(key))
        return records.published(ring, key, self._now())

    def _heal(self, ring: Ring, key: RingKey, _: Observed) -> Ring:
        self._aws.key_groups.add(_group_of(ring), _id_of(key))
        return records.healed(ring, key, self._now())

    def _test(self, ring: Ring, key: RingKey, _: Observed) -> Ring:
        deployed = self._aws.key_groups.is_deployed(_group_of(ring), _id_of(key))
        passed = deployed and self._is_accepted(ring, key)
        return records.tested(ring, key, self._now(), passed=passed)

    def _stage(self, ring: Ring, key: RingKey, _: Observed) -> Ring:
        """Write the credential where issuers do not look yet, once a version."""
        secret = ring.settings.signing_secret
        if not ring.started:
            self._refuse_foreign_credential(ring)
        private = self._private_half(ring, key)
        self._check_pair(key, private)
        if key.kms_key_arn is not None:
            role = ring.settings.issuer_role_arn
            if role is None:
                raise RotationError("rotation_setting", "no issuer_role_arn for a key in KMS")
            self._aws.kms.grant(key.kms_key_arn, key.kid, role)
        text = self._aws.secrets.read(secret, key.version)
        if text is None:
            made = self._credential(key, private)
            self._aws.secrets.put(secret, key.version, made.to_json(), STAGED)
        else:
            _check_credential(text, key)
            self._aws.secrets.move(secret, STAGED, key.version)
        return records.staged(ring, key, self._now())

    def _promote(self, ring: Ring, key: RingKey, observed: Observed) -> Ring:
        """Switch issuers, over the version that was seen."""
        secret = ring.settings.signing_secret
        _check_credential(self._aws.secrets.read(secret, key.version) or "", key)
        hurried = not ring.started or is_urgent(ring, observed)
        if not hurried and not self._is_accepted(ring, key):
            return records.tested(ring, key, self._now(), passed=False)
        self._aws.secrets.switch(secret, key.version, observed.current)
        return records.active(ring, key, self._now())

    def _remove(self, ring: Ring, key: RingKey, _: Observed) -> Ring:
        """Take a key out; never the one that issuers are told to sign with, whatever the plan."""
        self._refuse_current(ring, key)
        self._aws.key_groups.remove(_group_of(ring), _id_of(key))
        return records.removed(ring, key, self._now())

    def _destroy(self, ring: Ring, key: RingKey, _: Observed) -> Ring:
        self._refuse_current(ring, key)
        if key.kind.custody is Custody.KMS:
            arn = key.kms_key_arn or self._aws.kms.find(ring.name, key.kid)
            if arn is not None:
                self._aws.kms.disable(arn)
        self._aws.secrets.strip(ring.settings.standby_secret, key.version, STANDBY)
        self._aws.secrets.strip(ring.settings.signing_secret, key.version, PREVIOUS, STAGED)
        return records.destroyed(ring, key, self._now())

    def _delete(self, ring: Ring, key: RingKey, observed: Observed) -> Ring:
        found = key.public_key_id or observed.uploaded.get(key.kid)
        if found is not None:
            self._aws.key_groups.delete_public_key(found)
        if key.kms_key_arn is not None:
            self._aws.kms.schedule_deletion(key.kms_key_arn)
        return records.deleted(ring, key, self._now())

    def _note_active(self, ring: Ring, key: RingKey, _: Observed) -> Ring:
        """Believe that issuers were switched, if that is so when it is asked in another way.

        An answer from before a switch would let the key that they sign with drain.
        """
        if self._aws.secrets.current(ring.settings.signing_secret) != key.version:
            raise RotationError(
                "credential_unsure",
                "AWS gives two answers about what issuers sign with",
                advice="the next tick looks again",
            )
        return records.active(ring, key, self._now())

    def _private_half(self, ring: Ring, key: RingKey) -> PrivateKey | KmsKey:
        """Return what signs with a key that stands by, read from where it stays."""
        if key.kms_key_arn is not None:
            return self._aws.kms.signing_key(key.kms_key_arn, key.kind.algorithm)
        text = self._aws.secrets.read(ring.settings.standby_secret, key.version)
        try:
            stored = StoredKey.from_json(text or "", kid=key.kid, algorithm=key.kind.algorithm)
        except RotationError as error:
            raise _GivenUpError(error.message) from None
        return stored.private_key

    def _is_accepted(self, ring: Ring, key: RingKey) -> bool:
        url = ring.settings.probe_url
        if url is None:
            return True
        private = self._private_half(ring, key)
        issuer = self._credential(key, private).issuer(clock=self._aws.time.now, key=private)
        finding = probe(url, issuer, send=self._aws.send)
        if finding is Finding.REFUSED:
            raise _GivenUpError(finding.value)
        return finding is Finding.ACCEPTED

    def _check_pair(self, key: RingKey, private: SigningKey) -> None:
        """Sign, and verify by what CloudFront has."""
        public = self._aws.key_groups.public_key(_id_of(key))
        if public is None:
            raise RotationError("public_key_missing", "CloudFront does not have the public half")
        signature = private.sign(_TRIAL, key.kind.hash_algorithm)
        if not public.verify(signature, _TRIAL, key.kind.hash_algorithm):
            raise _GivenUpError("its private half does not belong to the public half at CloudFront")

    def _credential(self, key: RingKey, private: PrivateKey | KmsKey) -> Credential:
        in_kms = isinstance(private, KmsKey)
        return Credential(
            kid=key.kid,
            key_pair_id=_id_of(key),
            private_key=None if isinstance(private, KmsKey) else private,
            kms_key=KmsKeyName(key.kms_key_arn or "", key.kind.algorithm) if in_kms else None,
            hash_algorithm=key.kind.hash_algorithm,
            max_lifetime=timedelta(seconds=key.kind.max_lifetime),
            activated_at=datetime.fromtimestamp(self._now(), UTC).isoformat(timespec="seconds"),
        )

    def _refuse_foreign_credential(self, ring: Ring) -> None:
        """Leave alone what somebody signs with already."""
        try:
            there = Credential.from_json(
                self._aws.secrets.read_current(ring.settings.signing_secret) or ""
            )
        except SignerError:
            return
        if ring.key(there.kid) is None:
            raise RotationError(
                "credential_foreign",
                "the signing secret holds a credential that this ring did not make",
                advice="take it over with: signer rotate adopt",
            )

    def _refuse_current(self, ring: Ring, key: RingKey) -> None:
        secret = ring.settings.signing_secret
        told = {self._aws.secrets.look(secret).current, self._aws.secrets.current(secret)}
        if key.version in told:
            raise RotationError(
                "key_in_use", "the signing secret names this key", advice="look at the status"
            )


def _check_credential(text: str, key: RingKey) -> None:
    """Refuse to switch issuers to anything but the key's own credential."""
    try:
        found = Credential.from_json(text)
    except SignerError as error:
        raise _GivenUpError(f"its credential cannot be used ({error.code})") from None
    if found.kms_key is not None:
        same = found.kms_key.arn == key.kms_key_arn
    else:
        public = found.held_key.public_key()
        # Reading a credential does not prove that the halves of an RSA key belong together.
        trial = found.held_key.sign(_TRIAL, found.hash_algorithm)
        same = public.fingerprint == key.fingerprint and public.verify(
            trial, _TRIAL, found.hash_algorithm
        )
    # Its longest life is what the drain waits for.
    facts = (found.kid, found.key_pair_id, found.hash_algorithm, found.max_lifetime)
    kind = key.kind
    life = timedelta(seconds=kind.max_lifetime)
    if not same or facts != (key.kid, key.public_key_id, kind.hash_algorithm, life):
        raise _GivenUpError("its credential is another key's")


def _id_of(key: RingKey) -> str:
    if key.public_key_id is None:
        raise RotationError("ring_document", f"the key {key.kid} has no key pair id")
    return key.public_key_id


def _group_of(ring: Ring) -> str:
    if ring.key_group_id is None:
        raise RotationError("ring_document", "the ring has no key group")
    return ring.key_group_id
