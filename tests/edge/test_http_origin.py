"""Custom origins over real connections: what is passed on, both ways, and how failures look."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from signer import PrivateKey
from signer.edge import Behavior, Distribution, HttpOrigin
from signer.edge.exchange import Exchange
from tests.edge.serving import free_port, group_of, issuer_of, running, upstream

CHUNK = b"x" * 65536


class Origin:
    """Remembers what it was asked, and answers by path."""

    def __init__(self) -> None:
        self.scopes: list[Scope] = []
        self.bodies: list[bytes] = []
        self.produced = 0

    @property
    def headers(self) -> list[tuple[str, str]]:
        return [
            (name.decode(), value.decode("latin-1")) for name, value in self.scopes[-1]["headers"]
        ]

    def header(self, name: str) -> str | None:
        return dict(self.headers).get(name)

    @property
    def target(self) -> str:
        path: bytes = self.scopes[-1]["raw_path"]
        query: bytes = self.scopes[-1]["query_string"]
        return (path + (b"?" + query if query else b"")).decode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scopes.append(scope)
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body, more = body + message.get("body", b""), message.get("more_body", False)
        self.bodies.append(body)
        headers = [
            (b"content-type", b"text/plain"),
            (b"set-cookie", b"a=1"),
            (b"set-cookie", b"b=2"),
            (b"connection", b"x-private"),
            (b"x-private", b"1"),
            (b"via", b"1.1 inner"),
            (b"server", b"origin"),
        ]
        path = scope["path"]
        if path == "/slow":
            await asyncio.sleep(5)
        status = int(path[1:]) if path[1:].isdigit() else 200
        await send({"type": "http.response.start", "status": status, "headers": headers})
        if path == "/endless":
            await self._endless(send)
        await send(
            {"type": "http.response.body", "body": b"" if status in {204, 304} else b"hello"}
        )

    async def _endless(self, send: Send) -> None:
        while self.produced < 4000 * len(CHUNK):
            await send({"type": "http.response.body", "body": CHUNK, "more_body": True})
            self.produced += len(CHUNK)
            await asyncio.sleep(0)


@contextmanager
def site(key: PrivateKey, url: str, **options: Any) -> Iterator[str]:  # noqa: ANN401 - settings of the origin
    distribution = Distribution(
        origins={"o": HttpOrigin(url, **options)},
        key_groups={"viewers": group_of(key)},
        behaviors=(
            Behavior(origin="o", path_pattern="/open/*", allowed_methods="ALL"),
            Behavior(
                origin="o", path_pattern="/cookies/*", allowed_methods="ALL", forward_cookies=True
            ),
            Behavior(
                origin="o",
                path_pattern="/signed/*",
                trusted_key_groups=("viewers",),
                forward_cookies=True,
            ),
        ),
        default_behavior=Behavior(origin="o", allowed_methods="ALL"),
    )
    with running(distribution) as edge:
        yield edge.url


@pytest.fixture(scope="module")
def shared(p256_key: PrivateKey) -> Iterator[tuple[Origin, str]]:
    origin = Origin()
    with upstream(origin) as url, site(p256_key, url) as edge:
        yield origin, edge


@pytest.fixture
def origin(shared: tuple[Origin, str]) -> Origin:
    shared[0].scopes.clear()
    shared[0].bodies.clear()
    return shared[0]


@pytest.fixture
def edge(shared: tuple[Origin, str]) -> str:
    return shared[1]


def raw(url: str, request: bytes) -> bytes:
    """Send bytes exactly as they are and return all that comes back."""
    host, _, port = url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(request)
        answer = b""
        while part := connection.recv(65536):
            answer += part
    return answer


def test_headers_both_ways(edge: str, origin: Origin) -> None:
    answer = httpx.get(
        f"{edge}/open/x",
        headers={
            "x-forwarded-for": "10.1.1.1",
            "via": "1.1 outer",
            "te": "trailers",
            "connection": "x-hop",
            "x-hop": "1",
            "cookie": "session=1",
            "cloudfront-viewer-address": "10.9.9.9:1",
            "cloudfront_viewer_address": "10.9.9.9:1",
            "cloudfront-viewer_country": "XX",
            "x-custom": "kept",
        },
    )
    assert answer.text == "hello"
    assert answer.headers.get_list("set-cookie") == ["a=1", "b=2"]
    assert answer.headers["server"] == "origin"
    assert "x-private" not in answer.headers
    assert answer.headers["via"].startswith("1.1 inner, 1.1 ")
    assert origin.header("host") != edge.removeprefix("http://")
    assert origin.header("x-forwarded-for") == "10.1.1.1, 127.0.0.1"
    assert (origin.header("via") or "").startswith("1.1 outer, 1.1 ")
    assert (origin.header("cloudfront-viewer-address") or "").startswith("127.0.0.1:")
    assert origin.header("cloudfront-forwarded-proto") == "http"
    assert origin.header("x-custom") == "kept"
    for gone in (
        *("te", "x-hop", "cookie"),
        *("cloudfront_viewer_address", "cloudfront-viewer_country"),
    ):
        assert origin.header(gone) is None


def test_the_viewers_host_on_request(p256_key: PrivateKey) -> None:
    origin = Origin()
    with upstream(origin) as url, site(p256_key, url + "/base/", forward_host=True) as edge:
        httpx.get(f"{edge}/open/x?a=1")
    assert origin.header("host") == edge.removeprefix("http://")
    assert origin.target == "/base/open/x?a=1"


def test_signing_parameters_are_removed_and_the_rest_kept(
    edge: str, origin: Origin, p256_key: PrivateKey
) -> None:
    base = f"{edge}/signed/a%20b.mp4?z=%2F&a=1&a&=&b=%27"
    for resource in (None, f"{edge}/signed/*"):
        url = issuer_of(p256_key).signed_url(base, expires_in=timedelta(hours=1), resource=resource)
        head, _, tail = url.partition("&Key-Pair-Id")
        # Their order is free: here some come first.
        path, _, query = f"{head}&Key-Pair-Id{tail}".removeprefix(edge).partition("?")
        own = [
            part
            for part in query.split("&")
            if part.partition("=")[0] not in {"Key-Pair-Id", "Hash-Algorithm"}
        ]
        others = [part for part in query.split("&") if part not in own]
        target = f"{path}?{'&'.join([*others, *own])}"
        answer = raw(
            edge, f"GET {target} HTTP/1.1\r\nHost: {edge[7:]}\r\nConnection: close\r\n\r\n".encode()
        )
        assert answer.startswith(b"HTTP/1.1 200"), answer
        assert origin.target == "/signed/a%20b.mp4?z=%2F&a=1&a&=&b=%27"


def test_without_own_parameters_no_question_mark_is_left(
    edge: str, origin: Origin, p256_key: PrivateKey
) -> None:
    httpx.get(issuer_of(p256_key).signed_url(f"{edge}/signed/x", expires_in=timedelta(hours=1)))
    assert origin.target == "/signed/x"


def test_signing_parameters_pass_where_nothing_is_signed(edge: str, origin: Origin) -> None:
    httpx.get(f"{edge}/open/x?Expires=1&Signature=x&own=1")
    assert origin.target == "/open/x?Expires=1&Signature=x&own=1"


def test_cookies_reach_the_origin_only_where_they_should(
    edge: str, origin: Origin, p256_key: PrivateKey
) -> None:
    signed = issuer_of(p256_key).signed_cookies(f"{edge}/signed/*", expires_in=timedelta(hours=1))
    cookie = {"cookie": f"session=1; {signed.header()}; theme=dark"}
    httpx.get(f"{edge}/signed/x", headers=cookie)
    assert origin.header("cookie") == "session=1; theme=dark"
    httpx.get(f"{edge}/cookies/x", headers=cookie)
    assert origin.header("cookie") == cookie["cookie"]
    httpx.get(f"{edge}/open/x", headers=cookie)
    assert origin.header("cookie") is None


@pytest.mark.parametrize(
    "target", ["/open/%7Ea/b//c", "/open/...", "/open/a'b(c)", "/open/x?a=%27&b='&c=?/../%2f"]
)
def test_targets_pass_byte_for_byte(edge: str, origin: Origin, target: str) -> None:
    raw(edge, f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    assert origin.target == target


@pytest.mark.parametrize("target", ["/a/%2e%2E/b", "/a/../b", "/a%2fb", "/a\\b", "/a%5Cb"])
def test_where_nothing_is_signed_any_path_passes(target: str) -> None:
    origin = Origin()
    with upstream(origin) as url:
        public = Distribution(origins={"o": HttpOrigin(url)}, default_behavior=Behavior(origin="o"))
        with running(public) as edge:
            raw(
                edge.url,
                f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode(),
            )
    assert origin.target == target


@pytest.mark.parametrize("sent", [b"", b"abc", b"x" * 3_000_000])
def test_bodies_are_passed_on(edge: str, origin: Origin, sent: bytes) -> None:
    assert httpx.post(f"{edge}/open/x", content=sent).status_code == 200
    assert origin.bodies == [sent]
    assert origin.header("content-length") == str(len(sent))


def test_chunked_bodies_are_passed_on(edge: str, origin: Origin) -> None:
    assert httpx.post(f"{edge}/open/x", content=iter([b"ab", b"cd"])).status_code == 200
    assert origin.bodies == [b"abcd"]


def test_of_two_lengths_the_chunks_count(
    edge: str, origin: Origin, caplog: pytest.LogCaptureFixture
) -> None:
    answer = raw(
        edge,
        b"POST /open/x HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n"
        b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        b"14\r\nGET /hidden HTTP/1.1\r\n0\r\n\r\n",
    )
    assert answer.startswith(b"HTTP/1.1 200"), answer
    assert origin.bodies == [b"GET /hidden HTTP/1.1"]
    assert origin.header("content-length") is None
    assert not caplog.records


@pytest.mark.parametrize("status", [204, 304, 404, 418, 503])
def test_every_status_passes(edge: str, status: int) -> None:
    answer = httpx.get(f"{edge}/{status}")
    assert answer.status_code == status
    assert answer.headers["x-cache"] == ("Error" if status >= 400 else "Miss") + " from cloudfront"


def test_head(edge: str, origin: Origin) -> None:
    assert httpx.head(f"{edge}/open/x").content == b""
    assert origin.scopes[-1]["method"] == "HEAD"


def test_redirects_are_the_viewers_business(edge: str) -> None:
    assert httpx.get(f"{edge}/302").status_code == 302


def test_improper_ranges_do_not_reach_the_origin(edge: str, origin: Origin) -> None:
    httpx.get(f"{edge}/open/x", headers={"range": "bytes=0-4"})
    assert origin.header("range") == "bytes=0-4"
    httpx.get(f"{edge}/open/x", headers={"range": "bytes=9-4"})
    assert origin.header("range") is None


def test_large_answers_stream_and_end_when_the_viewer_leaves() -> None:
    origin = Origin()
    seen: list[Exchange] = []
    with upstream(origin) as url:
        site = Distribution(origins={"o": HttpOrigin(url)}, default_behavior=Behavior(origin="o"))
        with (
            running(site, on_exchange=seen.append) as edge,
            httpx.stream("GET", f"{edge.url}/endless") as answer,
        ):
            chunks = answer.iter_raw()
            assert next(chunks).startswith(b"x")
            time.sleep(0.5)
            # Nobody reads: what was produced fits in socket buffers and does not pile up here.
            assert origin.produced < 300 * len(CHUNK)
            assert not seen
            answer.close()
            deadline = time.monotonic() + 10
            while not seen and time.monotonic() < deadline:
                time.sleep(0.02)
    (exchange,) = seen
    assert exchange.aborted
    assert exchange.failure is None


def test_an_origin_that_is_not_there(p256_key: PrivateKey) -> None:
    with site(p256_key, f"http://127.0.0.1:{free_port()}") as edge:
        answer = httpx.get(f"{edge}/open/x")
    assert answer.status_code == 502
    assert answer.headers["content-type"] == "text/html"
    assert answer.headers["x-cache"] == "Error from cloudfront"
    assert "ConnectError" not in answer.text


def test_an_origin_that_is_slow(p256_key: PrivateKey) -> None:
    with upstream(Origin()) as url, site(p256_key, url, read_timeout=0.2) as edge:
        assert httpx.get(f"{edge}/slow").status_code == 504


@contextmanager
def rude(answer: bytes) -> Iterator[str]:
    """An origin that sends fixed bytes and hangs up."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread.join(10)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 101 Switching\r\n\r\n",
        b"HTTP/1.1 999 X\r\nContent-Length: 0\r\n\r\n",
    ],
)
def test_origins_that_do_not_speak_http(p256_key: PrivateKey, answer: bytes) -> None:
    with rude(answer) as url, site(p256_key, url) as edge:
        assert httpx.get(f"{edge}/open/x").status_code == 502


def test_an_answer_that_breaks_off_breaks_off_for_the_viewer_too(p256_key: PrivateKey) -> None:
    with (
        rude(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf") as url,
        site(p256_key, url) as edge,
        pytest.raises(httpx.RemoteProtocolError),
    ):
        httpx.get(f"{edge}/open/x")


def test_encoded_answers_stay_encoded(p256_key: PrivateKey) -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc"
    with (
        rude(answer) as url,
        site(p256_key, url) as edge,
        httpx.stream("GET", f"{edge}/open/x") as seen,
    ):
        assert b"".join(seen.iter_raw()) == b"abc"
        assert seen.headers["content-encoding"] == "gzip"
