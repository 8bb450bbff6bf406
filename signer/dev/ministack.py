"""MiniStack as a child process: an AWS on loopback, gone when we are gone."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from signer.dev.ports import free_port
from signer.errors import ConfigurationError

ACCESS_KEY_ID = "test"
SECRET_ACCESS_KEY = "test"  # noqa: S105 - MiniStack's fixed root credentials
REGION = "us-east-1"

# The pipe on its standard input ends when this process ends, however it ends, on every system.
_CHILD = """
import os, threading
def until_parent_ends():
    while os.read(0, 1024):
        pass
    os._exit(0)
threading.Thread(target=until_parent_ends, daemon=True).start()
from ministack.app import main
main()
"""
_STARTS = 3
_SECONDS_TO_START = 30.0
_SECONDS_TO_STOP = 3.0


@dataclass(frozen=True, slots=True)
class MiniStack:
    """A running MiniStack: where it answers and its process id."""

    endpoint_url: str
    pid: int


@contextlib.contextmanager
def running_ministack(python: Path) -> Iterator[MiniStack]:
    """Run MiniStack with the given interpreter; its state is removed at the end.

    Raises:
        ConfigurationError: ``ministack_start`` when it does not come up.
    """
    with (
        tempfile.TemporaryDirectory(prefix="signer-dev-", ignore_cleanup_errors=True) as folder,
        contextlib.ExitStack() as stack,
    ):
        for _ in range(_STARTS):
            # A port can be snatched between choosing and binding; then another one is tried.
            child = stack.enter_context(_child(python, Path(folder), free_port()))
            if child is not None:
                break
        else:
            raise ConfigurationError(
                "ministack_start",
                "MiniStack does not start",
                advice="try `signer dev --storage folder`, which does without it",
                output=_log_tail(Path(folder)),
            )
        yield child


@contextlib.contextmanager
def _child(python: Path, folder: Path, port: int) -> Iterator[MiniStack | None]:
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            [str(python), "-I", "-X", "utf8", "-c", _CHILD],
            cwd=folder,
            env=_environment(folder, port),
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            # Ctrl-C is for us alone; we tell the child.
            start_new_session=sys.platform != "win32",
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )
    try:
        endpoint_url = f"http://127.0.0.1:{port}"
        up = _wait_until_up(process, endpoint_url)
        yield MiniStack(endpoint_url, process.pid) if up else None
    finally:
        _stop(process)


def _environment(folder: Path, port: int) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.upper().startswith(("AWS_", "LOCALSTACK_", "MINISTACK_", "S3_", "PYTHON"))
    }
    return {
        **kept,
        "GATEWAY_PORT": str(port),
        # Its default is every interface of the machine.
        "BIND_HOST": "127.0.0.1",
        "IOT_MTLS_ENABLED": "0",
        # Each is loaded when it is first asked.
        "SERVICES": "cloudfront,dynamodb,s3,secretsmanager",
        # Anonymous requests to a private bucket are refused, and so are unknown keys.
        "AUTH": "true",
        "PERSIST_STATE": "0",
        "TMPDIR": str(folder),
        "TEMP": str(folder),
        "TMP": str(folder),
    }


def _wait_until_up(process: subprocess.Popen[bytes], endpoint_url: str) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + _SECONDS_TO_START
    while process.poll() is None and time.monotonic() < deadline:
        with (
            contextlib.suppress(urllib.error.URLError, OSError),
            opener.open(f"{endpoint_url}/_ministack/health", timeout=2),
        ):
            return True
        time.sleep(0.05)
    return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    # Nothing in it is worth saving: the end of its standard input ends it at once.
    with contextlib.suppress(OSError):
        if process.stdin:
            process.stdin.close()
    try:
        process.wait(_SECONDS_TO_STOP)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _log_tail(folder: Path) -> str:
    lines = (folder / "log").read_text("utf-8", errors="replace").splitlines()
    return "\n".join(lines[-10:])
