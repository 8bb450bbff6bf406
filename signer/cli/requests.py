"""What ``verify`` and ``explain`` have in common: the request, and the keys to trust."""

from __future__ import annotations

import ipaddress
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from signer.cli.sources import KeyFile, read_key_file, read_text
from signer.errors import KeyMaterialError, SignerError
from signer.explain import split_cookie_text
from signer.keys import PublicKey

UNSUITABLE = frozenset({"key_type", "key_size"})
"""Codes of keys that are keys, but not of a kind that CloudFront takes."""


class Address(click.ParamType[str]):
    """One IPv4 or IPv6 address."""

    name = "address"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:  # noqa: ANN401 - click's signature
        """Return the address as it was given; a wrong one must not look like a denied viewer."""
        text = str(value).strip()
        try:
            ipaddress.ip_address(text)
        except ValueError:
            self.fail(f"{value!r} is not one IP address such as 192.0.2.7.", param, ctx)
        return text


def request_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that describe a request and the keys."""
    for option in (
        click.option("--ip", type=Address(), help="Viewer's address, as the edge sees it."),
        click.option(
            "--public-key",
            "public_keys",
            multiple=True,
            metavar="KID=FILE",
            help="Key pair id and its public key; may be repeated.",
        ),
        click.option("--cookies", metavar="TEXT", help="Cookie header or Set-Cookie lines; @FILE."),
    ):
        command = option(command)
    return command


def read_url(url: str | None) -> str:
    """Return the URL, or with ``-`` the first line of standard input."""
    if url != "-":
        return (url or "").strip()
    return next((line.strip() for line in sys.stdin if line.strip()), "")


def read_cookies(text: str | None) -> tuple[str, tuple[str, ...]]:
    """Return a ``Cookie`` header, or ``Set-Cookie`` lines."""
    return split_cookie_text(read_text(text)) if text else ("", ())


def read_public_keys(given: tuple[str, ...]) -> tuple[dict[str, PublicKey], dict[str, SignerError]]:
    """Read keys given as ``KID=FILE``.

    Returns:
        The usable keys, and for the others why CloudFront would not take them.

    Raises:
        click.UsageError: An entry without a key pair id.
        KeyMaterialError: A file that holds no key.
    """
    usable: dict[str, PublicKey] = {}
    unsuitable: dict[str, SignerError] = {}
    for entry in given:
        name, equals, place = entry.partition("=")
        path = Path(place if equals else name).expanduser()
        try:
            key = read_key_file(path)
        except KeyMaterialError as error:
            if error.code not in UNSUITABLE:
                raise
            unsuitable[name] = error
            continue
        usable[name if equals else _id_of(key, entry)] = key.public
    return usable, unsuitable


def _id_of(key: KeyFile, entry: str) -> str:
    if key.credential is None:
        raise click.UsageError(f"--public-key {entry} has no key pair id; write KID=FILE.")
    return key.credential.key_pair_id
