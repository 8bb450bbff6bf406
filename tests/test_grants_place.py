"""Grants tables in files, variables and secret stores, and how what cannot be read is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from signer.errors import ConfigurationError, GrantError, RemoteError
from signer.grants_place import read_grants

ROOT = Path(__file__).resolve().parent.parent
GRANTS = ROOT / "examples" / "gallery" / "grants.toml"
BASE = "https://media.example.com"
JSON = '{"version": 1, "grants": [{"name": "a", "path": "/a/*"}]}'


class Store:
    """A secret store with a table in it."""

    def get_secret_value(self, *, SecretId: str) -> dict[str, str]:  # noqa: N803 - boto3's name
        assert SecretId == "grants"
        return {"SecretString": JSON}


def test_a_table_may_be_kept_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TABLE", GRANTS.read_text())
    assert len(read_grants("env:TABLE", base_url=BASE).grants) == 3
    table = read_grants("secretsmanager:grants", base_url=BASE, client=Store())
    assert [grant.name for grant in table.grants] == ["a"]
    with pytest.raises(ConfigurationError, match="is not set") as caught:
        read_grants("env:NOWHERE", base_url=BASE)
    assert caught.value.evidence["cause"] == "credential_missing"


def test_a_store_that_does_not_answer_is_no_wrong_setting() -> None:
    class Down:
        def get_secret_value(self, *, SecretId: str) -> dict[str, str]:  # noqa: N803
            raise RemoteError("remote_unreachable", f"nobody answers for {SecretId}")

    with pytest.raises(RemoteError) as caught:
        read_grants("secretsmanager:grants", base_url=BASE, client=Down())
    assert caught.value.code == "grants_unavailable"
    assert caught.value.evidence["cause"] == "credential_unavailable"


def test_relative_paths_begin_at_a_folder() -> None:
    for place in ("grants.toml", "file:grants.toml"):
        assert read_grants(place, base_url=BASE, folder=GRANTS.parent).grants


def test_nobodys_home_is_a_typed_error() -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_grants("file:~nobody-of-that-name/grants.toml", base_url=BASE)
    assert caught.value.code == "grants_file"


def test_toml_and_json_are_told_apart_by_their_text(tmp_path: Path) -> None:
    file = tmp_path / "grants.toml"
    file.write_text('{"version": 1, "grants": [{"name": "a", "path": "/a/*"}]}')
    assert [grant.name for grant in read_grants(file, base_url=BASE).grants] == ["a"]
    assert len(read_grants(str(GRANTS), base_url=BASE).grants) == 3


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "No such file"),
        (b"\xff\xfe", "not UTF-8"),
        (b"#" * (1024 * 1024 + 1), "longer than a mebibyte"),
    ],
    ids=["missing", "binary", "huge"],
)
def test_a_file_that_cannot_be_read_is_named(
    tmp_path: Path, content: bytes | None, problem: str
) -> None:
    file = tmp_path / "grants.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigurationError, match=problem) as caught:
        read_grants(file, base_url=BASE)
    assert caught.value.code == "grants_file"
    # However long the path is, its end is shown.
    assert "grants.toml" in caught.value.message


def test_where_a_relative_path_begins_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError, match=r"conf/grants\.toml") as caught:
        read_grants("conf/grants.toml", base_url=BASE)
    assert str(tmp_path) in caught.value.advice


def test_a_path_may_be_written_as_the_function_takes_it() -> None:
    assert read_grants(f"file:{GRANTS}", base_url=BASE).grants


@pytest.mark.parametrize("path", ["a\0b", ""])
def test_what_is_no_path_is_no_file(path: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_grants(path, base_url=BASE)
    assert caught.value.code == "grants_file"


def test_a_wrong_table_names_its_line(tmp_path: Path) -> None:
    file = tmp_path / "grants.toml"
    file.write_text('version = 1\n[[grants]]\nname = "a"\npath = "/*"\n')
    with pytest.raises(GrantError, match=r"grants\.toml:4: "):
        read_grants(file, base_url=BASE)
