"""``signer rotate init`` and ``adopt``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from signer.cli.rotate.going import Progress, go_on
from signer.cli.rotate.kinds import changed, setting_options
from signer.cli.rotate.place import on_ring
from signer.cli.rotate.warnings import tell, warnings
from signer.cli.rotate.words import at, short
from signer.cli.terminal import Report, Row, Section, Terminal
from signer.rotation import orders
from signer.rotation.report import report
from signer.rotation.ring import Settings
from signer.rotation.ring_store import DynamoDbRing

if TYPE_CHECKING:
    from collections.abc import Callable

    from signer.rotation.driver import Rotation
    from signer.rotation.ring import Ring

_TICKS = "signer rotate tick, every five minutes, or the Lambda function"


def _secret_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option(
            "--standby-secret",
            metavar="ID",
            required=True,
            help="Secret with the next key; no issuer may read it.",
        ),
        click.option(
            "--signing-secret",
            metavar="ID",
            required=True,
            help="Secret with the credential that issuers read.",
        ),
    ):
        command = option(command)
    return command


_table_option = click.option(
    "--create-table", is_flag=True, help="Make the ring's DynamoDB table first."
)


@click.command()
@click.argument("name")
@_secret_options
@setting_options(defaults=True)
@_table_option
@on_ring
def init(
    *,
    rotation: Rotation,
    terminal: Terminal,
    name: str,
    signing_secret: str,
    standby_secret: str,
    create_table: bool,
    **given: object,
) -> None:
    """Make a ring and a first key that signs.

    That is: its secrets, its key group, and a key in both.

    NAME is in the names of all that is made at CloudFront. What is there already is left as it
    is: after an interruption, run the same command again.
    """
    usual = Settings(signing_secret=signing_secret, standby_secret=standby_secret)
    settings = changed(usual, given)
    told = warnings(usual, settings)
    tell(terminal, told)
    if create_table:
        _create_table(rotation)
    progress = Progress(quiet=terminal.as_json)
    ring = orders.create(rotation, name, settings)
    if not ring.started:
        ring = go_on(rotation, progress, until=lambda tick: tick.ring.started).ring
    if terminal.as_json:
        terminal.document(_document(ring) | {"steps": progress.done, "warnings": told})
        return
    about = f"{ring.name}: issuers can sign, once the distribution trusts the group"
    terminal.report(Report("READY", "good", about, [_use_of(ring)]))


@click.command()
@click.argument("name")
@click.option(
    "--key-group", "key_group_id", metavar="ID", required=True, help="The key group's id."
)
@_secret_options
@setting_options(defaults=True, required=frozenset({"max_lifetime"}))
@_table_option
@on_ring
def adopt(
    *,
    rotation: Rotation,
    terminal: Terminal,
    name: str,
    key_group_id: str,
    signing_secret: str,
    standby_secret: str,
    create_table: bool,
    **given: object,
) -> None:
    """Make a ring around what was made by hand.

    The signing secret holds a credential document whose key is in the group. That key goes on
    signing and is replaced when it is due; nothing but the ring and an empty standby secret is
    made. Other keys of the group stay in it. Give as --max-lifetime at least the longest life of
    anything that was signed so far.
    """
    usual = Settings(signing_secret=signing_secret, standby_secret=standby_secret)
    settings = changed(usual, given)
    told = warnings(usual, settings)
    tell(terminal, told)
    if create_table:
        _create_table(rotation)
    ring = orders.adopt(
        rotation,
        name,
        settings,
        key_group_id=key_group_id,
        max_lifetime=settings.next_key.max_lifetime,
    )
    ahead = rotation.next_step()
    seen = report(ahead.ring, ahead.observed, ahead.step)
    if terminal.as_json:
        found = {"foreign_keys": list(seen.foreign_keys), "warnings": told}
        terminal.document(_document(ring) | found)
        return
    rows = [
        Row("Replaced", at(key.next.at, seen.now))
        for key in seen.keys
        if key.next is not None and key.next.at is not None
    ]
    rows += [Row("Left alone", one, "warning") for one in seen.foreign_keys]
    about = f"{ring.name}: its key goes on signing"
    keys = [Section("Keys", tuple(rows))] if rows else []
    terminal.report(Report("ADOPTED", "good", about, [_use_of(ring), *keys]))


def _create_table(rotation: Rotation) -> None:
    if not isinstance(rotation.store, DynamoDbRing):
        raise click.UsageError("--create-table is for a ring in DynamoDB: leave it out.")
    rotation.store.create_table()


def _use_of(ring: Ring) -> Section:
    rows = [
        Row("Distribution", f"trust key group {ring.key_group_id} in every private behavior"),
        Row("Issuers", f"SIGNER_CREDENTIAL=secretsmanager:{ring.settings.signing_secret}"),
        Row("", "once the distribution trusts the group"),
    ]
    if ring.active is not None:
        rows.append(Row("Signing", f"{short(ring.active.kid)}, {ring.active.public_key_id}"))
    rows.append(Row("From now on", _TICKS))
    return Section("Use it", tuple(rows))


def _document(ring: Ring) -> dict[str, object]:
    active = ring.active
    return {
        "name": ring.name,
        "key_group_id": ring.key_group_id,
        "credential": f"secretsmanager:{ring.settings.signing_secret}",
        "kid": None if active is None else active.kid,
        "key_pair_id": None if active is None else active.public_key_id,
    }
