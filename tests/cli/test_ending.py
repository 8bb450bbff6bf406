"""How the servers of the command line end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys

import pytest

from signer.cli.ending import ending_like_ctrl_c
from tests.cli.running import run

posix = pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")

# The demo with a story that takes a while, and says when it has begun.
LONG_STORY = """
import sys, time
import signer.dev.story as story
from signer.cli import main

def tell(*_):
    print("begun", flush=True)
    time.sleep(2)
    return True

story.tell = tell
sys.argv[1:] = ["dev", "--storage", "folder", "--check"]
main()
"""


@posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_check_that_was_interrupted_has_not_passed(number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", LONG_STORY],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "begun\n"
            process.send_signal(number)
            _, errors = process.communicate(timeout=20)
        finally:
            process.kill()
    assert process.returncode == 130
    assert errors.endswith("\nStopped. Nothing is left running.\n")
    assert "Traceback" not in errors


@pytest.mark.parametrize(("option", "code"), [("--check", 130), ("--no-open", 0)])
def test_ctrl_c_is_the_end_of_a_demo_but_not_of_a_check(
    monkeypatch: pytest.MonkeyPatch, option: str, code: int
) -> None:
    def interrupted(*_: object, **__: object) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr("signer.dev.stack.run_demo", interrupted)
    result = run("dev", option)
    assert result.exit_code == code
    assert result.stderr.endswith("Stopped. Nothing is left running.\n")


@posix
def test_requests_to_end_are_ctrl_c_only_while_a_server_runs() -> None:
    before = signal.getsignal(signal.SIGTERM)
    ignored = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with ending_like_ctrl_c():
            os.kill(os.getpid(), signal.SIGHUP)  # As under nohup.
            with pytest.raises(KeyboardInterrupt):
                os.kill(os.getpid(), signal.SIGTERM)
    finally:
        signal.signal(signal.SIGHUP, ignored)
    assert signal.getsignal(signal.SIGTERM) == before


@posix
def test_a_task_that_swallows_everything_does_not_keep_a_deaf_program_running() -> None:
    async def serve() -> None:
        with contextlib.suppress(BaseException):
            signal.raise_signal(signal.SIGTERM)
        await asyncio.sleep(20)

    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with pytest.raises(KeyboardInterrupt), ending_like_ctrl_c():
            asyncio.run(asyncio.wait_for(serve(), 10))
        with pytest.raises(KeyboardInterrupt), ending_like_ctrl_c():
            signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGINT, before)
