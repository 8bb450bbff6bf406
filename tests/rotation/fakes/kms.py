# ruff: noqa: N803 - boto3's names
"""KMS: asymmetric keys that sign, in the states that AWS page "Key states of AWS KMS keys" has."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from signer.keys import HashAlgorithm, KeyAlgorithm, PrivateKey
from tests.rotation.fakes.clock import Clock

MAX_MESSAGE = 4096
DAY = 86400
_SPECS = {"RSA_2048": KeyAlgorithm.RSA_2048, "ECC_NIST_P256": KeyAlgorithm.ECDSA_P256}
_SIGNS = {"RSA_2048": "RSASSA_PKCS1_V1_5_SHA_256", "ECC_NIST_P256": "ECDSA_SHA_256"}


@dataclass
class StoredKmsKey:
    """A key pair. Its state is ``Enabled``, ``Disabled`` or ``PendingDeletion``."""

    id: str
    arn: str
    spec: str
    description: str
    tags: dict[str, str]
    private_key: PrivateKey
    created: object
    state: str = "Enabled"
    deleted_at: float | None = None
    grants: dict[str, dict[str, Any]] = field(default_factory=dict)


class FakeKms:
    """A boto3 client of KMS. Keys whose waiting period ended are gone."""

    def __init__(self, clock: Clock, *, page_size: int = 100) -> None:
        self.clock = clock
        self.page_size = page_size
        self.stored: dict[str, StoredKmsKey] = {}
        self._made = 0

    @property
    def keys(self) -> dict[str, StoredKmsKey]:
        """Keys by id that exist now."""
        gone = [
            key.id
            for key in self.stored.values()
            if key.deleted_at is not None and key.deleted_at <= self.clock.now
        ]
        for one in gone:
            del self.stored[one]
        return self.stored

    def create_key(
        self,
        *,
        KeySpec: str,
        KeyUsage: str,
        Description: str = "",
        Tags: Sequence[Mapping[str, str]] = (),
    ) -> dict[str, Any]:
        if KeySpec not in _SPECS or KeyUsage != "SIGN_VERIFY" or len(Description) > 8192:
            raise self.clock.refused("CreateKey", "ValidationException")
        self._made += 1
        key_id = str(uuid.UUID(int=self._made))
        made = StoredKmsKey(
            id=key_id,
            arn=f"arn:aws:kms:us-east-1:111122223333:key/{key_id}",
            spec=KeySpec,
            description=Description,
            tags={tag["TagKey"]: tag["TagValue"] for tag in Tags},
            private_key=PrivateKey.generate(_SPECS[KeySpec]),
            created=self.clock.moment(),
        )
        self.stored[key_id] = made
        return self.clock.answer(KeyMetadata=_metadata(made))

    def describe_key(self, *, KeyId: str) -> dict[str, Any]:
        return self.clock.answer(KeyMetadata=_metadata(self._key("DescribeKey", KeyId)))

    def list_keys(self, *, Limit: int | None = None, Marker: str | None = None) -> dict[str, Any]:
        size = min(Limit or self.page_size, self.page_size)
        left = [one for one in sorted(self.keys) if Marker is None or one >= Marker]
        listed = [{"KeyId": one, "KeyArn": self.stored[one].arn} for one in left[:size]]
        more = {"NextMarker": left[size]} if left[size:] else {}
        return self.clock.answer(Keys=listed, Truncated=bool(more), **more)

    def get_public_key(self, *, KeyId: str) -> dict[str, Any]:
        key = self._usable("GetPublicKey", KeyId)
        lines = key.private_key.public_key().to_pem().splitlines()[1:-1]
        return self.clock.answer(
            KeyId=key.arn,
            PublicKey=base64.b64decode("".join(lines)),
            KeySpec=key.spec,
            KeyUsage="SIGN_VERIFY",
            SigningAlgorithms=[_SIGNS[key.spec]],
        )

    def sign(
        self, *, KeyId: str, Message: bytes, SigningAlgorithm: str, MessageType: str = "RAW"
    ) -> dict[str, Any]:
        key = self._usable("Sign", KeyId)
        if MessageType != "RAW" or not 1 <= len(Message) <= MAX_MESSAGE:
            raise self.clock.refused("Sign", "ValidationException")
        if SigningAlgorithm != _SIGNS[key.spec]:
            raise self.clock.refused("Sign", "InvalidKeyUsageException")
        signature = key.private_key.sign(Message, HashAlgorithm.SHA256)
        return self.clock.answer(
            KeyId=key.arn, Signature=signature, SigningAlgorithm=SigningAlgorithm
        )

    def create_grant(
        self, *, KeyId: str, GranteePrincipal: str, Operations: Sequence[str], Name: str = ""
    ) -> dict[str, Any]:
        key = self._usable("CreateGrant", KeyId)
        wanted = {
            "Name": Name,
            "GranteePrincipal": GranteePrincipal,
            "Operations": sorted(Operations),
        }
        same = [one for one, grant in key.grants.items() if Name and grant == wanted]
        grant_id = same[0] if same else f"{len(key.grants) + 1:064x}"
        key.grants[grant_id] = wanted
        return self.clock.answer(GrantId=grant_id, GrantToken=uuid.uuid4().hex)

    def disable_key(self, *, KeyId: str) -> dict[str, Any]:
        key = self._key("DisableKey", KeyId)
        if key.state == "PendingDeletion":
            raise self.clock.refused("DisableKey", "KMSInvalidStateException")
        key.state = "Disabled"
        return self.clock.answer()

    def schedule_key_deletion(self, *, KeyId: str, PendingWindowInDays: int = 30) -> dict[str, Any]:
        key = self._key("ScheduleKeyDeletion", KeyId)
        if not 7 <= PendingWindowInDays <= 30:
            raise self.clock.refused("ScheduleKeyDeletion", "ValidationException")
        if key.state == "PendingDeletion":
            raise self.clock.refused("ScheduleKeyDeletion", "KMSInvalidStateException")
        key.state = "PendingDeletion"
        key.deleted_at = self.clock.now + PendingWindowInDays * DAY
        return self.clock.answer(
            KeyId=key.arn, KeyState=key.state, PendingWindowInDays=PendingWindowInDays
        )

    def _key(self, operation: str, name: str) -> StoredKmsKey:
        key = self.keys.get(name.rpartition("key/")[2])
        if key is None or name not in {key.id, key.arn}:
            raise self.clock.refused(operation, "NotFoundException")
        return key

    def _usable(self, operation: str, name: str) -> StoredKmsKey:
        key = self._key(operation, name)
        if key.state == "Disabled":
            raise self.clock.refused(operation, "DisabledException")
        if key.state != "Enabled":
            raise self.clock.refused(operation, "KMSInvalidStateException")
        return key


def _metadata(key: StoredKmsKey) -> dict[str, Any]:
    return {
        "AWSAccountId": "111122223333",
        "KeyId": key.id,
        "Arn": key.arn,
        "CreationDate": key.created,
        "Enabled": key.state == "Enabled",
        "Description": key.description,
        "KeyUsage": "SIGN_VERIFY",
        "KeyState": key.state,
        "KeySpec": key.spec,
        "SigningAlgorithms": [_SIGNS[key.spec]],
        "KeyManager": "CUSTOMER",
    }
