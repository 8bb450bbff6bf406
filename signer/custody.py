"""Where credentials are kept: opening an issuer from a URI, and writing new key files.

``file:PATH`` reads a credential document from a file that only its owner can read;
``env:NAME`` reads it from an environment variable.
"""

from __future__ import annotations

import os
import shlex
import stat
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from signer.credential import Credential
from signer.errors import CredentialError, excerpt

if TYPE_CHECKING:
    from collections.abc import Callable

    from signer.issuer import Issuer


def open_issuer(uri: str, *, clock: Callable[[], float] = time.time) -> Issuer:
    """Return an issuer for the credential at a URI.

    Args:
        uri: ``file:PATH`` or ``env:NAME``.
        clock: Returns seconds since 1970.

    Raises:
        CredentialError: Unknown scheme, nothing there, a file that others can read, or an unusable
            document (see :meth:`signer.credential.Credential.from_json`).
        KeyPairIdError: The document's key pair id is malformed.
    """
    return read_credential(uri).issuer(clock=clock)


def read_credential(uri: str) -> Credential:
    """Read and validate the credential at a URI; see :func:`open_issuer`."""
    scheme, colon, place = uri.partition(":")
    if colon and scheme == "file":
        return Credential.from_json(_file_text(place))
    if colon and scheme == "env":
        return Credential.from_json(_environment_text(place))
    raise CredentialError(
        "credential_uri",
        f"{excerpt(scheme)} is not a place that credentials are read from",
        advice="use file:PATH or env:NAME",
    )


def write_credential(credential: Credential, path: Path) -> None:
    """Write a credential to a new file that only its owner can read.

    An existing file is never overwritten: it may hold the only copy of a key in use.

    Raises:
        CredentialError: ``credential_exists``, ``credential_write``.
    """
    write_key_file(path, credential.to_json(), secret=True)


def write_key_file(path: Path, text: str, *, secret: bool) -> None:
    """Write a file that is not there yet; nothing is left of one that cannot be finished.

    Args:
        path: The new file.
        text: What to write; line ends stay as they are on every operating system.
        secret: Let only the owner read it.

    Raises:
        CredentialError: ``credential_exists``, ``credential_write``.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if secret else 0o644)
    except FileExistsError:
        raise CredentialError(
            "credential_exists",
            f"{path} exists already",
            advice="choose another name; keys are never overwritten",
        ) from None
    except OSError as error:
        raise _unwritten(path, error) from None
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except BaseException as error:
        path.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise _unwritten(path, error) from None
        raise


def check_owner_only(path: Path) -> None:
    """Refuse a file that others than its owner can reach; Windows has no modes to go by.

    Raises:
        CredentialError: ``credential_permissions``.
        OSError: The file is not there.
    """
    if sys.platform != "win32" and stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise CredentialError(
            "credential_permissions",
            f"others can read {path}",
            advice=f"run: chmod 600 {shlex.quote(str(path))}",
        )


def _unwritten(path: Path, error: OSError) -> CredentialError:
    return CredentialError("credential_write", f"{path} cannot be written: {error.strerror}")


def _file_text(place: str) -> str:
    try:
        path = Path(place).expanduser()
        check_owner_only(path)
        # Decoding strictly would raise an error that carries all of the file.
        text = path.read_bytes().decode("utf-8", errors="replace")
    except OSError as error:
        raise CredentialError(
            "credential_missing", f"{place} cannot be read: {error.strerror}"
        ) from None
    except (RuntimeError, ValueError):  # "~nobody"; a null character or lone surrogate
        raise CredentialError("credential_uri", f"{excerpt(place)} is not a path") from None
    if "\ufffd" in text:
        raise CredentialError("credential_json", f"{place} is not a text file")
    return text


def _environment_text(name: str) -> str:
    value = os.environ.get(name)
    if value is None:
        raise CredentialError(
            "credential_missing", f"the environment variable {excerpt(name)} is not set"
        )
    return value
