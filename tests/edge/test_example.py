"""examples/edge.toml runs by the commands that stand at its top."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from signer.edge import Distribution, EdgeApp
from tests.cli.running import run
from tests.edge.serving import ask

ROOT = Path(__file__).resolve().parents[2]


def test_the_example_runs_as_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    (tmp_path / "keys").mkdir()
    monkeypatch.chdir(tmp_path)
    text = Path("examples/edge.toml").read_text(encoding="utf-8")
    make, serve, sign = (
        shlex.split(line) for line in re.findall("^# +signer (.*)$", text, re.MULTILINE)
    )

    assert run(*make).exit_code == 0
    assert serve[:2] == ["edge", "--config"]
    site = Distribution.from_toml(serve[2])
    signed = run(*sign)
    assert signed.exit_code == 0, signed.output

    url = urlsplit(signed.stdout.strip())
    host = url.netloc.encode()
    assert ask(EdgeApp(site), url.path, url.query, host=host).status == 200
    assert ask(EdgeApp(site), url.path, host=host).status == 403
    for public in ("/", "/assets/app.js"):
        assert ask(EdgeApp(site), public, host=host).status == 200
