"""Presigned URLs over TLS: MiniStack with AUTH=true and USE_SSL=1."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import boto3
import httpx
import pytest
from botocore.config import Config

from signer.dev.environment import ready_environment
from signer.dev.ministack import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY, Tls, running_ministack
from signer.s3 import S3Issuer
from tests.s3.signing import BUCKET
from tests.tls import make_tls

pytestmark = pytest.mark.ministack


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    return make_tls(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def certificate(tls: Tls) -> Path:
    return tls.ca


@pytest.fixture(scope="module")
def endpoint(tls: Tls) -> Iterator[str]:
    """MiniStack with TLS."""
    with running_ministack(ready_environment(print), tls=tls) as running:
        yield running.endpoint_url


def fill(endpoint: str, certificate: Path) -> None:
    """Make the bucket, with an object in it."""
    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=ACCESS_KEY_ID,
        aws_secret_access_key=SECRET_ACCESS_KEY,
        verify=str(certificate),
        config=Config(signature_version="s3v4", s3={"addressing_style": "path"}, proxies={}),
    )
    client.create_bucket(Bucket=BUCKET)
    client.put_object(Bucket=BUCKET, Key="media/a.txt", Body=b"hello")


def own(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> S3Issuer:
    """Return an issuer that makes its own client, as it does in production."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY)
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    return S3Issuer(
        BUCKET,
        prefix="media",
        region=REGION,
        endpoint_url=endpoint,
        max_content_length=10,
        content_types=["text/plain"],
    )


def test_over_tls(endpoint: str, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(endpoint, certificate)
    made = own(endpoint, monkeypatch)
    context = ssl.create_default_context(cafile=certificate)
    with httpx.Client(verify=context, trust_env=False) as viewer:
        url = made.signed_url("a.txt", expires_in=60)
        assert url.startswith(f"{endpoint}/{BUCKET}/media/a.txt?")
        assert viewer.get(url).text == "hello"
        last = url[-1]
        assert viewer.get(url[:-1] + ("0" if last != "0" else "1")).status_code == 403
        assert viewer.get(url.partition("?")[0]).status_code == 403
        upload = made.signed_upload(
            "b.txt", expires_in=60, content_type="text/plain", content_length=3
        )
        headers = dict(upload.headers)
        assert viewer.put(upload.url, headers=headers, content=b"abc").status_code == 200
        again = {**headers, "content-length": "4"}
        assert viewer.put(upload.url, headers=again, content=b"abcd").status_code == 403
