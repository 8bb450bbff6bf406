"""What a strict S3 server makes of our URLs: MiniStack with AUTH=true computes every signature anew.

It is laxer than S3 in three ways, so that nothing here rests on them: a request without
``X-Amz-Algorithm``, with another one, or without ``X-Amz-Signature`` beside a credential is served. S3
refuses all three (``AuthorizationQueryParametersError``); that the algorithm is part of what we sign is
shown in test_issuer.py.
"""

from __future__ import annotations

import http.client
import time
from collections.abc import Iterator, Mapping
from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit

import boto3
import pytest
from botocore.config import Config

from signer.dev.environment import ready_environment
from signer.dev.ministack import (
    ACCESS_KEY_ID,
    REGION,
    SECRET_ACCESS_KEY,
    MiniStack,
    running_ministack,
)
from signer.s3 import S3Issuer, SignedUpload
from tests.s3.signing import BUCKET

pytestmark = pytest.mark.ministack

KEYS = [
    "plain.txt",
    "a b/ü/漢字/😀.txt",
    "100%+?#&='\"(1)*.txt",
    "a%20b",
    "~t/acme/..x/x..",
    "back\\slash",
    "https:example",
]
TYPE = "image/png"


@pytest.fixture(scope="module")
def ministack() -> Iterator[MiniStack]:
    with running_ministack(ready_environment(print)) as running:
        yield running


@pytest.fixture(scope="module")
def issuer(ministack: MiniStack) -> S3Issuer:
    client = boto3.client(
        "s3",
        endpoint_url=ministack.endpoint_url,
        region_name=REGION,
        aws_access_key_id=ACCESS_KEY_ID,
        aws_secret_access_key=SECRET_ACCESS_KEY,
        config=Config(signature_version="s3v4", s3={"addressing_style": "path"}, proxies={}),
    )
    client.create_bucket(Bucket=BUCKET)
    for key in KEYS:
        client.put_object(Bucket=BUCKET, Key=f"media/{key}", Body=key.encode())
    return S3Issuer(
        BUCKET,
        prefix="media",
        client=client,
        max_content_length=1000,
        content_types=[TYPE, "text/html"],
    )


class Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes


def ask(
    url: str,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
) -> Answer:
    """Send a request exactly as given, even when its length is a lie."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=20)
    try:
        connection.putrequest(method, f"{parts.path}?{parts.query}", skip_accept_encoding=True)
        for name, value in (headers or {}).items():
            connection.putheader(name, value)
        connection.endheaders(body)
        with connection.getresponse() as response:
            fields = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, fields, response.read())
    finally:
        connection.close()


def upload(issuer: S3Issuer, key: str, *, overwrite: bool = False) -> SignedUpload:
    return issuer.signed_upload(
        key, expires_in=60, content_type=TYPE, content_length=5, overwrite=overwrite
    )


def changed(url: str, name: str, value: str | None) -> str:
    query = dict(parse_qsl(urlsplit(url).query))
    assert name in query
    query = {key: value if key == name else kept for key, kept in query.items()}  # type: ignore[misc]
    kept = {key: text for key, text in query.items() if text is not None}
    return urlsplit(url)._replace(query=urlencode(kept)).geturl()


@pytest.mark.parametrize("key", KEYS)
def test_every_key_is_fetched(issuer: S3Issuer, key: str) -> None:
    answer = ask(issuer.signed_url(key, expires_in=60))
    assert (answer.status, answer.body) == (200, key.encode())


def test_type_and_name_of_a_download_arrive(issuer: S3Issuer) -> None:
    url = issuer.signed_url(
        "plain.txt", expires_in=60, content_type="text/plain", download_as="Grüße 1.txt"
    )
    answer = ask(url)
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/plain"
    disposition = "attachment; filename*=UTF-8''Gr%C3%BC%C3%9Fe%201.txt"
    assert answer.headers["content-disposition"] == disposition


@pytest.mark.parametrize("method", ["PUT", "DELETE", "HEAD", "POST"])
def test_another_method_is_refused(issuer: S3Issuer, method: str) -> None:
    url = issuer.signed_url("plain.txt", expires_in=60)
    assert ask(url, method, {"content-length": "0"}).status == 403
    assert ask(url).status == 200


def test_without_a_signature_nothing_is_served(issuer: S3Issuer) -> None:
    url = issuer.signed_url("plain.txt", expires_in=60)
    assert ask(url.partition("?")[0]).status == 403


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-Amz-Credential", f"{ACCESS_KEY_ID}/20200101/{REGION}/s3/aws4_request"),
        ("X-Amz-Credential", f"nobody/20200101/{REGION}/s3/aws4_request"),
        ("X-Amz-Date", "20380101T000000Z"),
        ("X-Amz-Expires", "604800"),
        ("X-Amz-Expires", "61"),
        ("X-Amz-SignedHeaders", "host;x-other"),
        ("X-Amz-SignedHeaders", ""),
        ("X-Amz-Signature", "0" * 64),
        ("response-content-type", "text/html"),
        ("X-Amz-Credential", None),
        ("X-Amz-Date", None),
        ("X-Amz-Expires", None),
        ("X-Amz-SignedHeaders", None),
        ("response-content-type", None),
    ],
)
def test_a_changed_query_is_refused(issuer: S3Issuer, name: str, value: str | None) -> None:
    url = issuer.signed_url("plain.txt", expires_in=60, content_type="text/plain")
    assert ask(changed(url, name, value)).status in {400, 403}
    assert ask(url).status == 200


@pytest.mark.parametrize(
    "extra",
    ["x=1", "response-content-disposition=inline", "versionId=null", "acl", "X-Amz-Expires=9"],
)
def test_an_added_parameter_is_refused(issuer: S3Issuer, extra: str) -> None:
    url = issuer.signed_url("plain.txt", expires_in=60)
    assert ask(f"{url}&{extra}").status in {400, 403}


def test_another_key_is_refused(issuer: S3Issuer) -> None:
    url = issuer.signed_url("plain.txt", expires_in=60)
    assert ask(url.replace("plain.txt", "a%2520b")).status == 403


def test_another_host_is_refused(issuer: S3Issuer) -> None:
    url = issuer.signed_url("plain.txt", expires_in=60)
    assert ask(url.replace("127.0.0.1", "localhost")).status == 403


def test_it_expires(issuer: S3Issuer) -> None:
    presigned = issuer.presigned("plain.txt", expires_in=2)
    assert ask(presigned.url).status == 200
    time.sleep(presigned.expires_at + 1.1 - time.time())
    answer = ask(presigned.url)
    assert answer.status == 403
    assert b"expired" in answer.body


def test_other_keys_of_access_are_refused(issuer: S3Issuer, ministack: MiniStack) -> None:
    client = boto3.client(
        "s3",
        endpoint_url=ministack.endpoint_url,
        region_name=REGION,
        aws_access_key_id=ACCESS_KEY_ID,
        aws_secret_access_key="other",
        config=Config(signature_version="s3v4", s3={"addressing_style": "path"}),
    )
    other = S3Issuer(BUCKET, prefix="media", client=client)
    assert ask(other.signed_url("plain.txt", expires_in=60)).status == 403
    assert ask(issuer.signed_url("plain.txt", expires_in=60)).status == 200


def test_an_upload_arrives_and_does_not_overwrite(issuer: S3Issuer) -> None:
    first = upload(issuer, "up/ü 1.png")
    assert ask(first.url, "PUT", first.headers, b"12345").status == 200
    answer = ask(issuer.signed_url("up/ü 1.png", expires_in=60))
    assert (answer.status, answer.body) == (200, b"12345")
    assert answer.headers["content-type"] == TYPE
    second = upload(issuer, "up/ü 1.png")
    assert ask(second.url, "PUT", second.headers, b"54321").status == 412
    third = upload(issuer, "up/ü 1.png", overwrite=True)
    assert ask(third.url, "PUT", third.headers, b"54321").status == 200


@pytest.mark.parametrize(
    ("change", "body"),
    [
        ({"content-type": "text/html"}, b"12345"),
        ({"content-type": None}, b"12345"),
        ({"content-length": "6"}, b"123456"),
        ({"content-length": "4"}, b"1234"),
        ({"content-length": "0"}, b""),
        ({"if-none-match": None}, b"12345"),
        ({"if-none-match": '"other"'}, b"12345"),
        ({"content-length": None, "transfer-encoding": "chunked"}, b"5\r\n12345\r\n0\r\n\r\n"),
    ],
)
def test_an_upload_of_another_kind_is_refused(
    issuer: S3Issuer, change: dict[str, str | None], body: bytes
) -> None:
    signed = upload(issuer, "refused.png")
    headers = {
        name: value for name, value in {**signed.headers, **change}.items() if value is not None
    }
    assert ask(signed.url, "PUT", headers, body).status in {400, 403, 411}
    assert ask(issuer.signed_url("refused.png", expires_in=60)).status == 404


def test_an_upload_is_good_for_one_key_and_no_reading(issuer: S3Issuer) -> None:
    signed = upload(issuer, "refused.png")
    elsewhere = signed.url.replace("refused.png", "plain.txt")
    assert ask(elsewhere, "PUT", signed.headers, b"12345").status == 403
    assert ask(signed.url, "GET", {**signed.headers, "content-length": "0"}).status == 403
    assert ask(signed.url, "DELETE", {**signed.headers, "content-length": "0"}).status == 403
    assert ask(issuer.signed_url("plain.txt", expires_in=60)).body == b"plain.txt"


def test_an_upload_expires(issuer: S3Issuer) -> None:
    signed = issuer.signed_upload("late.png", expires_in=1, content_type=TYPE, content_length=5)
    time.sleep(signed.expires_at + 1.1 - time.time())
    assert ask(signed.url, "PUT", signed.headers, b"12345").status == 403
