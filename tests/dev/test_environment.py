from __future__ import annotations

import hashlib
import os
import sys
import tarfile
from pathlib import Path

import pytest

from signer.dev import environment
from signer.dev.environment import cache_folder, environment_folder, python_of, ready_environment
from signer.errors import ConfigurationError


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    file = tmp_path / "lock.txt"
    file.write_text("# nothing to install\n")
    return file


@pytest.fixture
def builds(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Replace the slow part by a file, and count how often it was called."""
    built: list[Path] = []

    def build(folder: Path, *_: object) -> None:
        python_of(folder).parent.mkdir(parents=True)
        python_of(folder).touch()
        built.append(folder)

    monkeypatch.setattr(environment, "_build", build)
    return built


def test_the_second_start_installs_nothing(tmp_path: Path, lock: Path, builds: list[Path]) -> None:
    said: list[str] = []
    first = ready_environment(said.append, cache=tmp_path / "cache", lock=lock)
    assert said
    said.clear()
    assert ready_environment(said.append, cache=tmp_path / "cache", lock=lock) == first
    assert len(builds) == 1
    assert not said


def test_another_lock_is_another_environment(
    tmp_path: Path, lock: Path, builds: list[Path]
) -> None:
    first = ready_environment(print, cache=tmp_path, lock=lock)
    lock.write_text("# something else\n")
    assert ready_environment(print, cache=tmp_path, lock=lock) != first
    assert len(builds) == 2


def test_an_interrupted_installation_is_made_again(
    tmp_path: Path, lock: Path, builds: list[Path]
) -> None:
    folder = environment_folder(tmp_path, lock)
    python_of(folder).parent.mkdir(parents=True)
    python_of(folder).touch()
    assert ready_environment(print, cache=tmp_path, lock=lock) == python_of(folder)
    assert len(builds) == 1


def test_nothing_is_left_of_a_failed_installation(
    tmp_path: Path, lock: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(folder: Path, *_: object) -> None:
        folder.mkdir(parents=True)
        raise ConfigurationError("ministack_install", "no network")

    monkeypatch.setattr(environment, "_build", fail)
    with pytest.raises(ConfigurationError):
        ready_environment(print, cache=tmp_path / "cache", lock=lock)
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_cache_that_cannot_be_written_is_a_clear_error(tmp_path: Path, lock: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError) as raised:
        ready_environment(print, cache=tmp_path / "file" / "cache", lock=lock)
    assert "--storage folder" in raised.value.advice


@pytest.mark.slow
def test_only_wheels_are_installed(
    tmp_path: Path, lock: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = tmp_path / "ran"
    source = tmp_path / "sdist-1"
    source.mkdir()
    (source / "setup.py").write_text(f"open({str(ran)!r}, 'w').close()\n")
    (source / "PKG-INFO").write_text("Metadata-Version: 1.0\nName: sdist\nVersion: 1\n")
    archive = tmp_path / "sdist-1.tar.gz"
    with tarfile.open(archive, "w:gz") as file:
        file.add(source, "sdist-1")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    lock.write_text(f"sdist==1 --hash=sha256:{digest}\n")
    with pytest.raises(ConfigurationError) as raised:
        ready_environment(print, cache=tmp_path / "cache", lock=lock)
    assert "No matching distribution" in str(raised.value.evidence["output"])
    assert not ran.exists()


@pytest.mark.slow
def test_without_a_network_the_other_storage_is_offered(
    tmp_path: Path, lock: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What pip finds without a network: no index at all.
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    lock.write_text(f"ministack==1.5.33 --hash=sha256:{'0' * 64}\n")
    with pytest.raises(ConfigurationError) as raised:
        ready_environment(print, cache=tmp_path, lock=lock)
    assert raised.value.code == "ministack_install"
    assert "--storage folder" in raised.value.advice
    assert "ministack" in str(raised.value.evidence["output"])


def test_the_cache_is_the_users_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    assert cache_folder().name == "cloudfront-issuer"
    if sys.platform != "darwin":
        assert cache_folder().parent == tmp_path
