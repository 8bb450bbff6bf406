"""Options about what a ring is like, and what they change."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final, NamedTuple

import click

from signer.cli.sources import ALGORITHMS
from signer.cli.times import Duration
from signer.explain.moments import duration
from signer.keys import HashAlgorithm
from signer.rotation.ring import Custody, Settings


class _Setting(NamedTuple):
    """An option, and the field of the settings that it is about."""

    option: str
    kind: click.ParamType[Any]
    default: str
    help: str
    metavar: str | None = None


_URL: Final = "URL below a behavior that trusts the key group, or its path, for probes"

_KIND: Final = {
    "algorithm": _Setting(
        "--algorithm", click.Choice(list(ALGORITHMS)), "p256", "Type of the next keys"
    ),
    "hash_algorithm": _Setting(
        "--hash",
        click.Choice([one.value for one in HashAlgorithm]),
        "SHA256",
        "Hash for all their signatures",
    ),
    "custody": _Setting(
        "--custody",
        click.Choice([one.value for one in Custody]),
        "secret",
        "Where the private halves lie",
    ),
    "max_lifetime": _Setting(
        "--max-lifetime", Duration(), "1d", "Longest life of what they sign; a drain waits for it"
    ),
}
_SCHEDULE: Final = {
    "period": _Setting("--period", Duration(), "90d", "Age at which the signing key is replaced"),
    "soak": _Setting(
        "--soak", Duration(), "24h", "How long a key is in the group before it may sign"
    ),
    "stale_limit": _Setting(
        "--stale-limit", Duration(), "30m", "How long issuers may use a credential they read"
    ),
    "skew": _Setting("--skew", Duration(), "5m", "How much clocks may differ"),
    "rollback_window": _Setting(
        "--rollback-window", Duration(), "1h", "How long a switch can be taken back"
    ),
    "probes": _Setting(
        "--probes", click.IntRange(0, 100), "3", "Good probes in a row that a key needs", "COUNT"
    ),
}
_PLACES: Final = {
    "probe_url": _Setting("--probe-url", click.STRING, "", _URL, "URL"),
    "issuer_role_arn": _Setting(
        "--issuer-role-arn", click.STRING, "", "Who may sign with keys in KMS", "ARN"
    ),
}
_ALL: Final = {**_PLACES, **_KIND, **_SCHEDULE}


def setting_options(
    *, defaults: bool, required: frozenset[str] = frozenset()
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return a decorator that adds an option for every setting; what is not given is None.

    Args:
        defaults: Whether what is not given is AWS's and this library's usual value, and not what
            it was before.
        required: Names of the settings that have no default.
    """

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        for name, setting in reversed(_ALL.items()):
            is_shown = defaults and setting.default and name not in required
            default = f" [default: {setting.default}]" if is_shown else ""
            command = click.option(
                setting.option,
                name,
                type=setting.kind,
                metavar=setting.metavar,
                required=name in required,
                help=f"{setting.help}{default}.",
            )(command)
        return command

    return add


def changed(settings: Settings, given: Mapping[str, Any]) -> Settings:
    """Return settings with what was given on the command line in the place of what was there.

    Args:
        settings: What was there.
        given: By the names of :func:`setting_options`; None for what stays.

    Raises:
        ConfigurationError: ``rotation_setting``.
    """
    said = {name: value for name, value in given.items() if value is not None}
    kind: dict[str, Any] = {
        name: _READ.get(name, _itself)(said[name]) for name in _KIND if name in said
    }
    schedule: dict[str, Any] = {name: said[name] for name in _SCHEDULE if name in said}
    return replace(
        settings,
        next_key=replace(settings.next_key, **kind),
        schedule=replace(settings.schedule, **schedule),
        **{name: said[name] for name in _PLACES if name in said},
    )


def differences(before: Settings, after: Settings) -> dict[str, tuple[str, str]]:
    """Return what differs, by the names of the options: what it was and what it is, in words."""
    pairs = ((name, _shown(before, name), _shown(after, name)) for name in _ALL)
    return {_ALL[name].option: (was, now) for name, was, now in pairs if was != now}


def _shown(settings: Settings, name: str) -> str:
    owner: object = settings
    if name in _KIND:
        owner = settings.next_key
    elif name in _SCHEDULE:
        owner = settings.schedule
    value = getattr(owner, name)
    if isinstance(_ALL[name].kind, Duration):
        return duration(value)
    return "none" if value is None else str(getattr(value, "value", value))


def _itself(value: object) -> object:
    return value


_READ: Final[Mapping[str, Callable[[Any], object]]] = {
    "algorithm": ALGORITHMS.__getitem__,
    "hash_algorithm": HashAlgorithm,
    "custody": Custody,
}
