"""The repository keeps its own promises: locks, builds, commands and settings agree."""

from __future__ import annotations

import ast
import itertools
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
LOCKS = (
    "requirements/uv.txt",
    "requirements/demo.txt",
    "requirements/dev.txt",
    "signer/dev/ministack.txt",
    "lambda/requirements.txt",
)
PIN = re.compile(r"^([a-z0-9-]+)==([^ ;\\]+)", re.MULTILINE)


def pins(lock: str) -> dict[str, str]:
    """The packages of a lock file and their versions."""
    return dict(PIN.findall((ROOT / lock).read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def pyproject() -> dict[str, Any]:
    """The settings of the project."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel that is built from what the sdist holds."""
    folder = tmp_path_factory.mktemp("dist")
    build(ROOT, "sdist", folder)
    (sdist,) = folder.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        # Older releases of 3.11 have no filters; our own archive needs none.
        filters: dict[str, Any] = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
        archive.extractall(folder / "unpacked", **filters)
    (source,) = (folder / "unpacked").iterdir()
    build(source, "wheel", folder)
    return folder


def build(source: Path, target: str, folder: Path) -> None:
    """Build with the back end of the lock, without any network."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(folder)]
    subprocess.run(command, cwd=source, check=True, capture_output=True)


def test_the_tree_holds_nothing_forbidden() -> None:
    command = [sys.executable, str(ROOT / "tools" / "check_tree.py")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("lock", LOCKS)
def test_every_lock_pins_by_hash_and_names_no_address(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert "://" not in text
    assert not re.search(r"^\s*--(?!hash=sha256:)", text, re.MULTILINE)
    entries = re.split(r"\n(?=\S)", text.strip())
    # A package may be there twice, each with the Pythons it is for.
    assert len(entries) == len(PIN.findall(text))
    for entry in entries:
        assert "--hash=sha256:" in entry, entry


def test_one_environment_can_hold_both_sets() -> None:
    demo, dev = pins("requirements/demo.txt"), pins("requirements/dev.txt")
    assert demo.items() <= dev.items()


def test_the_lock_holds_the_build_back_end_that_pyproject_asks_for(
    pyproject: dict[str, Any],
) -> None:
    locked = pins("requirements/demo.txt")
    assert pyproject["build-system"]["requires"] == [f"hatchling=={locked['hatchling']}"]


def test_the_library_needs_cryptography_and_nothing_else(pyproject: dict[str, Any]) -> None:
    (dependency,) = pyproject["project"]["dependencies"]
    assert dependency.startswith("cryptography>=")


def test_what_is_imported_is_declared(pyproject: dict[str, Any]) -> None:
    extras = pyproject["project"]["optional-dependencies"]
    declared = [*pyproject["project"]["dependencies"], *itertools.chain(*extras.values())]
    named = {re.split(r"[^A-Za-z0-9_-]", line)[0].replace("-", "_") for line in declared}
    # Parts of Django and Flask in packages of their own.
    named |= {"asgiref", "werkzeug"}
    imported = set[str]()
    for path in (ROOT / "signer").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add((node.module or "").partition(".")[0])
    assert imported - set(sys.stdlib_module_names) - {"signer"} <= named


def test_every_extra_is_part_of_all(pyproject: dict[str, Any]) -> None:
    extras = pyproject["project"]["optional-dependencies"]
    (everything,) = extras["all"]
    named = set(everything.partition("[")[2].rstrip("]").split(","))
    assert named == set(extras) - {"all"}


def test_the_wheel_holds_the_typed_package_and_the_demo_content(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert "signer/py.typed" in names
    assert "signer/dev/ministack.txt" in names
    modules = {path.relative_to(ROOT).as_posix() for path in (ROOT / "signer").rglob("*.py")}
    assert modules <= names
    gallery = ROOT / "examples" / "gallery"
    content = {
        path.relative_to(gallery).as_posix()
        for path in gallery.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    # What painted the media needs libraries that no extra installs.
    content -= {"make_media.py", "landscape.py"}
    shipped = {name for name in names if name.startswith("signer/dev/gallery/")}
    assert shipped == {f"signer/dev/gallery/{name}" for name in content}
    functions = {f"signer/dev/function/{path.name}" for path in (ROOT / "lambda").glob("*.py")}
    assert {name for name in names if name.startswith("signer/dev/function/")} == functions
    pages = ROOT / "signer" / "dev" / "identity" / "pages"
    assert {f"signer/dev/identity/pages/{path.name}" for path in pages.iterdir()} <= names
    outside = {name for name in names if not name.startswith(("signer/", "cloudfront_issuer-"))}
    assert not outside


def test_the_licence_travels_with_the_wheel(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    assert any(name.endswith("licenses/LICENSE") for name in zipfile.ZipFile(wheel).namelist())


def test_no_key_can_be_committed_by_accident() -> None:
    for name in ("keys/dev.json", "keys/private_key.pem", "keys/a/b.der"):
        command = ["git", "check-ignore", "--quiet", "--no-index", name]
        assert subprocess.run(command, cwd=ROOT, check=False).returncode == 0, name
    for name in ("keys/README.md", "keys/.gitignore"):
        assert (ROOT / name).exists()


@pytest.mark.skipif(not shutil.which("make"), reason="no make on this machine")
def test_make_help_lists_every_command() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):.*##", makefile, re.MULTILINE))
    assert targets >= {"demo", "test", "lint", "bench", "fmt", "setup", "mutate", "fuzz", "clean"}
    # Without the variables of a make that runs these tests: it would announce its folders.
    environment = {name: value for name, value in os.environ.items() if "MAKE" not in name}
    done = subprocess.run(
        ["make", "help"], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert {line.split()[1] for line in done.stdout.splitlines()} == targets


def test_ci_runs_the_commands_of_a_newcomer() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    commands = [line for line in script.splitlines() if line.startswith("make ")]
    assert commands == ["make test", "make demo ARGS=--check"]
