from __future__ import annotations

import contextlib
import json
import signal
import socket
import subprocess
import sys
from typing import Any

import httpx
import pytest

from signer.dev.ports import listen
from tests.dev.running import COMMAND, gone, running_demo

pytestmark = [pytest.mark.ministack, pytest.mark.slow]

posix = pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")


@pytest.mark.parametrize(
    ("arguments", "steps"),
    [
        ((), 20),
        (("--algorithm", "rsa"), 20),
        (("--storage", "folder"), 19),
        (("--s3-only",), 10),
        (("--lifetime", "60"), 20),
    ],
    ids=["p256", "rsa", "folder", "s3-only", "lifetime"],
)
def test_the_whole_story_is_told(arguments: tuple[str, ...], steps: int) -> None:
    done = subprocess.run(
        [*COMMAND, "--check", "--json", *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=180,
        check=False,
    )
    story = json.loads(done.stdout)
    assert [step for step in story["steps"] if not step["passed"]] == []
    assert story["passed"]
    assert done.returncode == 0
    assert len(story["steps"]) == steps


@pytest.mark.parametrize("other", ["--s3-only", "--storage=folder"])
def test_a_stack_needs_a_bucket_and_cloudfront(other: str) -> None:
    done = subprocess.run(
        [*COMMAND, "--cdk", other], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert "--cdk needs --storage s3, and CloudFront" in done.stderr


def test_presigned_urls_need_a_bucket_that_checks_them() -> None:
    done = subprocess.run(
        [*COMMAND, "--s3-only", "--storage", "folder"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "--s3-only needs --storage s3" in done.stderr


def test_the_story_is_readable_in_a_pipe() -> None:
    done = subprocess.run(
        [*COMMAND, "--check", "--storage", "folder"],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={"PYTHONUTF8": "1", "PATH": "", "SYSTEMROOT": ""} if sys.platform != "win32" else None,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0
    assert done.stdout.count("✓") == 19
    assert "✗" not in done.stdout
    assert "\x1b" not in done.stdout


@posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_cleanly(number: signal.Signals) -> None:
    # A port of its own: the usual ones may be taken by another test's demo as soon as they are free.
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with running_demo("--port", str(port)) as demo:
        pid = demo.document["ministack_pid"]
        site = demo.document["site_url"]
        assert httpx.get(site, trust_env=False).status_code == 200
        demo.process.send_signal(number)
        assert demo.process.wait(20) == 0
        assert gone(pid, within=0.5)
    with pytest.raises(httpx.ConnectError):
        httpx.get(site, trust_env=False)


@posix
def test_ctrl_c_while_viewers_are_connected_is_quick() -> None:
    with running_demo("--storage", "folder") as demo, httpx.Client(trust_env=False) as viewer:
        viewer.get(demo.document["site_url"])
        # The inspector's stream of events never ends by itself.
        events = viewer.stream("GET", demo.document["inspector_url"] + "/events")
        with events as response:
            assert response.status_code == 200
            demo.process.send_signal(signal.SIGINT)
            assert demo.process.wait(10) == 0


@posix
def test_ministack_does_not_outlive_a_demo_that_was_killed() -> None:
    with running_demo() as demo:
        demo.process.kill()
        assert gone(demo.document["ministack_pid"])


def test_a_taken_port_is_passed_over() -> None:
    with (
        running_demo("--storage", "folder") as first,
        running_demo("--storage", "folder") as second,
    ):
        addresses = [
            document[name]
            for document in (first.document, second.document)
            for name in ("site_url", "inspector_url")
        ]
        assert len(set(addresses)) == 4
        for document in (first.document, second.document):
            assert httpx.get(document["site_url"], trust_env=False).status_code == 200


def test_localhost_is_the_demo_on_every_address_of_it() -> None:
    with running_demo("--storage", "folder") as demo:
        for name in ("site_url", "inspector_url"):
            url = demo.document[name]
            assert url.startswith("http://localhost:")
            for bound in (address[4] for address in _addresses(url)):
                with socket.create_connection(bound[:2], timeout=10) as connection:
                    connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
                    assert connection.recv(15) == b"HTTP/1.1 200 OK"


def test_a_port_that_was_asked_for_and_is_taken_is_an_error() -> None:
    sockets = listen(0)
    port = sockets[0].getsockname()[1]
    try:
        done = subprocess.run(
            [*COMMAND, "--port", str(port)], capture_output=True, text=True, timeout=60, check=False
        )
    finally:
        for bound in sockets:
            bound.close()
    assert done.returncode == 2
    assert done.stdout == ""
    assert f"port {port} is taken" in done.stderr
    assert "Traceback" not in done.stderr


def _addresses(url: str) -> list[tuple[Any, ...]]:
    """Return where a browser would look for a URL, loopback only."""
    port = int(url.rpartition(":")[2])
    found = socket.getaddrinfo("127.0.0.1", port, type=socket.SOCK_STREAM)
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET6) as probe:
        probe.bind(("::1", 0))  # Only where there is such an address.
        found += socket.getaddrinfo("::1", port, type=socket.SOCK_STREAM)
    return list(found)
