"""``signer dev``: the demo, from bucket to browser."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
import webbrowser
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import click
from rich.console import Console
from rich.markup import escape

from signer.cli.dev_welcome import announce
from signer.cli.ending import ending_like_ctrl_c
from signer.cli.program import INTERRUPTED, REFUSED
from signer.cli.sources import ALGORITHMS
from signer.cli.times import Duration

if TYPE_CHECKING:
    from signer.dev.content import Gallery
    from signer.dev.demo import Demo
    from signer.dev.rotation_news import News
    from signer.dev.story import Step

    Use: TypeAlias = Callable[[Demo, Gallery], Awaitable[bool]]

# A key is made, soaks, is tested and switched to in some 28 seconds.
_SHORTEST_PERIOD = 30
_LONGEST_PERIOD = 86_400


@click.command()
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    help="Port of the site [default: 8080, or the next free one].",
)
@click.option(
    "--storage",
    type=click.Choice(["s3", "folder"]),
    default="s3",
    show_default=True,
    help="A private bucket in MiniStack, or a plain folder, which needs no MiniStack.",
)
@click.option(
    "--algorithm",
    type=click.Choice(list(ALGORITHMS)),
    default="p256",
    show_default=True,
    help="Type of the signing key that is made for this run.",
)
@click.option(
    "--s3-only",
    is_flag=True,
    help="No CloudFront: S3 presigned URLs from the same function behind an HTTP API.",
)
@click.option(
    "--lifetime",
    type=click.IntRange(10, 3600),
    metavar="SECONDS",
    help="Life of cookies and URLs [default: as in the table of grants].",
)
@click.option(
    "--rotate-every",
    type=Duration(),
    metavar="DURATION",
    help="Replace the signing key again and again, 30s to 1d; edge locations follow.",
)
@click.option(
    "--cdk",
    "deployed",
    is_flag=True,
    help="Deploy the stack by the CDK's command line, and serve that; needs a checkout.",
)
@click.option("--check", is_flag=True, help="Run the whole story with an HTTP client, then exit.")
@click.option(
    "--open/--no-open",
    "open_browser",
    default=None,
    help="Open a browser [default: if there are a terminal and a browser].",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
def dev(
    *,
    port: int | None,
    storage: Literal["s3", "folder"],
    algorithm: str,
    s3_only: bool,
    lifetime: int | None,
    rotate_every: int | None,
    deployed: bool,
    check: bool,
    open_browser: bool | None,
    as_json: bool,
) -> None:
    """Run a private gallery behind a local CloudFront.

    Starts a private S3 bucket and a secret store (MiniStack), an identity provider, the issuer's
    Lambda function, and the local edge in front of them, on loopback only. Ctrl-C stops everything.
    """
    if s3_only and storage != "s3":
        raise click.UsageError("--s3-only needs --storage s3: a folder cannot check signatures")
    if deployed and (s3_only or storage != "s3"):
        raise click.UsageError("--cdk needs --storage s3, and CloudFront")
    if rotate_every is not None:
        _check_rotation(rotate_every, lifetime, storage=storage, s3_only=s3_only)
    progress = _Progress()
    try:
        with ending_like_ctrl_c():
            # Inside, because these imports take a second in which somebody may press Ctrl-C.
            from signer.dev.deployed import run_deployed
            from signer.dev.stack import Options, run_demo

            out = Console(highlight=False)
            use = (
                _check(out, as_json=as_json) if check else _show(out, open_browser, as_json=as_json)
            )
            options = Options(
                port=port,
                storage=storage,
                algorithm=ALGORITHMS[algorithm],
                delivery="s3" if s3_only else "cloudfront",
                lifetime=timedelta(seconds=lifetime) if lifetime else None,
                rotate_every=timedelta(seconds=rotate_every) if rotate_every else None,
            )
            # A story tells of the rotation itself.
            tell = _silently if check else progress.tell
            with progress:
                run = run_deployed if deployed else run_demo
                passed = run(options, say=progress.say, use=progress.until_up(use), tell=tell)
    except KeyboardInterrupt:
        click.echo("Stopped. Nothing is left running.", err=True)
        # A story that was not told to its end has not passed.
        raise click.exceptions.Exit(INTERRUPTED if check else 0) from None
    raise click.exceptions.Exit(0 if passed else REFUSED)


def _check_rotation(every: int, lifetime: int | None, *, storage: str, s3_only: bool) -> None:
    """Refuse what cannot rotate, or what would have no room in a key group.

    Raises:
        click.UsageError: The options do not go together.
    """
    if storage != "s3" or s3_only:
        raise click.UsageError("--rotate-every needs --storage s3, and CloudFront")
    if not _SHORTEST_PERIOD <= every <= _LONGEST_PERIOD:
        raise click.UsageError("--rotate-every is from 30s to 1d")
    if lifetime is not None and lifetime > every:
        # Keys stay in the group until all that they signed has ended, and it takes few.
        raise click.UsageError("--lifetime is at most --rotate-every")


def _silently(_: News) -> None:
    """Tell nothing."""


class _Progress:
    """What is being done: one moving line on a terminal, plain lines in a pipe."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._status = self._console.status("starting")

    def __enter__(self) -> None:
        if self._console.is_terminal:
            self._status.start()

    def __exit__(self, *_: object) -> None:
        self._status.stop()

    def say(self, line: str) -> None:
        if self._console.is_terminal:
            self._status.update(escape(line))
        elif not line.startswith("Collecting "):
            click.echo(line[:100], err=True)

    def tell(self, news: News) -> None:
        """Tell what the rotation does: what lasts as a line, what comes next in the moving one."""
        at = time.strftime("%H:%M:%S")
        if not self._console.is_terminal:
            if news.lasting:
                click.echo(f"{at} {news.text}", err=True)
            return
        if news.lasting:
            self._console.print(f"[dim]{at}[/] {escape(news.text)}", soft_wrap=True)
        self._status.update(f"[dim]{escape(news.text)}[/]")
        self._status.start()

    def until_up(self, use: Use) -> Use:
        async def used(demo: Demo, gallery: Gallery) -> bool:
            self._status.stop()
            return await use(demo, gallery)

        return used


def _show(out: Console, open_browser: bool | None, *, as_json: bool) -> Use:  # noqa: FBT001 - three-valued
    async def use(demo: Demo, gallery: Gallery) -> bool:
        if as_json:
            click.echo(json.dumps(_document(demo)))
        else:
            announce(out, demo, gallery)
        sys.stdout.flush()
        if _can_open() if open_browser is None else open_browser:
            await asyncio.to_thread(webbrowser.open, demo.site_url)
        await asyncio.Event().wait()  # Until Ctrl-C.
        return True

    return use


def _check(out: Console, *, as_json: bool) -> Use:
    from signer.dev.story import tell

    steps: list[Step] = []

    def report(step: Step) -> None:
        steps.append(step)
        if not as_json:
            mark = "[green]✓[/]" if step.passed else "[bold red]✗[/]"
            detail = f"[dim]{escape(step.detail)}[/]" if step.passed else escape(step.detail)
            out.print(f"{mark} {escape(step.title)}  {detail}", soft_wrap=True)

    async def use(demo: Demo, gallery: Gallery) -> bool:
        passed = await asyncio.to_thread(tell, demo, gallery, report)
        if as_json:
            shown = [
                {"title": s.title, "passed": s.passed, "detail": s.detail, "seconds": s.seconds}
                for s in steps
            ]
            click.echo(json.dumps({**_document(demo), "passed": passed, "steps": shown}))
        else:
            failed = sum(not step.passed for step in steps)
            seconds = sum(step.seconds for step in steps)
            end = (
                f"{failed} of {len(steps)} steps failed" if failed else f"{len(steps)} steps passed"
            )
            out.print(f"[bold]{end}[/] in {seconds:.1f} s")
        return passed

    return use


def _document(demo: Demo) -> dict[str, Any]:
    return {
        "site_url": demo.site_url,
        "inspector_url": demo.inspector_url,
        "identity_url": demo.identity_url,
        "bucket_url": demo.bucket_url,
        "delivery": demo.delivery,
        "key_pair_id": demo.key_pair_id,
        "algorithm": demo.algorithm,
        "accounts": list(demo.accounts),
        "ministack_pid": demo.ministack_pid,
        **({"rotation": asdict(demo.rotation)} if demo.rotation else {}),
        **({"stack": dict(demo.deployment.outputs.values)} if demo.deployment else {}),
    }


def _can_open() -> bool:
    if not sys.stdout.isatty() or os.environ.get("CI"):
        return False
    # Without a display, Linux would start a text browser in this very terminal.
    if sys.platform == "linux" and not {"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys():
        return False
    try:
        webbrowser.get()
    except webbrowser.Error:
        return False
    return True
