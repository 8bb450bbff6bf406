"""Where commands read keys and texts from."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click

from signer.credential import Credential
from signer.custody import check_owner_only, open_issuer, public_key_of, read_credential
from signer.errors import CredentialError, KeyMaterialError
from signer.issuer import Issuer
from signer.keys import KeyAlgorithm, PrivateKey, PublicKey

ALGORITHMS: Final = {"p256": KeyAlgorithm.ECDSA_P256, "rsa": KeyAlgorithm.RSA_2048}
"""Kinds of keys, by the names that options give them."""

_MOST_BYTES: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class KeyFile:
    """What a key file holds: always a public key, perhaps the rest."""

    public: PublicKey
    private: PrivateKey | None = None
    credential: Credential | None = None


def key_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--key``."""
    return click.option(
        "--key",
        "key_uri",
        metavar="URI",
        envvar="SIGNER_KEY",
        show_envvar=True,
        help="Credential: file:PATH, env:NAME, secretsmanager:ID or ssm:NAME.",
    )(command)


def required_credential(uri: str | None) -> Credential:
    """Read the credential that signs.

    Raises:
        click.UsageError: No URI was given.
    """
    return read_credential(_given(uri))


def required_issuer(uri: str | None, *, clock: Callable[[], float]) -> Issuer:
    """Open what signs, wherever its key is; see :func:`required_credential`."""
    return open_issuer(_given(uri), clock=clock)


def _given(uri: str | None) -> str:
    if not uri:
        raise click.UsageError(
            "No key: give --key file:keys/dev.json, or set SIGNER_KEY; signer keys new makes one."
        )
    return uri


def read_key_file(path: Path) -> KeyFile:
    """Read a credential document, a private key or a public key, in whatever form.

    Raises:
        CredentialError: The file is a credential document that cannot be used, or others can read
            what is private in it.
        KeyMaterialError: The file holds no usable key.
        OSError: The file cannot be read.
    """
    data = read_bytes(path)
    if data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        check_owner_only(path)
        credential = Credential.from_json(_decoded(data, path))
        return _of_credential(credential)
    if b"PRIVATE KEY" in data:
        check_owner_only(path)
        return _private(data, path)
    try:
        return KeyFile(PublicKey.from_pem(data))
    except KeyMaterialError as error:
        if b"-----" in data or error.code != "key_malformed":
            raise
    private = _private(data, path)
    check_owner_only(path)
    return private


def read_signing_key(uri: str) -> KeyFile:
    """Read the key that signs: a credential URI, or the path of a credential or PEM file."""
    scheme, _, place = uri.partition(":")
    if scheme in {"env", "secretsmanager", "ssm"}:
        return _of_credential(read_credential(uri))
    path = Path(place if scheme == "file" else uri).expanduser()
    key = read_key_file(path)
    if key.private is None and key.credential is None:
        raise KeyMaterialError("key_public", f"{path} holds a public key, not a private one")
    return key


def _of_credential(credential: Credential) -> KeyFile:
    return KeyFile(public_key_of(credential), credential.private_key, credential)


def read_text(value: str) -> str:
    """Return an option's text: itself, or with ``@FILE`` a file's, or with ``@-`` the input's."""
    if not value.startswith("@"):
        return value
    if value == "@-":
        return sys.stdin.read()
    path = Path(value[1:]).expanduser()
    return _decoded(read_bytes(path), path)


def read_bytes(path: Path) -> bytes:
    """Read a small file.

    Raises:
        CredentialError: It is too large to be what was meant.
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        data = file.read(_MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        raise CredentialError("file_too_large", f"{path} is larger than a megabyte")
    return data


def _private(data: bytes, path: Path) -> KeyFile:
    try:
        key = PrivateKey.from_pem(data)
    except KeyMaterialError as error:
        if error.code != "key_passphrase":
            raise
        key = PrivateKey.from_pem(data, _passphrase(path))
    return KeyFile(key.public_key(), key)


def _passphrase(path: Path) -> str:
    """Ask for a passphrase, unless the environment has it; it is never shown."""
    given = os.environ.get("SIGNER_PASSPHRASE")
    if given is not None:
        return given
    if not sys.stdin.isatty():
        raise KeyMaterialError(
            "key_passphrase",
            f"{path} is encrypted",
            advice="set SIGNER_PASSPHRASE, or run in a terminal to be asked",
        )
    answer: str = click.prompt(f"Passphrase of {path}", hide_input=True, err=True)
    return answer


def _decoded(data: bytes, path: Path) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise CredentialError("credential_json", f"{path} is not a text file") from None
