"""What the local edge serves: a distribution in CloudFront's own shape.

A :class:`Distribution` is built in code or read from a TOML file; either way every reference
(behavior to origin, behavior to key group) is checked when it is made.

Example:
    >>> from signer.edge import Behavior, Distribution, HttpOrigin
    >>> site = Distribution(
    ...     origins={"backend": HttpOrigin("http://127.0.0.1:9000")},
    ...     default_behavior=Behavior(origin="backend"),
    ... )
    >>> site.behavior_for("/index.html").path_pattern
    '*'
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Literal, get_args
from urllib.parse import urlsplit

from signer.assumptions import Assumptions
from signer.edge.function_file import FunctionFile, Handler
from signer.edge.patterns import check_path_pattern, normalized_path, path_matches
from signer.errors import ConfigurationError, excerpt
from signer.verifier import TrustedKeyGroup

AllowedMethods = Literal["GET_HEAD", "GET_HEAD_OPTIONS", "ALL"]
FunctionFrontEnd = Literal["function_url", "http_api"]
FUNCTION_FRONT_ENDS: tuple[FunctionFrontEnd, ...] = get_args(FunctionFrontEnd)

METHODS: Mapping[AllowedMethods, frozenset[str]] = MappingProxyType(
    {
        "GET_HEAD": frozenset({"GET", "HEAD"}),
        "GET_HEAD_OPTIONS": frozenset({"GET", "HEAD", "OPTIONS"}),
        "ALL": frozenset({"GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"}),
    }
)
"""CloudFront's three choices for AllowedMethods, and the methods in them."""

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_REGION = re.compile(r"[a-z0-9-]{2,40}")
_DOMAIN = re.compile(r"(?:\*\.)?[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?")


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
        if re.search(r"[?#\s\\]", self.prefix):
            raise _wrong("prefix", f"{excerpt(self.prefix)} is not a path")
        object.__setattr__(self, "prefix", self.prefix.strip("/"))
        if (self.access_key_id is None) != (self.secret_access_key is None):
            raise _wrong("access_key_id", "needs secret_access_key, and the other way round")


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


Origin = FolderOrigin | HttpOrigin | LambdaOrigin | S3Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Behavior:
    """A cache behavior.

    Attributes:
        origin: Id of the origin (CloudFront's TargetOriginId).
        path_pattern: Which paths it is for; ``*`` for the default behavior.
        trusted_key_groups: Names of key groups. With any, every request needs a signature.
        allowed_methods: ``GET_HEAD``, ``GET_HEAD_OPTIONS`` or ``ALL``.
        forward_cookies: Whether the origin gets the viewer's cookies.
    """

    origin: str
    path_pattern: str = "*"
    trusted_key_groups: tuple[str, ...] = ()
    allowed_methods: AllowedMethods = "GET_HEAD"
    forward_cookies: bool = False

    def __post_init__(self) -> None:
        """Check pattern and methods."""
        object.__setattr__(self, "trusted_key_groups", tuple(self.trusted_key_groups))
        check_path_pattern(self.path_pattern, field="path_pattern")
        if self.allowed_methods not in METHODS:
            choices = ", ".join(get_args(AllowedMethods))
            raise _wrong("allowed_methods", f"is not one of {choices}")


@dataclass(frozen=True, slots=True)
class ViewerCertificate:
    """TLS for viewers: PEM files with the certificate chain and its private key."""

    certificate: Path
    private_key: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """A distribution: origins, key groups, and the behaviors that connect them.

    Attributes:
        origins: Origin id to origin.
        default_behavior: For requests that no other behavior takes.
        behaviors: Tried in order, first match wins.
        key_groups: Name to trusted key group.
        domain_names: Host names that viewers may use (``*.example.com`` for one label or more);
            empty for any.
        default_root_object: Object served for ``/``.
        viewer_certificate: Serve TLS; plain HTTP when None.
        assumptions: Rules where AWS documentation is silent.
        explain_header: Tell viewers the precise reason of a refusal in ``x-edge-reason``.
    """

    origins: Mapping[str, Origin]
    default_behavior: Behavior
    behaviors: tuple[Behavior, ...] = ()
    key_groups: Mapping[str, TrustedKeyGroup] = field(default_factory=dict)
    domain_names: tuple[str, ...] = ()
    default_root_object: str | None = None
    viewer_certificate: ViewerCertificate | None = None
    assumptions: Assumptions = field(default_factory=Assumptions)
    explain_header: bool = False

    def __post_init__(self) -> None:
        """Check every reference between the parts."""
        object.__setattr__(self, "behaviors", tuple(self.behaviors))
        object.__setattr__(self, "domain_names", tuple(self.domain_names))
        if self.default_behavior.path_pattern != "*":
            raise _wrong("default_behavior.path_pattern", "must be left out")
        self._check_behavior(self.default_behavior, "default_behavior")
        seen: dict[str, int] = {}
        for index, behavior in enumerate(self.behaviors):
            where = f"behaviors[{index}]"
            self._check_behavior(behavior, where)
            first = seen.setdefault(behavior.path_pattern.removeprefix("/"), index)
            if first != index:
                raise _wrong(
                    f"{where}.path_pattern", f"is the pattern of behaviors[{first}] already"
                )
        for name, group in self.key_groups.items():
            if not group.keys:
                raise _wrong(f"key_groups.{name}", "has no public key")
        self._check_names()
        self._check_environments()

    @classmethod
    def from_toml(cls, path: str | Path) -> Distribution:
        """Read a configuration file.

        Args:
            path: TOML file; relative paths in it are relative to its folder.

        Raises:
            ConfigurationError: The file cannot be read, or a field is wrong; the message names
                file, field, what is wrong and what is allowed.
        """
        from signer.edge.config import read_distribution  # noqa: PLC0415 - it builds on this module

        return read_distribution(Path(path))

    def behavior_for(self, raw_path: str) -> Behavior:
        """Return the behavior that takes a raw path: the first match, else the default one."""
        path = normalized_path(raw_path)
        for behavior in self.behaviors:
            if path_matches(behavior.path_pattern, path):
                return behavior
        return self.default_behavior

    def serves_host(self, host: str) -> bool:
        """Tell whether viewers may use a ``Host`` header; its port does not count."""
        name = re.sub(r":[0-9]*$", "", host).lower()
        return not self.domain_names or any(
            name == domain or (domain.startswith("*.") and name.endswith(domain[1:]))
            for domain in self.domain_names
        )

    def _check_names(self) -> None:
        for index, domain in enumerate(self.domain_names):
            if not _DOMAIN.fullmatch(domain):
                raise _wrong(
                    f"domain_names[{index}]", f"{excerpt(domain)} is not a lower-case host name"
                )
        root = self.default_root_object
        if root is not None and (root.startswith("/") or not re.fullmatch(r"[!-~]+", root)):
            raise _wrong("default_root_object", "is not an object name without a leading slash")

    def _check_environments(self) -> None:
        """Refuse functions that disagree about a variable: they run in one process."""
        seen: dict[str, str] = {}
        for name, origin in self.origins.items():
            if isinstance(origin, LambdaOrigin) and isinstance(origin.handler, FunctionFile):
                for variable, value in origin.handler.environment.items():
                    if seen.setdefault(variable, value) != value:
                        where = f"origins.{name}.environment.{variable}"
                        raise _wrong(where, "has another value at another origin")

    def _check_behavior(self, behavior: Behavior, where: str) -> None:
        if behavior.origin not in self.origins:
            raise _unknown(f"{where}.origin", behavior.origin, self.origins, "origin")
        for index, name in enumerate(behavior.trusted_key_groups):
            if name not in self.key_groups:
                raise _unknown(
                    f"{where}.trusted_key_groups[{index}]", name, self.key_groups, "key group"
                )


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


def _unknown(name: str, value: str, known: Mapping[str, object], kind: str) -> ConfigurationError:
    there = ", ".join(sorted(known)) or "none"
    return ConfigurationError(
        "configuration_reference",
        f"{name}: there is no {kind} {excerpt(value)}",
        advice=f"configured are: {there}",
        field=name,
    )
