"""Opening a rotation from a URI: for the command line, the Lambda function and ``signer dev``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from signer.aws_client import LaterClient
from signer.rotation.acts import Aws
from signer.rotation.aws_calls import ServerTime
from signer.rotation.driver import Rotation
from signer.rotation.key_groups import KeyGroups
from signer.rotation.kms_keys import KmsKeys
from signer.rotation.ring_store import open_ring
from signer.rotation.secret_versions import SecretVersions

if TYPE_CHECKING:
    from collections.abc import Mapping

_REGIONS: Final = ("AWS_REGION", "AWS_DEFAULT_REGION")


def open_rotation(
    uri: str, *, region: str | None = None, clients: Mapping[str, object] | None = None
) -> Rotation:
    """Return the rotation of a ring; nothing is asked of AWS yet.

    Args:
        uri: Where the ring document lies; see :func:`signer.rotation.ring_store.open_ring`.
        region: Region of secrets, keys in KMS and the table. When None, ``AWS_REGION``,
            ``AWS_DEFAULT_REGION`` or what the profile names; boto3 alone does not look at the
            first.
        clients: Clients like boto3's by its names of services: ``cloudfront``,
            ``secretsmanager``, ``kms``, ``dynamodb``. Each that is missing is made by boto3 for
            its first call, so that a ring without keys in KMS needs no client of KMS.

    Raises:
        RotationError: ``ring_uri``.
    """
    time = ServerTime()
    given = clients or {}
    chosen = region or next(filter(None, map(os.environ.get, _REGIONS)), None)

    def client(service: str) -> object:
        return given.get(service) or LaterClient(
            service, chosen, connect_timeout=5, read_timeout=10, attempts=3
        )

    aws = Aws(
        key_groups=KeyGroups(client("cloudfront"), time),
        secrets=SecretVersions(client("secretsmanager"), time),
        kms=KmsKeys(client("kms"), time),
        time=time,
    )
    return Rotation(open_ring(uri, client=client("dynamodb"), time=time), aws)
