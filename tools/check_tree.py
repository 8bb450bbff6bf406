"""Refuse what must never be in the repository, and files that have grown too large.

Looked at is every file that git tracks or would track. What is searched for is put together from
parts, so that this file passes its own check.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent

# Public throw-away keys of other projects' test suites, see tests/vectors/README.md.
KEYS_ALLOWED_IN = ("tests/vectors/peer_test_cases.json",)

LARGEST_FILE = 2 * 1024 * 1024
LONG_MODULE = 350
TOO_LONG_MODULE = 400

REGISTRY_HOSTS = (
    ("py", "pi.org"),
    ("python", "hosted.org"),
    ("registry.npm", "js.org"),
    ("registry.yarn", "pkg.com"),
    ("crates", ".io"),
    ("proxy.go", "lang.org"),
    ("deb.deb", "ian.org"),
    ("security.deb", "ian.org"),
    ("archive.u", "buntu.com"),
    ("docker", ".io"),
    ("ghcr", ".io"),
    ("public.ecr", ".aws"),
)

# A folder of one machine, at the start of a path: not "https://host/home/...".
MACHINE_FOLDERS = ("home/[a-z]", "root/", "tmp/", "work/", "Users/[A-Za-z]", "var/folders/")


def main() -> int:
    """Print every finding as `path:line: what is wrong`; 1 if there is one."""
    findings: list[str] = []
    for path in tracked_files():
        findings += check_file(path.relative_to(ROOT).as_posix(), path.read_bytes())
    findings += check_pyproject()
    for finding in findings:
        print(finding)
    return 1 if findings else 0


def tracked_files() -> list[Path]:
    """Every file of the work tree that is tracked, or new and not ignored."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout
    paths = (ROOT / name for name in sorted(set(listed.decode().split("\0"))) if name)
    return [path for path in paths if path.is_file() and not path.is_symlink()]


def check_file(name: str, content: bytes) -> list[str]:
    """What is wrong with one file: its words, its keys and its size."""
    findings = []
    # One character a byte: a path inside a picture's metadata is found as well.
    text = content.decode("latin-1")
    for what, pattern in _forbidden():
        if what == "private key" and name in KEYS_ALLOWED_IN:
            continue
        for match in pattern.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            findings.append(f"{name}:{line}: {what}")
    if len(content) > LARGEST_FILE:
        findings.append(f"{name}:1: {len(content)} bytes; at most {LARGEST_FILE}")
    if name.endswith(".py"):
        findings += _check_length(name, text.count("\n"))
    return findings


def _check_length(name: str, lines: int) -> list[str]:
    if lines > TOO_LONG_MODULE:
        return [f"{name}:1: {lines} lines; at most {LONG_MODULE}"]
    if lines > LONG_MODULE:
        print(f"note: {name} has {lines} lines; the house style asks for at most {LONG_MODULE}")
    return []


def _forbidden() -> Iterator[tuple[str, re.Pattern[str]]]:
    hosts = "|".join(re.escape("".join(parts)) for parts in REGISTRY_HOSTS)
    yield "package registry", re.compile(rf"(?<![\w-])(?:[\w-]+\.)*(?:{hosts})\b", re.IGNORECASE)
    folders = "|".join(MACHINE_FOLDERS)
    windows = "[A-Za-z]:" + r"\\{1,2}" + "Users" + r"\\"
    here = "|".join(re.escape(place) for place in _places_of_this_machine())
    yield "machine path", re.compile(rf"(?<![\w.$}}%*/-])/(?:{folders})|{windows}|{here}")
    armour = "-----BEGIN (?:[A-Z0-9]+ )*PRIV" + "ATE KEY-----"
    # A header alone, or one with a stub behind it, is how tests and docs speak of a key.
    yield "private key", re.compile(armour + r"(?:\s|\\[nr]|[\"'])*[A-Za-z0-9+/=]{40}")


def _places_of_this_machine() -> Iterator[str]:
    """The checkout, and the folders around it that are too specific to be a coincidence."""
    specific = 3
    for place in (ROOT, ROOT.parent, Path.home()):
        if place == ROOT or len(place.parts) >= specific:
            yield str(place)


def check_pyproject() -> list[str]:
    """A path that pyproject.toml names and that does not exist is a setting without effect."""
    tables = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return [
        f"pyproject.toml:1: {pattern} names nothing"
        for pattern in _paths_in(tables)
        if not any(ROOT.glob(pattern))
    ]


def _paths_in(tables: dict[str, Any]) -> Iterator[str]:
    tool = tables["tool"]
    yield tables["project"]["readme"]
    yield from tables["project"]["license-files"]
    yield from tool["hatch"]["build"]["targets"]["wheel"]["packages"]
    yield tool["hatch"]["build"]["targets"]["wheel"]["hooks"]["custom"]["path"]
    yield from tool["pytest"]["ini_options"]["testpaths"]
    yield from tool["coverage"]["run"]["source"]
    yield from tool["coverage"]["run"]["omit"]
    yield from tool["mutmut"]["source_paths"]
    yield from tool["mutmut"]["only_mutate"]
    yield from tool["mutmut"]["also_copy"]
    yield from tool["ruff"]["lint"]["per-file-ignores"]


if __name__ == "__main__":
    sys.exit(main())
