"""Versions of secrets, and the labels that say what each is for.

A version is named by its writer and never changes; labels move between versions, over the place
where they were seen. AWS page: "What's in a Secrets Manager secret?" (whats-in-a-secret).

A version without labels is deprecated, and AWS deletes it in its own time. Until then whoever may
read the secret can still read it by its name. The condition key ``secretsmanager:VersionStage``
keeps issuers to AWSCURRENT.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from signer.errors import PassingError, RotationError
from signer.rotation.aws_calls import AwsCalls

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from signer.rotation.aws_calls import ServerTime

CURRENT: Final = "AWSCURRENT"
"""AWS's label of the version that is read where none is named."""

PREVIOUS: Final = "AWSPREVIOUS"
"""AWS's label of the version that was current before."""

STAGED: Final = "STAGED"
"""Our label of the version of the signing secret that issuers are switched to next."""

STANDBY: Final = "STANDBY"
"""Our label of the latest version of the standby secret, so that AWS keeps it."""

_MISSING: Final = "ResourceNotFoundException"
# What it is called depends on which of the two versions does not fit.
_ELSEWHERE: Final = ("InvalidParameterException", "InvalidRequestException")


@dataclass(frozen=True, slots=True)
class Labels:
    """Where the labels of a secret are.

    Attributes:
        current: The version with AWSCURRENT; None when the secret has none.
        staged: The version with STAGED; None when there is none.
    """

    current: str | None
    staged: str | None


class SecretVersions:
    """Secrets of rings in AWS Secrets Manager.

    IAM actions: ``secretsmanager:DescribeSecret``, ``secretsmanager:GetSecretValue``,
    ``secretsmanager:PutSecretValue``, ``secretsmanager:UpdateSecretVersionStage``, and
    ``secretsmanager:CreateSecret`` for :meth:`create` only. Where a key of one's own encrypts,
    ``kms:Decrypt`` and ``kms:GenerateDataKey`` on it.

    Every method raises RotationError ``aws_denied`` and RemoteError ``aws_error`` as
    :class:`signer.rotation.aws_calls.AwsCalls` does, besides its own.
    """

    def __init__(self, client: object, time: ServerTime) -> None:
        """Remember whom to ask.

        Args:
            client: boto3's client of Secrets Manager, or one like it.
            time: Learns AWS's time.
        """
        self._ask = AwsCalls(client, "secretsmanager", time)

    def look(self, secret: str) -> Labels:
        """Return where the labels are now.

        Args:
            secret: Name or ARN, here and in all other methods.

        Raises:
            RotationError: ``secret_missing``.
        """
        found = self._stages(secret)
        return Labels(_holder(found, CURRENT), _holder(found, STAGED))

    def arn(self, secret: str) -> str:
        """Return the one name of a secret that two secrets cannot share.

        Raises:
            RotationError: ``secret_missing``.
        """
        answer = self._ask.unless((_MISSING,), "describe_secret", SecretId=secret)
        if answer is None:
            raise _missing()
        return str(answer["ARN"])

    def read(self, secret: str, version: str) -> str | None:
        """Return a version's text, whatever its labels.

        Returns:
            None where there is no such version or secret; nothing (``""``) for a binary one.
        """
        return self._text(secret, version)

    def read_current(self, secret: str) -> str | None:
        """Return the text that issuers read; None and nothing as for :meth:`read`."""
        return self._text(secret, None)

    def current(self, secret: str) -> str | None:
        """Return the version that issuers read, by reading as they do; None where there is none.

        :meth:`look` asks in another way: what both say is not an answer from a moment ago.
        """
        answer = self._ask.unless((_MISSING,), "get_secret_value", SecretId=secret)
        return None if answer is None else str(answer["VersionId"])

    def put(self, secret: str, version: str, text: str, label: str) -> None:
        """Write a version once and give it a label; done if it is there with the same text.

        In a secret that has no version yet, AWS gives it AWSCURRENT besides. AWS page:
        "PutSecretValue" (API_PutSecretValue).

        Args:
            secret: Which secret.
            version: Name of the version, 32 to 64 characters.
            text: What to write.
            label: The label; AWS takes it off any other version.

        Raises:
            RotationError: ``secret_version_taken``: it is there with another text;
                ``secret_missing``; ``secret_label_moved`` as for :meth:`move`.
        """
        before = _holder(self._stages(secret), label)
        if before not in {None, version}:
            # AWS would do it by itself; not all that speaks its language does.
            self._take_off(secret, label, before)
        answer = self._ask.unless(
            ("ResourceExistsException", _MISSING),
            "put_secret_value",
            SecretId=secret,
            ClientRequestToken=version,
            SecretString=text,
            VersionStages=[label],
        )
        if answer is None:
            self._stages(secret)  # which tells of a secret that is missing
            raise PassingError(
                "secret_version_taken",
                "this version of the secret is there already, with another content",
                advice="the next tick looks again",
                version=version,
            )
        # Where it was there with the same text, AWS did nothing, not even with the label.
        if label not in answer.get("VersionStages", ()):
            self.move(secret, label, version)

    def move(self, secret: str, label: str, to: str, frm: str | None = None) -> None:
        """Move a label to a version; done if it is there.

        Args:
            secret: Which secret.
            label: Not AWSCURRENT; see :meth:`switch`.
            to: The version that gets it.
            frm: The version that has it; None for the one that is seen to have it.

        Raises:
            RotationError: ``secret_label_moved``: it is elsewhere by now; ``secret_missing``: there
                is no such version or secret.
        """
        there = _holder(self._stages(secret), label)
        if there == to:
            return
        outcome = self._update(secret, label, to=to, frm=frm or there)
        if outcome:
            raise PassingError(
                "secret_label_moved",
                f"somebody else moved the label {label} at the same time",
                advice="the next tick looks again",
            )

    def switch(self, secret: str, to: str, expected: str | None) -> None:
        """Let issuers read another version, over the one that was seen.

        Args:
            secret: Which secret.
            to: The version that they read from now on.
            expected: The version that they read until now; None where there was none.

        Raises:
            RotationError: ``credential_switched``: they read another one by now, perhaps this one;
                ``secret_missing``: there is no such version or secret.
        """
        outcome = self._update(secret, CURRENT, to=to, frm=expected)
        if outcome:
            raise PassingError(
                "credential_switched",
                "somebody else switched the credential",
                advice="the next tick looks again",
            )

    def strip(self, secret: str, version: str, *labels: str) -> None:
        """Take all labels but AWSCURRENT off a version; done if it has none, or is gone.

        Args:
            secret: Which secret.
            version: Which version.
            labels: Those that it may have. They are taken off unseen, since an answer about labels
                may be from a moment ago.

        Raises:
            RotationError: ``secret_labelled``: it had one all the same, for which the same call
                again is needed.
        """
        for label in labels:
            self._take_off(secret, label, version)
        found = self._ask.unless((_MISSING,), "describe_secret", SecretId=secret) or {}
        left = {*found.get("VersionIdsToStages", {}).get(version, ())} - {CURRENT}
        for label in sorted(left):
            self._take_off(secret, label, version)
        if left:
            raise PassingError(
                "secret_labelled",
                f"a version of the secret still has the label {min(left)}",
                advice="the next tick looks again",
                version=version,
            )

    def create(self, secret: str, text: str, description: str) -> bool:
        """Make a secret whose current version has a text; done if there is one of that name.

        Returns:
            Whether it was made now.
        """
        outcome = self._ask.outcome(
            ("ResourceExistsException",),
            "create_secret",
            Name=secret,
            SecretString=text,
            Description=description,
        )
        return not outcome

    def _take_off(self, secret: str, label: str, version: str | None) -> None:
        # A label that is elsewhere is off this version.
        self._ask.outcome(
            (_MISSING, *_ELSEWHERE),
            "update_secret_version_stage",
            SecretId=secret,
            VersionStage=label,
            RemoveFromVersionId=version,
        )

    def _text(self, secret: str, version: str | None) -> str | None:
        answer = self._ask.unless(
            (_MISSING,), "get_secret_value", SecretId=secret, VersionId=version
        )
        if answer is None:
            return None
        text = answer.get("SecretString")
        return text if isinstance(text, str) else ""

    def _stages(self, secret: str) -> Mapping[str, Sequence[str]]:
        """Return labels by version."""
        answer = self._ask.unless((_MISSING,), "describe_secret", SecretId=secret)
        if answer is None:
            raise _missing()
        found: Mapping[str, Sequence[str]] = answer.get("VersionIdsToStages") or {}
        return found

    def _update(self, secret: str, label: str, *, to: str, frm: str | None) -> str:
        """Move a label and return why AWS did not; empty where it did."""
        outcome = self._ask.outcome(
            (_MISSING, *_ELSEWHERE),
            "update_secret_version_stage",
            SecretId=secret,
            VersionStage=label,
            MoveToVersionId=to,
            RemoveFromVersionId=frm,
        )
        if outcome == _MISSING:
            raise _missing()
        return outcome


def _holder(stages: Mapping[str, Sequence[str]], label: str) -> str | None:
    return next((version for version, labels in stages.items() if label in labels), None)


def _missing() -> RotationError:
    return RotationError(
        "secret_missing",
        "there is no such secret, or no such version of it",
        advice="check the name and the Region",
    )
