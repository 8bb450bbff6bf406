"""Function URLs over the network: signed as origin access control does, or open to anybody."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from signer.edge import Behavior, Distribution, EdgeApp, FunctionUrlOrigin
from signer.edge.origins.function_event import MAX_PAYLOAD_BYTES
from signer.errors import ConfigurationError
from tests.edge.fake_function_url import ACCESS_KEY, SECRET_KEY, URL, FakeFunctionUrl
from tests.edge.serving import ask, free_port, running, upstream

HASH = "x-amz-content-sha256"


def site_of(**options: Any) -> Distribution:  # noqa: ANN401 - settings of the origin
    explicit = {"access_key_id": ACCESS_KEY, "secret_access_key": SECRET_KEY}
    return Distribution(
        origins={"issuer": FunctionUrlOrigin(URL, **{**explicit, **options})},
        default_behavior=Behavior(origin="issuer", allowed_methods="ALL", forward_cookies=True),
    )


@contextmanager
def function(lambda_: FakeFunctionUrl, **options: Any) -> Iterator[str]:  # noqa: ANN401 - as above
    with upstream(lambda_) as endpoint, running(site_of(endpoint_url=endpoint, **options)) as edge:
        yield edge.url


@pytest.fixture(scope="module")
def lambda_() -> FakeFunctionUrl:
    return FakeFunctionUrl()


@pytest.fixture(scope="module")
def edge(lambda_: FakeFunctionUrl) -> Iterator[str]:
    with function(lambda_) as url:
        yield url


@pytest.mark.parametrize(
    "target",
    [
        "/",
        "/auth/login?return_to=%2Ffilms%2F&x=",
        "/a%20b/bl%C3%A5.jpg",
        "/auth/callback?state=a~b&code=x%7Ey&scope=a+b%2Bc&empty",
        "/b?z=1&a=2&a=1&Z=%e2%82%ac",
        "/b?a-b=1&a=2&&a%2Bb=3",
        "/(a)'!*@:,;=$",
    ],
)
def test_every_target_is_signed_and_sent_as_the_viewer_wrote_it(
    edge: str, lambda_: FakeFunctionUrl, target: str
) -> None:
    answer = ask_raw(edge, target)
    assert answer.status_code == 200, lambda_.requests[-1]
    assert lambda_.targets[-1] == target


def ask_raw(edge: str, target: str) -> httpx.Response:
    request = httpx.Request("GET", edge, extensions={"target": target.encode()})
    with httpx.Client() as client:
        return client.send(request)


def test_the_function_is_asked_by_its_own_name(edge: str, lambda_: FakeFunctionUrl) -> None:
    answer = httpx.get(f"{edge}/auth/me", headers={"cookie": "session=1", "x-issuer-token": "t"})
    seen = lambda_.requests[-1]
    assert seen["host"] == "abc.lambda-url.eu-central-1.on.aws"
    assert (seen["cookie"], seen["x-issuer-token"]) == ("session=1", "t")
    assert seen["cloudfront-viewer-address"].startswith("127.0.0.1:")
    assert answer.headers.get_list("set-cookie") == ["a=1", "b=2"]


def test_the_viewers_authority_stays_outside(edge: str, lambda_: FakeFunctionUrl) -> None:
    forged = {
        "authorization": "AWS4-HMAC-SHA256 forged",
        "x-amz-date": "20200101T000000Z",
        "x-amz-security-token": "forged",
    }
    assert httpx.get(edge, headers=forged).status_code == 200
    assert "x-amz-security-token" not in lambda_.requests[-1]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_body_comes_with_its_hash(edge: str, lambda_: FakeFunctionUrl, method: str) -> None:
    body = b'{"grant":"docs"}'
    headers = {HASH: hashlib.sha256(body).hexdigest()}
    assert httpx.request(method, edge, content=body, headers=headers).status_code == 200
    assert lambda_.bodies[-1] == body
    assert lambda_.requests[-1]["content-length"] == str(len(body))


def test_a_body_in_chunks_arrives_whole(edge: str, lambda_: FakeFunctionUrl) -> None:
    headers = {HASH: hashlib.sha256(b"abcd").hexdigest()}
    assert httpx.post(edge, content=iter([b"ab", b"cd"]), headers=headers).status_code == 200
    assert lambda_.bodies[-1] == b"abcd"


@pytest.mark.parametrize("headers", [{}, {HASH: hashlib.sha256(b"other").hexdigest()}])
def test_a_body_without_its_hash_is_refused_as_lambda_does(
    edge: str, lambda_: FakeFunctionUrl, headers: dict[str, str]
) -> None:
    before = len(lambda_.requests)
    answer = httpx.post(edge, content=b"{}", headers=headers)
    assert answer.status_code == 403
    assert answer.headers["x-amzn-errortype"] == "InvalidSignatureException"
    assert len(lambda_.requests) == before


def test_a_body_may_be_as_large_as_an_event() -> None:
    body = b"x" * (MAX_PAYLOAD_BYTES + 1)
    headers = [(HASH.encode(), hashlib.sha256(body).hexdigest().encode())]
    headers.append((b"content-length", str(len(body)).encode()))
    answer = ask(EdgeApp(site_of()), "/", method="POST", headers=headers, body=body)
    assert answer.status == 413


def test_a_wrong_secret_is_lambdas_403() -> None:
    with function(FakeFunctionUrl(), secret_access_key="other") as edge:
        answer = httpx.get(edge)
    assert (answer.status_code, answer.text) == (403, "from the function")


def test_tokens_and_prefixes_are_signed() -> None:
    lambda_ = FakeFunctionUrl(token="session")
    with function(lambda_, session_token="session", prefix="/v1/") as edge:
        assert httpx.get(f"{edge}/a?b=1").status_code == 200
    assert lambda_.targets == ["/v1/a?b=1"]


def test_without_access_control_the_viewers_own_word_is_passed_on() -> None:
    lambda_ = FakeFunctionUrl()
    with function(lambda_, origin_access_control=False) as edge:
        httpx.post(edge, content=b"{}", headers={"authorization": "Bearer x"})
    assert lambda_.requests[0]["authorization"] == "Bearer x"
    assert lambda_.bodies == [b"{}"]
    assert HASH not in lambda_.requests[0]


def test_a_function_that_cannot_be_reached_is_502() -> None:
    app = EdgeApp(site_of(endpoint_url=f"http://127.0.0.1:{free_port()}"))
    assert ask(app, "/").status == 502


def test_without_credentials_nothing_is_asked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_ROLE_ARN"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    lambda_ = FakeFunctionUrl()
    with function(lambda_, access_key_id=None, secret_access_key=None) as edge:
        assert httpx.get(edge).status_code == 502
    assert lambda_.requests == []


@pytest.mark.parametrize(
    "url",
    [
        "http://abc.lambda-url.us-east-1.on.aws",
        "https://abc.lambda-url.us-east-1.on.aws.example.com",
        "https://abc.lambda-url.us-east-1.on.aws/path",
        "https://x@abc.lambda-url.us-east-1.on.aws",
        "https://lambda-url.us-east-1.on.aws",
        "",
    ],
)
def test_only_a_function_url_is_one(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        FunctionUrlOrigin(url)
    assert caught.value.evidence["field"] == "url"


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"endpoint_url": "127.0.0.1"}, "endpoint_url"),
        ({"prefix": "a?b"}, "prefix"),
        ({"read_timeout": 0}, "read_timeout"),
        ({"connect_timeout": -1}, "connect_timeout"),
        ({"access_key_id": "A"}, "access_key_id"),
    ],
)
def test_mistakes_are_named(options: dict[str, Any], field: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        FunctionUrlOrigin(URL, **options)
    assert caught.value.evidence["field"] == field


def test_it_does_not_show_its_secrets() -> None:
    origin = FunctionUrlOrigin(
        URL, access_key_id="A", secret_access_key="hush", session_token="hush"
    )
    assert "hush" not in repr(origin)
