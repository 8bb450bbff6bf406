"""AWS's signer for JavaScript, where node is present."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.stopwatch import Rates

PACKAGE = "@aws-sdk/cloudfront-signer"
VERSION = "3.1166.0"

_PREFIX = Path(sys.prefix) / "node"
_SCRIPT = Path(__file__).with_name("peer.mjs")


def version() -> str | None:
    """Return the version of node, or None where there is none."""
    program = shutil.which("node")
    if program is None:
        return None
    done = subprocess.run(
        [program, "--version"], capture_output=True, encoding="utf-8", check=False, timeout=30
    )
    return done.stdout.strip() or None


def prepared() -> str:
    """Install the package into the virtual environment, once; it is no loss when that fails.

    Returns:
        Why it cannot be measured; empty when it can.
    """
    npm = shutil.which("npm")
    if shutil.which("node") is None:
        return "node is not on PATH"
    if _installed():
        return ""
    if npm is None:
        return f"{PACKAGE} is not installed and npm is not on PATH"
    if sys.prefix == sys.base_prefix:
        return f"{PACKAGE} is installed into virtual environments only"
    print(f"installing {PACKAGE} {VERSION} with npm, for comparison", file=sys.stderr, flush=True)
    command = [npm, "install", "--prefix", str(_PREFIX), "--no-audit", "--no-fund"]
    try:
        subprocess.run(
            [*command, f"{PACKAGE}@{VERSION}"], capture_output=True, check=True, timeout=120
        )
    except (OSError, subprocess.SubprocessError) as error:
        return f"npm could not install {PACKAGE} ({type(error).__name__})"
    return "" if _installed() else f"npm did not install {PACKAGE} {VERSION}"


def _installed() -> bool:
    manifest = _PREFIX / "node_modules" / PACKAGE / "package.json"
    try:
        return bool(json.loads(manifest.read_text(encoding="utf-8"))["version"] == VERSION)
    except (OSError, ValueError, KeyError):
        return False


def rates(job: dict[str, object]) -> tuple[Rates, dict[str, str]]:
    """Sign in a process of node's own.

    Args:
        job: ``pem``, ``keyPairId``, ``urls``, ``dateLessThan``, ``algorithm`` and ``seconds``.

    Returns:
        ``pem`` and ``kept`` a second (private key given as text, and as a key object), and one
        URL that each of them signed.
    """
    done = subprocess.run(
        [shutil.which("node") or "node", str(_SCRIPT), str(_PREFIX / "package.json")],
        input=json.dumps(job),
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    answer = json.loads(done.stdout)
    return {name: float(rate) for name, rate in answer["rates"].items()}, answer["samples"]
