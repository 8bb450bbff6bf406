"""docs/identity.md: its examples run, it names every code, and its numbers are the code's."""

from __future__ import annotations

import re
from pathlib import Path

from signer.oidc import attempts, compact, freshness, keyset, seal
from signer.oidc.login import LoginFlow
from signer.oidc.tokens import DEFAULT_ALGORITHMS, LONGEST_LEEWAY
from tests.oidc.fake_provider import FakeProvider
from tests.oidc.token_maker import Maker

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = (ROOT / "docs" / "identity.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```python\n(.*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL)
PREFIX = "token|login|session|seal|keys|provider|oidc"
# Members of requests and documents that look like codes.
NAMES = {"token_endpoint", "token_type", "token_type_hint", "session_state"}


def test_the_examples_run(remote: FakeProvider, maker: Maker) -> None:
    names: dict[str, object] = {"issuer": remote.url, "token": maker.token()}
    for example in EXAMPLES:
        exec(example, names)
    assert names["claims"] == maker.claims()
    assert isinstance(names["flow"], LoginFlow)
    assert names["flow"].begin("/").location.startswith(f"{remote.url}/authorize?")


def test_every_code_is_described_and_no_other() -> None:
    sources = (ROOT / "signer" / "oidc").glob("*.py")
    quoted = re.compile(rf'"((?:{PREFIX})_[a-z_]+)"')
    raised = {code for path in sources for code in quoted.findall(path.read_text("utf-8"))}
    described = set(re.findall(rf"`((?:{PREFIX})_[a-z_]+)`", DOCUMENT))
    assert described - NAMES == raised - NAMES


def test_the_numbers_are_those_of_the_code() -> None:
    assert freshness.MAX_AGE == freshness.STALE_LIMIT == 3600
    assert (freshness.PAUSE, freshness.FIRST_PAUSE) == (60, 5)
    assert compact.LONGEST_TOKEN == 16 * 1024
    assert attempts.LOGIN_LIFETIME.total_seconds() == 600
    assert (attempts.MOST_ATTEMPTS, seal.MOST_KEYS) == (5, 8)
    assert (LONGEST_LEEWAY, DEFAULT_ALGORITHMS) == (60, ("RS256", "ES256"))
    assert keyset.SHORTEST_RSA == 2048


def test_every_variable_it_names_exists() -> None:
    settings = (ROOT / "signer" / "service" / "settings.py").read_text("utf-8")
    for name in set(re.findall(r"SIGNER_[A-Z_]+", DOCUMENT)):
        assert f'"{name}"' in settings
