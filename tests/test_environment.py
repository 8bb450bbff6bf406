"""`.venv` is made again exactly when something it depends on has changed."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tools import environment

PYPROJECT = """\
[build-system]
requires = []
[project]
name = "x"
[tool.ruff]
line-length = {}
"""


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with locks, and a `.venv` that has a Python but no stamp."""
    (tmp_path / "requirements").mkdir()
    for lock in ("uv", "demo", "dev"):
        (tmp_path / "requirements" / f"{lock}.txt").write_text(f"{lock}==1\n", encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text(PYPROJECT.format(100), encoding="utf-8")
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "python").touch()
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    monkeypatch.setattr(environment, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(environment, "STAMP", tmp_path / ".venv" / "installed.txt")
    monkeypatch.setattr(environment, "PYTHON", tmp_path / ".venv" / "python")
    monkeypatch.setattr(environment, "UV_LOCK", tmp_path / "requirements" / "uv.txt")
    return tmp_path


def stamp(chosen: str) -> None:
    text = f"{chosen} {environment._fingerprint(chosen)}\n"
    environment.STAMP.write_text(text, encoding="utf-8")


@pytest.mark.usefixtures("checkout")
def test_the_dev_set_is_enough_for_the_demo_but_not_the_other_way_round() -> None:
    stamp("dev")
    assert environment._holds("demo")
    assert environment._holds("dev")
    stamp("demo")
    assert environment._holds("demo")
    assert not environment._holds("dev")


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("requirements/demo.txt", "demo==2\n"),
        ("requirements/uv.txt", "uv==2\n"),
        ("pyproject.toml", PYPROJECT.format(100).replace('"x"', '"y"')),
        (".venv/installed.txt", "garbage"),
    ],
)
def test_a_change_of_what_is_installed_is_noticed(checkout: Path, path: str, text: str) -> None:
    stamp("demo")
    (checkout / path).write_text(text, encoding="utf-8")
    assert not environment._holds("demo")


def test_a_change_of_a_lint_setting_installs_nothing(checkout: Path) -> None:
    stamp("demo")
    (checkout / "pyproject.toml").write_text(PYPROJECT.format(99), encoding="utf-8")
    assert environment._holds("demo")


def test_a_missing_python_is_noticed(checkout: Path) -> None:
    stamp("demo")
    (checkout / ".venv" / "python").unlink()
    assert not environment._holds("demo")


def test_an_interrupted_installation_is_not_trusted(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: str) -> None:
        raise KeyboardInterrupt

    stamp("demo")
    (checkout / "requirements" / "demo.txt").write_text("demo==2\n", encoding="utf-8")
    monkeypatch.setattr(environment, "_same_interpreter", lambda: True)
    monkeypatch.setattr(environment, "_run", interrupted)
    monkeypatch.setattr(sys, "argv", ["environment.py", "demo"])
    with pytest.raises(KeyboardInterrupt):
        environment.main()
    assert not environment.STAMP.exists()


def test_pip_takes_over_when_uv_cannot(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[tuple[str, ...]] = []

    def run(*command: str) -> None:
        ran.append(command)
        if "uv" in command:
            raise subprocess.CalledProcessError(2, command)

    monkeypatch.setattr(environment, "_same_interpreter", lambda: True)
    monkeypatch.setattr(environment, "_run", run)
    monkeypatch.setattr(sys, "argv", ["environment.py", "dev"])
    environment.main()
    assert environment._holds("dev")
    lock = str(checkout / "requirements" / "dev.txt")
    assert any(
        "pip" in command and "--require-hashes" in command and lock in command for command in ran
    )


def test_two_calls_take_turns(checkout: Path) -> None:
    assert checkout.exists()
    inside = []

    def call() -> None:
        with environment._one_at_a_time():
            inside.append("in")
            assert inside.count("in") == inside.count("out") + 1
            inside.append("out")

    with environment._one_at_a_time():
        thread = threading.Thread(target=call)
        thread.start()
        thread.join(timeout=0.5)
        assert inside == []
    thread.join(timeout=10)
    assert inside == ["in", "out"]


def test_an_old_python_is_told_what_to_do() -> None:
    source = Path(environment.__file__).read_text(encoding="utf-8")
    older = "import sys; sys.version_info = (3, 10, 2); sys.argv = ['environment.py', 'demo']\n"
    command = [sys.executable, "-c", f"{older}exec(compile({source!r}, 'environment.py', 'exec'))"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "needs Python 3.11" in done.stderr
    assert "Traceback" not in done.stderr
