"""Remove what was made here: the environment, builds, caches and measurements."""

from __future__ import annotations

import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = (
    ".venv",
    ".hypothesis",
    ".import_linter_cache",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    "build",
    "cdk.out",
    "cdk/node_modules",
    "dist",
    "htmlcov",
    "mutants",
    "node_modules",
)


def main() -> None:
    """Remove the folders at the root, and the compiled files everywhere."""
    for name in FOLDERS:
        shutil.rmtree(ROOT / name, ignore_errors=True)
    for cache in [*ROOT.rglob("__pycache__")]:
        shutil.rmtree(cache, ignore_errors=True)
    for file in (*ROOT.glob(".coverage*"), ROOT / ".venv.lock"):
        file.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
