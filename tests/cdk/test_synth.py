"""Synthesis by the CDK's own command line: without a network, the same each time, and without secrets."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cdk.app import main
from tests.cdk.templates import template_of

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
CDK = [sys.executable, str(ROOT / "tools" / "cdk.py")]


def without_network() -> list[str]:
    """Return what a command is run by in a network namespace of its own, where that can be."""
    as_root = sys.platform == "linux" and os.geteuid() == 0
    return ["unshare", "--net"] if as_root and shutil.which("unshare") else []


def synthesized(folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        # Where there is no such namespace: whoever asks, asks nobody.
        **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9"),
        "UV_OFFLINE": "1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    command = [*without_network(), *CDK, "synth", "--quiet", "--output", str(folder)]
    command += ["--context", "config=cdk/example.toml"]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, encoding="utf-8", check=False
    )


def deployed(folder: Path) -> dict[str, bytes]:
    """Return what is uploaded: the rest is about the run itself, its times among it."""
    kinds = ("*.template.json", "*.assets.json", "asset.*")
    return {file.name: file.read_bytes() for kind in kinds for file in folder.glob(kind)}


def test_two_syntheses_without_a_network_are_the_same(tmp_path: Path) -> None:
    template_of()  # Fetches the wheels, if nobody did.
    with ThreadPoolExecutor(2) as both:
        outcomes = list(both.map(synthesized, (tmp_path / "one", tmp_path / "other")))
    assert [one.returncode for one in outcomes] == [0, 0], outcomes[0].stderr
    one, other = (deployed(tmp_path / name) for name in ("one", "other"))
    assert one.keys() == other.keys()
    assert [name for name in one if one[name] != other[name]] == []
    assert "media.template.json" in one
    packed = [name for name in one if name.endswith(".zip")]
    assert len(packed) == 2
    for name, content in one.items():
        assert b"-----BEGIN" not in content or name.endswith(".zip"), name


def test_a_wrong_setting_is_one_line_that_names_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "wrong.toml").write_text('[site]\npublic_path = ["/a"]\n', encoding="utf-8")
    assert main(str(tmp_path / "wrong.toml")) == 1
    told = capsys.readouterr().err
    assert told.startswith("error[stack_setting]: site.public_path is not known\n  allowed here")
