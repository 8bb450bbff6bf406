from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from signer.keys import PrivateKey
from tests.lambda_asset import event_of, issue_module
from tests.service.browsing import PUBLIC, environment

ASKED = event_of("function_url", "GET", "/auth/session")
# Powertools gives out what it holds once there are a hundred values of a metric.
MANY = 150
THREADS = 8


@pytest.fixture
def handle(tmp_path: Path, p256_key: PrivateKey) -> Callable[[object], Any]:
    settings = environment(tmp_path, p256_key, SIGNER_SESSION_KEYS=None)
    (tmp_path / "grants.toml").write_text(f"version = 1\n{PUBLIC}", encoding="utf-8")
    handler = issue_module().build({**settings, "POWERTOOLS_LOG_LEVEL": "CRITICAL"})
    return lambda event: handler(event, None)


def documents(text: str) -> Iterator[dict[str, Any]]:
    """Read one JSON document after the other: the ends of lines may trade places among threads."""
    decoder = json.JSONDecoder()
    while text := text.lstrip():
        document, end = decoder.raw_decode(text)
        yield document
        text = text[end:]


def test_requests_at_the_same_time_are_counted_one_by_one(
    handle: Callable[[object], Any], capsys: pytest.CaptureFixture[str]
) -> None:
    started = threading.Barrier(THREADS + 1)
    usual = sys.getswitchinterval()
    with ThreadPoolExecutor(THREADS) as threads:
        # Coverage's start of a thread does not bear what the requests shall: hardly any time each.
        for _ in range(THREADS):
            threads.submit(started.wait)
        started.wait()
        sys.setswitchinterval(1e-6)
        try:
            answers = list(threads.map(handle, [ASKED] * MANY))
        finally:
            sys.setswitchinterval(usual)
    assert {answer["statusCode"] for answer in answers} == {200}
    told = list(documents(capsys.readouterr().out))
    assert len(told) == MANY
    assert all(one["Requests"] == one["Answered"] == [1.0] for one in told)


def test_metrics_that_are_turned_off_are_never_written(
    handle: Callable[[object], Any],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("POWERTOOLS_METRICS_DISABLED", "true")
    for _ in range(MANY):
        handle(ASKED)
    assert capsys.readouterr().out == ""
