"""Calls of AWS as rotation makes them: dated by AWS's clock, failing with our own errors.

A client is boto3's, or anything with the same methods. No failure tells more of AWS's answer than
the error's name: what a call carries or returns may be secret.
"""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, cast

from signer.aws_client import DENIED, error_name
from signer.errors import RemoteError, RotationError, SignerError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class ServerTime:
    """What time it is, by AWS's clock: a rotation must not believe a machine's own.

    It is the newest date of an answer since :meth:`begin`, so it stands still between answers.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        """Know nothing yet.

        Args:
            clock: Epoch seconds by this machine, for as long as AWS told no time.
        """
        self._clock = clock
        self._newest: int | None = None
        self._oldest: int | None = None

    def begin(self) -> None:
        """Forget what was seen: one wrong date must not count for ever."""
        self._newest = self._oldest = None

    @property
    def spread(self) -> int:
        """Seconds between the oldest and the newest date since :meth:`begin`."""
        return (self._newest or 0) - (self._oldest or 0)

    def see(self, answer: Mapping[str, Any]) -> None:
        """Learn from the Date field of an answer (RFC 9110, section 6.6.1), if it has one."""
        try:
            date = answer["ResponseMetadata"]["HTTPHeaders"]["date"]
            seen = int(parsedate_to_datetime(date).timestamp())
        except (AttributeError, KeyError, OverflowError, TypeError, ValueError):
            return
        self._newest = seen if self._newest is None else max(seen, self._newest)
        self._oldest = seen if self._oldest is None else min(seen, self._oldest)

    def now(self) -> int:
        """Return epoch seconds: AWS's newest, or this machine's before AWS told any."""
        return int(self._clock()) if self._newest is None else self._newest


class AwsCalls:
    """One client, and what is learned from its answers."""

    def __init__(self, client: object, service: str, server_time: ServerTime) -> None:
        """Remember whom to ask.

        Args:
            client: boto3's client of the service, or one like it.
            service: The service in names of IAM actions, such as ``cloudfront``.
            server_time: Learns the time of every answer.
        """
        self._client = client
        self._service = service
        self._time = server_time

    def __call__(self, method: str, /, **members: object) -> Mapping[str, Any]:
        """Call a method and return the answer.

        Args:
            method: boto3's name, such as ``get_key_group``.
            members: Its arguments; those that are None are left out.

        Raises:
            RotationError: ``aws_denied``: these credentials may not do that.
            RemoteError: ``aws_error``: AWS refused, or did not answer. Of both, evidence ``error``
                is AWS's name of the error, and ``action`` the IAM action.
        """
        given = {name: value for name, value in members.items() if value is not None}
        # The IAM actions of all that rotation calls are named like the operations.
        action = f"{self._service}:{method.title().replace('_', '')}"
        call = cast("Callable[..., Mapping[str, Any]]", getattr(self._client, method))
        try:
            answer = call(**given)
        except Exception as error:  # noqa: BLE001 - boto3's, which is perhaps not installed
            failure = self._failure(error, action)
        else:
            self._time.see(answer)
            return answer
        # Outside the handler, so that AWS's answer does not hang on our error.
        raise failure

    def unless(
        self, errors: tuple[str, ...], method: str, /, **members: object
    ) -> Mapping[str, Any] | None:
        """Call a method; None where AWS answers with one of these errors.

        Args:
            errors: AWS's names of errors that are as good as an answer.
            method: As for a call.
            members: As for a call.

        Raises:
            RotationError: As for a call.
            RemoteError: As for a call.
        """
        try:
            return self(method, **members)
        except SignerError as error:
            if error.evidence.get("error") not in errors:
                raise
        return None

    def outcome(self, errors: tuple[str, ...], method: str, /, **members: object) -> str:
        """Call a method whose answer tells nothing.

        Args:
            errors: As for :meth:`unless`.
            method: As for a call.
            members: As for a call.

        Returns:
            AWS's name of one of these errors; empty where it was done.

        Raises:
            RotationError: As for a call.
            RemoteError: As for a call.
        """
        try:
            self(method, **members)
        except SignerError as error:
            name = str(error.evidence.get("error"))
            if name not in errors:
                raise
            return name
        return ""

    def _failure(self, error: Exception, action: str) -> SignerError:
        response = getattr(error, "response", None)
        if isinstance(response, dict):
            self._time.see(response)
        name = error_name(error)
        if name in DENIED:
            advice = f"the role needs {action}"
            if name == "NoCredentialsError":
                advice = f"set AWS_PROFILE or AWS_ACCESS_KEY_ID: {action} needs credentials"
            return RotationError(
                "aws_denied",
                f"AWS does not permit it ({name})",
                advice=advice,
                error=name,
                action=action,
            )
        did = "refused" if isinstance(response, dict) else "did not answer"
        return RemoteError("aws_error", f"AWS {did} {action} ({name})", error=name, action=action)
