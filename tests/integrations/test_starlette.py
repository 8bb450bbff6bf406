"""Starlette without FastAPI, and what the scenario does not show."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket

from signer import PrivateKey
from signer.access import Access
from signer.errors import ConfigurationError, GrantError
from signer.integrations.starlette import (
    SignedAccessMiddleware,
    current,
    open_access,
    set_cookies,
)
from tests.integrations.backends import BASE, GRANTS, SITE, Clock, make_credential

ADA: dict[str, object] = {"sub": "ada", "groups": ["gallery", "cinema"]}
HALF = 15 * 60 // 2
SESSION = Middleware(SessionMiddleware, secret_key="of no use to anybody", https_only=True)


@pytest.fixture
def access(tmp_path: Path, p256_key: PrivateKey) -> Access:
    credential = make_credential(tmp_path, p256_key)
    return open_access(credential=f"file:{credential}", grants=GRANTS, base_url=BASE)


async def log_in(request: Request) -> Response:
    viewer = await current(request)
    await viewer.log_in_async(ADA)
    return PlainTextResponse("in")


async def clear(request: Request) -> Response:
    request.session.clear()
    return PlainTextResponse("out")


async def url(request: Request) -> Response:
    viewer = await current(request)
    return JSONResponse((await viewer.url_async("share", "a.jpg")).url)


async def item(request: Request) -> Response:
    viewer = await current(request)
    return JSONResponse((await viewer.url_async("share", "*")).url)


async def stream(_: Request) -> Response:
    async def parts() -> AsyncIterator[bytes]:
        for part in (b"a", b"b", b"c"):
            yield part

    return StreamingResponse(parts(), headers={"cache-control": "max-age=60"})


async def broken(_: Request) -> Response:
    async def parts() -> AsyncIterator[bytes]:
        yield b"a"
        raise GrantError("item_empty", "too late")

    return StreamingResponse(parts())


async def socket(connection: WebSocket) -> None:
    await connection.accept()
    await connection.send_text("open")
    await connection.close()


ROUTES = [
    Route("/login", log_in, methods=["POST"]),
    Route("/clear", clear, methods=["POST"]),
    Route("/url", url),
    Route("/item", item),
    Route("/stream", stream),
    Route("/broken", broken),
    WebSocketRoute("/socket", socket),
]


def client_of(
    access: Access, clock: Clock | None = None, *, session: bool = True, own: bool = True
) -> TestClient:
    middleware = [SESSION] if session else []
    if own:
        middleware.append(Middleware(SignedAccessMiddleware, access=access, clock=clock or Clock()))
    return TestClient(Starlette(routes=ROUTES, middleware=middleware), base_url=SITE)


def signed(lines: list[str]) -> list[str]:
    return [line for line in lines if line.startswith("CloudFront-")]


def test_a_stream_is_passed_on_with_cookies_in_front(access: Access) -> None:
    clock = Clock()
    client = client_of(access, clock)
    client.post("/login")
    answer = client.get("/stream")
    assert (answer.text, answer.headers["cache-control"]) == ("abc", "max-age=60")
    assert not signed(answer.headers.get_list("set-cookie"))
    clock.now += HALF
    answer = client.get("/stream")
    assert answer.text == "abc"
    assert len(signed(answer.headers.get_list("set-cookie"))) == 10
    assert answer.headers["cache-control"] == "private, no-store"


def test_an_error_after_the_answer_has_begun_stays_one(access: Access) -> None:
    with pytest.raises(GrantError):
        client_of(access).get("/broken")


def test_a_problem_carries_the_cookies_of_the_session(access: Access) -> None:
    clock = Clock()
    client = client_of(access, clock)
    assert client.get("/wrong").status_code == 404
    answer = client.get("/url")
    assert (answer.status_code, answer.json()["code"]) == (401, "login_required")
    client.post("/login")
    answer = client.get("/url")
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "private, no-store")
    clock.now += HALF
    answer = client.get("/item")
    assert (answer.status_code, answer.json()["code"]) == (400, "item_wildcard")
    assert len(signed(answer.headers.get_list("set-cookie"))) == 10


def test_emptying_the_session_logs_out(access: Access) -> None:
    client = client_of(access)
    client.post("/login")
    lines = signed(client.post("/clear").headers.get_list("set-cookie"))
    assert len(lines) == 10
    assert all("Max-Age=0" in line for line in lines)


def test_web_sockets_pass(access: Access) -> None:
    with client_of(access).websocket_connect("/socket") as connection:
        assert connection.receive_text() == "open"


def test_what_is_missing_is_told(access: Access) -> None:
    with pytest.raises(ConfigurationError) as caught:
        client_of(access, session=False).get("/url")
    assert caught.value.code == "session_missing"
    with pytest.raises(ConfigurationError) as caught:
        client_of(access, own=False).get("/url")
    assert caught.value.code == "middleware_missing"


def test_cookies_can_be_set_by_hand(access: Access) -> None:
    response = Response()
    set_cookies(response, access.cookies(ADA).set_cookie_headers)
    assert len(response.headers.getlist("set-cookie")) == 10
    assert response.headers["cache-control"] == "private, no-store"
