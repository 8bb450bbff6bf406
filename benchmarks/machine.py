"""What the numbers were taken on."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import version
from pathlib import Path

from cryptography.hazmat.backends.openssl import backend

from benchmarks import node, openssl


def described() -> dict[str, str]:
    """Return name and value of everything that the numbers depend on."""
    return {
        "machine": f"{_processor()}, {os.cpu_count()} logical processors, {platform.system()}",
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        "cryptography": f"{version('cryptography')} with {backend.openssl_version_text()}",
        "openssl command": openssl.version() or "none",
        "botocore": version("botocore"),
        "node": node.version() or "none",
        node.PACKAGE: node.VERSION if node.version() else "none",
    }


def load() -> str:
    """Return how many processes wanted a processor in the last minute, as the system counts."""
    return f"{os.getloadavg()[0]:.1f}" if sys.platform != "win32" else "unknown"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.machine())
