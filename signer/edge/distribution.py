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

from signer.assumptions import Assumptions
from signer.edge.function_file import FunctionFile
from signer.edge.origin import LambdaOrigin, Origin
from signer.edge.patterns import check_path_pattern, normalized_path, path_matches
from signer.edge.response_headers import ResponseHeadersPolicy
from signer.errors import ConfigurationError, excerpt
from signer.verifier import TrustedKeyGroup

AllowedMethods = Literal["GET_HEAD", "GET_HEAD_OPTIONS", "ALL"]

METHODS: Mapping[AllowedMethods, frozenset[str]] = MappingProxyType(
    {
        "GET_HEAD": frozenset({"GET", "HEAD"}),
        "GET_HEAD_OPTIONS": frozenset({"GET", "HEAD", "OPTIONS"}),
        "ALL": frozenset({"GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"}),
    }
)
"""CloudFront's three choices for AllowedMethods, and the methods in them."""

_DOMAIN = re.compile(r"(?:\*\.)?[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Behavior:
    """A cache behavior.

    Attributes:
        origin: Id of the origin (CloudFront's TargetOriginId).
        path_pattern: Which paths it is for; ``*`` for the default behavior.
        trusted_key_groups: Names of key groups. With any, every request needs a signature.
        allowed_methods: ``GET_HEAD``, ``GET_HEAD_OPTIONS`` or ``ALL``.
        forward_cookies: Whether the origin gets the viewer's cookies.
        response_headers: What is changed in the headers of the origin's answers.
    """

    origin: str
    path_pattern: str = "*"
    trusted_key_groups: tuple[str, ...] = ()
    allowed_methods: AllowedMethods = "GET_HEAD"
    forward_cookies: bool = False
    response_headers: ResponseHeadersPolicy | None = None

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
