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

from signer.aws import OUT_OF_USE, KmsKey
from signer.credential import Credential, KmsKeyName
from signer.errors import (
    KeyMaterialError,
    PassingError,
    RemoteError,
    RotationError,
    SignerError,
    SigningError,
)
from signer.rotation import records
from signer.rotation.credentials import TRIAL, GivenUpError, check_credential, refuse_foreign
from signer.rotation.due import is_urgent
from signer.rotation.probe import Finding, Send, probe
from signer.rotation.ring import BEFORE_ACTIVE, Custody, Ring, RingKey
from signer.rotation.secret_versions import PREVIOUS, STAGED, STANDBY
from signer.rotation.steps import Act, Observed, Step
from signer.rotation.stored_key import StoredKey

if TYPE_CHECKING:
    from signer.keys import PrivateKey, SigningKey
    from signer.rotation.aws_calls import ServerTime
    from signer.rotation.key_groups import KeyGroups
    from signer.rotation.kms_keys import KmsKeys
    from signer.rotation.secret_versions import SecretVersions

_PATIENCE: Final = 2


_WRITTEN_ONLY: Final[dict[Act, Callable[[Ring, RingKey, int], Ring]]] = {
    Act.RETIRE: records.retired,
    Act.REVOKE: records.revoked,
    Act.GIVE_UP: records.given_up,
    Act.NOTE_PUBLISHED: records.published,
    Act.NOTE_LOST: records.lost,
    Act.NOTE_REMOVED: records.removed,
}


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
            Act.RESTORE: self._restore,
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
        except (GivenUpError, KeyMaterialError) as error:
            return records.quarantined(ring, key, self._now(), why=str(error))
        except (SigningError, RotationError, RemoteError) as error:
            if key.state in BEFORE_ACTIVE and _is_lost_in_kms(key, error):
                why = "its private half in KMS is out of use"
                return records.quarantined(ring, key, self._now(), why=why)
            if isinstance(error, SigningError):
                failure = RemoteError(error.code, error.message, advice=error.advice)
                raise failure from None
            raise

    def _now(self) -> int:
        return self._aws.time.now()

    def _store(self, ring: Ring, key: RingKey, _: Observed) -> Ring:
        """Make the private half where it stays. A secret's version is written once."""
        arn = None
        if key.kind.custody is Custody.KMS:
            if key.attempts > 1:
                # There may be a key whose ARN nobody knows. Whether one that looks like it is it
                # cannot be told from a planted one.
                raise GivenUpError("the answer to its making was lost")
            arn = self._aws.kms.make(ring.name, key.kid, key.kind.algorithm)
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
            raise GivenUpError("CloudFront has another key under its name")
        return records.uploaded(ring, key, self._now(), public_key_id=found, public_key=public_key)

    def _create_group(self, ring: Ring, key: RingKey, _: Observed) -> Ring:
        group = self._aws.key_groups.create(ring.name, _id_of(key))
        # One that was there, after an answer that was lost, need not have the key in it.
        self._aws.key_groups.add(group, _id_of(key))
        return records.published(ring, key, self._now(), key_group_id=group)

    def _publish(self, ring: Ring, key: RingKey, _: Observed) -> Ring:
        self._aws.key_groups.add(_group_of(ring), _id_of(key))
        return records.published(ring, key, self._now())

    def _heal(self, ring: Ring, key: RingKey, _: Observed) -> Ring:
        self._aws.key_groups.add(_group_of(ring), _id_of(key))
        return records.healed(ring, key, self._now())

    def _test(self, ring: Ring, key: RingKey, observed: Observed) -> Ring:
        # In need nobody's distribution that takes its time stands in the way.
        deployed = is_urgent(ring, observed) or self._aws.key_groups.is_deployed(
            _group_of(ring), _id_of(key)
        )
        passed = deployed and self._is_accepted(ring, key)
        return records.tested(ring, key, self._now(), passed=passed)

    def _stage(self, ring: Ring, key: RingKey, _: Observed) -> Ring:
        """Write the credential where issuers do not look yet, once a version."""
        secret = ring.settings.signing_secret
        if not ring.started:
            refuse_foreign(self._aws.secrets.read_current(secret) or "", ring)
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
            check_credential(text, key)
            self._aws.secrets.move(secret, STAGED, key.version)
        return records.staged(ring, key, self._now())

    def _promote(self, ring: Ring, key: RingKey, observed: Observed) -> Ring:
        """Switch issuers, over the version that was seen."""
        secret = ring.settings.signing_secret
        check_credential(self._aws.secrets.read(secret, key.version) or "", key)
        hurried = not ring.started or is_urgent(ring, observed)
        if not hurried and not self._is_accepted(ring, key):
            # It soaks again, and nobody who reads the signing secret should find it meanwhile.
            self._aws.secrets.strip(secret, key.version, STAGED)
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
            if arn is not None and self._aws.kms.is_named(arn, ring.name, key.kid):
                self._aws.kms.disable(arn)
        self._aws.secrets.strip(ring.settings.standby_secret, key.version, STANDBY)
        self._aws.secrets.strip(ring.settings.signing_secret, key.version, PREVIOUS, STAGED)
        return records.destroyed(ring, key, self._now())

    def _delete(self, ring: Ring, key: RingKey, observed: Observed) -> Ring:
        """Delete what has a name of ours; what was made by hand is left to whoever made it."""
        found = observed.uploaded.get(key.kid)
        if found is not None:
            self._aws.key_groups.delete_public_key(found)
        arn = key.kms_key_arn
        if arn is not None and self._aws.kms.is_named(arn, ring.name, key.kid):
            self._aws.kms.schedule_deletion(arn)
        return records.deleted(ring, key, self._now())

    def _restore(self, ring: Ring, key: RingKey, observed: Observed) -> Ring:
        """Switch issuers back, over the version that was seen in two ways."""
        secret = ring.settings.signing_secret
        if self._aws.secrets.current(secret) != observed.current:
            raise _unsure()
        self._aws.secrets.switch(secret, key.version, observed.current)
        return records.restored(ring, key, self._now())

    def _note_active(self, ring: Ring, key: RingKey, _: Observed) -> Ring:
        """Believe that issuers were switched, if that is so when it is asked in another way.

        An answer from before a switch would let the key that they sign with drain.
        """
        if self._aws.secrets.current(ring.settings.signing_secret) != key.version:
            raise _unsure()
        return records.active(ring, key, self._now())

    def _private_half(self, ring: Ring, key: RingKey) -> PrivateKey | KmsKey:
        """Return what signs with a key that stands by, read from where it stays."""
        if key.kms_key_arn is not None:
            return self._aws.kms.signing_key(key.kms_key_arn, key.kind.algorithm)
        text = self._aws.secrets.read(ring.settings.standby_secret, key.version)
        try:
            stored = StoredKey.from_json(text or "", kid=key.kid, algorithm=key.kind.algorithm)
        except RotationError as error:
            raise GivenUpError(error.message) from None
        return stored.private_key

    def _is_accepted(self, ring: Ring, key: RingKey) -> bool:
        urls = self._probed(ring)
        if not urls:
            return True
        private = self._private_half(ring, key)
        issuer = self._credential(key, private).issuer(clock=self._aws.time.now, key=private)
        accepted = True
        for url in urls:
            finding = probe(url, issuer, send=self._aws.send)
            if finding is Finding.REFUSED:
                self._blame_the_way(ring, url)
                raise GivenUpError(finding.value)
            accepted = accepted and finding is Finding.ACCEPTED
        return accepted

    def _probed(self, ring: Ring) -> list[str]:
        """Return what to ask for; nothing where there is no probe, or no distribution yet."""
        url = ring.settings.probe_url
        if url is None or not url.startswith("/"):
            return [] if url is None else [url]
        return [site + url for site in self._aws.key_groups.sites(_group_of(ring))]

    def _blame_the_way(self, ring: Ring, url: str) -> None:
        """Give no key up for what an origin or a firewall says: the signing key gets it too."""
        text = self._aws.secrets.read_current(ring.settings.signing_secret)
        try:
            signing = Credential.from_json(text or "")
        except SignerError:
            return
        name = signing.kms_key
        key = None if name is None else self._aws.kms.signing_key(name.arn, name.algorithm)
        issuer = signing.issuer(clock=self._aws.time.now, key=key)
        if probe(url, issuer, send=self._aws.send) is Finding.REFUSED:
            raise RotationError(
                "probe_unclear",
                "the probe refuses the key that signs as well",
                advice="see what answers at the probe's URL; an origin may look like CloudFront",
            )

    def _check_pair(self, key: RingKey, private: SigningKey) -> None:
        """Sign, and verify by what CloudFront has."""
        public = self._aws.key_groups.public_key(_id_of(key))
        if public is None:
            raise RotationError("public_key_missing", "CloudFront does not have the public half")
        signature = private.sign(TRIAL, key.kind.hash_algorithm)
        if not public.verify(signature, TRIAL, key.kind.hash_algorithm):
            raise GivenUpError("its private half does not belong to the public half at CloudFront")

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

    def _refuse_current(self, ring: Ring, key: RingKey) -> None:
        secret = ring.settings.signing_secret
        told = {self._aws.secrets.look(secret).current, self._aws.secrets.current(secret)}
        if key.version in told:
            raise RotationError(
                "key_in_use", "the signing secret names this key", advice="look at the status"
            )


def _unsure() -> PassingError:
    return PassingError(
        "credential_unsure",
        "AWS gives two answers about what issuers sign with",
        advice="the next tick looks again",
    )


def _is_lost_in_kms(key: RingKey, error: SignerError) -> bool:
    """Whether a key in KMS cannot be used any more; one that was just made may be unknown yet."""
    if key.kind.custody is not Custody.KMS:
        return False
    name = error.evidence.get("error")
    missing = error.code in {"kms_missing", "kms_key_missing"} and key.attempts > _PATIENCE
    return missing or name in OUT_OF_USE


def _id_of(key: RingKey) -> str:
    if key.public_key_id is None:
        raise RotationError("ring_document", f"the key {key.kid} has no key pair id")
    return key.public_key_id


def _group_of(ring: Ring) -> str:
    if ring.key_group_id is None:
        raise RotationError("ring_document", "the ring has no key group")
    return ring.key_group_id
