"""Grants tables for the tests, and the browser's side of their cookies."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from signer.errors import GrantError
from signer.grants import GrantTable

BASE = "https://media.example.com"
EXAMPLE = """\
version = 1

[[grants]]
name = "team_docs"
path = "/t/{tenant}/docs/*"
ttl = "15m"
transport = "cookies"
cookie_path = "/t/{tenant}/docs/"
[grants.when]
groups = ["staff", "admin"]
[grants.slots]
tenant = "custom:tenant"

[[grants]]
name = "trailers"
path = "/trailers/*"
public = true

[[grants]]
name = "handbook"
path = "/books/handbook.pdf"
transport = "urls"
ttl = 60

[[deny]]
when = { suspended = [true] }
grants = ["team_docs"]
"""
STAFF: dict[str, object] = {"custom:tenant": "acme", "groups": ["staff"]}


def shown(value: object) -> str:
    """Name a parameter shortly, and in every process alike."""
    return ascii(value)[:40] if isinstance(value, str) else type(value).__name__


def table(text: str = EXAMPLE, base_url: str = BASE) -> GrantTable:
    return GrantTable.from_toml(text, base_url=base_url)


def one(fields: str, *, name: str = "g") -> GrantTable:
    return table(f'version = 1\n[[grants]]\nname = "{name}"\n{fields}\n')


def resources(grants: GrantTable, claims: Mapping[str, object] | None) -> list[str]:
    return [permit.resource.removeprefix(BASE) for permit in grants.permits(claims)]


def refused(code: str, text: str, line: int, field: str) -> GrantError:
    with pytest.raises(GrantError) as caught:
        table(text)
    error = caught.value
    assert error.code == code, error
    assert (error.evidence["line"], error.evidence["field"]) == (line, field), error
    place = f"grants.toml:{line}: {field}: " if field else f"grants.toml:{line}: "
    assert error.message.startswith(place)
    assert error.evidence["source"] == "grants.toml"
    return error


def jar(headers: list[str]) -> dict[tuple[str, str], str]:
    """Do what a browser does with Set-Cookie headers, in order."""
    kept: dict[tuple[str, str], str] = {}
    for line in headers:
        pair, *attributes = line.split("; ")
        name, _, value = pair.partition("=")
        (path,) = [one.removeprefix("Path=") for one in attributes if one.startswith("Path=")]
        if "Max-Age=0" in attributes:
            kept.pop((name, path), None)
        else:
            kept[name, path] = value
    return kept
