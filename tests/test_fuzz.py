"""The fuzz target works: it runs by itself for a moment, and it does find wrong decisions."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from tests import fuzz_inputs
from tests.genuine import pool


def test_the_fuzz_command_runs() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz_verifier", "--seconds", "1", "--no-atheris"],
        cwd=Path(__file__).parent.parent,
        capture_output=True,
        check=False,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "no wrong decision" in done.stdout


def test_the_fuzz_target_takes_any_bytes() -> None:
    random = Random(1)
    for length in range(3_000):
        fuzz_inputs.one_input(random.randbytes(length % 600))


def test_the_fuzz_target_notices_a_verifier_that_accepts_too_much(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("signer.keys.PublicKey.verify", lambda *_: True)
    one = pool().credentials[0]
    assert one.is_canned
    body = one.parameters[0][1].encode()[:-1] + b"9"
    with pytest.raises(AssertionError):
        fuzz_inputs.one_input(bytes([0, 0, 0]) + body)
