"""What a distribution can have as origins: a folder, a server, a bucket, a function.

Each is checked when it is made, so that what cannot work is known before the first request.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args
from urllib.parse import urlsplit

from signer.edge.function_file import FunctionFile, Handler
from signer.errors import ConfigurationError, excerpt

FunctionFrontEnd = Literal["function_url", "http_api"]
FUNCTION_FRONT_ENDS: tuple[FunctionFrontEnd, ...] = get_args(FunctionFrontEnd)

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_REGION = re.compile(r"[a-z0-9-]{2,40}")
_DOMAIN = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?")
# AWS page: "Creating and managing Lambda function URLs" (urls-configuration).
_FUNCTION_URL = re.compile(
    r"(?:https://)?(?P<id>[a-z0-9-]{1,63})\.lambda-url\.(?P<region>[a-z0-9-]{2,40})\.on\.aws/?"
)


@dataclass(frozen=True, slots=True)
class FolderOrigin:
    """A folder on this machine, served like a bucket: exact names, no listings, no index files.

    Attributes:
        path: The folder. Symbolic links that lead out of it are not followed.
    """

    path: Path

    def __post_init__(self) -> None:
        """Take strings as well."""
        object.__setattr__(self, "path", Path(self.path))


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpOrigin:
    """A custom origin: any HTTP or HTTPS server.

    Attributes:
        url: Its address; a path in it is put in front of every request's path.
        forward_host: Send the viewer's ``Host`` instead of the origin's.
        connect_timeout: Seconds to wait for a connection.
        read_timeout: Seconds to wait for the next bytes of a response.
    """

    url: str = field(kw_only=False)
    forward_host: bool = False
    connect_timeout: float = 10.0
    read_timeout: float = 30.0

    def __post_init__(self) -> None:
        """Check the address and the timeouts."""
        _check_base_url(self.url, name="url")
        _check_seconds("connect_timeout", self.connect_timeout)
        _check_seconds("read_timeout", self.read_timeout)


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Origin:
    """A private bucket, read as origin access control does: each request signed with SigV4.

    Attributes:
        bucket: Name of the bucket.
        region: Region to sign for.
        endpoint_url: Another S3 than AWS's; the bucket then becomes the first path segment.
        prefix: Put in front of every request's path (CloudFront's origin path).
        access_key_id: Explicit credentials; None for boto's default chain.
        secret_access_key: Belongs to ``access_key_id``.
        session_token: Belongs to ``access_key_id``.
    """

    bucket: str = field(kw_only=False)
    region: str = "us-east-1"
    endpoint_url: str | None = None
    prefix: str = ""
    access_key_id: str | None = None
    secret_access_key: str | None = field(default=None, repr=False)
    session_token: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Check what would otherwise only fail at the first request."""
        if not _BUCKET.fullmatch(self.bucket):
            raise _wrong("bucket", f"{excerpt(self.bucket)} is not a bucket name")
        if not _REGION.fullmatch(self.region):
            raise _wrong("region", f"{excerpt(self.region)} is not a region such as us-east-1")
        if self.endpoint_url is not None:
            _check_base_url(self.endpoint_url, name="endpoint_url")
        object.__setattr__(self, "prefix", _checked_prefix(self.prefix))
        _check_credentials(self.access_key_id, self.secret_access_key)


@dataclass(frozen=True, slots=True, kw_only=True)
class LambdaOrigin:
    """A Lambda function behind its Function URL or an HTTP API, called in this process.

    Attributes:
        handler: A callable ``handler(event, context)``, or the file it is in.
        front_end: ``function_url`` or ``http_api``, which signs nothing and decodes the path.
        origin_access_control: For Function URLs, whether CloudFront signs the requests: the
            function does not see the viewer's ``Authorization``, and POST and PUT need
            ``x-amz-content-sha256``.
        read_timeout: Seconds to wait for the function; 504 after that.
        domain_name: Host name of the Function URL, which the function sees as ``Host``.
    """

    handler: Handler | FunctionFile = field(kw_only=False)
    front_end: FunctionFrontEnd = "function_url"
    origin_access_control: bool = True
    read_timeout: float = 30.0
    domain_name: str = "local.lambda-url.us-east-1.on.aws"

    @property
    def is_signed(self) -> bool:
        """Whether CloudFront signs the requests."""
        return self.origin_access_control and self.front_end == "function_url"

    def __post_init__(self) -> None:
        """Check name and timeout."""
        if self.front_end not in FUNCTION_FRONT_ENDS:
            raise _wrong("front_end", f"{excerpt(str(self.front_end))} is none")
        if not _DOMAIN.fullmatch(self.domain_name):
            raise _wrong("domain_name", f"{excerpt(self.domain_name)} is not a host name")
        _check_seconds("read_timeout", self.read_timeout)


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionUrlOrigin:
    """A Lambda function behind its Function URL, asked over the network.

    Attributes:
        url: The Function URL, as ``https://abc.lambda-url.us-east-1.on.aws``.
        endpoint_url: Where it is instead of at AWS; an emulator still gets the URL's own ``Host``.
        prefix: Put in front of every request's path (CloudFront's origin path).
        origin_access_control: Whether each request is signed with SigV4: the function does not see
            the viewer's ``Authorization``, and POST and PUT need ``x-amz-content-sha256``.
        connect_timeout: Seconds to wait for a connection.
        read_timeout: Seconds to wait for the function; 504 after that.
        access_key_id: Explicit credentials; None for boto's default chain.
        secret_access_key: Belongs to ``access_key_id``.
        session_token: Belongs to ``access_key_id``.
    """

    url: str = field(kw_only=False)
    endpoint_url: str | None = None
    prefix: str = ""
    origin_access_control: bool = True
    connect_timeout: float = 10.0
    read_timeout: float = 30.0
    access_key_id: str | None = None
    secret_access_key: str | None = field(default=None, repr=False)
    session_token: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Check what would otherwise only fail at the first request."""
        if not is_function_url(self.url):
            problem = "is not like https://abc.lambda-url.us-east-1.on.aws"
            raise _wrong("url", f"{excerpt(self.url)} {problem}")
        if self.endpoint_url is not None:
            _check_base_url(self.endpoint_url, name="endpoint_url")
        object.__setattr__(self, "prefix", _checked_prefix(self.prefix))
        _check_seconds("connect_timeout", self.connect_timeout)
        _check_seconds("read_timeout", self.read_timeout)
        _check_credentials(self.access_key_id, self.secret_access_key)

    @property
    def host(self) -> str:
        """Host name of the URL."""
        return self.url.removeprefix("https://").rstrip("/")

    @property
    def region(self) -> str:
        """Region to sign for."""
        return self.host.split(".")[2]


def is_function_url(url: str) -> bool:
    """Tell whether a URL, or a host name, is a Function URL's."""
    return _FUNCTION_URL.fullmatch(url) is not None


Origin = FolderOrigin | FunctionUrlOrigin | HttpOrigin | LambdaOrigin | S3Origin


def _checked_prefix(prefix: str) -> str:
    if re.search(r"[?#\s\\]", prefix):
        raise _wrong("prefix", f"{excerpt(prefix)} is not a path")
    return prefix.strip("/")


def _check_credentials(access_key_id: str | None, secret_access_key: str | None) -> None:
    if (access_key_id is None) != (secret_access_key is None):
        raise _wrong("access_key_id", "needs secret_access_key, and the other way round")


def _check_seconds(name: str, seconds: float) -> None:
    if not 0 < seconds <= 3600:  # noqa: PLR2004 - an hour is plenty
        raise _wrong(name, "is not a number of seconds between 0 and 3600")


def _check_base_url(url: str, *, name: str) -> None:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or not re.fullmatch(r"[!-~]+", url):
        raise _wrong(name, "is not an address such as http://127.0.0.1:9000")
    if "@" in urlsplit(url).netloc or "?" in url or "#" in url:
        raise _wrong(name, "has user information, a query or a fragment")


def _wrong(name: str, problem: str) -> ConfigurationError:
    return ConfigurationError("configuration_field", f"{name}: {problem}", field=name)
