"""Reading a grants table from where a setting says it is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from signer.custody import read_secret_text
from signer.errors import ConfigurationError, RemoteError, SignerError, excerpt
from signer.grants import GrantTable

_LARGEST: Final = 1024 * 1024
_SHOWN: Final = 60
STORES: Final = ("secretsmanager:", "ssm:")
"""How a place begins that AWS has to be asked for."""

_VARIABLE: Final = "env:"


def read_grants(
    place: str | Path, *, base_url: str, client: object = None, folder: str | Path = ""
) -> GrantTable:
    """Read and check a grants table.

    Args:
        place: A path, or as for :func:`signer.open_issuer`. A file need not be private: a table is
            no secret.
        base_url: Scheme and host of everything that is granted.
        client: As for :func:`signer.open_issuer`.
        folder: Where relative paths begin; the current directory when empty.

    Raises:
        ConfigurationError: ``grants_file``: there is no such file or variable.
        RemoteError: ``grants_unavailable``: the store refused, or did not answer.
        GrantError: It is wrong; the message names line and field.
    """
    if isinstance(place, str) and place.startswith((_VARIABLE, *STORES)):
        try:
            text = read_secret_text(place, client=client)
        except SignerError as error:
            problem = f"the grants table cannot be read: {error.message}"
            if place.startswith(_VARIABLE):
                raise ConfigurationError("grants_file", problem, cause=error.code) from None
            raise RemoteError("grants_unavailable", problem, cause=error.code) from None
        return GrantTable.from_text(text, base_url=base_url, source=place.partition(":")[0])
    path = _path(str(place).removeprefix("file:"), folder)
    return GrantTable.from_text(_file_text(path), base_url=base_url, source=path.name)


def _path(name: str, folder: str | Path) -> Path:
    try:
        return Path(folder) / Path(name).expanduser()
    except RuntimeError:  # "~nobody"
        raise ConfigurationError(
            "grants_file", f"the grants file {excerpt(name)} is in nobody's home", field="grants"
        ) from None


def _file_text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a path"
        raise _unreadable(path, f"cannot be read: {reason}") from None
    if len(content) > _LARGEST:
        raise _unreadable(path, "is longer than a mebibyte")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _unreadable(path, "is not UTF-8 text") from None


def _unreadable(path: Path, problem: str) -> ConfigurationError:
    text = str(path)
    shown = text if len(text) <= _SHOWN else f"...{text[-_SHOWN:]}"
    return ConfigurationError(
        "grants_file",
        f"the grants file {excerpt(shown)} {problem}",
        advice="" if path.is_absolute() else f"relative paths begin at {Path.cwd()}",
        field="grants",
    )
