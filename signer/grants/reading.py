"""Turning the fields of a grants file into grants."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from signer.errors import GrantError, excerpt
from signer.grants.claims import LARGEST_NUMBER, Conditions, Scalar, Slot
from signer.grants.document import Fields, described, suggestion
from signer.grants.grant import Deny, Grant, Permit, Transport
from signer.grants.paths import PathTemplate, read_cookie_path, read_path

if TYPE_CHECKING:
    from collections.abc import Mapping

SHORTEST_LIFETIME: Final = timedelta(seconds=10)
LONGEST_LIFETIME: Final = timedelta(days=7)
DEFAULT_LIFETIME: Final = timedelta(minutes=15)

_GRANT = (
    "name",
    "path",
    "ttl",
    "transport",
    "cookie_path",
    "when",
    "slots",
    "public",
    "allow_entire_distribution",
)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_TTL = re.compile(r"([0-9]{1,6})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def read_table(top: Fields, base_url: str) -> tuple[tuple[Grant, ...], tuple[Deny, ...]]:
    """Read a whole file.

    Raises:
        GrantError: Something in it is wrong; evidence names ``line`` and ``field``.
    """
    top.allow("version", "grants", "deny")
    version = top.take("version")
    if type(version) is not int or version != 1:
        raise top.error(
            "version", "is not 1" if version is not None else "is missing", code="grants_version"
        )
    tables = top.tables("grants")
    if not tables:
        raise top.error("grants", "has no grant", code="grants_missing")
    grants: dict[str, Grant] = {}
    for table in tables:
        grant = _grant(table, base_url)
        if grant.name in grants:
            raise table.error(
                "name",
                f"is also the name of the grant on line {grants[grant.name].line}",
                code="grants_duplicate",
            )
        _refuse_overlap(table, grant, grants)
        grants[grant.name] = grant
    deny = tuple(_deny(table, tuple(grants)) for table in top.tables("deny"))
    return tuple(grants.values()), deny


def permit_of(grant: Grant, base_url: str, values: Mapping[str, str]) -> Permit:
    """Fill a grant's slots with checked values."""
    path = grant.path.fill(values) + ("*" if grant.path.is_directory else "")
    return Permit(
        grant.name,
        base_url + path,
        path,
        grant.cookie_path.fill(values),
        grant.lifetime,
        grant.transport,
        grant.allow_entire_distribution,
    )


def _grant(table: Fields, base_url: str) -> Grant:
    table.allow(*_GRANT)
    name = table.take_string("name")
    if not _NAME.fullmatch(name):
        raise table.error(
            "name",
            f"is {excerpt(name)}",
            code="grants_name",
            advice="use up to 64 letters, digits, - and _, beginning with a letter or digit",
        )
    path = _path(table)
    transport: Transport = (
        "urls" if table.choice("transport", ("cookies", "urls")) == "urls" else "cookies"
    )
    grant = Grant(
        name=name,
        path=path,
        lifetime=_lifetime(table),
        transport=transport,
        cookie_path=_cookie_path(table, path, transport),
        when=_conditions(table, "when"),
        slots=_slots(table, path),
        public=table.flag("public"),
        allow_entire_distribution=table.flag("allow_entire_distribution"),
        line=table.line,
    )
    _refuse_contradictions(table, grant)
    # By the rules under which it will be signed; whatever fills the slots is as plain as this.
    permit_of(grant, base_url, dict.fromkeys(path.slots, "x"))
    return grant


def _path(table: Fields) -> PathTemplate:
    text = table.take_string("path")
    try:
        return read_path(text)
    except GrantError as error:
        raise table.located("path", error) from None


def _cookie_path(table: Fields, path: PathTemplate, transport: Transport) -> PathTemplate:
    text = table.maybe_string("cookie_path")
    if text is None:
        return path
    if transport == "urls":
        raise table.error(
            "cookie_path", "is of no use to a grant by URLs", code="grants_cookie_path"
        )
    try:
        return read_cookie_path(text, path)
    except GrantError as error:
        raise table.located("cookie_path", error) from None


def _lifetime(table: Fields) -> timedelta:
    value = table.take("ttl")
    if value is None:
        return DEFAULT_LIFETIME
    seconds: timedelta | None = None
    if type(value) is str and (match := _TTL.fullmatch(value)):
        seconds = timedelta(**{_UNITS[match[2]]: int(match[1])})
    elif type(value) is int and 0 <= value <= LONGEST_LIFETIME.total_seconds():
        seconds = timedelta(seconds=value)
    if seconds is None or not SHORTEST_LIFETIME <= seconds <= LONGEST_LIFETIME:
        raise table.error(
            "ttl",
            "is not a time from 10 seconds to 7 days",
            code="grants_ttl",
            advice="write seconds, or a number and s, m, h or d, as in 15m",
        )
    return seconds


def _conditions(table: Fields, key: str) -> Conditions:
    when = table.table(key)
    if when is None:
        return ()
    if not when.keys():
        raise table.error(
            key, "has no condition", code="grants_empty", advice="name a claim, or leave it out"
        )
    return tuple((claim, _wanted(when, claim)) for claim in when.keys())  # noqa: SIM118 - not a dict


def _wanted(when: Fields, claim: str) -> tuple[Scalar, ...]:
    items = when.items(claim)
    if not items:
        raise when.error(claim, "has no value", code="grants_empty", advice='as in ["staff"]')
    values: list[Scalar] = []
    for index, item in enumerate(items):
        if not isinstance(item, str | int):
            wanted = "text, a whole number, or true or false"
            raise when.wrong_kind(claim, item, wanted, index=index)
        if isinstance(item, int) and abs(item) >= LARGEST_NUMBER:
            raise when.error(claim, "has more than 63 bits", code="grants_type", index=index)
        values.append(item)
    return tuple(values)


def _slots(table: Fields, path: PathTemplate) -> tuple[Slot, ...]:
    given = table.table("slots")
    named = {name: _slot(given, name, path) for name in given.keys()} if given else {}  # noqa: SIM118
    return tuple(named.get(name, Slot(name, name)) for name in path.slots)


def _slot(slots: Fields, name: str, path: PathTemplate) -> Slot:
    if name not in path.slots:
        problem = f"is not a slot of the path {path}{suggestion(name, path.slots)}"
        raise slots.error(name, problem, code="grants_slot")
    if type(slots.take(name)) is str:
        return Slot(name, slots.take_string(name))
    table = slots.only_table(name)
    table.allow("claim", "hash")
    return Slot(name, table.maybe_string("claim") or name, hashed=table.flag("hash"))


def _refuse_contradictions(table: Fields, grant: Grant) -> None:
    if grant.public and (grant.slots or grant.when):
        raise table.error(
            "public",
            "cannot be true for a grant with slots or conditions",
            code="grants_public",
            advice="nobody's claims are known when everybody is let in",
        )
    if grant.allow_entire_distribution != grant.path.opens_everything:
        raise table.error(
            "allow_entire_distribution" if grant.allow_entire_distribution else "path",
            "is only for the path /*"
            if grant.allow_entire_distribution
            else "opens the entire distribution",
            code="grants_too_broad",
            advice="name a directory, or write allow_entire_distribution = true beside the path /*",
        )


def _refuse_overlap(table: Fields, grant: Grant, others: Mapping[str, Grant]) -> None:
    for other in others.values():
        if "urls" not in {grant.transport, other.transport} and grant.cookie_path.overlaps(
            other.cookie_path
        ):
            raise table.error(
                "path",
                f"overlaps with the grant {other.name} on line {other.line}: a browser would send "
                "cookies of both with one request",
                code="grants_overlap",
                advice='choose disjoint directories, or transport = "urls" for one of them',
            )


def _deny(table: Fields, names: tuple[str, ...]) -> Deny:
    table.allow("when", "grants")
    when = _conditions(table, "when")
    if not when:
        raise table.error("when", "is missing", code="grants_missing")
    items = table.items("grants")
    for index, item in enumerate(items or ()):
        if item not in names:
            shown = excerpt(item) if isinstance(item, str) else described(item)
            near = suggestion(item, names) if isinstance(item, str) else ""
            problem = f"is {shown}, not the name of a grant{near}"
            raise table.error("grants", problem, code="grants_deny", index=index)
    if items == []:
        raise table.error("grants", "is empty", code="grants_empty", advice="leave it out for all")
    listed = None if items is None else frozenset(map(str, items))
    return Deny(when=when, grants=listed, line=table.line)
