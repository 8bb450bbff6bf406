"""``signer cookies``."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import click

from signer.cli.sources import key_option, required_issuer
from signer.cli.terminal import Terminal, output_options
from signer.cli.times import Duration, clock_at, end_of_access, now_option, time_options
from signer.cookies import CookieAttributes, SameSite, SignedCookies
from signer.errors import CookieError
from signer.resource import split_resource

if TYPE_CHECKING:
    from collections.abc import Callable

_EPILOG = """\b
Formats:
  set-cookie  Set-Cookie lines of a response, with those that expire leftovers
  header      the Cookie line of a request
  curl        a configuration, for: curl -K - URL
  netscape    a cookie jar, for: curl -b, wget --load-cookies, yt-dlp --cookies
  json        names and values, and the lines

\b
Example:
  signer cookies 'https://cdn.example.com/films/*' --expires-in 8h --format header
"""
FORMATS = ("set-cookie", "header", "curl", "netscape", "json")


@click.command(epilog=_EPILOG)
@click.argument("resource", required=False)
@time_options
@click.option("--ip", metavar="CIDR", help="Viewer's IPv4 address or range.")
@click.option("--domain", help="Share the cookies with a domain and its subdomains.")
@click.option("--path", help="Cookie path [default: the literal directory of RESOURCE].")
@click.option("--same-site", type=click.Choice(get_args(SameSite)), help="[default: Lax]")
@click.option("--partitioned", is_flag=True, help="One cookie jar per embedding site (CHIPS).")
@click.option("--cross-site", is_flag=True, help="For embeds: SameSite=None and Partitioned.")
@click.option("--max-age", type=Duration(), help="Cookie lifetime [default: the session].")
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default="set-cookie",
    show_default=True,
    help="What is printed.",
)
@click.option("--clear", is_flag=True, help="Print the lines that remove the cookies (log-out).")
@click.option(
    "--allow-entire-distribution", is_flag=True, help="Permit a pattern that opens a whole site."
)
@key_option
@now_option
@output_options
def cookies(
    *,
    resource: str | None,
    begin: int | None,
    until: int | None,
    expires_in: int | None,
    ip: str | None,
    domain: str | None,
    path: str | None,
    same_site: SameSite | None,
    partitioned: bool,
    cross_site: bool,
    max_age: int | None,
    form: str,
    clear: bool,
    allow_entire_distribution: bool,
    key_uri: str | None,
    now: int | None,
    no_color: bool,
    as_json: bool,
) -> None:
    """Print signed cookies, or the lines that clear them.

    RESOURCE is a pattern such as 'https://cdn.example.com/films/*' (any depth, any query), or one
    exact URL.
    """
    attributes = CookieAttributes(
        domain=domain,
        path=path,
        same_site=same_site or ("None" if cross_site else "Lax"),
        partitioned=partitioned or cross_site,
        max_age=max_age,
    )
    terminal = Terminal(as_json=as_json or form == "json", no_color=no_color)
    if clear:
        _clear(terminal, attributes, resource)
        return
    if resource is None:
        raise click.UsageError("Missing argument 'RESOURCE'.")
    clock = clock_at(now)
    end = end_of_access(expires_in, until, clock=clock)
    issuer = required_issuer(key_uri, clock=clock)
    signed = issuer.signed_cookies(
        resource,
        date_less_than=end,
        date_greater_than=begin,
        ip_address=ip,
        attributes=attributes,
        allow_entire_distribution=allow_entire_distribution,
    )
    _print(terminal, signed, form, end)


def _print(terminal: Terminal, signed: SignedCookies, form: str, end: int) -> None:
    if terminal.as_json:
        lines = signed.set_cookie_headers()
        terminal.document({"cookies": dict(signed), "set_cookie": lines, "header": signed.header()})
    else:
        terminal.lines(*_FORMS[form](signed, end))


def _clear(terminal: Terminal, attributes: CookieAttributes, resource: str | None) -> None:
    if resource is None and attributes.path is None:
        raise click.UsageError("--clear needs the RESOURCE or the --path that was used.")
    lines = SignedCookies.clearing_headers(attributes, resource=resource)
    if terminal.as_json:
        terminal.document({"set_cookie": lines})
    else:
        terminal.lines(*(f"Set-Cookie: {line}" for line in lines))


def _set_cookie(signed: SignedCookies, _end: int) -> list[str]:
    return [f"Set-Cookie: {line}" for line in signed.set_cookie_headers()]


def _header(signed: SignedCookies, _end: int) -> list[str]:
    return [f"Cookie: {signed.header()}"]


def _curl(signed: SignedCookies, _end: int) -> list[str]:
    """No value has a quote or a backslash in it: they are base64, digits and names."""
    return [f'cookie = "{signed.header()}"']


def _netscape(signed: SignedCookies, end: int) -> list[str]:
    """Write the jar format that curl documents; the cookies live as long as the access.

    Session cookies (0) would be dropped by Python's own cookie jar.
    """
    attributes = signed.attributes
    sections = split_resource(signed.resource)
    host = attributes.domain or (sections.domain.partition(":")[0] if sections else "")
    if not host or "*" in host:
        raise CookieError(
            "cookie_domain_unknown",
            "the Resource's host is a pattern, and a cookie jar needs a name",
            advice="give --domain",
        )
    subdomains = "FALSE" if attributes.domain is None else "TRUE"
    name = f".{host}" if attributes.domain else host
    path = _path(signed)
    fields = [
        f"#HttpOnly_{name}\t{subdomains}\t{path}\tTRUE\t{end}\t{cookie}\t{value}"
        for cookie, value in signed.items()
    ]
    return ["# Netscape HTTP Cookie File", *fields]


def _path(signed: SignedCookies) -> str:
    """Return the cookies' path, as their own lines have it."""
    return signed.set_cookie_headers()[0].partition("; Path=")[2].partition(";")[0]


_FORMS: dict[str, Callable[[SignedCookies, int], list[str]]] = {
    "set-cookie": _set_cookie,
    "header": _header,
    "curl": _curl,
    "netscape": _netscape,
}
