"""Where a command finds its ring, and how it answers."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

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
        command(rotation=_opened(ring_uri, region), terminal=terminal, **given)

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
