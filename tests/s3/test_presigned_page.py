"""What docs/presigned.md shows is what happens, with the grants in front."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest

from signer.access import Access
from signer.errors import GrantError
from signer.grants import GrantTable
from signer.issuer import Issuer
from signer.keys import PrivateKey
from signer.s3 import SignedUpload
from tests.s3.signing import ACCESS_KEY_ID, BASE_URL, SECRET, issuer
from tests.s3.sigv4 import sent_signature, signature_of

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "presigned.md").read_text(encoding="utf-8")
TABLE = """
version = 1
[[grants]]
name = "docs"
path = "/t/{tenant}/docs/*"
ttl = "5m"
transport = "urls"
"""


def fenced(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


@pytest.fixture
def table() -> GrantTable:
    return GrantTable.from_toml(TABLE, base_url=BASE_URL)


def test_python_blocks_run(
    table: GrantTable, p256_key: PrivateKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    cloudfront = Issuer(p256_key, key_pair_id="K2JCJMDEHXQW5F")
    names: dict[str, Any] = {"table": table, "issuer": cloudfront}
    blocks = fenced("python")
    assert len(blocks) == 2
    for block in blocks:
        exec(block, names)
    host = "https://private-media.s3.eu-central-1.amazonaws.com"
    assert names["url"].startswith(f"{host}/media/t/acme/report.pdf?")
    assert isinstance(names["upload"], SignedUpload)


def test_policies_are_json() -> None:
    role, bucket, cors = map(json.loads, fenced("json"))
    assert [one["Action"] for one in role["Statement"]] == ["s3:GetObject", "s3:PutObject"]
    assert all(one["Effect"] == "Deny" for one in bucket["Statement"])
    assert cors[0]["AllowedMethods"] == ["GET", "PUT"]


def test_the_same_grants_open_the_same_object(table: GrantTable, p256_key: PrivateKey) -> None:
    cloudfront = Access(table, Issuer(p256_key, key_pair_id="K2JCJMDEHXQW5F"))
    s3 = Access(table, issuer())
    claims = {"tenant": "acme"}
    for item in ("a.pdf", "über uns/1+1 & so.pdf", "it's (1) #2.pdf"):
        before = int(time.time())
        there = cloudfront.url(claims, "docs", item).url.partition("?")[0]
        here = s3.url(claims, "docs", item)
        path = there.removeprefix(BASE_URL)
        assert here.url.partition("?")[0].endswith(f".amazonaws.com/media{path}")
        assert signature_of("GET", here.url, SECRET) == sent_signature(here.url)
        assert before + 300 <= here.expires_at <= time.time() + 300


def test_what_is_not_granted_is_not_presigned(table: GrantTable) -> None:
    s3 = Access(table, issuer())
    for claims, item in (
        (None, "a.pdf"),
        ({"tenant": "acme/../other"}, "a.pdf"),
        ({"tenant": "acme"}, "../../other/docs/a.pdf"),
        ({"tenant": "acme"}, "/t/other/docs/a.pdf"),
    ):
        with pytest.raises(GrantError):
            s3.url(claims, "docs", item)
