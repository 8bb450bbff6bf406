"""boto3's clients, made when they are needed, and what their errors are called.

No error of AWS's is told by more than its name: what a call carries or returns may be secret.
"""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING, Any, Final, cast

from signer.errors import ConfigurationError, RemoteError

if TYPE_CHECKING:
    from collections.abc import Callable

DENIED: Final = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "KMSAccessDeniedException",
        "MissingAuthenticationTokenException",
        "NoCredentialsError",
        "NotAuthorized",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
"""Names of the errors that another attempt with the same credentials will not mend."""


class LaterClient:
    """boto3's client of a service, made for its first call: that takes boto3 a moment."""

    def __init__(
        self,
        service: str,
        region: str | None,
        *,
        connect_timeout: float,
        read_timeout: float,
        attempts: int,
    ) -> None:
        """Remember what to make; see :func:`make_client`."""
        self._service, self._region = service, region
        self._connect_timeout, self._read_timeout = connect_timeout, read_timeout
        self._attempts = attempts
        self._made: object = None
        self._lock = threading.Lock()

    def __getattr__(self, method: str) -> Any:  # noqa: ANN401 - boto3's methods have no types
        """Return a method of the client; raises as :func:`make_client` does."""
        with self._lock:
            if self._made is None:
                self._made = make_client(
                    self._service,
                    self._region,
                    connect_timeout=self._connect_timeout,
                    read_timeout=self._read_timeout,
                    attempts=self._attempts,
                )
        return getattr(self._made, method)


def make_client(
    service: str,
    region: str | None,
    *,
    connect_timeout: float,
    read_timeout: float,
    attempts: int,
) -> object:
    """Return boto3's client with AWS's usual ways to find credentials.

    Args:
        service: boto3's name of the service.
        region: Where to ask; None for AWS's usual ways to find it.
        connect_timeout: Seconds to wait for a connection; botocore's own is a minute.
        read_timeout: Seconds to wait for the next bytes of an answer.
        attempts: How often to ask, the first time included.

    Raises:
        ConfigurationError: ``extra_missing``: boto3 is not installed; ``aws_client``.
    """
    try:
        import boto3  # noqa: PLC0415 - slow to import, and not installed everywhere
        from botocore.config import Config  # noqa: PLC0415
        from botocore.exceptions import BotoCoreError  # noqa: PLC0415
    except ModuleNotFoundError:
        raise ConfigurationError(
            "extra_missing",
            "boto3 is not installed",
            advice="install cloudfront-issuer[aws], or pass a client",
        ) from None
    config = Config(
        connect_timeout=connect_timeout,
        read_timeout=read_timeout,
        retries={"mode": "standard", "total_max_attempts": attempts},
    )
    make = cast("Callable[..., object]", boto3.client)
    try:
        return make(service, region_name=region, config=config)
    except BotoCoreError as error:
        kind = type(error).__name__
        raise ConfigurationError(
            "aws_client", f"boto3 cannot make a client ({kind})", advice="set AWS_REGION"
        ) from None


def error_name(error: Exception) -> str:
    """Return AWS's name of an error, or the kind of one that AWS did not tell."""
    if isinstance(error, RemoteError):
        return str(error.evidence.get("error") or error.code)
    response = getattr(error, "response", None)
    if isinstance(response, dict):  # botocore's ClientError
        told = str(response.get("Error", {}).get("Code", ""))
        if re.fullmatch(r"[A-Za-z][A-Za-z0-9.]{0,63}", told):
            return told
    kind = type(error)
    known = kind.__module__.partition(".")[0] in {"botocore", "boto3", "urllib3"}
    return kind.__name__ if known else f"unexpected {kind.__name__}"
