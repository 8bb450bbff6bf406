"""``signer verify``."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from signer.cli.program import REFUSED
from signer.cli.requests import read_cookies, read_public_keys, read_url, request_options
from signer.cli.sources import key_option, required_credential
from signer.cli.terminal import Report, Row, Section, Terminal, output_options
from signer.cli.times import now_option
from signer.custody import public_key_of
from signer.explain.cookie_lines import judge_cookies
from signer.verifier import TrustedKeyGroup, Verifier
from signer.viewer_request import ViewerRequest

if TYPE_CHECKING:
    from signer.keys import PublicKey
    from signer.verdict import Verdict


@click.command(
    epilog="\b\nExample:\n  signer url https://cdn.example.com/a.mp4 --expires-in 1h |"
    " signer verify -"
)
@click.argument("url")
@request_options
@key_option
@now_option
@output_options
def verify(
    *,
    url: str,
    cookies: str | None,
    public_keys: tuple[str, ...],
    ip: str | None,
    key_uri: str | None,
    now: int | None,
    no_color: bool,
    as_json: bool,
) -> None:
    """Decide about a request as CloudFront would.

    The URL is taken exactly as it is written; - reads it from standard input. Without
    --public-key the public half of the credential (--key) is trusted. Exit code 0 when the
    request is allowed, 1 when it is denied.
    """
    moment = time.time() if now is None else float(now)
    text = read_url(url)
    header, lines = read_cookies(cookies)
    sent = [
        (fate.name, fate.value)
        for fate in judge_cookies(lines, url=text, set_by=None, now=moment)
        if fate.sent
    ]
    group = TrustedKeyGroup(_trusted(public_keys, key_uri))
    request = ViewerRequest(text, cookies=sent or header, ip=ip)
    verdict = Verifier([group]).verify(request, now=moment)
    terminal = Terminal(as_json=as_json, no_color=no_color)
    if as_json:
        terminal.document(_document(verdict))
    else:
        terminal.report(_report(verdict))
    raise click.exceptions.Exit(0 if verdict.allowed else REFUSED)


def _trusted(public_keys: tuple[str, ...], key_uri: str | None) -> dict[str, PublicKey]:
    if not public_keys:
        credential = required_credential(key_uri)
        return {credential.key_pair_id: public_key_of(credential)}
    usable, unsuitable = read_public_keys(public_keys)
    for error in unsuitable.values():
        raise error
    return usable


def _report(verdict: Verdict) -> Report:
    rows = tuple(
        Row(check.name, check.detail, "quiet" if check.passed else "bad")
        for check in verdict.checks
    )
    sections = [Section("Checks, in the order in which the edge makes them", rows)]
    if verdict.assumptions:
        names = ", ".join(verdict.assumptions)
        sections.append(Section("Assumed", (Row("", names, "quiet"),)))
    if verdict.allowed:
        return Report("ALLOWED", "good", verdict.detail, sections)
    return Report("DENIED", "bad", f"{verdict.code} ({verdict.reason}): {verdict.detail}", sections)


def _document(verdict: Verdict) -> dict[str, object]:
    return {
        "allowed": verdict.allowed,
        "status": verdict.status,
        "code": verdict.code,
        "message": verdict.message,
        "reason": verdict.reason,
        "detail": verdict.detail,
        "transport": verdict.transport,
        "kind": verdict.kind,
        "key_pair_id": verdict.key_pair_id,
        "hash_algorithm": verdict.hash_algorithm,
        "policy": verdict.policy._asdict() if verdict.policy else None,
        "checks": [check._asdict() for check in verdict.checks],
        "assumptions": list(verdict.assumptions),
    }
