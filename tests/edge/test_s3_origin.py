"""Private buckets: every request signed with SigV4, nothing of the viewer's authority passed on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from signer.edge import Behavior, Distribution, EdgeApp, S3Origin
from signer.edge.origins.s3 import S3Reader
from tests.edge.fake_s3 import ACCESS_KEY, REGION, SECRET_KEY, FakeS3
from tests.edge.serving import ask, free_port, running, upstream
from tests.edge.test_http_origin import raw


@contextmanager
def bucket(s3: FakeS3, **options: Any) -> Iterator[str]:  # noqa: ANN401 - settings of the origin
    explicit = {"access_key_id": ACCESS_KEY, "secret_access_key": SECRET_KEY, "region": REGION}
    with upstream(s3) as endpoint:
        origin = S3Origin("private", endpoint_url=endpoint, **{**explicit, **options})
        site = Distribution(
            origins={"s3": origin},
            default_behavior=Behavior(origin="s3", allowed_methods="ALL", forward_cookies=True),
        )
        with running(site) as edge:
            yield edge.url


KEYS = {
    "/a.jpg": "/private/a.jpg",
    "/film/part%201.mp4": "/private/film/part 1.mp4",
    "/bl%C3%A5.jpg": "/private/blå.jpg",
    "/a(b)'c!.jpg": "/private/a(b)'c!.jpg",
    "/a%2Bb.jpg": "/private/a+b.jpg",
    "/a+b.jpg": "/private/a+b.jpg",
    "/a//b.jpg": "/private/a//b.jpg",
    "/~a_-.jpg": "/private/~a_-.jpg",
    "/a%25.jpg": "/private/a%.jpg",
}


@pytest.fixture(scope="module")
def named_objects() -> Iterator[str]:
    with bucket(FakeS3({key: key.encode() for key in KEYS.values()})) as edge:
        yield edge


@pytest.mark.parametrize("path", KEYS)
def test_objects_of_any_name_are_found(named_objects: str, path: str) -> None:
    answer = httpx.get(named_objects + path)
    assert (answer.status_code, answer.content) == (200, KEYS[path].encode())
    assert answer.headers["server"] == "AmazonS3"


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/a%2fb.jpg", "/private/a%2Fb.jpg"),
        ("/..%2fother/key", "/private/..%2Fother/key"),
        ("/a%5cb.jpg", "/private/a%5Cb.jpg"),
        ("/a\\b.jpg", "/private/a%5Cb.jpg"),
    ],
)
def test_nothing_becomes_a_slash(path: str, asked: str) -> None:
    seen: list[bytes] = []

    class Watching(FakeS3):
        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            seen.append(scope["raw_path"])
            await super().__call__(scope, receive, send)

    with bucket(Watching({})) as edge:
        head = f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        assert b"NoSuchKey" in raw(edge, head.encode())
    assert seen == [asked.encode()]


def test_prefixes_queries_and_tokens_are_signed() -> None:
    s3 = FakeS3({"/private/site/a.jpg": b"content"}, token="session")
    with bucket(s3, prefix="/site/", session_token="session") as edge:
        assert httpx.get(f"{edge}/a.jpg?v=1&b=%7e&a").status_code == 200
    assert s3.requests[-1]["x-amz-security-token"] == "session"


def test_missing_objects_are_s3s_to_tell() -> None:
    with bucket(FakeS3({})) as edge:
        answer = httpx.get(f"{edge}/missing")
    assert answer.status_code == 404
    assert answer.headers["server"] == "AmazonS3"
    assert answer.headers["content-type"] == "application/xml"
    assert answer.headers["x-cache"] == "Error from cloudfront"
    assert "NoSuchKey" in answer.text


def test_a_wrong_secret_is_s3s_403() -> None:
    with bucket(FakeS3({"/private/a": b"x"}), secret_access_key="other") as edge:
        answer = httpx.get(f"{edge}/a")
    assert answer.status_code == 403
    assert answer.headers["server"] == "AmazonS3"


def test_the_viewers_authority_stays_outside() -> None:
    s3 = FakeS3({"/private/a.jpg": b"content"})
    with bucket(s3) as edge:
        answer = httpx.get(
            f"{edge}/a.jpg",
            headers={
                "authorization": "AWS4-HMAC-SHA256 forged",
                "cookie": "session=1",
                "x-amz-security-token": "forged",
                "x-amz-copy-source": "/other/key",
                "range": "bytes=0-3",
                "if-none-match": '"0"',
            },
        )
    assert (answer.status_code, answer.content) == (206, b"cont")
    seen = s3.requests[-1]
    assert seen["range"] == "bytes=0-3"
    assert seen["if-none-match"] == '"0"'
    for name in (
        "cookie",
        "x-amz-security-token",
        "x-amz-copy-source",
        "x-forwarded-for",
        "user-agent",
    ):
        assert name not in seen


def test_uploads_stream_unsigned() -> None:
    s3 = FakeS3({})
    with bucket(s3) as edge:
        assert httpx.put(f"{edge}/new.jpg", content=b"x" * 100_000).status_code == 200
    assert s3.objects["/private/new.jpg"] == b"x" * 100_000
    assert s3.requests[-1]["x-amz-content-sha256"] == "UNSIGNED-PAYLOAD"


def test_credentials_come_from_botos_chain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    with bucket(FakeS3({"/private/a": b"x"}), access_key_id=None, secret_access_key=None) as edge:
        assert httpx.get(f"{edge}/a").status_code == 200


def test_without_credentials_nothing_is_asked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_ROLE_ARN"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    origin = S3Origin("private", endpoint_url=f"http://127.0.0.1:{free_port()}")
    site = Distribution(origins={"s3": origin}, default_behavior=Behavior(origin="s3"))
    answer = ask(EdgeApp(site), "/a")
    assert answer.status == 502
    assert b"credentials" not in answer.body


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("eu-central-1", "private.s3.eu-central-1.amazonaws.com"),
        ("cn-north-1", "private.s3.cn-north-1.amazonaws.com.cn"),
    ],
)
def test_aws_is_asked_by_the_buckets_own_host(region: str, host: str) -> None:
    assert S3Reader(S3Origin("private", region=region))._upstream.host == host
