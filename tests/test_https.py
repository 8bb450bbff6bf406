"""One request with every limit set: what it refuses to ask, and what it does not wait for."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from signer.errors import InputError, RemoteError
from signer.https import request

Handler = Callable[[BaseHTTPRequestHandler], None]


@contextmanager
def serving(handle: Handler) -> Iterator[str]:
    class Quiet(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            handle(self)

        def do_POST(self) -> None:
            handle(self)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def answer(status: int, body: bytes, **fields: str) -> Handler:
    def handle(server: BaseHTTPRequestHandler) -> None:
        server.send_response(status)
        for name, value in fields.items():
            server.send_header(name, value)
        server.send_header("Content-Length", str(len(body)))
        server.end_headers()
        server.wfile.write(body)

    return handle


def test_body_status_and_headers_come_back() -> None:
    with serving(answer(404, b"nothing", **{"X-Kind": "test"})) as url:
        got = request("GET", f"{url}/a?b=c")
    assert (got.status, got.body, got.headers["x-kind"]) == (404, b"nothing", "test")


def test_the_repr_of_an_answer_hides_its_body() -> None:
    with serving(answer(200, b"canary")) as url:
        assert "canary" not in repr(request("GET", url))


def test_a_request_is_sent_as_given() -> None:
    seen = []

    def handle(server: BaseHTTPRequestHandler) -> None:
        size = int(server.headers["Content-Length"])
        seen.append((server.command, server.path, server.headers["X-A"], server.rfile.read(size)))
        answer(200, b"")(server)

    with serving(handle) as url:
        request("POST", f"{url}/a%20b?q=1", headers={"X-A": "b"}, body=b"text")
    assert seen == [("POST", "/a%20b?q=1", "b", b"text")]


def test_redirects_are_not_followed() -> None:
    with serving(answer(302, b"", Location="http://127.0.0.1:1/")) as url:
        assert request("GET", url).status == 302


@pytest.mark.parametrize("fields", [{}, {"Content-Length": "5000"}])
def test_a_large_body_is_refused(fields: dict[str, str]) -> None:
    def handle(server: BaseHTTPRequestHandler) -> None:
        server.send_response(200)
        for name, value in fields.items():
            server.send_header(name, value)
        server.end_headers()
        server.wfile.write(b"x" * 5000)

    with serving(handle) as url, pytest.raises(RemoteError) as caught:
        request("GET", url, limit=4999)
    assert caught.value.code == "remote_too_large"


@pytest.mark.parametrize(
    ("first", "again"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\nX-A: ", b"x"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", b"x"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    ],
    ids=["body", "field", "continue", "fields", "extension", "chunks"],
)
def test_a_trickle_of_bytes_does_not_outlast_the_timeout(first: bytes, again: bytes) -> None:
    def handle(server: BaseHTTPRequestHandler) -> None:
        try:
            server.wfile.write(first)
            for _ in range(100):
                server.wfile.write(again)
                time.sleep(0.05)
        except OSError:
            pass

    started = time.monotonic()
    with serving(handle) as url, pytest.raises(RemoteError) as caught:
        request("GET", url, timeout=0.3)
    assert caught.value.code == "remote_timeout"
    assert time.monotonic() - started < 4


def test_silence_is_a_timeout() -> None:
    with serving(lambda _server: time.sleep(0.5)) as url, pytest.raises(RemoteError) as caught:
        request("GET", url, timeout=0.1)
    assert caught.value.code == "remote_timeout"


@contextmanager
def deaf() -> Iterator[tuple[str, int]]:
    """An address that answers no new connection, as behind a firewall: its queue is full."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(3):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield listener.getsockname()


def resolving(monkeypatch: pytest.MonkeyPatch, *addresses: tuple[str, int]) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", address) for address in addresses]
    monkeypatch.setattr("signer.https.socket.getaddrinfo", lambda *_, **__: found)


def test_all_addresses_together_do_not_outlast_the_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    with deaf() as first, deaf() as second, deaf() as third:
        resolving(monkeypatch, first, second, third)
        started = time.monotonic()
        with pytest.raises(RemoteError) as caught:
            request("GET", "https://provider.example/", timeout=0.5)
    assert caught.value.code == "remote_timeout"
    assert 0.4 < time.monotonic() - started < 1.4


def test_a_handshake_does_not_outlast_the_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    with deaf() as first, socket.create_server(("127.0.0.1", 0)) as silent:
        resolving(monkeypatch, first, silent.getsockname())
        started = time.monotonic()
        with pytest.raises(RemoteError) as caught:
            request("GET", "https://provider.example/", timeout=0.5)
    assert caught.value.code == "remote_timeout"
    assert time.monotonic() - started < 1.4


def test_the_next_address_is_asked_when_one_does_not_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with serving(answer(200, b"yes")) as url, deaf() as first:
        port = int(url.rpartition(":")[2])
        resolving(monkeypatch, first, ("127.0.0.1", port))
        assert request("GET", "http://localhost/", timeout=1).body == b"yes"


def test_a_closed_port_is_unreachable_and_the_path_is_not_told() -> None:
    with serving(answer(200, b"")) as url:
        pass
    with pytest.raises(RemoteError, match="did not answer") as caught:
        request("GET", f"{url}/canary?token=canary")
    assert caught.value.code == "remote_unreachable"
    assert "canary" not in repr(caught.value) + str(caught.value.evidence)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/", "http://10.0.0.1/", "http://127.0.0.1.example.com/", "ftp://localhost/",
        "https://user@example.com/", "https://example.com/#a", "https://", "/path", "", "https://a b/",
        "http://[::1", "https://example.com:port/", "http://169.254.169.254/latest/", "http://localhost.example.com/",
        "http://a.localhost/", "http://metadata.localhost/",
        "https://exa\nmple.com/", "file:///etc/passwd", "https://example.com:99999/",
    ],
)  # fmt: skip
def test_other_addresses_are_not_asked(url: str) -> None:
    with pytest.raises(InputError) as caught:
        request("GET", url)
    assert caught.value.code == "remote_url"
