"""AWS's time, and what all of its answers have in common."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import formatdate
from typing import Any

from botocore.exceptions import ClientError


class Clock:
    """What time it is at AWS, in epoch seconds; it stands still until it is told to go on."""

    def __init__(self, now: float = 1_800_000_000) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds

    def moment(self) -> datetime:
        """Return the time as boto3 shows times in answers."""
        return datetime.fromtimestamp(self.now, UTC)

    def answer(self, **members: object) -> dict[str, Any]:
        """Return an answer with these members, dated."""
        return {**members, "ResponseMetadata": self._metadata(200)}

    def refused(self, operation: str, code: str, status: int = 400) -> ClientError:
        """Return boto3's error for an answer that says no."""
        response: Any = {
            "Error": {"Code": code, "Message": f"fake: {code}"},
            "ResponseMetadata": self._metadata(status),
        }
        return ClientError(response, operation)

    def _metadata(self, status: int) -> dict[str, Any]:
        date = formatdate(int(self.now), usegmt=True)
        return {"HTTPStatusCode": status, "HTTPHeaders": {"date": date}, "RetryAttempts": 0}
