"""``openssl speed``: what one core can do at best."""

from __future__ import annotations

import math
import re
import shutil
import subprocess

from benchmarks.stopwatch import Rates

ALGORITHMS = {"rsa": "rsa2048", "ecdsa": "ecdsap256"}
"""Our name of a key type to the name that ``openssl speed`` has for it."""

_HEADER = re.compile(r"^ +(?P<columns>sign .*verify/s.*)$", re.MULTILINE)
_VALUES = re.compile(
    r"^ *(?:rsa +2048 bits|256 bits ecdsa \(nistp256\)) +(?P<columns>.+)$", re.MULTILINE
)


def version() -> str | None:
    """Return the version of the ``openssl`` command, or None where there is none."""
    program = shutil.which("openssl")
    if program is None:
        return None
    done = subprocess.run(
        [program, "version"], capture_output=True, encoding="utf-8", check=False, timeout=30
    )
    return " ".join(done.stdout.split()[:2]) or None


def speed(kind: str, seconds: float, *, processes: int | None = None) -> Rates:
    """Measure signing and verifying.

    Args:
        kind: ``rsa`` or ``ecdsa``.
        seconds: For each of the two; openssl takes whole seconds, one at least.
        processes: So many at once, by the wall clock; one by its processor time when None.

    Returns:
        ``sign`` and ``verify`` a second; nothing where there is no command or no such option
        (LibreSSL).
    """
    program = shutil.which("openssl")
    if program is None:
        return {}
    command = [program, "speed", "-seconds", str(math.ceil(seconds))]
    if processes is not None:
        command += ["-elapsed", "-multi", str(processes)]
    done = subprocess.run(
        [*command, ALGORITHMS[kind]],
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    return parsed(done.stdout)


def parsed(output: str) -> Rates:
    """Read the last table that ``openssl speed`` printed; its columns differ by version."""
    header, values = _HEADER.search(output), _VALUES.search(output)
    if header is None or values is None:
        return {}
    columns = dict(zip(header["columns"].split(), values["columns"].split(), strict=False))
    try:
        return {"sign": float(columns["sign/s"]), "verify": float(columns["verify/s"])}
    except (KeyError, ValueError):
        return {}
