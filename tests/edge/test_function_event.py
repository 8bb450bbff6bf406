"""Payload format 2.0: what a function is given, and what becomes of what it returns."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import pytest

from signer.edge.origins.function_event import MAX_PAYLOAD_BYTES
from tests.edge.functions import Function, app_of
from tests.edge.serving import Answer, ask


def answered(result: object) -> Answer:
    return ask(app_of(Function(result))[0], "/")


def event_for(*args: Any, **options: Any) -> dict[str, Any]:  # noqa: ANN401 - whatever ask() takes
    function = Function()
    ask(app_of(function, origin_access_control=False)[0], *args, **options)
    return function.events[0]


def test_the_event_has_the_documented_form() -> None:
    event = event_for(
        "/auth/a%20b",
        "x=1&x=2&y=%C3%A9",
        headers=[
            (b"cookie", b"a=1; b=2"),
            (b"cookie", b"c=3"),
            (b"accept", b"text/html"),
            (b"accept", b"*/*"),
            (b"user-agent", b"test"),
        ],
    )
    assert event["version"] == "2.0"
    assert event["routeKey"] == "$default"
    assert event["rawPath"] == "/auth/a%20b"
    assert event["rawQueryString"] == "x=1&x=2&y=%C3%A9"
    assert event["queryStringParameters"] == {"x": "1,2", "y": "é"}
    assert event["cookies"] == ["a=1", "b=2", "c=3"]
    assert event["headers"]["accept"] == "text/html,*/*"
    assert "cookie" not in event["headers"]
    assert event["isBase64Encoded"] is False
    assert "body" not in event
    context = event["requestContext"]
    assert context["http"] == {
        "method": "GET",
        "path": "/auth/a%20b",
        "protocol": "HTTP/1.1",
        "sourceIp": "127.0.0.1",
        "userAgent": "test",
    }
    assert abs(context["timeEpoch"] / 1000 - time.time()) < 60
    assert context["domainPrefix"] == context["domainName"].partition(".")[0]
    assert json.loads(json.dumps(event)) == event


def test_the_function_sees_its_own_host_and_the_viewers_address() -> None:
    headers = event_for("/", headers=[(b"x-forwarded-for", b"1.2.3.4")])["headers"]
    assert headers["host"] == "local.lambda-url.us-east-1.on.aws"
    assert headers["x-forwarded-proto"] == "https"
    assert headers["x-forwarded-for"] == "1.2.3.4, 203.0.113.7"
    assert headers["cloudfront-viewer-address"] == "203.0.113.7:50000"
    assert headers["cloudfront-forwarded-proto"] == "http"


@pytest.mark.parametrize(
    ("content_type", "body", "plain"),
    [
        (b"application/json; charset=utf-8", b'{"a":"\xc3\xa9"}', True),
        (b"application/problem+json", b"{}", True),
        (b"text/plain", b"hello", True),
        (b"text/plain", b"\xff\xfe", False),
        (b"application/x-www-form-urlencoded", b"a=1", False),
        (b"application/octet-stream", b"\x00\x01", False),
        (b"", b"hello", False),
    ],
)
def test_bodies_are_text_or_base64(content_type: bytes, body: bytes, *, plain: bool) -> None:
    headers = [(b"content-type", content_type), (b"content-length", str(len(body)).encode())]
    event = event_for("/", method="POST", headers=headers, body=body)
    assert event["isBase64Encoded"] is not plain
    sent = event["body"].encode() if plain else base64.b64decode(event["body"])
    assert sent == body


@pytest.mark.parametrize(
    ("result", "body"),
    [
        ("Hello, world!", b'"Hello, world!"'),
        ({"message": "Hello"}, b'{"message": "Hello"}'),
        (None, b"null"),
        ([1, 2], b"[1, 2]"),
    ],
)
def test_a_bare_value_is_a_json_body(result: object, body: bytes) -> None:
    answer = answered(result)
    assert answer.status == 200
    assert answer.body == body
    assert answer.header("content-type") == "application/json"


def test_a_whole_response_arrives() -> None:
    answer = answered(
        {
            "statusCode": 201,
            "headers": {"X-One": "1", "Content-Type": "text/plain", "X-Count": 3},
            "cookies": ["a=1; Path=/; Secure", "b=2; Path=/x/; Partitioned"],
            "body": "héllo",
        }
    )
    assert answer.status == 201
    assert answer.body == "héllo".encode()
    assert answer.header("x-one") == "1"
    assert answer.header("x-count") == "3"
    assert answer.header("content-type") == "text/plain"
    assert answer.header("content-length") == "6"
    lines = [value for name, value in answer.headers if name == b"set-cookie"]
    assert lines == [b"a=1; Path=/; Secure", b"b=2; Path=/x/; Partitioned"]


def test_defaults_of_a_response() -> None:
    answer = answered({"statusCode": "204"})
    assert answer.status == 204
    assert answer.body == b""
    assert answer.header("content-length") is None
    answer = answered({"statusCode": 200, "body": "x", "headers": None, "cookies": None})
    assert answer.header("content-type") == "application/json"


def test_binary_bodies_are_decoded() -> None:
    body = base64.b64encode(b"\x00\xff").decode()
    answer = answered({"statusCode": 200, "body": body, "isBase64Encoded": True})
    assert answer.body == b"\x00\xff"


def test_the_function_cannot_set_the_framing() -> None:
    headers = {"Content-Length": "999", "Transfer-Encoding": "chunked", "Connection": "x-gone"}
    answer = answered({"statusCode": 200, "headers": {**headers, "x-gone": "1"}, "body": "ab"})
    assert answer.header("content-length") == "2"
    assert answer.header("transfer-encoding") is None
    assert answer.header("x-gone") is None


def test_multi_value_headers_are_ignored() -> None:
    # "Function URL: cookies"; the field belongs to REST APIs and load balancers.
    answer = answered({"statusCode": 200, "multiValueHeaders": {"Set-Cookie": ["a=1"]}})
    assert answer.header("set-cookie") is None


@pytest.mark.parametrize(
    "result",
    [
        {"statusCode": 99},
        {"statusCode": 101},
        {"statusCode": 600},
        {"statusCode": "abc"},
        {"statusCode": None},
        {"statusCode": True},
        {"statusCode": 200, "headers": ["x"]},
        {"statusCode": 200, "headers": {"a b": "x"}},
        {"statusCode": 200, "headers": {"x": "secret\r\nset-cookie: a=1"}},
        {"statusCode": 200, "headers": {"x": ["y"]}},
        {"statusCode": 200, "cookies": "a=1"},
        {"statusCode": 200, "cookies": [1]},
        {"statusCode": 200, "cookies": ["a=secret\n"]},
        {"statusCode": 200, "body": {"a": 1}},
        {"statusCode": 200, "body": "%secret", "isBase64Encoded": True},
        {"statusCode": 200, "body": "x" * (MAX_PAYLOAD_BYTES + 1)},
        {1, 2},
        object(),
    ],
    ids=lambda result: repr(result)[:60] if isinstance(result, dict) else type(result).__name__,
)
def test_what_is_no_response_is_502(result: object) -> None:
    app, exchanges = app_of(Function(result))
    answer = ask(app, "/")
    assert answer.status == 502
    assert "The function's res" in (exchanges[0].failure or "")
    assert "secret" not in (exchanges[0].failure or "")
