"""Run every check of `make lint`, say how long each took, and fail at the end if one failed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
CODE = tuple(
    folder
    for folder in ("signer", "lambda", "cdk", "tests", "tools", "benchmarks", "examples")
    if any((ROOT / folder).rglob("*.py"))
)

CHECKS: dict[str, tuple[str, ...]] = {
    "style": ("ruff", "check", "--quiet", "."),
    "format": ("ruff", "format", "--check", "--quiet", "."),
    "types (mypy --strict)": ("mypy", "--strict", "--no-error-summary", *CODE),
    "public types (100 %)": ("basedpyright", "--verifytypes", "signer", "--ignoreexternal"),
    "layers": ("lint-imports",),
    "tree": ("python", "tools/check_tree.py"),
}


def main() -> int:
    """Run the checks in turn; a check that passes prints one line, one that fails prints all."""
    failed = [name for name, command in CHECKS.items() if not _passes(name, command)]
    if failed:
        print(f"[lint] FAILED: {', '.join(failed)}", flush=True)
    return 1 if failed else 0


def _passes(name: str, command: tuple[str, ...]) -> bool:
    started = time.monotonic()
    # --verifytypes looks for packages beside the first `python` on PATH, and only there.
    environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}"}
    done = subprocess.run(
        [str(BIN / command[0]), *command[1:]],
        cwd=ROOT,
        env=environment,
        check=False,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
    )
    passed = done.returncode == 0
    # What a check says about the tree although it passes (long files) is worth a line.
    report = done.stdout + done.stderr if not passed else ""
    if name == "tree":
        report = done.stdout + done.stderr
    print(f"[lint] {'ok  ' if passed else 'FAIL'} {name}, {time.monotonic() - started:.1f} s")
    if report:
        print(report.rstrip())
    sys.stdout.flush()
    return passed


if __name__ == "__main__":
    sys.exit(main())
