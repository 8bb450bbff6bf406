"""Make `.venv`: one virtual environment, installed from a hashed lock, quick the second time.

    python tools/environment.py demo    what `make demo` needs
    python tools/environment.py dev     everything the tests and the linters need (includes demo)

Runs on a bare Python 3.11 or newer with nothing but the standard library. A stamp in `.venv` says
what it holds, so a second call returns at once. The installer is uv, itself installed by pip from
a hashed lock; pip does the whole job where uv cannot.
"""

from __future__ import annotations

import sys

OLDEST = (3, 11)
if sys.version_info < OLDEST:
    sys.exit(
        "cloudfront-issuer needs Python 3.11 or newer; this is Python %d.%d (%s). "
        "Install a newer one and say `make PYTHON=/path/to/python3.11 ...`."
        % (sys.version_info[0], sys.version_info[1], sys.executable)
    )

import argparse
import contextlib
import hashlib
import importlib.util
import json
import os
import subprocess
import time
import tomllib
import venv
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / "installed.txt"
SCRIPTS = VENV / ("Scripts" if sys.platform == "win32" else "bin")
PYTHON = SCRIPTS / ("python.exe" if sys.platform == "win32" else "python")
UV_LOCK = ROOT / "requirements" / "uv.txt"
SETS = ("demo", "dev")


def main() -> None:
    """Bring `.venv` to the wanted set, unless it already holds it."""
    parser = argparse.ArgumentParser(description="Make .venv from a hashed lock.")
    parser.add_argument("set", choices=SETS)
    wanted: str = parser.parse_args().set
    if _holds(wanted):
        return
    started = time.monotonic()
    with _one_at_a_time():
        if _holds(wanted):
            return
        # An environment that holds the larger set is brought up to date, never cut down.
        chosen = "dev" if _stamp()[0] == "dev" else wanted
        _install(chosen)
    _say(f"ready: the {chosen} set in {VENV.name}, {time.monotonic() - started:.1f} s in all")


def _install(chosen: str) -> None:
    if not _same_interpreter():
        _make_venv()
    # Gone while the contents change: an interrupted run is repeated, never trusted.
    STAMP.unlink(missing_ok=True)
    lock = ROOT / "requirements" / f"{chosen}.txt"
    try:
        with _step("installing uv from requirements/uv.txt"):
            _pip("install", "--require-hashes", "-r", str(UV_LOCK))
        with _step(f"installing {_count(lock)} packages from requirements/{lock.name}"):
            _sync_with_uv(lock)
        with _step("installing the project itself, editable"):
            _uv("install", "--offline", "--no-deps", "--no-build-isolation", "-e", str(ROOT))
    except (OSError, subprocess.CalledProcessError) as error:
        _say(f"uv could not do it ({error}); pip does it instead, which takes a minute or two")
        _install_with_pip(lock)
    STAMP.write_text(f"{chosen} {_fingerprint(chosen)}\n", encoding="utf-8")


def _sync_with_uv(lock: Path) -> None:
    arguments = ("sync", "--require-hashes", "--only-binary=:all:")
    try:
        # The system's certificates, as pip: a proxy of the company may be known only to them.
        _uv(*arguments, "--system-certs", str(lock))
    except subprocess.CalledProcessError:
        _say("once more, with uv's own certificates instead of the system's")
        _uv(*arguments, str(lock))


def _install_with_pip(lock: Path) -> None:
    binary = "--only-binary=:all:"
    try:
        with _step(f"installing {_count(lock)} packages from requirements/{lock.name} with pip"):
            _pip("install", "--require-hashes", "--no-deps", binary, "-r", str(lock))
        with _step("installing the project itself, editable"):
            editable = ("--no-index", "--no-deps", "--no-build-isolation", "-e", str(ROOT))
            _pip("install", *editable)
    except subprocess.CalledProcessError as error:
        sys.exit(f"The packages could not be installed: {error}. Is the package index reachable?")


def _make_venv() -> None:
    if importlib.util.find_spec("ensurepip") is None:
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        sys.exit(
            f"This Python has no ensurepip, so it cannot make a virtual environment with pip. "
            f"On Debian and Ubuntu: apt-get install python{version}-venv"
        )
    version = ".".join(str(part) for part in sys.version_info[:3])
    with _step(f"making {VENV.name} with Python {version}"):
        venv.create(VENV, clear=True, with_pip=True, symlinks=sys.platform != "win32")
    _interpreter_note().write_text(_interpreter(), encoding="utf-8")


def _interpreter() -> str:
    return f"{sys.implementation.name} {sys.version} {sys.base_prefix} {ROOT}\n"


def _interpreter_note() -> Path:
    return VENV / "interpreter.txt"


def _same_interpreter() -> bool:
    """Whether `.venv` was made by this Python, for this checkout, and still starts."""
    try:
        if _interpreter_note().read_text(encoding="utf-8") != _interpreter():
            return False
        # Started for real: the Python it links to may be gone.
        _run(str(PYTHON), "-c", "import pip")
    except (OSError, subprocess.CalledProcessError):
        return False
    return True


def _fingerprint(chosen: str) -> str:
    """What the contents of `.venv` depend on, as one hash."""
    tables = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    ours = {name: tables[name] for name in ("build-system", "project")}
    digest = hashlib.sha256(json.dumps(ours, sort_keys=True).encode())
    for part in (UV_LOCK, ROOT / "requirements" / f"{chosen}.txt"):
        # Text mode, so that a checkout with CRLF line ends has the same fingerprint.
        digest.update(part.read_text(encoding="utf-8").encode())
    digest.update(_interpreter().encode())
    return digest.hexdigest()


def _stamp() -> tuple[str, str]:
    try:
        chosen, fingerprint = STAMP.read_text(encoding="utf-8").split()
    except (OSError, ValueError):
        return "", ""
    return chosen, fingerprint


def _holds(wanted: str) -> bool:
    held, fingerprint = _stamp()
    enough = {"demo": SETS, "dev": ("dev",)}[wanted]
    return held in enough and PYTHON.exists() and fingerprint == _fingerprint(held)


def _pip(verb: str, *arguments: str) -> None:
    quiet = ("--quiet", "--disable-pip-version-check")
    _run(str(PYTHON), "-m", "pip", verb, *quiet, *arguments)


def _uv(verb: str, *arguments: str) -> None:
    _run(str(PYTHON), "-m", "uv", "pip", verb, "--quiet", f"--python={PYTHON}", *arguments)


def _run(*command: str) -> None:
    # Variables that would lead the installers to another Python or another environment.
    astray = ("PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV", "CONDA_PREFIX", "PIP_TARGET", "PIP_USER")
    environment = {name: value for name, value in os.environ.items() if name not in astray}
    environment["UV_PYTHON_DOWNLOADS"] = "never"
    subprocess.run(command, cwd=ROOT, env=environment, check=True)


def _count(lock: Path) -> int:
    return sum("==" in line for line in lock.read_text(encoding="utf-8").splitlines())


def _say(text: str) -> None:
    print(f"[setup] {text}", flush=True)


@contextlib.contextmanager
def _step(text: str) -> Iterator[None]:
    started = time.monotonic()
    _say(f"{text} ...")
    yield
    _say(f"  done, {time.monotonic() - started:.1f} s")


@contextlib.contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Hold a lock that the system releases when this process ends, however it ends."""
    with (ROOT / ".venv.lock").open("a+b") as file:
        if not _try_lock(file.fileno()):
            _say("another call is setting up .venv; waiting for it")
            while not _try_lock(file.fileno()):
                time.sleep(0.2)
        yield


def _try_lock(descriptor: int) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


if __name__ == "__main__":
    main()
