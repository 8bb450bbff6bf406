"""``signer grants``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from signer.cli.sources import read_bytes
from signer.cli.terminal import Report, Row, Section, Terminal, Tone, output_options
from signer.errors import GrantError, InputError
from signer.grants import GrantTable

if TYPE_CHECKING:
    from signer.grants import Grant, Outcome


@click.command(
    epilog="\b\nExample:\n"
    """  echo '{"sub": "ada", "groups": ["staff"]}' |\n"""
    "    signer grants grants.toml --base-url https://media.example.com --claims -"
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--base-url", metavar="URL", required=True, help="Scheme and host that viewers use.")
@click.option(
    "--claims",
    metavar="FILE",
    help="Claims as a JSON object; - reads them from standard input.",
)
@output_options
def grants(*, file: Path, base_url: str, claims: str | None, no_color: bool, as_json: bool) -> None:
    """Check a grants table, and show what it gives to whom.

    FILE is TOML or JSON. With --claims every grant is shown with what a viewer with these claims
    gets, or why not.
    """
    text = _decoded(read_bytes(file), str(file))
    table = GrantTable.from_text(text, base_url=base_url, source=str(file))
    terminal = Terminal(as_json=as_json, no_color=no_color)
    outcomes = None if claims is None else table.explain(_claims(claims))
    if as_json:
        terminal.document(_document(table, outcomes))
    elif outcomes is None:
        terminal.report(_overview(table))
    else:
        terminal.report(_explanation(table, outcomes))


def _claims(place: str) -> dict[str, object]:
    if place == "-":
        text, source = sys.stdin.read(), "standard input"
    else:
        text, source = _decoded(read_bytes(Path(place)), place), place
    try:
        claims = json.loads(text)
    except (ValueError, RecursionError):
        claims = None
    if not isinstance(claims, dict):
        raise InputError("claims_json", f"{source} is not a JSON object")
    return claims


def _decoded(data: bytes, source: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise GrantError("grants_syntax", f"{source} is not UTF-8 text") from None


def _overview(table: GrantTable) -> Report:
    sections = [Section(grant.name, _grant_rows(grant)) for grant in table.grants]
    for number, row in enumerate(table.deny, 1):
        names = "every grant" if row.grants is None else ", ".join(sorted(row.grants))
        rows = (Row("takes away", names), *_conditions(row.when))
        sections.append(Section(f"deny row {number}", rows))
    count = len(table.grants)
    about = f"{count} grant{'' if count == 1 else 's'} for {table.base_url}"
    return Report("VALID", "good", about, sections)


def _grant_rows(grant: Grant) -> tuple[Row, ...]:
    rows = [Row("opens", str(grant.path)), Row("by", _by(grant))]
    if grant.public:
        rows.append(Row("for", "everybody"))
    rows += _conditions(grant.when)
    for slot in grant.slots:
        hashed = ", hashed" if slot.hashed else ""
        rows.append(Row(f"{{{slot.name}}}", f"from the claim {slot.claim}{hashed}"))
    return tuple(rows)


def _by(grant: Grant) -> str:
    return f"{grant.transport}, {int(grant.lifetime.total_seconds())} s"


def _conditions(when: tuple[tuple[str, tuple[str | int | bool, ...]], ...]) -> list[Row]:
    return [
        Row("when", f"{claim} is {' or '.join(json.dumps(one) for one in values)}")
        for claim, values in when
    ]


def _explanation(table: GrantTable, outcomes: tuple[Outcome, ...]) -> Report:
    sections = []
    for outcome in outcomes:
        rows = [Row("opens", permit.resource, "good") for permit in outcome.permits]
        tone: Tone = "warning" if outcome.granted else "plain"
        label = "left out" if outcome.granted else "because"
        rows += [Row(label, f"{one.message} ({one.code})", tone) for one in outcome.refusals]
        title = f"{outcome.grant}: {'given' if outcome.granted else 'not given'}"
        sections.append(Section(title, tuple(rows)))
    given = sum(outcome.granted for outcome in outcomes)
    about = f"{given} of {len(outcomes)} grants for {table.base_url}"
    return Report(
        "GRANTED" if given else "NOTHING", "good" if given else "warning", about, sections
    )


def _document(table: GrantTable, outcomes: tuple[Outcome, ...] | None) -> dict[str, object]:
    document: dict[str, object] = {
        "base_url": table.base_url,
        "needed_claims": sorted(table.needed_claims),
        "grants": [
            {
                "name": grant.name,
                "path": str(grant.path),
                "transport": grant.transport,
                "ttl": int(grant.lifetime.total_seconds()),
                "public": grant.public,
                "line": grant.line,
            }
            for grant in table.grants
        ],
    }
    if outcomes is not None:
        document["outcomes"] = [
            {
                "grant": outcome.grant,
                "granted": outcome.granted,
                "permits": [
                    {"resource": one.resource, "path": one.path, "cookie_path": one.cookie_path}
                    for one in outcome.permits
                ],
                "refusals": [
                    {"code": one.code, "message": one.message, "claim": one.claim}
                    for one in outcome.refusals
                ],
            }
            for outcome in outcomes
        ]
    return document
