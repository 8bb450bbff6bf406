"""Where a command finds its ring, and how it answers."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Final

import click

from signer.cli.rotate.view import RingTerminal
from signer.cli.terminal import output_options
from signer.errors import ConfigurationError, RotationError
from signer.rotation.driver import Rotation
from signer.rotation.opening import open_rotation


def on_ring(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of every command, and call it with ``rotation`` and ``terminal``."""

    @functools.wraps(command)
    def run(
        *, ring_uri: str | None, region: str | None, no_color: bool, as_json: bool, **given: object
    ) -> None:
        terminal = RingTerminal(as_json=as_json, no_color=no_color)
        rotation = _opened(ring_uri, region)
        try:
            command(rotation=rotation, terminal=terminal, **given)
        except RotationError as error:
            if error.code not in _ADVICE:
                raise
            raise _placed(error, str(ring_uri)) from None

    wrapped: Callable[..., Any] = output_options(run)
    for option in (
        click.option("--region", metavar="NAME", help="AWS Region, if not AWS_REGION's."),
        click.option(
            "--ring",
            "ring_uri",
            metavar="URI",
            envvar="SIGNER_RING",
            show_envvar=True,
            help="The ring: dynamodb:TABLE/NAME or file:PATH.",
        ),
    ):
        wrapped = option(wrapped)
    return wrapped


_ADVICE: Final = {
    "ring_exists": (
        "signer rotate configure changes its settings; one with another name or other secrets "
        "needs a place of its own: another --ring"
    ),
    "ring_missing": (
        "signer rotate init makes one, signer rotate adopt makes one around a key group that was "
        "made by hand; or give another --ring"
    ),
    "ring_table": (
        "check the name and the Region; signer rotate init and adopt make it with --create-table"
    ),
}


def _placed(error: RotationError, uri: str) -> RotationError:
    """Return an error about a ring's place with that place, and with advice for a command line."""
    # A table that is being made needs nothing but patience.
    passes = "not ready" in error.message
    advice = error.advice if passes else _ADVICE[error.code]
    return RotationError(error.code, f"{error.message}: {uri}", advice=advice, **error.evidence)


def _opened(uri: str | None, region: str | None) -> Rotation:
    """Open the ring; nothing is asked of AWS yet.

    Raises:
        click.UsageError: No URI was given.
        ConfigurationError: ``ring_uri``: it is none of a ring.
    """
    if not uri:
        raise click.UsageError(
            "No ring: give --ring dynamodb:TABLE/NAME or --ring file:PATH, or set SIGNER_RING."
        )
    try:
        return open_rotation(uri, region=region)
    except RotationError as error:
        # On a command line it is wrong usage.
        raise ConfigurationError(error.code, error.message, advice=error.advice) from None
