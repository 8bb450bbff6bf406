"""What a backend's settings may be, and how a wrong one is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from signer import PrivateKey
from signer.cookies import CookieAttributes
from signer.errors import ConfigurationError, CredentialError, GrantError
from signer.integrations.opening import open_access, read_attributes, read_table
from tests.integrations.backends import BASE, GRANTS, make_credential


def test_toml_and_json_are_told_apart_by_their_name(tmp_path: Path) -> None:
    file = tmp_path / "grants.json"
    file.write_text('{"version": 1, "grants": [{"name": "a", "path": "/a/*"}]}')
    assert [grant.name for grant in read_table(file, base_url=BASE).grants] == ["a"]
    assert len(read_table(str(GRANTS), base_url=BASE).grants) == 3


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
        read_table(file, base_url=BASE)
    assert caught.value.code == "grants_file"
    assert "grants.toml" in caught.value.message
    assert str(tmp_path) not in str(caught.value)


@pytest.mark.parametrize("path", ["a\0b", ""])
def test_what_is_no_path_is_no_file(path: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_table(path, base_url=BASE)
    assert caught.value.code == "grants_file"


def test_a_wrong_table_names_its_line(tmp_path: Path) -> None:
    file = tmp_path / "grants.toml"
    file.write_text('version = 1\n[[grants]]\nname = "a"\npath = "/*"\n')
    with pytest.raises(GrantError, match=r"grants\.toml:4: "):
        read_table(file, base_url=BASE)


def test_attributes_are_those_of_cookies() -> None:
    assert read_attributes(None) == CookieAttributes()
    cross_site = read_attributes({"same_site": "None", "partitioned": True})
    assert cross_site == CookieAttributes.cross_site()


@pytest.mark.parametrize(
    ("cookies", "told"),
    [
        ({"path": "/"}, "no setting 'path'"),
        ({"samesite": "Lax"}, "no setting 'samesite'"),
        ({1: 2}, "no setting '1'"),
        ({"same_site": "Sometimes"}, "cookies: "),
        ({"domain": "com"}, "cookies: "),
    ],
)
def test_wrong_attributes_are_told(cookies: dict[str, object], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told) as caught:
        read_attributes(cookies)
    assert caught.value.code == "cookie_setting"


def test_everything_is_checked_when_it_is_opened(tmp_path: Path, p256_key: PrivateKey) -> None:
    credential = make_credential(tmp_path, p256_key)
    opened = open_access(
        credential=f"file:{credential}", grants=GRANTS, base_url=BASE, cookies={"max_age": 60}
    )
    [line, *_] = opened.cookies({"groups": ["gallery"]}).set_cookie_headers
    assert "; Max-Age=60; " in line
    with pytest.raises(CredentialError):
        open_access(credential="file:nowhere.json", grants=GRANTS, base_url=BASE)
