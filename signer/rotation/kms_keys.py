"""Keys in AWS KMS that sign there and never leave it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from signer.aws import KmsKey
from signer.errors import RotationError
from signer.keys import KeyAlgorithm
from signer.rotation.aws_calls import AwsCalls

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from signer.rotation.aws_calls import ServerTime

_SPECS: Final = {
    KeyAlgorithm.RSA_2048: "RSA_2048",
    KeyAlgorithm.ECDSA_P256: "ECC_NIST_P256",
}
# Of a key that is to be of no use any more: it is gone, or waits for its deletion.
_OVER: Final = ("NotFoundException", "KMSInvalidStateException")


class KmsKeys:
    """Keys of rings in KMS, found again by their descriptions.

    IAM actions: ``kms:CreateKey``, ``kms:TagResource`` (which CreateKey with tags needs),
    ``kms:ListKeys``, ``kms:DescribeKey``, ``kms:CreateGrant``, ``kms:DisableKey``,
    ``kms:ScheduleKeyDeletion``. What :meth:`signing_key` returns needs those of
    :class:`signer.aws.KmsKey`.

    Every method raises RotationError ``aws_denied`` and RemoteError ``aws_error`` as
    :class:`signer.rotation.aws_calls.AwsCalls` does, besides its own.
    """

    def __init__(self, client: object, time: ServerTime) -> None:
        """Remember whom to ask.

        Args:
            client: boto3's client of KMS, or one like it.
            time: Learns AWS's time.
        """
        self._client = client
        self._ask = AwsCalls(client, "kms", time)

    def make(self, ring: str, kid: str, algorithm: KeyAlgorithm) -> str:
        """Make a key that only signs.

        KMS cannot be told that two requests are the same one. Where an answer was lost, do not ask
        again under the same kid, and do not take a key by its description for ours either:
        anybody who may make keys can write one.

        Args:
            ring: Name of the ring.
            kid: Our own name of the key.
            algorithm: Kind of the key pair.

        Returns:
            ARN of the key.
        """
        answer = self._ask(
            "create_key",
            KeySpec=_SPECS[algorithm],
            KeyUsage="SIGN_VERIFY",
            Description=_description(ring, kid),
            Tags=[
                {"TagKey": "signer-ring", "TagValue": ring},
                {"TagKey": "signer-kid", "TagValue": kid},
            ],
        )
        return str(answer["KeyMetadata"]["Arn"])

    def find(self, ring: str, kid: str) -> str | None:
        """Return the ARN of a key that can be used; the oldest if there are several.

        It asks for every key of the account and Region, one by one.
        """
        description = _description(ring, kid)
        found = [
            (key["CreationDate"], str(key["Arn"]))
            for key in self._all()
            if key.get("Description") == description and key["KeyState"] == "Enabled"
        ]
        return min(found)[1] if found else None

    def signing_key(self, arn: str, algorithm: KeyAlgorithm) -> KmsKey:
        """Return what signs with a key; nothing is asked yet."""
        return KmsKey(arn, algorithm, self._client)

    def grant(self, arn: str, kid: str, role_arn: str) -> None:
        """Permit a role to sign with a key; done if it is permitted.

        AWS takes up to five minutes until the grant holds everywhere. AWS page: "CreateGrant"
        (API_CreateGrant).

        Raises:
            RotationError: ``kms_key_missing``.
        """
        outcome = self._ask.outcome(
            ("NotFoundException",),
            "create_grant",
            KeyId=arn,
            GranteePrincipal=role_arn,
            Operations=["Sign"],
            # With a name, the same request is not a second grant.
            Name=kid,
        )
        if outcome:
            raise RotationError("kms_key_missing", "the key is not in KMS", kms_key_arn=arn)

    def is_named(self, arn: str, ring: str, kid: str) -> bool:
        """Tell whether a key has the description of ours; False for one that is gone.

        Nothing else is disabled or deleted, whatever a ring document says.
        """
        answer = self._ask.unless(("NotFoundException",), "describe_key", KeyId=arn)
        if answer is None:
            return False
        return bool(answer["KeyMetadata"].get("Description") == _description(ring, kid))

    def is_enabled(self, arn: str) -> bool:
        """Tell whether a key can be signed with; False for one that is gone."""
        answer = self._ask.unless(("NotFoundException",), "describe_key", KeyId=arn)
        return answer is not None and answer["KeyMetadata"]["KeyState"] == "Enabled"

    def disable(self, arn: str) -> None:
        """Let nobody sign with a key any more; done if nobody can."""
        self._ask.outcome(_OVER, "disable_key", KeyId=arn)

    def schedule_deletion(self, arn: str, days: int = 7) -> None:
        """Delete a key after a time in which that can be taken back; done if that is asked.

        Args:
            arn: Which key.
            days: 7 to 30. AWS page: "ScheduleKeyDeletion" (API_ScheduleKeyDeletion).
        """
        self._ask.outcome(_OVER, "schedule_key_deletion", KeyId=arn, PendingWindowInDays=days)

    def _all(self) -> Iterator[Mapping[str, Any]]:
        """Yield what KMS tells of each key that it tells us of."""
        marker: str | None = None
        while True:
            page = self._ask("list_keys", Marker=marker)
            for listed in page["Keys"]:
                # A key's own policy may keep it from us: then we did not make it.
                answer = self._ask.unless(
                    ("AccessDeniedException", "NotFoundException"),
                    "describe_key",
                    KeyId=listed["KeyArn"],
                )
                if answer is not None:
                    yield answer["KeyMetadata"]
            marker = page.get("NextMarker")
            if not page.get("Truncated") or not marker:
                return


def _description(ring: str, kid: str) -> str:
    return f"signer ring {ring}, key {kid}"
