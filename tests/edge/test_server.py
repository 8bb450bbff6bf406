"""The server around the data plane: addresses, TLS, limits of the wire, starting and stopping."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
import subprocess
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from signer import PrivateKey
from signer.edge import EdgeServer, ViewerCertificate
from signer.edge.listening import listeners
from signer.errors import ConfigurationError
from tests.edge.serving import issuer_of, private_folder, public_folder, running

LARGE = 40_000_000


@pytest.fixture
def media(tmp_path: Path) -> Path:
    (tmp_path / "a.txt").write_text("hello")
    return tmp_path


def raw(port: int, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(request)
        answer = b""
        while part := connection.recv(65536):
            answer += part
        return answer


def port_of(url: str | None) -> int:
    return int((url or "").rpartition(":")[2])


def test_urls_and_cookies_work_over_the_wire(media: Path, p256_key: PrivateKey) -> None:
    with (
        running(private_folder(media, p256_key)) as edge,
        httpx.Client(base_url=edge.url) as client,
    ):
        issuer = issuer_of(p256_key)
        assert client.get("/a.txt").status_code == 403
        url = issuer.signed_url(f"{edge.url}/a.txt", expires_in=timedelta(minutes=5))
        assert client.get(url).text == "hello"
        cookies = issuer.signed_cookies(
            f"{edge.url}/*", expires_in=timedelta(minutes=5), allow_entire_distribution=True
        )
        assert client.get("/a.txt", headers={"cookie": cookies.header()}).text == "hello"
        assert (
            client.head("/a.txt", headers={"cookie": cookies.header()}).headers["content-length"]
            == "5"
        )


def test_forwarded_headers_do_not_make_a_viewer(media: Path, p256_key: PrivateKey) -> None:
    with running(private_folder(media, p256_key)) as edge:
        url = issuer_of(p256_key).signed_url(
            f"{edge.url}/a.txt", expires_in=timedelta(minutes=5), ip_address="203.0.113.0/24"
        )
        forged = {"x-forwarded-for": "203.0.113.7", "x-forwarded-proto": "https"}
        assert httpx.get(url, headers=forged).status_code == 403


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.com", ""])
def test_addresses_that_others_can_reach_need_permission(media: Path, host: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        EdgeServer(public_folder(media), host=host)
    assert caught.value.code == "edge_remote"
    assert EdgeServer(public_folder(media), host=host, allow_remote=True).url == ""


def test_a_taken_port_is_said(media: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        taken = listener.getsockname()[1]
        for options in ({"port": taken}, {"port": 0, "inspector_port": taken}):
            server = EdgeServer(public_folder(media), **options)
            with pytest.raises(ConfigurationError) as caught:
                asyncio.run(server.start())
            assert caught.value.code == "edge_address"


def test_localhost_is_both_loopback_addresses(media: Path) -> None:
    with running(public_folder(media), host="localhost") as edge:
        assert edge.url.startswith("http://localhost:")
        assert httpx.get(f"{edge.url}/a.txt").status_code == 200
        assert httpx.get(f"http://127.0.0.1:{port_of(edge.url)}/a.txt").status_code == 200
        try:
            status = httpx.get(f"http://[::1]:{port_of(edge.url)}/a.txt").status_code
        except httpx.ConnectError:
            pytest.skip("this machine has no IPv6")
        assert status == 200


def test_sockets_may_be_bound_before(media: Path) -> None:
    site, inspector = listeners("localhost", 0), listeners("localhost", 0)
    with running(
        public_folder(media), host="localhost", sockets=site, inspector_sockets=inspector
    ) as edge:
        for bound, url, path in ((site, edge.url, "a.txt"), (inspector, edge.inspector_url, "")):
            assert url == f"http://localhost:{bound[0].getsockname()[1]}"
            for listener in bound:
                host = "[::1]" if listener.family == socket.AF_INET6 else "127.0.0.1"
                address = f"http://{host}:{port_of(url)}/{path}"
                assert httpx.get(address, headers={"host": "localhost"}).status_code == 200
    assert {bound.fileno() for bound in (*site, *inspector)} == {-1}


def test_bound_sockets_that_others_can_reach_need_permission(media: Path) -> None:
    with socket.socket() as bound:
        bound.bind(("0.0.0.0", 0))
        with pytest.raises(ConfigurationError) as caught:
            EdgeServer(public_folder(media), sockets=[bound])
        assert caught.value.code == "edge_remote"
        with pytest.raises(ConfigurationError) as caught:
            EdgeServer(public_folder(media), inspector_sockets=[bound])
        assert caught.value.code == "edge_remote"


@pytest.mark.parametrize("number", [errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, None])
def test_a_machine_without_ipv6(
    media: Path, monkeypatch: pytest.MonkeyPatch, number: int | None
) -> None:
    real = socket.socket.bind

    class Socket(socket.socket):
        def bind(self, address: Any) -> None:  # noqa: ANN401 - as in socket
            if self.family == socket.AF_INET6:
                assert number is not None
                raise OSError(number, "no IPv6")
            real(self, address)

    monkeypatch.setattr("signer.edge.listening.socket.socket", Socket)
    monkeypatch.setattr("socket.has_ipv6", number is not None)
    with running(public_folder(media), host="localhost") as edge:
        assert httpx.get(f"http://127.0.0.1:{port_of(edge.url)}/a.txt").status_code == 200


def test_without_an_inspector(media: Path) -> None:
    with running(public_folder(media), inspector_port=None) as edge:
        assert edge.inspector_url is None


def test_it_starts_and_stops_again_and_again(media: Path) -> None:
    async def story() -> None:
        for _ in range(3):
            async with (
                EdgeServer(public_folder(media), port=0, inspector_port=0) as edge,
                httpx.AsyncClient() as client,
            ):
                assert (await client.get(f"{edge.url}/a.txt")).status_code == 200
            with pytest.raises(ConnectionError):
                await asyncio.open_connection("127.0.0.1", port_of(edge.url))

    asyncio.run(story())


def test_serving_ends_when_cancelled(media: Path) -> None:
    async def story() -> None:
        edge = EdgeServer(public_folder(media), port=0)
        task = asyncio.create_task(edge.serve())
        await asyncio.sleep(0.5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(ConnectionError):
            await asyncio.open_connection("127.0.0.1", port_of(edge.url))

    asyncio.run(story())


def test_stopping_ends_open_streams(media: Path) -> None:
    with running(public_folder(media)) as edge:
        stream = httpx.stream("GET", f"{edge.inspector_url}/events", timeout=5)
        answer = stream.__enter__()
        assert answer.status_code == 200
        ended = threading.Event()

        def read() -> None:
            for _ in answer.iter_raw():
                pass
            ended.set()

        threading.Thread(target=read, daemon=True).start()
    assert ended.wait(5)
    stream.__exit__(None, None, None)


@pytest.mark.parametrize(
    "head",
    [
        b"GET /a.txt\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /å HTTP/1.1\r\nHost: x\r\n\r\n".encode(),
        b"GET /a.txt HTTP/1.1\r\n\r\n",
        b"GET /a.txt HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET /a.txt HTTP/1.1\r\nHost: x\r\nX: \x00\r\n\r\n",
        b"GET http://x/a.txt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"CONNECT x:443 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    ],
)
def test_requests_that_are_none(media: Path, head: bytes) -> None:
    with running(public_folder(media)) as edge:
        assert raw(port_of(edge.url), head).startswith(b"HTTP/1.1 400")
        assert httpx.get(f"{edge.url}/a.txt").status_code == 200


def test_limits_over_the_wire(media: Path) -> None:
    with running(public_folder(media)) as edge:
        assert httpx.get(f"{edge.url}/{'a' * 8192}").status_code == 414
        assert httpx.get(f"{edge.url}/a.txt", headers={"x": "y" * 33_000}).status_code == 494
        request = (
            b"GET /a.txt HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc"
        )
        assert raw(port_of(edge.url), request).startswith(b"HTTP/1.1 403")


def test_upgrades_are_ignored(media: Path) -> None:
    with running(public_folder(media)) as edge:
        request = (
            b"GET /a.txt HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade, close\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
        assert raw(port_of(edge.url), request).startswith(b"HTTP/1.1 200")


def test_connections_are_kept_and_pipelined(media: Path) -> None:
    with running(public_folder(media)) as edge:
        one = b"GET /a.txt HTTP/1.1\r\nHost: x\r\n"
        answer = raw(port_of(edge.url), one + b"\r\n" + one + b"Connection: close\r\n\r\n")
        assert answer.count(b"HTTP/1.1 200 OK") == 2


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_answers_do_not_wait_for_acknowledgements(media: Path, host: str) -> None:
    with running(public_folder(media), host=host) as edge, httpx.Client() as client:
        client.get(f"{edge.url}/a.txt")
        client.get(f"{edge.inspector_url}/")
        for server, _ in edge._running:
            (connection,) = server.server_state.connections
            kept = connection.transport.get_extra_info("socket")
            # Or else Nagle's algorithm delays every answer by 40 ms.
            assert kept.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_large_files_arrive_whole(media: Path) -> None:
    content = b"0123456789abcdef" * (LARGE // 16)
    (media / "large.bin").write_bytes(content)
    with running(public_folder(media)) as edge:
        assert httpx.get(f"{edge.url}/large.bin").content == content
        last = httpx.get(f"{edge.url}/large.bin", headers={"range": "bytes=-100000"})
    assert last.content == content[-100000:]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> ViewerCertificate:
    folder = tmp_path_factory.mktemp("tls")
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 "
        "-subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 "
        "-keyout key.pem -out cert.pem"
    )
    try:
        subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("the openssl command is not installed")
    return ViewerCertificate(folder / "cert.pem", folder / "key.pem")


def test_tls(media: Path, p256_key: PrivateKey, certificate: ViewerCertificate) -> None:
    site = private_folder(media, p256_key, viewer_certificate=certificate)
    trust = ssl.create_default_context(cafile=str(certificate.certificate))
    with running(site) as edge, httpx.Client(verify=trust) as client:
        assert edge.url.startswith("https://")
        issuer = issuer_of(p256_key)
        url = issuer.signed_url(f"{edge.url}/a.txt", expires_in=timedelta(minutes=5))
        assert client.get(url).text == "hello"
        plain = issuer.signed_url(
            f"{edge.url.replace('https', 'http')}/a.txt", expires_in=timedelta(minutes=5)
        )
        assert client.get(plain.replace("http:", "https:")).status_code == 403


def test_tls_files_that_do_not_fit(media: Path, certificate: ViewerCertificate) -> None:
    swapped = ViewerCertificate(certificate.private_key, certificate.certificate)
    server = EdgeServer(public_folder(media, viewer_certificate=swapped), port=0)
    with pytest.raises(ConfigurationError) as caught:
        asyncio.run(server.start())
    assert caught.value.code == "edge_certificate"
