"""Events of the four front ends: the same request in each, and answers in each one's form."""

from __future__ import annotations

import base64
from typing import get_args
from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signer.errors import RequestError
from signer.service import Reply, Request
from signer.service.front_ends import answer_of, is_event_of, request_of
from signer.service.settings import FrontEnd
from tests.lambda_asset import event_of, set_cookies_of

FRONT_ENDS: tuple[FrontEnd, ...] = get_args(FrontEnd)
COOKIES = ("a=1; Path=/x/; Secure", "a=2; Path=/y/; Secure", "b=; Max-Age=0")
NAMES = st.text("abcdefghijklmnopqrstuvwxyzABC-", min_size=1, max_size=8).filter(
    lambda name: name.lower() not in {"host", "accept", "cookie"}
)
# A slash that was encoded cannot be told from others behind an HTTP API.
PATHS = st.lists(st.text("ab.~-é %?#*+&=", max_size=5).map(lambda part: quote(part, safe="+&=*~")))
VALUES = st.text("abcXYZ019.-_~", max_size=12)


@given(
    method=st.sampled_from(["GET", "POST", "HEAD", "DELETE"]),
    path=PATHS.map(lambda parts: "/" + "/".join(parts)),
    headers=st.dictionaries(NAMES, VALUES, max_size=4).filter(
        lambda headers: len({name.lower() for name in headers}) == len(headers)
    ),
    query=st.dictionaries(NAMES, VALUES, max_size=4),
    cookies=st.dictionaries(NAMES, VALUES, max_size=4),
    body=st.none() | st.text(st.characters(codec="utf-8"), max_size=20),
    binary=st.booleans(),
)
def test_each_passes_on_the_same_request(
    *,
    method: str,
    path: str,
    headers: dict[str, str],
    query: dict[str, str],
    cookies: dict[str, str],
    body: str | None,
    binary: bool,
) -> None:
    for front_end in FRONT_ENDS:
        event = event_of(
            front_end,
            method,
            path,
            headers=headers,
            query=query,
            cookies=tuple(f"{name}={value}" for name, value in cookies.items()),
            body=body,
            binary=binary,
        )
        assert [one for one in FRONT_ENDS if is_event_of(one, event)] == (
            ["function_url", "http_api"]
            if front_end in {"function_url", "http_api"}
            else [front_end]
        )
        request = request_of(front_end, event)
        assert (request.method, unquote(request.path)) == (method, unquote(path))
        assert request.path == path or front_end == "http_api"
        assert request.body == (body or "").encode()
        assert request.parameters() == query
        assert {name: request.headers[name.lower()] for name in headers} == headers
        assert request.cookies == cookies


@pytest.mark.parametrize("front_end", FRONT_ENDS)
def test_cookies_stand_where_the_front_end_reads_them(front_end: FrontEnd) -> None:
    event = event_of(front_end, "GET", "/")
    reply = Reply(200, {"Cache-Control": "no-store"}, cookies=COOKIES, body="é")
    answer = answer_of(front_end, event, reply)
    assert set_cookies_of(front_end, answer) == list(COOKIES)
    assert (answer["statusCode"], answer["body"], answer["isBase64Encoded"]) == (200, "é", False)
    places = [answer.get("cookies"), *(answer.get("multiValueHeaders") or {}).values()]
    assert places.count(list(COOKIES)) == 1
    assert not [name for name in answer.get("headers") or {} if name.lower() == "set-cookie"]


@pytest.mark.parametrize("front_end", FRONT_ENDS)
def test_an_answer_to_head_has_no_body(front_end: FrontEnd) -> None:
    event = event_of(front_end, "HEAD", "/")
    assert answer_of(front_end, event, Reply(200, body="x"))["body"] == ""


def test_a_load_balancer_names_its_status() -> None:
    answer = answer_of("alb", event_of("alb", "GET", "/"), Reply(404))
    assert answer["statusDescription"] == "404 Not Found"


@pytest.mark.parametrize(
    ("stage", "raw_path", "path"),
    [
        ("$default", "/auth/login", "/auth/login"),
        ("prod", "/prod/auth/login", "/auth/login"),
        ("prod", "/production/auth/login", "/production/auth/login"),
        (None, "/auth/login", "/auth/login"),
        ("auth", "/auth/auth/login", "/auth/login"),
    ],
)
def test_the_stage_of_an_http_api_is_no_part_of_the_path(
    stage: str | None, raw_path: str, path: str
) -> None:
    event = event_of("http_api", "GET", raw_path)
    event["requestContext"]["stage"] = stage
    assert request_of("http_api", event).path == path


@pytest.mark.parametrize("front_end", ["rest_api", "alb"])
def test_cookies_of_several_fields_are_all_read(front_end: FrontEnd) -> None:
    event = event_of(front_end, "GET", "/")
    event["multiValueHeaders"]["Cookie"] = ["a=1; b=2", "c=3", "a=4"]
    assert request_of(front_end, event).cookies == {"a": "1", "b": "2", "c": "3"}


def test_a_load_balancer_passes_its_query_encoded_and_a_rest_api_decoded() -> None:
    values: dict[FrontEnd, str] = {"alb": "a%26b", "rest_api": "a&b"}
    for front_end, value in values.items():
        event = event_of(front_end, "GET", "/", query={"x": value})
        assert request_of(front_end, event).parameters() == {"x": "a&b"}


def test_a_parameter_given_twice_stays_twice() -> None:
    front_ends: tuple[FrontEnd, ...] = ("alb", "rest_api")
    for front_end in front_ends:
        event = event_of(front_end, "GET", "/", query={"x": "1"})
        event["multiValueQueryStringParameters"]["x"].append("2")
        with pytest.raises(RequestError):
            request_of(front_end, event).parameters()


@pytest.mark.parametrize("body", ["%%%", "A", base64.b64encode(b"{}").decode() + "!"])
def test_a_body_that_cannot_be_decoded_is_refused(body: str) -> None:
    event = event_of("function_url", "POST", "/", body=body) | {"isBase64Encoded": True}
    with pytest.raises(RequestError) as caught:
        request_of("function_url", event)
    assert caught.value.code == "body"


def test_a_load_balancer_without_multi_value_headers_is_refused_and_can_be_told() -> None:
    event = event_of("alb", "GET", "/")
    del event["multiValueHeaders"]
    event["headers"] = {"host": "a"}
    with pytest.raises(RequestError) as caught:
        request_of("alb", event)
    assert caught.value.code == "front_end"
    assert answer_of("alb", event, Reply(500, {"A": "b"}))["headers"] == {"A": "b"}


@pytest.mark.parametrize(
    "event",
    [None, 1, "x", [], {}, {"requestContext": None}, {"requestContext": {}}, {"version": "2.0"}],
)
def test_what_is_no_event_is_nobodys(event: object) -> None:
    assert not [one for one in FRONT_ENDS if is_event_of(one, event)]


def test_an_event_without_anything_is_a_request_for_nothing() -> None:
    event = {"version": "2.0", "requestContext": {"http": {}}}
    assert request_of("function_url", event) == Request("", "")
    event = {"httpMethod": None, "requestContext": {}, "headers": None}  # type: ignore[dict-item]
    assert request_of("rest_api", event) == Request("", "")


WHITE = ["\u2000", "\u3000", "\u00a0", "\u0085", "\u2028", "\x1c", "\x1f", "\x0b", "\ufeff"]


@pytest.mark.parametrize("white", WHITE)
@pytest.mark.parametrize("front_end", FRONT_ENDS)
def test_a_cookie_that_a_sibling_host_may_set_is_never_taken_for_ours(
    front_end: FrontEnd, white: str
) -> None:
    # To a browser its name begins with a letter, so that no prefix protects it.
    name = "__Host-signer-session"
    cookies = (f"{white}{name}=planted", f"{name}=own")
    request = request_of(front_end, event_of(front_end, "GET", "/", cookies=cookies))
    assert request.cookies[name] == "own"


@pytest.mark.parametrize("front_end", FRONT_ENDS)
def test_of_two_cookies_of_ours_neither_counts(front_end: FrontEnd) -> None:
    cookies = ("__Host-signer-session=a", "x=1", "__Host-signer-session=b", "x=2")
    request = request_of(front_end, event_of(front_end, "GET", "/", cookies=cookies))
    assert request.cookies == {"x": "1"}


@pytest.mark.parametrize("front_end", ["rest_api", "alb"])
def test_fields_of_one_name_are_joined_however_they_are_spelt(front_end: FrontEnd) -> None:
    event = event_of(front_end, "GET", "/")
    event["multiValueHeaders"] |= {"Origin": ["https://a", "https://b"], "origin": ["https://c"]}
    assert request_of(front_end, event).headers["origin"] == "https://a,https://b,https://c"


@pytest.mark.parametrize("front_end", FRONT_ENDS)
def test_without_cookies_nothing_is_set(front_end: FrontEnd) -> None:
    answer = answer_of(front_end, event_of(front_end, "get", "/"), Reply(200, body="x"))
    assert answer["body"] == "x"
    assert not set_cookies_of(front_end, answer)
    assert "Set-Cookie" not in (answer.get("multiValueHeaders") or {})
    assert (
        answer_of(front_end, event_of(front_end, "head", "/"), Reply(200, body="x"))["body"] == ""
    )


@pytest.mark.parametrize("front_end", FRONT_ENDS)
def test_methods_are_told_in_upper_case(front_end: FrontEnd) -> None:
    assert request_of(front_end, event_of(front_end, "post", "/")).method == "POST"


def test_a_lone_surrogate_is_a_character_as_any() -> None:
    event = event_of("rest_api", "GET", "/", query={"x": "\ud800"}, body="\ud800")
    request = request_of("rest_api", event)
    assert request.body == b"\xed\xa0\x80"
    with pytest.raises(RequestError):
        request.parameters()


def test_the_path_of_an_http_api_is_written_as_it_was_sent() -> None:
    for sent, path in (
        ("/a%2541.jpg", "/a%2541.jpg"),
        ("/a%20%C3%A9", "/a%20%C3%A9"),
        ("/a%2Fb", "/a/b"),
    ):
        assert request_of("http_api", event_of("http_api", "GET", sent)).path == path
