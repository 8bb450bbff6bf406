"""Zips of the Lambda functions, without Docker: locked wheels, our package, one entry file.

The same inputs give the same bytes. Wheels are fetched once for each target and kept in the user's
cache; after that a bundle needs no network.

    python -m cdk.bundling      how large the zips are, for every target
"""

from __future__ import annotations

import hashlib
import io
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal

from aws_cdk import aws_lambda as lambda_

from signer.dev.environment import cache_folder
from signer.errors import ConfigurationError

ROOT: Final = Path(__file__).resolve().parent.parent
LOCK: Final = ROOT / "lambda" / "requirements.txt"

Architecture = Literal["arm64", "x86_64"]

# As AWS names a machine, and as the wheels' tags do.
_MACHINES: Final = MappingProxyType({"arm64": "aarch64", "x86_64": "x86_64"})
_ARCHITECTURES: Final = MappingProxyType(
    {"aarch64": "arm64", "arm64": "arm64", "x86_64": "x86_64", "amd64": "x86_64"}
)
# AWS page "Lambda runtimes": Python 3.11 is on Amazon Linux 2, newer ones are on Amazon Linux 2023.
_OLD_LINUX: Final = "3.11"
# Nothing in Lambda imports these.
_LEFT_OUT: Final = frozenset({"cli", "dev", "edge", "explain", "integrations", "__main__.py"})
# What an installer notes about itself, and command-line programs.
_NOTES: Final = frozenset(
    {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json", ".lock"}
)
_STAMP: Final = "complete"
# The first moment that a zip can tell.
_MOMENT: Final = (1980, 1, 1, 0, 0, 0)
_MODE: Final = 0o644
_UNIX: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What a bundle is to run on.

    Attributes:
        python: Version of Python.
        architecture: ``arm64`` or ``x86_64``.
        local: Whether it is this machine itself, with the Python that runs this.
    """

    python: str
    architecture: Architecture
    local: bool = False

    @classmethod
    def here(cls) -> Target:
        """Return this machine: for an emulator, which runs functions on it.

        Raises:
            ConfigurationError: ``bundle_machine``: AWS has no such machine.
        """
        machine = platform.machine().lower()
        if machine not in _ARCHITECTURES:
            raise ConfigurationError("bundle_machine", f"Lambda has no machine like {machine}")
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        architecture: Architecture = "arm64" if _ARCHITECTURES[machine] == "arm64" else "x86_64"
        return cls(python=version, architecture=architecture, local=True)

    @property
    def name(self) -> str:
        """Return a name for messages and folders."""
        where = f"{sys.platform}-" if self.local else ""
        return f"{where}{self.architecture}-{self.python}"


def code(entry: str, *, target: Target, files: Mapping[str, Path] | None = None) -> lambda_.Code:
    """Return a function's code. It is zipped once; another zip means other contents.

    Args:
        entry: ``issue.py`` or ``rotate.py``.
        target: What it runs on.
        files: More for the zip's root: name to file, such as the table of grants.

    Raises:
        ConfigurationError: ``bundle_wheels``: they cannot be had; ``bundle_file``: a file cannot be
            read.
    """
    contents = _contents(entry, target, files or {})
    digest = hashlib.sha256()
    for name in sorted(contents):
        digest.update(f"{len(name)} {name} {len(contents[name])} ".encode() + contents[name])
    file = _folder() / f"{Path(entry).stem}-{target.name}-{digest.hexdigest()[:32]}.zip"
    if not file.is_file():
        _write(file, _zipped(contents))
    return lambda_.Code.from_asset(str(file))


def zip_bytes(entry: str, *, target: Target, files: Mapping[str, Path] | None = None) -> bytes:
    """Return a function's zip; the same bytes for the same inputs. See :func:`code`."""
    return _zipped(_contents(entry, target, files or {}))


def _contents(entry: str, target: Target, files: Mapping[str, Path]) -> dict[str, bytes]:
    there = dict(_tree(wheels(target)))
    there |= {f"signer/{name}": file for name, file in _tree(ROOT / "signer", _LEFT_OUT)}
    there[entry] = ROOT / "lambda" / entry
    return {name: _content(file) for name, file in (there | dict(files)).items()}


def _zipped(contents: Mapping[str, bytes]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name in sorted(contents):
            info = zipfile.ZipInfo(name, _MOMENT)
            # Lambda runs as another user, who has to be able to read.
            info.external_attr = _MODE << 16
            info.create_system = _UNIX
            archive.writestr(info, contents[name], zipfile.ZIP_DEFLATED, compresslevel=6)
    return data.getvalue()


def wheels(target: Target, *, cache: Path | None = None) -> Path:
    """Return a folder with everything that the functions import from elsewhere.

    Args:
        target: What it is to run on.
        cache: Where such folders are kept; the user's cache when None.

    Raises:
        ConfigurationError: ``bundle_wheels``.
    """
    digest = hashlib.sha256(LOCK.read_text("utf-8").encode())
    digest.update(f"{target.name} {sys.version if target.local else ''}".encode())
    folder = (cache or _folder()) / f"wheels-{target.name}-{digest.hexdigest()[:16]}"
    if (folder / _STAMP).is_file():
        return folder / "root"
    sys.stderr.write(f"fetching wheels for Lambda, {target.name} (once) ...\n")
    # Built beside its place and moved there whole, so that two at once, or one that is
    # interrupted, leave nothing half done.
    folder.parent.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(prefix=f"{folder.name}.", dir=folder.parent))
    try:
        _install(building / "root", target)
        (building / _STAMP).touch()
        building.rename(folder)
    except OSError:
        # Somebody else was faster; or it is a folder that cannot be written.
        if not (folder / _STAMP).is_file():
            raise
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return folder / "root"


def _install(folder: Path, target: Target) -> None:
    command = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--target", str(folder)]
    command += ["--require-hashes", "--no-deps", "--only-binary=:all:", "--link-mode=copy"]
    command += ["--no-config", "--no-compile-bytecode", "--requirements", str(LOCK)]
    if not target.local:
        linux = "manylinux2014" if target.python == _OLD_LINUX else "manylinux_2_28"
        command += ["--python-version", target.python]
        command += ["--python-platform", f"{_MACHINES[target.architecture]}-{linux}"]
    environment = {**os.environ, "UV_PYTHON_DOWNLOADS": "never"}
    done = subprocess.run(
        command, env=environment, check=False, capture_output=True, text=True, encoding="utf-8"
    )
    if done.returncode != 0:
        raise ConfigurationError(
            "bundle_wheels",
            f"the wheels for {target.name} cannot be had",
            advice="the first time they come from the package index: is the network there?",
            output=done.stderr[-2000:],
        )


def _tree(root: Path, left_out: frozenset[str] = frozenset()) -> Iterator[tuple[str, Path]]:
    """Yield each file that belongs into a zip, by its name in it."""
    for file in root.rglob("*"):
        parts = file.relative_to(root).parts
        unwanted = parts[0] in left_out or parts[0] == "bin" or "__pycache__" in parts
        if not unwanted and file.name not in _NOTES and file.is_file():
            yield "/".join(parts), file


def _content(file: Path) -> bytes:
    try:
        data = file.read_bytes()
    except OSError as error:
        raise ConfigurationError(
            "bundle_file", f"{file} cannot be read: {error.strerror or 'unknown error'}"
        ) from None
    # A checkout on Windows may have other line ends; the zip is for Linux.
    return data.replace(b"\r\n", b"\n") if file.suffix in {".py", ".toml"} else data


def _folder() -> Path:
    return cache_folder() / "bundles"


def _write(file: Path, data: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=file.name, dir=file.parent)
    with os.fdopen(descriptor, "wb") as out:
        out.write(data)
    Path(name).replace(file)


def main() -> None:
    """Print how large every zip is."""
    megabyte = 1_000_000
    for entry in ("issue.py", "rotate.py"):
        for python in ("3.11", "3.12", "3.13", "3.14"):
            for architecture in _MACHINES:
                one: Architecture = "arm64" if architecture == "arm64" else "x86_64"
                data = zip_bytes(entry, target=Target(python=python, architecture=one))
                with zipfile.ZipFile(io.BytesIO(data)) as archive:
                    unpacked = sum(info.file_size for info in archive.infolist())
                sys.stdout.write(
                    f"{entry:10} Python {python} {architecture:7} "
                    f"{len(data) / megabyte:5.1f} MB, unpacked {unpacked / megabyte:5.1f} MB\n"
                )


if __name__ == "__main__":
    main()
