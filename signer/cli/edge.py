"""``signer edge``: a distribution, served on this machine."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from signer.cli.ending import ending_like_ctrl_c

if TYPE_CHECKING:
    from signer.edge import EdgeServer
    from signer.edge.exchange import Exchange

_LISTEN = re.compile(r"(?:(?P<host>[^:\[\]]+|\[[0-9A-Fa-f:.]+\]):)?(?P<port>[0-9]{1,5})")
_HIGHEST_PORT = 65535


def _address(_ctx: click.Context, _param: click.Parameter, value: str) -> tuple[str, int]:
    """Read ``HOST:PORT``, ``[IPV6]:PORT`` or ``PORT``."""
    match = _LISTEN.fullmatch(value)
    if match is None or int(match["port"]) > _HIGHEST_PORT:
        raise click.BadParameter("not HOST:PORT, [IPV6]:PORT or PORT")
    return (match["host"] or "127.0.0.1").strip("[]"), int(match["port"])


@click.command()
@click.option(
    "--config",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="TOML file that describes the distribution.",
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
def edge(
    *,
    config: Path,
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
    """
    from signer.edge import Distribution, EdgeServer

    def line(exchange: Exchange) -> None:
        click.echo(json.dumps(_facts(exchange)) if as_json else _line(exchange))

    server = EdgeServer(
        Distribution.from_toml(config),
        host=listen[0],
        port=listen[1],
        inspector_port=None if no_inspector else inspector_port,
        allow_remote=allow_remote,
        on_exchange=line if verbose else None,
    )
    try:
        with ending_like_ctrl_c():
            asyncio.run(_serve(server, as_json=as_json))
    except KeyboardInterrupt:
        click.echo("Stopped.", err=True)


async def _serve(server: EdgeServer, *, as_json: bool) -> None:
    """Run until cancelled."""
    async with server:
        if as_json:
            click.echo(json.dumps({"url": server.url, "inspector_url": server.inspector_url}))
        else:
            click.echo(f"Edge       {server.url}")
            if server.inspector_url:
                click.echo(f"Inspector  {server.inspector_url}")
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
        "bytes": exchange.sent,
        "seconds": exchange.seconds,
    }


def _line(exchange: Exchange) -> str:
    # Quoted when needed: a path must not move the cursor or forge a line.
    path = exchange.arrival.path
    shown = path if path.isascii() and path.isprintable() else ascii(path)
    return f"{exchange.status} {exchange.arrival.method} {shown} {exchange.reason}"
