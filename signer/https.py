"""One HTTPS request with every limit set: what asks identity providers and AWS from the issuer.

The standard library suffices, and it loads in a fraction of the time of a client library, which
counts at a Lambda function's cold start. Redirects are never followed: only the address that was
configured or discovered is asked.
"""

from __future__ import annotations

import http.client
import io
import re
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import Final
from urllib.parse import SplitResult, urlsplit

from signer.errors import InputError, RemoteError

DEFAULT_TIMEOUT: Final = 3.0
DEFAULT_LIMIT: Final = 1 << 20

_CHUNK: Final = 1 << 14
_PORTS: Final = {"http": 80, "https": 443}
# No names below localhost: a resolver may send those anywhere.
_LOOPBACK = re.compile(r"localhost|127(?:\.[0-9]{1,3}){3}|::1")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered.

    Attributes:
        status: HTTP status.
        headers: Field name in lower case to value; the last one where a field is repeated.
        body: The whole body. It may be secret, so ``repr`` leaves it out.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


def request(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] = MappingProxyType({}),
    body: bytes | None = None,
    timeout: float = DEFAULT_TIMEOUT,
    limit: int = DEFAULT_LIMIT,
) -> Answer:
    """Send one request and read the whole answer, whatever its status.

    Args:
        method: HTTP method.
        url: ``https://`` address; ``http://`` only on this machine's loopback.
        headers: Request header fields.
        body: Request body.
        timeout: Seconds until the last byte, however the answer trickles. Looking up the host's
            name is the operating system's and takes its own time.
        limit: Bytes of body above which the answer is refused.

    Raises:
        InputError: ``remote_url``: the address is not one that may be asked.
        RemoteError: ``remote_unreachable``, ``remote_timeout``, ``remote_too_large``. The message
            names the host and never the path, the query or a body.
    """
    parts = checked_url(url)
    connection, connected = _connection(parts), None
    until = time.monotonic() + timeout
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connected = _connected(parts, until)
        connection.sock = _Deadlined(connected, until)
        connection.request(method, target, body=body, headers=dict(headers))
        with connection.getresponse() as response:
            content = _content(response, limit=limit, host=parts.netloc)
            fields = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, MappingProxyType(fields), content)
    except TimeoutError:
        raise _too_slow(parts.netloc) from None
    # UnicodeError: a host that is no name, for instance with a label of more than 63 letters.
    except (OSError, UnicodeError, http.client.HTTPException) as error:
        kind = type(error).__name__
        raise RemoteError(
            "remote_unreachable", f"{parts.netloc} did not answer ({kind})", host=parts.netloc
        ) from None
    finally:
        connection.close()
        if connected is not None:
            connected.close()


def checked_url(url: str) -> SplitResult:
    """Split an address that may be asked.

    Raises:
        InputError: ``remote_url``: not an absolute HTTPS address (or HTTP on loopback), or one
            with user information or a fragment.
    """
    try:
        parts = urlsplit(url if isinstance(url, str) and re.fullmatch(r"[!-~]+", url) else "")
        host, _port = parts.hostname or "", parts.port
    except ValueError:
        parts, host = urlsplit(""), ""
    secure = parts.scheme == "https" or (parts.scheme == "http" and _LOOPBACK.fullmatch(host))
    if not host or not secure or "@" in parts.netloc or parts.fragment:
        raise InputError(
            "remote_url",
            "the address is not an https:// URL of a server",
            advice="http:// is only taken for localhost",
        )
    return parts


def _connection(parts: SplitResult) -> http.client.HTTPConnection:
    """Return what speaks HTTP; it never connects by itself."""
    host, port = parts.hostname or "", parts.port
    if parts.scheme == "http":
        return http.client.HTTPConnection(host, port)
    return http.client.HTTPSConnection(host, port, context=_tls())


def _connected(parts: SplitResult, until: float) -> socket.socket:
    """Return a socket connected to the first of the host's addresses that answers.

    Those that are left share the time that is left; :func:`socket.create_connection` would give
    all of it to each.
    """
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    failure = OSError("no address")
    for index, (family, kind, protocol, _, address) in enumerate(found):
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(_left(until) / (len(found) - index))
            sock.connect(address)
            # As http.client does: what is written leaves at once.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if parts.scheme == "http":
                return sock
            sock.settimeout(_left(until))
            return _tls().wrap_socket(sock, server_hostname=host)
        except OSError as error:
            sock.close()
            failure = error
    raise failure


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


class _Deadlined:
    """A connected socket whose every step must end by one moment.

    A timeout of the socket's own begins anew with each byte, and a server can send one byte at a
    time: of a header, of ``100 Continue``, of a chunk's length.
    """

    def __init__(self, sock: socket.socket, until: float) -> None:
        self._sock = sock
        self._until = until

    def makefile(self, *_: object, **__: object) -> io.BufferedReader:
        """Return what the answer is read from; the mode is always ``rb``."""
        return io.BufferedReader(socket.SocketIO(self, "r"))  # type: ignore[arg-type] # stands for a socket

    def recv_into(self, buffer: bytearray | memoryview) -> int:
        """Read what there is, if there is still time."""
        self._hurry()
        return self._sock.recv_into(buffer)

    def sendall(self, data: bytes) -> None:
        """Send, if there is still time."""
        self._hurry()
        self._sock.sendall(data)

    def close(self) -> None:
        """Leave it open: http.client closes a connection before it has read the answer."""

    def _hurry(self) -> None:
        self._sock.settimeout(_left(self._until))

    # What SocketIO asks of a socket that it wraps.
    def fileno(self) -> int:
        """Return the file descriptor."""
        return self._sock.fileno()

    def _decref_socketios(self) -> None:
        """Count nothing."""


def _content(response: http.client.HTTPResponse, *, limit: int, host: str) -> bytes:
    content = bytearray()
    while chunk := response.read1(_CHUNK):
        content += chunk
        if len(content) > limit:
            raise RemoteError(
                "remote_too_large", f"{host} answered more than {limit} bytes", host=host
            )
    return bytes(content)


def _too_slow(host: str) -> RemoteError:
    return RemoteError("remote_timeout", f"{host} took too long to answer", host=host)
