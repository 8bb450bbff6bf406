"""Botocore's S3 client, set up so that it signs by SigV4 for the right host, and what it signed.

Its defaults are not good enough: without a region it signs by SigV2, and for a bucket outside
us-east-1 it signs for the global host, which answers a new bucket's URL with a redirect that the
signature does not survive.
"""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from typing import Any, Final, Literal, NamedTuple, Protocol
from urllib.parse import parse_qsl, quote, urlsplit

from botocore.config import Config
from botocore.exceptions import BotoCoreError, NoCredentialsError
from botocore.session import Session

from signer.errors import (
    ConfigurationError,
    CredentialError,
    InputError,
    SignerError,
    SigningError,
)
from signer.https import checked_url

_AWS_HOST = re.compile(r"s3(?:-fips)?(?:\.dualstack)?\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?")
_REGION = re.compile(r"[a-z]{2,}(?:-[a-z0-9]+)+")
_Style = Literal["virtual", "path"]
_SIGNATURE = re.compile(r"[0-9a-f]{64}")
_EXPECTED: Final = frozenset(
    f"X-Amz-{name}" for name in ("Algorithm", "Credential", "Date", "Expires", "SignedHeaders")
) | {"X-Amz-Signature"}
_PERMITTED: Final = _EXPECTED | {
    "X-Amz-Security-Token",
    "response-content-disposition",
    "response-content-type",
}


class Presigner(Protocol):
    """A boto3 or botocore S3 client."""

    def generate_presigned_url(
        self,
        ClientMethod: str,  # noqa: N803 - botocore's names
        Params: dict[str, Any],  # noqa: N803
        ExpiresIn: int,  # noqa: N803
    ) -> str:
        """Return a presigned URL."""
        ...


class Wanted(NamedTuple):
    """What is to be signed: operation, parameters, signed headers, life, and where if known."""

    operation: str
    bucket: str
    key: str
    options: dict[str, object]
    headers: frozenset[str]
    life: int
    region: str | None


def open_client(region: str | None, endpoint_url: str | None) -> Presigner:
    """Make a client; nothing is asked of S3.

    Raises:
        ConfigurationError: ``s3_region``: no region is given or configured; ``s3_config``:
            botocore's configuration cannot be used.
    """
    try:
        session = Session()
        region = region or os.environ.get("AWS_REGION") or session.get_config_variable("region")
        if not region:
            raise ConfigurationError(
                "s3_region",
                "the bucket's region is not known",
                advice="give region, or set AWS_REGION",
            )
        # Virtual-hosted, which botocore gives up by itself for a bucket with dots (no certificate
        # matches) or an IP address; but another server need not have a name for every bucket.
        client = _client(session, checked_region(region), endpoint_url, "virtual")
        if not _AWS_HOST.fullmatch(urlsplit(client.meta.endpoint_url).hostname or ""):
            client = _client(session, region, endpoint_url, "path")
    except BotoCoreError as error:
        kind = type(error).__name__
    else:
        presigner: Presigner = client
        return presigner
    # Outside the handler, as in presign.
    raise ConfigurationError("s3_config", f"botocore cannot be configured ({kind})")


def checked_region(region: str) -> str:
    """Return a region's name.

    Raises:
        ConfigurationError: ``s3_region``.
    """
    if not isinstance(region, str) or not _REGION.fullmatch(region):
        raise ConfigurationError("s3_region", "the region is not a name such as eu-central-1")
    return region


def checked_endpoint(endpoint_url: str) -> str:
    """Return the address of another S3 server.

    Raises:
        ConfigurationError: ``s3_endpoint``: not HTTPS (or HTTP on loopback), or with a query.
    """
    try:
        parts = checked_url(endpoint_url)
    except InputError as error:
        raise ConfigurationError("s3_endpoint", error.message, advice=error.advice) from None
    if parts.query:
        raise ConfigurationError("s3_endpoint", "the endpoint has a query")
    return endpoint_url


def presign(client: Presigner, wanted: Wanted, now: float) -> tuple[str, int]:
    """Sign, and return the URL with its end in epoch seconds.

    Raises:
        CredentialError: ``s3_credentials``: there are none, or they have ended.
        SigningError: ``s3_failed``; ``s3_signature``: not what was asked for.
    """
    parameters = {"Bucket": wanted.bucket, "Key": wanted.key, **wanted.options}
    try:
        wanted = wanted._replace(life=_within_credentials(client, wanted.life, now))
        url = client.generate_presigned_url(wanted.operation, parameters, wanted.life)
    except NoCredentialsError:
        failure: SignerError = CredentialError(
            "s3_credentials",
            "there are no AWS credentials",
            advice="set AWS_PROFILE, or run where a role is attached",
        )
    except SignerError:
        raise
    except Exception as error:  # noqa: BLE001 - providers of credentials raise what they like
        # Without its text: a profile or a credential process may have put anything into it.
        kind = type(error).__name__
        failure = SigningError("s3_failed", f"botocore could not sign ({kind})")
    else:
        return url, _checked_end(url, wanted)
    # Outside the handler: botocore's error, with whatever is in it, must not hang on ours.
    raise failure


def _client(session: Session, region: str, endpoint_url: str | None, style: _Style) -> Any:  # noqa: ANN401 - botocore has no type for it
    return session.create_client(
        "s3",
        region_name=region,
        endpoint_url=endpoint_url,
        config=Config(
            signature_version="s3v4",
            s3={"addressing_style": style, "us_east_1_regional_endpoint": "regional"},
            # Otherwise a presigned PUT carries the checksum of an empty body.
            request_checksum_calculation="when_required",
        ),
    )


def _within_credentials(client: Presigner, life: int, now: float) -> int:
    """Shorten a life to that of the credentials, where botocore knows it."""
    signer = getattr(client, "_request_signer", None)
    credentials = getattr(signer, "_credentials", None)
    if credentials is None:
        return life
    credentials.get_frozen_credentials()  # refreshes what is about to end
    end = getattr(credentials, "_expiry_time", None)
    if not isinstance(end, datetime):
        return life
    left = int(end.timestamp() - now)
    if left <= 0:
        raise CredentialError("s3_credentials", "the AWS credentials have ended")
    return min(life, left)


def _checked_end(url: str, wanted: Wanted) -> int:
    """Return the end that the URL itself tells, after a look at what the client really signed."""
    parts = urlsplit(url)
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    query = dict(pairs)
    if not (
        len(query) == len(pairs)
        and _EXPECTED <= query.keys() <= _PERMITTED
        and query["X-Amz-Algorithm"] == "AWS4-HMAC-SHA256"
        and query["X-Amz-Expires"] == str(wanted.life)
        and frozenset(query["X-Amz-SignedHeaders"].split(";")) == wanted.headers
        and _SIGNATURE.fullmatch(query["X-Amz-Signature"])
        and parts.path.endswith("/" + quote(wanted.key, safe="/-._~"))
        and wanted.bucket in f"{parts.netloc}{parts.path}"
        and wanted.region in {None, *query["X-Amz-Credential"].split("/")[2:3]}
    ):
        raise SigningError(
            "s3_signature",
            "the S3 client did not sign what was asked for by SigV4",
            advice="make it with a region and Config(signature_version='s3v4', "
            "request_checksum_calculation='when_required')",
        )
    checked_endpoint(url.partition("?")[0])
    begin = datetime.strptime(query["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    return int(begin.timestamp()) + wanted.life
