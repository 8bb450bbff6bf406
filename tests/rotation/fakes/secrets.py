# ruff: noqa: N803 - boto3's names
"""Secrets Manager: versions of secrets and the labels that move between them."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.rotation.fakes.clock import Clock

CURRENT = "AWSCURRENT"
PREVIOUS = "AWSPREVIOUS"


@dataclass
class StoredVersion:
    """A version; it never changes."""

    value: str | bytes
    created: object


@dataclass
class StoredSecret:
    """A secret: versions by id, and the version that each label is attached to."""

    name: str
    arn: str
    description: str
    versions: dict[str, StoredVersion] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)

    def labels_of(self, version: str) -> list[str]:
        return [label for label, where in self.labels.items() if where == version]

    def attach(self, label: str, version: str) -> None:
        """Attach a label; AWSPREVIOUS goes to where AWSCURRENT came from."""
        before = self.labels.get(label)
        self.labels[label] = version
        if label == CURRENT and before is not None and before != version:
            self.labels[PREVIOUS] = before


class FakeSecretsManager:
    """A boto3 client of Secrets Manager."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.secrets: dict[str, StoredSecret] = {}

    def create_secret(
        self,
        *,
        Name: str,
        ClientRequestToken: str | None = None,
        Description: str = "",
        SecretString: str | None = None,
        SecretBinary: bytes | None = None,
    ) -> dict[str, Any]:
        value = self._value("CreateSecret", SecretString, SecretBinary, optional=True)
        token = self._token("CreateSecret", ClientRequestToken)
        known = self.secrets.get(Name)
        if known is not None:
            version = known.versions.get(token)
            if version is None or version.value != value:
                raise self.clock.refused("CreateSecret", "ResourceExistsException")
            return self._answer(known, VersionId=token)
        # AWS adds six random characters; a name alone does not make an ARN.
        arn = f"arn:aws:secretsmanager:us-east-1:111122223333:secret:{Name}-a1B2c3"
        made = self.secrets[Name] = StoredSecret(Name, arn, Description)
        if value is None:
            return self._answer(made)
        made.versions[token] = StoredVersion(value, self.clock.moment())
        made.attach(CURRENT, token)
        return self._answer(made, VersionId=token)

    def describe_secret(self, *, SecretId: str) -> dict[str, Any]:
        secret = self._secret("DescribeSecret", SecretId)
        stages: dict[str, list[str]] = {}
        for label, version in secret.labels.items():
            stages.setdefault(version, []).append(label)
        # A version without labels is not told, and neither is the member where there is none.
        more = {"VersionIdsToStages": stages} if stages else {}
        return self._answer(secret, Description=secret.description, **more)

    def get_secret_value(
        self, *, SecretId: str, VersionId: str | None = None, VersionStage: str | None = None
    ) -> dict[str, Any]:
        secret = self._secret("GetSecretValue", SecretId)
        if VersionStage is None and VersionId is None:
            VersionStage = CURRENT  # noqa: N806 - boto3's name
        version = VersionId or secret.labels.get(VersionStage or "", "")
        if version not in secret.versions:
            raise self.clock.refused("GetSecretValue", "ResourceNotFoundException")
        if VersionStage is not None and secret.labels.get(VersionStage) != version:
            raise self.clock.refused("GetSecretValue", "InvalidRequestException")
        stored = secret.versions[version]
        member = "SecretString" if isinstance(stored.value, str) else "SecretBinary"
        told: dict[str, object] = {member: stored.value, "CreatedDate": stored.created}
        return self._answer(
            secret, VersionId=version, VersionStages=secret.labels_of(version), **told
        )

    def put_secret_value(
        self,
        *,
        SecretId: str,
        ClientRequestToken: str | None = None,
        SecretString: str | None = None,
        SecretBinary: bytes | None = None,
        VersionStages: Sequence[str] | None = None,
    ) -> dict[str, Any]:
        secret = self._secret("PutSecretValue", SecretId)
        value = self._value("PutSecretValue", SecretString, SecretBinary)
        token = self._token("PutSecretValue", ClientRequestToken)
        labels = [CURRENT] if VersionStages is None else list(VersionStages)
        if not labels:
            raise self.clock.refused("PutSecretValue", "InvalidParameterException")
        known = secret.versions.get(token)
        if known is not None and known.value != value:
            raise self.clock.refused("PutSecretValue", "ResourceExistsException")
        if known is None:
            if not secret.versions:
                labels.append(CURRENT)
            assert value is not None
            secret.versions[token] = StoredVersion(value, self.clock.moment())
            for label in labels:
                secret.attach(label, token)
        # Told twice, "the operation succeeds but does nothing": not to labels either.
        return self._answer(secret, VersionId=token, VersionStages=secret.labels_of(token))

    def update_secret_version_stage(
        self,
        *,
        SecretId: str,
        VersionStage: str,
        RemoveFromVersionId: str | None = None,
        MoveToVersionId: str | None = None,
    ) -> dict[str, Any]:
        operation = "UpdateSecretVersionStage"
        secret = self._secret(operation, SecretId)
        here = secret.labels.get(VersionStage)
        if RemoveFromVersionId is None and MoveToVersionId is None:
            raise self.clock.refused(operation, "InvalidParameterException")
        for version in (RemoveFromVersionId, MoveToVersionId):
            if version is not None and version not in secret.versions:
                raise self.clock.refused(operation, "ResourceNotFoundException")
        if RemoveFromVersionId is not None and here != RemoveFromVersionId:
            raise self.clock.refused(operation, "InvalidParameterException")
        if MoveToVersionId is None:
            if VersionStage == CURRENT:
                raise self.clock.refused(operation, "InvalidParameterException")
            del secret.labels[VersionStage]
            return self._answer(secret)
        if RemoveFromVersionId is None and here not in {None, MoveToVersionId}:
            raise self.clock.refused(operation, "InvalidParameterException")
        secret.attach(VersionStage, MoveToVersionId)
        return self._answer(secret)

    def _secret(self, operation: str, name: str) -> StoredSecret:
        if name in self.secrets:
            return self.secrets[name]
        found = [secret for secret in self.secrets.values() if secret.arn == name]
        if not found:
            raise self.clock.refused(operation, "ResourceNotFoundException")
        return found[0]

    def _value(
        self, operation: str, text: str | None, binary: bytes | None, *, optional: bool = False
    ) -> str | bytes | None:
        given = [one for one in (text, binary) if one is not None]
        if len(given) > 1 or (not given and not optional):
            raise self.clock.refused(operation, "InvalidParameterException")
        return given[0] if given else None

    def _token(self, operation: str, token: str | None) -> str:
        if token is None:
            return str(uuid.uuid4())
        if not 32 <= len(token) <= 64:
            raise self.clock.refused(operation, "InvalidParameterException")
        return token

    def _answer(self, secret: StoredSecret, **members: object) -> dict[str, Any]:
        return self.clock.answer(ARN=secret.arn, Name=secret.name, **members)
