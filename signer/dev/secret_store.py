"""Where the demo's secrets lie while it runs: MiniStack's Secrets Manager, or private files.

They are made for one run. The function knows each by its custody URI only, as on AWS.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

import boto3
from botocore.config import Config

from signer.custody import write_key_file
from signer.dev.ministack import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY


class SecretStore(Protocol):
    """Keeps secrets by name.

    Attributes:
        environment: What a Lambda function needs in its environment to read them.
    """

    @property
    def environment(self) -> Mapping[str, str]:
        """Return what a Lambda function needs in its environment to read them."""
        ...

    def put(self, name: str, text: str) -> str:
        """Keep a secret and return its custody URI."""
        ...


@dataclass(frozen=True, slots=True)
class SecretsManager:
    """Secrets Manager, as MiniStack plays it."""

    endpoint_url: str

    @property
    def environment(self) -> Mapping[str, str]:
        """Return the credentials of the function's role, and where to use them."""
        return {
            "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
            "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
            "AWS_REGION": REGION,
            "AWS_ENDPOINT_URL": self.endpoint_url,
        }

    def put(self, name: str, text: str) -> str:
        """Keep a secret and return its custody URI."""
        client = boto3.client(
            "secretsmanager",
            endpoint_url=self.endpoint_url,
            region_name=REGION,
            aws_access_key_id=ACCESS_KEY_ID,
            aws_secret_access_key=SECRET_ACCESS_KEY,
            config=Config(proxies={}),
        )
        made = client.create_secret(Name=f"demo/{name}", SecretString=text)
        return f"secretsmanager:{made['Name']}"


@dataclass(frozen=True, slots=True)
class PrivateFiles:
    """Files that only their owner can read, in a folder that goes with the demo."""

    folder: Path
    environment: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def put(self, name: str, text: str) -> str:
        """Keep a secret and return its custody URI."""
        file = self.folder / name
        write_key_file(file, text, secret=True)
        return f"file:{file}"


@contextlib.contextmanager
def private_files() -> Iterator[PrivateFiles]:
    """Make a store of files, and remove it at the end."""
    with tempfile.TemporaryDirectory(prefix="signer-dev-", ignore_cleanup_errors=True) as folder:
        yield PrivateFiles(Path(folder))
