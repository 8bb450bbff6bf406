"""Starts `signer dev` as a person would, and stops it in several ways."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

COMMAND = (sys.executable, "-m", "signer", "dev")
SECONDS_TO_START = 120


@dataclass(frozen=True)
class RunningDemo:
    """A demo in a process of its own, and what it said about itself."""

    process: subprocess.Popen[str]
    document: dict[str, Any]


@contextlib.contextmanager
def running_demo(*arguments: str) -> Iterator[RunningDemo]:
    """Start the demo, wait until it is up, and make sure that it is gone afterwards."""
    command = [*COMMAND, "--json", "--no-open", *arguments]
    environment = {**os.environ, "PYTHONUTF8": "1"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, encoding="utf-8", env=environment
    ) as process:
        too_late = threading.Timer(SECONDS_TO_START, process.kill)
        too_late.start()
        try:
            assert process.stdout
            line = process.stdout.readline()
            too_late.cancel()
            assert line, f"the demo ended with {process.wait()}"
            yield RunningDemo(process, json.loads(line))
        finally:
            too_late.cancel()
            if process.poll() is None:
                process.terminate()
                process.wait(20)


def gone(pid: int, *, within: float = 10) -> bool:
    """Tell whether a process ends; a zombie that nobody has waited for counts as ended."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        status = Path(f"/proc/{pid}/stat")
        if status.exists() and status.read_text().rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.05)
    return False
