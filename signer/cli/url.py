"""``signer url``."""

from __future__ import annotations

from typing import Final

import click

from signer.cli.lines import read_lines
from signer.cli.sources import key_option, required_issuer
from signer.cli.terminal import Terminal, output_options
from signer.cli.times import clock_at, end_of_access, now_option, time_options
from signer.issuer import Issuer
from signer.policy import Policy

_EXAMPLES: Final = """\b
Examples:
  signer url https://cdn.example.com/films/a.mp4 --expires-in 1h
  signer url - --resource 'https://cdn.example.com/films/*' --expires-in 1d < urls.txt
"""


@click.command(epilog=_EXAMPLES)
@click.argument("urls", nargs=-1, required=True, metavar="URL...")
@time_options
@click.option("--ip", metavar="CIDR", help="Viewer's IPv4 address or range.")
@click.option("--resource", metavar="PATTERN", help="What the signature is good for.")
@click.option(
    "--allow-entire-distribution", is_flag=True, help="Permit a pattern that opens a whole site."
)
@key_option
@now_option
@output_options
def url(
    *,
    urls: tuple[str, ...],
    begin: int | None,
    until: int | None,
    expires_in: int | None,
    ip: str | None,
    resource: str | None,
    allow_entire_distribution: bool,
    key_uri: str | None,
    now: int | None,
    no_color: bool,
    as_json: bool,
) -> None:
    """Print signed URLs.

    Each URL is one line on standard output and nothing else is. With - URLs are read from
    standard input, a line each. When one cannot be signed, none is printed.

    With --resource one signature is made, and stamped on every URL: the pattern must cover them
    all. Without --resource, --from and --ip the policy is canned and the URL shortest.
    """
    if allow_entire_distribution and resource is None:
        raise click.UsageError("--allow-entire-distribution is about a pattern: give --resource.")
    clock = clock_at(now)
    end = end_of_access(expires_in, until, clock=clock)
    issuer = required_issuer(key_uri, clock=clock)
    wanted = read_lines(urls)
    if resource is None:
        signed = [
            issuer.signed_url(one, date_less_than=end, date_greater_than=begin, ip_address=ip)
            for one in wanted
        ]
    else:
        policy = Policy(
            resource,
            date_less_than=end,
            date_greater_than=begin,
            ip_address=ip,
            allow_entire_distribution=allow_entire_distribution,
        )
        stamp = issuer.sign(policy)
        signed = [stamp.url(one) for one in wanted]
    terminal = Terminal(as_json=as_json, no_color=no_color)
    if as_json:
        terminal.document(_document(wanted, signed, issuer, end))
    else:
        terminal.lines(*signed)


def _document(wanted: list[str], signed: list[str], issuer: Issuer, end: int) -> dict[str, object]:
    return {
        "urls": [
            {"url": one, "signed_url": result} for one, result in zip(wanted, signed, strict=True)
        ],
        "key_pair_id": issuer.key_pair_id,
        "hash_algorithm": issuer.hash_algorithm.value,
        "date_less_than": end,
    }
