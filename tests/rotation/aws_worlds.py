"""An AWS to try the stores on: our fakes or MiniStack, with a record of what was called."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from signer.keys import KeyAlgorithm, PrivateKey, PublicKey
from signer.rotation.aws_calls import ServerTime
from signer.rotation.key_groups import KeyGroups
from signer.rotation.kms_keys import KmsKeys
from signer.rotation.secret_versions import SecretVersions
from tests.rotation.fakes import Clock, FakeCloudFront, FakeKms, FakeSecretsManager


class Recorder:
    """A client that writes down what it is asked."""

    def __init__(self, client: object) -> None:
        self._client = client
        self.called: list[str] = []

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method: Callable[..., Any] = getattr(self._client, name)

        def recorded(**members: object) -> object:
            self.called.append(name)
            return method(**members)

        return recorded


@dataclass
class World:
    """Clients of one AWS and the stores on them; every world has a ring's name of its own."""

    cloudfront: Any
    secretsmanager: Any
    kms: Any
    time: ServerTime = field(default_factory=ServerTime)
    ring: str = field(default_factory=lambda: f"ring-{uuid4().hex[:8]}")

    def __post_init__(self) -> None:
        self.calls = {
            name: Recorder(getattr(self, name)) for name in ("cloudfront", "secretsmanager", "kms")
        }
        self.key_groups = KeyGroups(self.calls["cloudfront"], self.time)
        self.secrets = SecretVersions(self.calls["secretsmanager"], self.time)
        self.kms_keys = KmsKeys(self.calls["kms"], self.time)

    def uploaded(self, kid: str | None = None) -> str:
        """Upload a new public key of the ring."""
        return self.key_groups.upload(self.ring, kid or new_kid(), new_key())

    def grouped(self) -> tuple[str, str]:
        """Make the ring's key group with one new key."""
        first = self.uploaded()
        return self.key_groups.create(self.ring, first), first

    def secret(self) -> tuple[str, str]:
        """Make a secret and return its name and its current version."""
        name = f"{self.ring}/{uuid4().hex[:8]}"
        assert self.secrets.create(name, "first", "made by a test")
        current = self.secrets.look(name).current
        assert current is not None
        return name, current


@dataclass
class FakeWorld(World):
    """A world of fakes that can be looked into."""

    cloudfront: FakeCloudFront
    secretsmanager: FakeSecretsManager
    kms: FakeKms

    @classmethod
    def new(cls, *, page_size: int = 100) -> FakeWorld:
        clock = Clock()
        return cls(
            FakeCloudFront(clock, page_size=page_size),
            FakeSecretsManager(clock),
            FakeKms(clock, page_size=page_size),
        )


def new_kid() -> str:
    return str(uuid4())


def new_key(algorithm: KeyAlgorithm = KeyAlgorithm.ECDSA_P256) -> PublicKey:
    return PrivateKey.generate(algorithm).public_key()
