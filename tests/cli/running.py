"""Running commands in this process."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from signer.cli.program import program
from signer.keys import KeyAlgorithm, PrivateKey

NOW = 1_800_000_000
KID = "K2JCJMDEHXQW5F"
URL = "https://cdn.example.com/films/a.mp4"


def run(*arguments: str, env: dict[str, str] | None = None, text: str = "") -> Result:
    """Run ``signer`` with arguments; no key comes from outside."""
    clean = {
        "SIGNER_KEY": None,
        "SIGNER_PASSPHRASE": None,
        "SIGNER_DEBUG": None,
        "FORCE_COLOR": None,
    }
    return CliRunner().invoke(program, arguments, env={**clean, **(env or {})}, input=text)


def documented(*arguments: str, env: dict[str, str] | None = None, code: int = 0) -> dict[str, Any]:
    """Run with ``--json`` and return the document."""
    result = run(*arguments, "--json", env=env)
    assert result.exit_code == code, result.output
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def refused(result: Result, code: str, *, exit_code: int = 1) -> None:
    """Check that a command refused: a line with a code on stderr, nothing on stdout."""
    assert result.exit_code == exit_code, result.output
    assert result.stdout == ""
    assert result.stderr.startswith(f"error[{code}]: "), result.stderr
    assert "Traceback" not in result.stderr


def make_credential(folder: Path, algorithm: KeyAlgorithm = KeyAlgorithm.ECDSA_P256) -> str:
    """Make a credential file and return its URI."""
    name = {KeyAlgorithm.ECDSA_P256: "p256", KeyAlgorithm.RSA_2048: "rsa"}[algorithm]
    path = folder / f"{name}.json"
    result = run("keys", "new", str(path), "--key-pair-id", KID, "--algorithm", name)
    assert result.exit_code == 0, result.output
    return f"file:{path}"


def write_private(path: Path, content: str | bytes) -> Path:
    """Write a file that only its owner can read, as `signer` wants it."""
    path.touch(mode=0o600)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def secrets_of(key: PrivateKey) -> list[str]:
    """Return pieces of a private key that must never be printed."""
    lines = key.to_pem().splitlines()[1:-1]
    return [line[:32] for line in lines[1:] or lines]
