"""MiniStack's own virtual environment, made once from a hashed lock and kept in the user's cache.

Its own, because it pins dependencies that would fight with the project's.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import venv
from collections import deque
from collections.abc import Callable
from pathlib import Path

from signer.errors import ConfigurationError

LOCK = Path(__file__).with_name("ministack.txt")

# Written last: an environment without it is an installation that was interrupted.
_STAMP = "complete"
_LINES_KEPT = 8


def cache_folder() -> Path:
    """Return this program's folder in the per-user cache of the operating system."""
    if sys.platform == "win32":
        root = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        root = Path.home() / "Library" / "Caches"
    else:
        root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return root / "cloudfront-issuer"


def environment_folder(cache: Path, lock: Path = LOCK) -> Path:
    """Return where the environment for this lock and this Python belongs."""
    digest = hashlib.sha256(lock.read_bytes())
    digest.update(f"{sys.version} {sys.base_prefix}".encode())
    return cache / f"ministack-{digest.hexdigest()[:16]}"


def python_of(folder: Path) -> Path:
    """Return the interpreter of a virtual environment."""
    return folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def ready_environment(
    say: Callable[[str], None], *, cache: Path | None = None, lock: Path = LOCK
) -> Path:
    """Return the interpreter of MiniStack's environment; install it first if need be.

    Args:
        say: Told what happens, one line at a time, while something is installed.
        cache: Folder for the environment; the user's cache when None.
        lock: Requirements with hashes.

    Raises:
        ConfigurationError: ``ministack_install`` when it cannot be installed, most often because
            there is no network.
    """
    folder = environment_folder(cache or cache_folder(), lock)
    if (folder / _STAMP).is_file() and python_of(folder).exists():
        return python_of(folder)
    # Built beside its place and moved there whole, so that two demos starting at once both work.
    building = folder.with_name(f"{folder.name}.{os.getpid()}")
    try:
        say("MiniStack is not installed yet: making an environment for it (once)")
        _build(building, lock, say)
        (building / _STAMP).touch()
        _move(building, folder)
    except OSError as error:
        raise ConfigurationError(
            "ministack_install",
            f"MiniStack's environment cannot be made: {error}",
            advice="use `signer dev --storage folder`, which needs no MiniStack",
        ) from error
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return python_of(folder)


def _build(folder: Path, lock: Path, say: Callable[[str], None]) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Our own pip can install there. Making another one is slower, and some systems cannot.
    ours = importlib.util.find_spec("pip") is not None
    try:
        venv.create(folder, with_pip=not ours, symlinks=sys.platform != "win32")
    except subprocess.CalledProcessError as error:
        raise _failed("this Python cannot make virtual environments with pip") from error
    python = str(python_of(folder))
    pip_there = (sys.executable, "-m", "pip", "--python", python) if ours else (python, "-m", "pip")
    command = [
        # Wheels only: nothing is run while it is installed.
        *(*pip_there, "install", "--only-binary=:all:", "--require-hashes", "-r", str(lock)),
        *("--disable-pip-version-check", "--no-input", "--progress-bar", "off"),
        *("--retries", "2", "--timeout", "20"),
    ]
    last: deque[str] = deque(maxlen=_LINES_KEPT)
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
    ) as pip:
        try:
            for line in pip.stdout or ():
                last.append(line.rstrip())
                if line.startswith(("Collecting ", "Installing ")):
                    say(line.split(" (from")[0].rstrip())
        except BaseException:
            # Ctrl-C, most likely: pip is not left to finish on its own.
            pip.kill()
            raise
    if pip.returncode:
        raise _failed("MiniStack could not be installed", output="\n".join(last))


def _move(building: Path, folder: Path) -> None:
    if folder.exists() and not (folder / _STAMP).is_file():
        shutil.rmtree(folder)
    try:
        building.rename(folder)
    except OSError:
        # Another demo was quicker; its environment is as good as ours.
        if not (folder / _STAMP).is_file():
            raise


def _failed(message: str, *, output: str = "") -> ConfigurationError:
    return ConfigurationError(
        "ministack_install",
        message,
        advice=(
            "the first start needs a network; "
            "`signer dev --storage folder` needs neither network nor MiniStack"
        ),
        output=output,
    )
