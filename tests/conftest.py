"""What every test may use: keys made for this run, other tools' vectors, a browser, loopback only."""

from __future__ import annotations

import ipaddress
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from signer.keys import KeyAlgorithm, PrivateKey

ROOT = Path(__file__).resolve().parent.parent
IN_CI = os.environ.get("CI") == "true"

# No deadline: two workers share two cores with a browser, so that a single slow example says nothing.
settings.register_profile("laptop", deadline=None)
# In CI the same examples at each run: a failure there belongs to the commit, not to the dice.
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if IN_CI else "laptop")


def _refuse_the_outside_world(event: str, arguments: tuple[Any, ...]) -> None:
    """Let nothing in this process connect to another machine."""
    if event != "socket.connect" or not isinstance(arguments[1], tuple):
        return
    host = str(arguments[1][0])
    try:
        outside = not ipaddress.ip_address(host).is_loopback
    except ValueError:
        outside = host != "localhost" and not host.endswith(".localhost")
    if outside:
        message = f"a test tried to reach {host}; only loopback is allowed"
        raise AssertionError(message)


sys.addaudithook(_refuse_the_outside_world)

# Where botocore would otherwise look for credentials.
os.environ["AWS_EC2_METADATA_DISABLED"] = "true"


@pytest.fixture(scope="session")
def rsa_key() -> PrivateKey:
    """An RSA-2048 key, made once in a run because making one takes a moment."""
    return PrivateKey.generate(KeyAlgorithm.RSA_2048)


@pytest.fixture(scope="session")
def p256_key() -> PrivateKey:
    """A P-256 key of this run."""
    return PrivateKey.generate(KeyAlgorithm.ECDSA_P256)


@pytest.fixture(scope="session")
def vectors() -> list[dict[str, Any]]:
    """Other tools' test cases, see tests/vectors/README.md."""
    text = (ROOT / "tests" / "vectors" / "peer_test_cases.json").read_text(encoding="utf-8")
    cases: list[dict[str, Any]] = json.loads(text)
    return cases


@pytest.fixture(scope="session")
def browser_path() -> Path:
    """The Chromium that `make setup` found; without one: skip on a laptop, fail in CI."""
    browser = find_browser()
    if browser is None and IN_CI:
        pytest.fail("no browser; run `make setup`")
    if browser is None:
        pytest.skip("NO BROWSER: run `make setup`, or set SIGNER_BROWSER=/path/to/chrome")
    return browser


def find_browser() -> Path | None:
    """The path in SIGNER_BROWSER, else the one that tools/browser.py left, if it is still there."""
    note = ROOT / ".venv" / "browser"
    named = os.environ.get("SIGNER_BROWSER")
    if not named and note.exists():
        named = note.read_text(encoding="utf-8")
    return Path(named) if named and Path(named).exists() else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put what takes long first, and within a module what ends what the others look at last.

    A worker is given a module as a whole, so that what a module starts is started once; a module of
    minutes that were begun at the end would leave the other workers without anything to do.
    """
    modules: dict[Path, list[pytest.Item]] = {}
    for item in items:
        modules.setdefault(item.path, []).append(item)
    ordered = sorted(modules.values(), key=_takes_long, reverse=True)
    items[:] = [item for module in ordered for item in sorted(module, key=_place)]


def _takes_long(module: list[pytest.Item]) -> int:
    """Count the tests of a module that say that they are slow, or else need MiniStack."""
    slow = sum(item.get_closest_marker("slow") is not None for item in module)
    return 2 * slow + any(item.get_closest_marker("ministack") for item in module)


def _place(item: pytest.Item) -> int:
    mark = item.get_closest_marker("last")
    return mark.args[0] if mark else 0


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say loudly that the browser tests did not run."""
    if find_browser() is None:
        terminalreporter.section("NO BROWSER: THE BROWSER TESTS WERE NOT RUN", sep="!")
