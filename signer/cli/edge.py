"""``signer edge``: a distribution, served on this machine."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from signer.cli.ending import ending_like_ctrl_c
from signer.cli.sources import key_option, required_credential
from signer.cli.times import Duration
from signer.custody import public_key_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from signer.edge import Distribution, EdgeServer, Locations
    from signer.edge.exchange import Exchange

_LISTEN = re.compile(r"(?:(?P<host>[^:\[\]]+|\[[0-9A-Fa-f:.]+\]):)?(?P<port>[0-9]{1,5})")
_HIGHEST_PORT = 65535


def _address(_ctx: click.Context, _param: click.Parameter, value: str) -> tuple[str, int]:
    """Read ``HOST:PORT``, ``[IPV6]:PORT`` or ``PORT``."""
    match = _LISTEN.fullmatch(value)
    if match is None or int(match["port"]) > _HIGHEST_PORT:
        raise click.BadParameter("not HOST:PORT, [IPV6]:PORT or PORT")
    return (match["host"] or "127.0.0.1").strip("[]"), int(match["port"])


def _locations(
    ctx: click.Context, param: click.Parameter, values: Sequence[str]
) -> list[tuple[str, int]]:
    """Read ``NAME=DELAY`` of every location."""
    pairs = [value.partition("=") for value in values]
    return [(name, Duration().convert(delay or "0", param, ctx)) for name, _, delay in pairs]


@click.command()
@click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="TOML file that describes the distribution; with --template or --distribution, its "
    "origins here.",
)
@click.option(
    "--template",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Serve the distribution of this CloudFormation template, as cdk synth writes it.",
)
@click.option(
    "--distribution",
    metavar="ID",
    help="Follow this distribution in CloudFront's API: its behaviors and key groups. With "
    "--template, the logical id of one of several.",
)
@key_option
@click.option(
    "--cloudfront", metavar="URL", help="An emulator's CloudFront API; AWS's when left out."
)
@click.option(
    "--location",
    "locations",
    metavar="NAME=DELAY",
    multiple=True,
    callback=_locations,
    help="A simulated edge location that learns of changes late, as far=20s. Repeatable.",
)
@click.option(
    "--poll-every",
    metavar="DURATION",
    type=Duration(),
    help="Time between two looks at CloudFront's API; 1s when left out.",
)
@click.option(
    "--listen",
    metavar="HOST:PORT",
    callback=_address,
    default="127.0.0.1:8080",
    show_default=True,
    help="Address for viewers; port 0 takes any free one.",
)
@click.option(
    "--inspector-port",
    type=click.IntRange(0, _HIGHEST_PORT),
    default=8081,
    show_default=True,
    help="Port of the inspector page, on loopback only; 0 takes any free one.",
)
@click.option("--no-inspector", is_flag=True, help="Serve no inspector page.")
@click.option(
    "--allow-remote", is_flag=True, help="Permit an address that other machines can reach."
)
@click.option("-v", "--verbose", is_flag=True, help="Print a line for every request.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object a line.")
@click.pass_context
def edge(
    ctx: click.Context,
    *,
    config: Path | None,
    template: Path | None,
    distribution: str | None,
    key_uri: str | None,
    cloudfront: str | None,
    locations: list[tuple[str, int]],
    poll_every: int | None,
    listen: tuple[str, int],
    inspector_port: int,
    no_inspector: bool,
    allow_remote: bool,
    verbose: bool,
    as_json: bool,
) -> None:
    """Serve a distribution on this machine, as CloudFront would.

    Behaviors, signed URLs and cookies, 403 answers and origins work as at an edge location; the
    inspector page shows why each request was let through or refused. Ctrl-C stops it.

    With --template, every key group trusts the key of --key, unless the configuration says
    otherwise.
    """
    from signer.edge import Distribution, EdgeServer

    follows = bool(cloudfront or locations or poll_every is not None)
    if follows and (distribution is None or template is not None):
        problem = "--cloudfront, --location and --poll-every need --distribution"
        raise click.UsageError(problem + (", and no --template" if template else ""))
    if template is None and ctx.get_parameter_source("key_uri") is ParameterSource.COMMANDLINE:
        raise click.UsageError("--key needs --template")
    served: Distribution | Locations
    if template is not None:
        served = _of_template(template, config, distribution, key_uri)
    elif distribution is not None:
        served = _following(config, distribution, cloudfront, locations, poll_every)
    elif config is not None:
        served = Distribution.from_toml(config)
    else:
        raise click.UsageError("give --config, --template or --distribution")

    def line(exchange: Exchange) -> None:
        click.echo(json.dumps(_facts(exchange)) if as_json else _line(exchange))

    server = EdgeServer(
        served,
        host=listen[0],
        port=listen[1],
        inspector_port=None if no_inspector else inspector_port,
        allow_remote=allow_remote,
        on_exchange=line if verbose else None,
    )
    try:
        with ending_like_ctrl_c():
            asyncio.run(_serve(server, [name for name, _ in locations], as_json=as_json))
    except KeyboardInterrupt:
        click.echo("Stopped.", err=True)


def _of_template(
    template: Path, config: Path | None, logical_id: str | None, key_uri: str | None
) -> Distribution:
    """Return the distribution of a template."""
    from signer.edge import TemplateSettings, read_template
    from signer.edge.config import read_template_settings

    settings = read_template_settings(config) if config is not None else TemplateSettings()
    if key_uri:
        credential = required_credential(key_uri)
        settings = replace(settings, keys={credential.key_pair_id: public_key_of(credential)})
    return read_template(template, settings, logical_id=logical_id)


def _following(
    config: Path | None,
    distribution: str,
    cloudfront: str | None,
    locations: list[tuple[str, int]],
    poll_every: int | None,
) -> Locations:
    """Return what follows a distribution in CloudFront's API; nothing is asked yet."""
    from signer.edge import CloudFrontApi, EdgeLocation, LocalSettings, Locations, cloudfront_client
    from signer.edge.config import read_local_settings
    from signer.edge.responses import POP

    local = read_local_settings(config) if config is not None else LocalSettings()
    if cloudfront is not None:
        # Never AWS's buckets and functions for a distribution that only an emulator knows.
        local = replace(
            local,
            s3_endpoint_url=local.s3_endpoint_url or cloudfront,
            lambda_endpoint_url=local.lambda_endpoint_url or cloudfront,
        )
    return Locations(
        CloudFrontApi(cloudfront_client(cloudfront), distribution, local).read,
        [EdgeLocation(name, delay) for name, delay in locations or [(POP, 0)]],
        poll_seconds=1.0 if poll_every is None else poll_every,
    )


async def _serve(server: EdgeServer, locations: list[str], *, as_json: bool) -> None:
    """Run until cancelled."""
    async with server:
        if as_json:
            facts = {"url": server.url, "inspector_url": server.inspector_url}
            click.echo(json.dumps({**facts, "locations": locations} if locations else facts))
        else:
            click.echo(f"Edge       {server.url}")
            if server.inspector_url:
                click.echo(f"Inspector  {server.inspector_url}")
            if locations:
                click.echo(f"Locations  {', '.join(locations)}")
            click.echo("Ctrl-C stops it.")
        sys.stdout.flush()
        await asyncio.Event().wait()


def _facts(exchange: Exchange) -> dict[str, object]:
    """Return what is safe to log: no query and no cookies, which carry credentials."""
    return {
        "method": exchange.arrival.method,
        "path": exchange.arrival.path,
        "status": exchange.status,
        "reason": exchange.reason,
        **({"location": exchange.location} if exchange.location else {}),
        "bytes": exchange.sent,
        "seconds": exchange.seconds,
    }


def _line(exchange: Exchange) -> str:
    # Quoted when needed: a path must not move the cursor or forge a line.
    path = exchange.arrival.path
    shown = path if path.isascii() and path.isprintable() else ascii(path)
    place = f" {exchange.location}" if exchange.location else ""
    return f"{exchange.status} {exchange.arrival.method} {shown} {exchange.reason}{place}"
