"""docs/issuer.md: its routes, defaults, codes and examples are those of the code."""

from __future__ import annotations

import re
import tomllib
from datetime import timedelta
from pathlib import Path

import pytest

from signer.errors import ConfigurationError
from signer.grants import GrantTable
from signer.service import Service, Settings
from signer.service.service import MOST_ITEMS
from tests.service.browsing import GRANTS

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = (ROOT / "docs" / "issuer.md").read_text(encoding="utf-8")
ENVIRONMENTS = re.findall(r"^```sh\n(SIGNER_.*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL)
UNITS = {"s": 1, "m": 60, "h": 3600}


def environment(example: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in example.splitlines())


def rows(heading: str) -> list[list[str]]:
    section = re.search(rf"^##+ {heading}\n(.*?)(?=^##+ |\Z)", DOCUMENT, re.MULTILINE | re.DOTALL)
    assert section
    lines = re.findall(r"^\| (`.*) \|$", section[1], re.MULTILINE)
    return [[cell.strip() for cell in line.split(" | ")] for line in lines]


@pytest.mark.parametrize("example", ENVIRONMENTS)
def test_the_examples_are_complete(example: str, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings.from_environment(environment(example))
    monkeypatch.setattr(
        "signer.service.parts.Parts._read_table",
        lambda self: GrantTable.from_toml(GRANTS, base_url=self.settings.base_url),
    )
    Service(settings)
    shorter = dict(environment(example))
    for name in environment(example):
        # Everything that could be left out would be a line too many in "the least".
        if name not in {"SIGNER_FRONT_END", "SIGNER_OIDC_CLIENT_SECRET"}:
            del shorter[name]
            with pytest.raises(ConfigurationError, match="SIGNER_"):
                Settings.from_environment(shorter)
            shorter[name] = environment(example)[name]


def test_the_routes_are_those_of_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "signer.service.parts.Parts._read_table",
        lambda self: GrantTable.from_toml(GRANTS, base_url=self.settings.base_url),
    )
    service = Service(Settings.from_environment(environment(ENVIRONMENTS[0])))
    there = {f"{method} {path}" for path, methods in service._routes.items() for method in methods}
    named = {cells[0].strip("`").partition("?")[0] for cells in rows("Routes")}
    assert named == there


def test_the_defaults_are_those_of_the_settings() -> None:
    settings = Settings(base_url="https://a", grants="env:A")
    checked = 0
    for variable, _, default, _ in rows("Settings"):
        name = variable.strip("`").removeprefix("SIGNER_").lower()
        value = getattr(settings, name)
        if isinstance(value, timedelta):
            assert default.strip("`") == _shown(value), name
        elif isinstance(value, bool):
            assert default == f"`{value}`".lower(), name
        elif isinstance(value, tuple):
            assert default == f"`{' '.join(value)}`", name
        elif isinstance(value, str) and value and default != "required":
            assert default == f"`{value}`", name
        else:
            continue
        checked += 1
    assert checked == 8


def _shown(value: timedelta) -> str:
    seconds = int(value.total_seconds())
    unit = next(name for name in ("h", "m", "s") if seconds % UNITS[name] == 0)
    return f"{seconds // UNITS[unit]}{unit}"


def test_every_code_of_a_request_is_described() -> None:
    sources = [*(ROOT / "signer" / "service").glob("*.py"), ROOT / "signer" / "return_to.py"]
    raised = re.compile(r'RequestError\(\s*"([a-z_]+)"')
    codes = {code for path in sources for code in raised.findall(path.read_text("utf-8"))}
    described = set(re.findall(r"`([a-z_]+)`", " ".join(cells[0] for cells in rows("Errors"))))
    assert codes - {"front_end"} <= described
    assert "the log says `front_end`" in DOCUMENT
    assert {"internal", "unavailable", "signing_unavailable"} <= described


def test_the_numbers_are_those_of_the_code() -> None:
    assert f"1 to {MOST_ITEMS} of them" in DOCUMENT


def test_the_functions_of_the_browser_helper_are_described() -> None:
    script = (ROOT / "signer" / "service" / "client.js").read_text("utf-8")
    exported = set(re.findall(r"^export (?:async )?function (\w+)", script, re.MULTILINE))
    described = {cells[0].strip("`").partition("(")[0] for cells in rows("In the page")}
    assert described == exported


def test_the_wheel_that_is_deployed_by_hand_is_the_one_that_is_built() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)["project"]
    (name,) = set(re.findall(r"dist/([\w.-]+)\.whl", DOCUMENT))
    assert name == f"{project['name'].replace('-', '_')}-{project['version']}-py3-none-any"
