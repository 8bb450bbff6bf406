"""Write the hashed lock files from requirements/*.in, lambda/requirements.in and pyproject.toml.

Run it with `make lock` after a change of either. The locks hold for every platform and every
supported Python, name no package index and no download address, and pin each file by its hash.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# The dev set is constrained by the demo set, so that one environment can satisfy both.
LOCKS: dict[str, tuple[str, ...]] = {
    "requirements/uv.txt": ("requirements/uv.in",),
    "requirements/demo.txt": ("pyproject.toml", "--extra=dev", "requirements/demo.in"),
    "requirements/dev.txt": (
        "pyproject.toml",
        "--extra=dev",
        "requirements/demo.in",
        "requirements/dev.in",
        "--constraint=requirements/demo.txt",
    ),
    "signer/dev/ministack.txt": ("requirements/ministack.in",),
    # In the versions that the tests run with.
    "lambda/requirements.txt": (
        "lambda/requirements.in",
        "--excludes=lambda/runtime.txt",
        "--constraint=requirements/demo.txt",
    ),
}

FLAGS = (
    "--universal",
    "--python-version=3.11",
    "--generate-hashes",
    "--no-emit-index-url",
    "--no-header",
    "--no-annotate",
    "--quiet",
)


def main() -> None:
    """Resolve every set again; pass `--upgrade` to take the newest versions."""
    for lock, sources in LOCKS.items():
        (ROOT / lock).parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "uv", "pip", "compile", *FLAGS, *sys.argv[1:], *sources]
        subprocess.run([*command, f"--output-file={lock}"], cwd=ROOT, check=True)
        print(f"wrote {lock}")


if __name__ == "__main__":
    main()
