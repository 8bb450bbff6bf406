"""Zips of the Lambda functions, without Docker: locked wheels, our package, one entry file.

The same inputs give the same bytes. Wheels are fetched once for each target and kept in the user's
cache; after that a bundle needs no network.

    python -m cdk.bundling      how large the zips are, for every target
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import platform
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal

from signer.dev.environment import cache_folder
from signer.errors import ConfigurationError

if TYPE_CHECKING:
    from aws_cdk import aws_lambda as lambda_

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
# Of our package, whatever else lies about in a checkout.
_OURS: Final = frozenset({".py", ".js", ".typed"})
# What an installer notes about itself, and command-line programs.
_NOTES: Final = frozenset(
    {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json", ".lock"}
)
_STAMP: Final = "complete"
# Variables with which people lead uv to another Python, another folder or other versions.
_ASTRAY: Final = frozenset(
    {"PYTHONHOME", "PYTHONPATH", "UV_PYTHON", "UV_SYSTEM_PYTHON", "UV_TARGET", "UV_PREFIX"}
    | {"UV_COMPILE_BYTECODE", "UV_CONSTRAINT", "UV_OVERRIDE", "UV_EXCLUDE_NEWER"}
)
# The first moment that a zip can tell.
_MOMENT: Final = (1980, 1, 1, 0, 0, 0)
_MODE: Final = 0o644
_UNIX: Final = 3
_KEPT_SECONDS: Final = 30 * 24 * 3600.0


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
    """Return a function's code, zipped once.

    Its hash is of the contents: zlib may pack them otherwise on another machine, and that is no
    reason to deploy anew.

    Args:
        entry: ``issue.py`` or ``rotate.py``.
        target: What it runs on.
        files: More for the zip's root: name to file, such as the table of grants.

    Raises:
        ConfigurationError: ``bundle_wheels``: they cannot be had; ``bundle_file``: a file cannot be
            read.
    """
    from aws_cdk import aws_lambda  # noqa: PLC0415 - starts Node.js, and only this needs it

    contents = _contents(entry, target, files or {})
    digest = hashlib.sha256()
    for name in sorted(contents):
        digest.update(f"{len(name)} {name} {len(contents[name])} ".encode() + contents[name])
    file = _folder() / f"{Path(entry).stem}-{target.name}-{digest.hexdigest()[:32]}.zip"
    try:
        _keep(file, contents)
    except OSError as error:
        raise _unwritable(error) from error
    return aws_lambda.Code.from_asset(str(file), asset_hash=digest.hexdigest())


def zip_bytes(entry: str, *, target: Target, files: Mapping[str, Path] | None = None) -> bytes:
    """Return a function's zip; the same bytes for the same inputs. See :func:`code`."""
    return _zipped(_contents(entry, target, files or {}))


def _contents(entry: str, target: Target, files: Mapping[str, Path]) -> dict[str, bytes]:
    there = dict(_tree(wheels(target)))
    ours = _tree(ROOT / "signer", _LEFT_OUT)
    there |= {f"signer/{name}": file for name, file in ours if file.suffix in _OURS}
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
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        # Built beside its place and moved there whole, so that two at once, or one that is
        # interrupted, leave nothing half done.
        with tempfile.TemporaryDirectory(
            prefix=f"{folder.name}.", dir=folder.parent, ignore_cleanup_errors=True
        ) as name:
            building = Path(name) / "built"
            _install(building / "root", target)
            (building / _STAMP).touch()
            building.rename(folder)
    except OSError as error:
        # Perhaps somebody else was faster.
        if not (folder / _STAMP).is_file():
            raise _unwritable(error) from error
    return folder / "root"


def _install(folder: Path, target: Target) -> None:
    # Named, so that wheels for this machine are for this interpreter.
    command = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", sys.executable]
    command += ["--require-hashes", "--no-deps", "--only-binary=:all:", "--link-mode=copy"]
    command += ["--target", str(folder), "--requirements", str(LOCK)]
    if not target.local:
        linux = "manylinux2014" if target.python == _OLD_LINUX else "manylinux_2_28"
        command += ["--python-version", target.python]
        command += ["--python-platform", f"{_MACHINES[target.architecture]}-{linux}"]
    # The system's certificates first: a proxy of the company may be known only to them.
    if _ran([*command, "--system-certs"])[0]:
        return
    installed, said = _ran(command)
    if not installed:
        sys.stderr.write(f"{said}\n")
        advice = "the first time they come from the package index: is the network there?"
        if "No module named uv" in said:
            advice = "run `make setup`, which installs uv"
        raise ConfigurationError(
            "bundle_wheels",
            f"the wheels for {target.name} cannot be had",
            advice=advice,
            output=said,
        )


def _ran(command: list[str]) -> tuple[bool, str]:
    environment = {name: value for name, value in os.environ.items() if name not in _ASTRAY}
    environment["UV_PYTHON_DOWNLOADS"] = "never"
    done = subprocess.run(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        encoding="utf-8",
        errors="replace",
    )
    return done.returncode == 0, done.stderr.strip()[-2000:]


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


def _keep(file: Path, contents: Mapping[str, bytes]) -> None:
    """Zip it unless that was done before; forget what nobody asked for in a month."""
    if file.is_file():
        os.utime(file)
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    data = _zipped(contents)
    with tempfile.TemporaryDirectory(
        prefix=f"{file.stem}.", dir=file.parent, ignore_cleanup_errors=True
    ) as name:
        written = Path(name) / file.name
        written.write_bytes(data)
        try:
            written.replace(file)
        except OSError:
            # On Windows, where somebody else was faster and is reading it.
            if not file.is_file():
                raise
    oldest = time.time() - _KEPT_SECONDS
    for old in file.parent.glob("*.zip"):
        with contextlib.suppress(OSError):
            if old.stat().st_mtime < oldest:
                old.unlink()


def _unwritable(error: OSError) -> ConfigurationError:
    return ConfigurationError(
        "bundle_cache",
        f"{error.filename or 'the cache'} cannot be written: {error.strerror or 'unknown error'}",
    )


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
