"""What ``signer dev`` says once it is up: what to open, and what to try."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from rich.markup import escape
from rich.panel import Panel

if TYPE_CHECKING:
    from rich.console import Console

    from signer.dev.content import Gallery
    from signer.dev.demo import Demo, KeyRotation


def announce(out: Console, demo: Demo, gallery: Gallery) -> None:
    """Say what to open and what to try; commands stay outside the frame, to be copied."""
    if out.is_terminal:
        out.print(Panel(_addresses(demo, mark=True), expand=False, padding=(1, 3)))
    else:
        click.echo(_addresses(demo, mark=False))
    click.echo("\nOr without a browser:")
    for command in _commands(demo, gallery):
        click.echo(f"  {command}")
    click.echo("\nCtrl-C stops everything.")


def _addresses(demo: Demo, *, mark: bool) -> str:
    def bold(text: str) -> str:
        return f"[bold]{escape(text)}[/]" if mark else text

    def address(text: str) -> str:
        return f"[bold cyan]{escape(text)}[/]" if mark else text

    ada, guest = demo.accounts[:2]
    lines = [
        bold("A private gallery behind a local CloudFront"),
        "",
        f"  Site        {address(demo.site_url)}",
        f"  Inspector   {address(demo.inspector_url)}",
        f"  Log-in      {address(demo.identity_url)}, the identity provider",
        f"  Accounts    {bold(ada)}: gallery and film; {bold(guest)}: gallery only",
        f"  Key         {demo.key_pair_id} ({demo.algorithm}), made for this run",
        "",
        bold("Try"),
        "  1. Open the site: everything private answers 403.",
        "  2. Log in as ada: signed cookies open the gallery, and the film plays.",
        "  3. Share a picture, open its signed URL in a private window, change a letter of it.",
        "  4. Take the group cinema from ada at the identity provider, then reload the site.",
        "  5. Keep the inspector open meanwhile: it says why each request was decided so.",
    ]
    if demo.delivery == "s3":
        lines[0] = bold("Private pictures by S3 presigned URLs, without CloudFront")
        lines[5] = f"  Accounts    {bold(ada)} and {bold(guest)}"
        lines[8:] = [
            bold("Try"),
            "  1. Open the site and log in: each picture has a presigned URL of the bucket.",
            "  2. Copy one, open it in a private window, change a letter of it.",
        ]
        del lines[6]
    if demo.rotation is not None:
        lines[6:7] = _rotation_lines(demo, demo.rotation)
        lines += [
            "  6. Watch the inspector's keys and edge locations change, while the site just works.",
        ]
    return "\n".join(lines)


def _rotation_lines(demo: Demo, rotation: KeyRotation) -> list[str]:
    late = ", ".join(
        f"{name} {f'after {delay:.0f} s' if delay else 'at once'}"
        for name, delay in rotation.locations.items()
    )
    return [
        f"  Key         {demo.key_pair_id} ({demo.algorithm}), {_replaced(rotation)}",
        f"  Locations   learn of changes: {late} (choose by the header x-edge-location)",
        f"  Ring        {rotation.ring}, at {rotation.endpoint_url}",
    ]


def _replaced(rotation: KeyRotation) -> str:
    if rotation.seconds is None:
        return "replaced by `signer rotate now`"
    return f"replaced every {rotation.seconds} s"


def _commands(demo: Demo, gallery: Gallery) -> list[str]:
    key = gallery.pictures()[0].key
    if demo.delivery == "s3":
        name = key.rpartition("/")[2]
        return [f"curl -i {demo.bucket_url}/{key}", f"curl {demo.site_url}/images/{name}/url"]
    return [
        f"curl -i {demo.site_url}/{key}",
        *([f"curl -i {demo.bucket_url}/{key}"] if demo.bucket_url else []),
        f"curl -i {demo.site_url}/auth/session",
        *(_ring_commands(demo.rotation) if demo.rotation else []),
    ]


def _ring_commands(rotation: KeyRotation) -> list[str]:
    # MiniStack's root credentials, which open nothing else.
    names = ("AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_REGION=us-east-1")
    setting = " ".join((*names, f"AWS_ENDPOINT_URL={rotation.endpoint_url}"))
    return [
        f"export {setting} SIGNER_RING={rotation.ring}",
        "signer rotate status",
        "signer rotate now",
    ]
