"""``signer explain``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final, NoReturn

import click

from signer.cli.explain_report import report_of
from signer.cli.program import REFUSED
from signer.cli.requests import read_cookies, read_public_keys, read_url, request_options
from signer.cli.sources import read_bytes, read_signing_key
from signer.cli.terminal import Terminal, output_options
from signer.cli.times import Duration, LocalZone, now_option
from signer.explain import Context, Explanation
from signer.explain import explain as explained
from signer.verifier import TrustedKeyGroup
from signer.viewer_request import ViewerRequest

_EXAMPLES: Final = """\b
Examples:
  signer explain 'https://cdn.example.com/a.mp4?Expires=...' --public-key K2JC...=dev.pub.pem
  signer explain https://cdn.example.com/a.mp4 --cookies @set-cookie.txt
"""


@click.command(epilog=_EXAMPLES)
@click.argument("url", required=False)
@request_options
@click.option("--request-url", metavar="URL", help="What the viewer sent, when it differs.")
@click.option(
    "--key",
    "--private-key",
    "key_uri",
    metavar="URI",
    help="The key that signs: file:PATH, env:NAME, secretsmanager:ID or ssm:NAME.",
)
@click.option(
    "--host", "hosts", multiple=True, help="Another name of the distribution; repeatable."
)
@click.option("--cookies-set-by", metavar="URL", help="Where the Set-Cookie lines came from.")
@click.option(
    "--playlist",
    type=click.Path(path_type=Path, dir_okay=False),
    help="HLS playlist that the URL delivers.",
)
@click.option("--download-seconds", type=Duration(), help="How long the download takes.")
@now_option
@output_options
def explain(
    *,
    url: str | None,
    cookies: str | None,
    public_keys: tuple[str, ...],
    ip: str | None,
    request_url: str | None,
    key_uri: str | None,
    hosts: tuple[str, ...],
    cookies_set_by: str | None,
    playlist: Path | None,
    download_seconds: int | None,
    now: int | None,
    no_color: bool,
    as_json: bool,
) -> None:
    """Say what a signature grants and why it is refused.

    Give a signed URL (- reads it from standard input), or cookies, or both. With the public key
    (--public-key, or --key as for signer verify) the signature is checked, and a wrong one is
    tried against the usual accidents until it is clear what was signed instead; with both options
    it is also checked that the keys belong together. SIGNER_KEY is not looked at: the URL may be
    anyone's. Exit code 0 when nothing speaks against the request, 1 when something does. The
    numbers of the causes are those of docs/explain.md.
    """
    issued = read_url(url)
    if not issued and not cookies and not request_url:
        raise click.UsageError("Give a URL, or --cookies.")
    usable, unsuitable = read_public_keys(public_keys)
    header, lines = read_cookies(cookies)
    moment = time.time() if now is None else float(now)
    signing = read_signing_key(key_uri) if key_uri else None
    if signing and signing.credential and not public_keys:
        usable = {signing.credential.key_pair_id: signing.public}
    context = Context(
        issued_url=issued if request_url and issued else None,
        hosts=hosts,
        set_cookies=lines,
        cookies_set_by=cookies_set_by,
        signing_key=signing.public if signing else None,
        unusable_keys=unsuitable,
        playlist=_playlist(playlist) if playlist else None,
        download_seconds=download_seconds,
        zone=LocalZone(),
    )
    explanation = explained(
        ViewerRequest(request_url or issued, cookies=header, ip=ip),
        groups=[TrustedKeyGroup(usable)],
        now=moment,
        context=context,
    )
    _print(Terminal(as_json=as_json, no_color=no_color), explanation)


def _playlist(file: Path) -> str:
    """Read a playlist and nothing else: its lines are printed, and somebody may name a key."""
    text = read_bytes(file).decode("utf-8", "replace").removeprefix("\ufeff")
    # RFC 8216, section 4.3.1.1: the first line of every playlist.
    if not text.startswith("#EXTM3U"):
        raise click.UsageError(f"--playlist: {file} is not an HLS playlist (no #EXTM3U)")
    return text


def _print(terminal: Terminal, explanation: Explanation) -> NoReturn:
    if terminal.as_json:
        terminal.document(explanation.to_dict())
    else:
        terminal.report(report_of(explanation))
    raise click.exceptions.Exit(REFUSED if explanation.refused else 0)
