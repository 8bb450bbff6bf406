"""Sockets on loopback: a wanted port, or the next free one."""

from __future__ import annotations

import contextlib
import errno
import socket
from collections.abc import Iterable

from signer.edge.listening import listeners
from signer.errors import ConfigurationError

_TRIES = 20
_HIGHEST = 65535


def listen(port: int) -> list[socket.socket]:
    """Listen on a port of IPv4 and, where there is one, IPv6 loopback.

    Raises:
        ConfigurationError: ``port_taken``, ``port_forbidden``.
    """
    try:
        return listeners("localhost", port)
    except PermissionError as error:
        raise ConfigurationError(
            "port_forbidden",
            f"this user may not listen on port {port}",
            advice="choose another with --port",
            port=port,
        ) from error
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        raise ConfigurationError(
            "port_taken",
            f"port {port} is taken by another program",
            advice="choose another with --port, or leave it out for the next free one",
            port=port,
        ) from error


def listen_near(port: int, *, avoid: Iterable[int] = ()) -> list[socket.socket]:
    """Bind the first free port from `port` upwards, else any free port."""
    for candidate in range(port, min(port + _TRIES, _HIGHEST)):
        if candidate not in avoid:
            with contextlib.suppress(ConfigurationError):
                return listen(candidate)
    return listen(0)


def free_port() -> int:
    """Return a port that was free a moment ago, for a process that binds it itself."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
