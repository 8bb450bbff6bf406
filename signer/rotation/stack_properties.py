"""What a template says about a ring: the properties of the custom resource, read strictly.

CloudFormation sends every value as text. What nobody knows is refused by its name, so that a typing
error does not leave a default in force. docs/rotation-function.md lists the properties.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Final, TypeVar

from signer.errors import ConfigurationError, excerpt
from signer.rotation.ring import KeyKind, Schedule, Settings

DESTROY: Final = "Destroy"

PROPERTIES: Final = (
    "Name",
    "SigningSecret",
    "StandbySecret",
    "ProbeUrl",
    "IssuerRoleArn",
    "Algorithm",
    "HashAlgorithm",
    "Custody",
    "MaxLifetime",
    "Period",
    "Soak",
    "StaleLimit",
    "Skew",
    "RollbackWindow",
    "Probes",
    DESTROY,
)
"""All properties of ours."""

_CLOUDFORMATIONS: Final = ("ServiceToken", "ServiceTimeout")
_DURATION: Final = re.compile(r"([0-9]{1,9})([smhd]?)")
_UNITS: Final = MappingProxyType({"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400})
_COUNT: Final = re.compile(r"[0-9]{1,3}")

_Kind = TypeVar("_Kind", bound=Enum)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a template asks for.

    Attributes:
        name: Name of the ring.
        settings: Its settings; those that are not in the template have their defaults.
    """

    name: str
    settings: Settings


def asked(properties: Mapping[str, object]) -> Asked:
    """Read all properties.

    Args:
        properties: ``ResourceProperties`` of an event.

    Raises:
        ConfigurationError: ``stack_property``: one is unknown, missing or cannot be read; evidence
            ``field`` names it, and no message has its value. ``rotation_setting``: one is out of
            its range, or does not go with the others.
    """
    for name in properties:
        if name not in (*PROPERTIES, *_CLOUDFORMATIONS):
            raise _wrong(name, "is not known", f"the properties are {', '.join(PROPERTIES)}")
    said = _Said(properties)
    said.flag(DESTROY)
    usual, schedule = KeyKind(), Schedule()
    settings = Settings(
        signing_secret=said.required("SigningSecret"),
        standby_secret=said.required("StandbySecret"),
        probe_url=said.text("ProbeUrl"),
        issuer_role_arn=said.text("IssuerRoleArn"),
        next_key=KeyKind(
            algorithm=said.choice("Algorithm", usual.algorithm),
            hash_algorithm=said.choice("HashAlgorithm", usual.hash_algorithm),
            custody=said.choice("Custody", usual.custody),
            max_lifetime=said.seconds("MaxLifetime", usual.max_lifetime),
        ),
        schedule=Schedule(
            period=said.seconds("Period", schedule.period),
            soak=said.seconds("Soak", schedule.soak),
            stale_limit=said.seconds("StaleLimit", schedule.stale_limit),
            skew=said.seconds("Skew", schedule.skew),
            rollback_window=said.seconds("RollbackWindow", schedule.rollback_window),
            probes=said.count("Probes", schedule.probes),
        ),
    )
    return Asked(said.required("Name"), settings)


def asks_to_destroy(properties: Mapping[str, object]) -> bool:
    """Tell whether a ring goes with its stack; what is not clearly a yes is a no."""
    return properties.get(DESTROY) == "true"


class _Said:
    """The properties by name; an empty one counts as not said."""

    def __init__(self, properties: Mapping[str, object]) -> None:
        self._properties = properties

    def text(self, name: str) -> str | None:
        value = self._properties.get(name, "")
        if not isinstance(value, str):
            raise _wrong(name, "is not a text")
        return value or None

    def required(self, name: str) -> str:
        value = self.text(name)
        if value is None:
            raise _wrong(name, "is missing")
        return value

    def choice(self, name: str, default: _Kind) -> _Kind:
        known = {kind.value: kind for kind in type(default)}
        value = self.text(name)
        if value is not None and value not in known:
            raise _wrong(name, f"is not one of {', '.join(known)}")
        return default if value is None else known[value]

    def flag(self, name: str) -> None:
        if self.text(name) not in {None, "true", "false"}:
            raise _wrong(name, "is neither true nor false")

    def seconds(self, name: str, default: int) -> int:
        value = self.text(name)
        if value is None:
            return default
        match = _DURATION.fullmatch(value)
        if match is None:
            raise _wrong(name, "is not a time", "write it like 90d, 24h, 30m, or in seconds")
        return int(match[1]) * _UNITS[match[2]]

    def count(self, name: str, default: int) -> int:
        value = self.text(name)
        if value is not None and not _COUNT.fullmatch(value):
            raise _wrong(name, "is not a number up to 999")
        return default if value is None else int(value)


def _wrong(name: str, problem: str, advice: str = "") -> ConfigurationError:
    shown = name if name in PROPERTIES else excerpt(name)
    return ConfigurationError(
        "stack_property", f"the property {shown} {problem}", advice=advice, field=shown
    )
