from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from signer.dev.bucket import BUCKET, fill_bucket
from signer.dev.content import find_gallery
from signer.dev.environment import ready_environment
from signer.dev.ministack import MiniStack, _environment, _Settings, running_ministack
from signer.errors import ConfigurationError
from tests.dev.running import gone

pytestmark = pytest.mark.ministack


@pytest.fixture(scope="module")
def python() -> Path:
    return ready_environment(print)


@pytest.fixture(scope="module")
def ministack(python: Path) -> Iterator[MiniStack]:
    with running_ministack(python) as running:
        gallery = find_gallery()
        fill_bucket(running.endpoint_url, (*gallery.pictures(), *gallery.film()))
        yield running


@pytest.mark.parametrize("path", ["", "/gallery/first-light.jpg", "/film/master.m3u8"])
def test_anonymous_requests_are_refused(ministack: MiniStack, path: str) -> None:
    url = f"{ministack.endpoint_url}/{BUCKET}{path}"
    assert httpx.get(url, trust_env=False).status_code == 403


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        (
            "OPTIONS",
            {
                "Origin": "https://evil.example",
                "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "authorization,x-amz-target",
            },
        ),
        ("POST", {"Sec-Fetch-Site": "cross-site", "Authorization": "AWS4-HMAC-SHA256 x"}),
        ("POST", {"Sec-Fetch-Site": "same-origin", "X-Amz-Target": "secretsmanager.ListSecrets"}),
    ],
    ids=["preflight", "signed", "rebound"],
)
def test_no_page_of_the_web_may_ask_it(
    ministack: MiniStack, method: str, headers: dict[str, str]
) -> None:
    signed_for = "X-Amz-Credential=test%2F20260101%2Fus-east-1%2Flambda%2Faws4_request"
    paths = (
        "/",
        "/_ministack/health",
        "/2015-03-31/functions",
        f"/2015-03-31/functions?{signed_for}",
    )
    for path in paths:
        answer = httpx.request(
            method, ministack.endpoint_url + path, headers=headers, trust_env=False
        )
        assert (answer.status_code, answer.content) == (403, b"not for browsers")
        assert "access-control-allow-origin" not in answer.headers


def test_it_sees_nothing_of_the_shell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "a-secret")
    monkeypatch.setenv("AWS_PROFILE", "a-real-one")
    settings = _Settings("s3", authorize=True, tls=None)
    environment = _environment(tmp_path, 1, settings)
    assert "PATH" in environment
    assert {"a-secret", "a-real-one"}.isdisjoint(environment.values())


def test_it_listens_on_loopback_only(ministack: MiniStack) -> None:
    assert ministack.endpoint_url.startswith("http://127.0.0.1:")


@pytest.mark.skipif(sys.platform == "win32", reason="looks at process ids as POSIX does")
def test_it_is_gone_at_the_end(python: Path) -> None:
    with running_ministack(python) as running:
        assert not gone(running.pid, within=0.1)
    assert gone(running.pid)


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGKILL")
def test_it_does_not_outlive_a_parent_that_was_killed(python: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path\n"
        "from signer.dev.ministack import running_ministack\n"
        "with running_ministack(Path(sys.argv[1])) as running:\n"
        "    print(running.pid, flush=True); time.sleep(60)\n"
    )
    command = [sys.executable, "-c", code, str(python)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        pid = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
    assert gone(pid)


def test_an_interpreter_without_ministack_is_a_clear_error() -> None:
    with (
        pytest.raises(ConfigurationError) as raised,
        running_ministack(Path(sys.executable)),
    ):
        pass
    assert raised.value.code == "ministack_start"
    assert "ministack" in str(raised.value.evidence["output"])
