"""What a backend's settings may be, and how a wrong one is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from signer import PrivateKey
from signer.cookies import CookieAttributes
from signer.errors import ConfigurationError, CredentialError
from signer.integrations.opening import open_access, read_attributes
from tests.integrations.backends import BASE, GRANTS, make_credential


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
