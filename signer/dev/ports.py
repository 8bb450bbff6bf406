"""Sockets on loopback: a wanted port, or the next free one."""

from __future__ import annotations

import contextlib
import errno
import socket
import sys
from collections.abc import Iterable

from signer.errors import ConfigurationError

_TRIES = 20
_HIGHEST = 65535


def listen(port: int) -> list[socket.socket]:
    """Bind a port on IPv4 and, where there is one, IPv6 loopback.

    Browsers try ``::1`` first for ``localhost``, so a server of somebody else on that address
    would get our viewers: both have to be free.

    Raises:
        ConfigurationError: ``port_taken``, ``port_forbidden``.
    """
    sockets = [_bind(socket.AF_INET, "127.0.0.1", port)]
    number = sockets[0].getsockname()[1]
    if socket.has_ipv6:
        try:
            sockets.append(_bind(socket.AF_INET6, "::1", number))
        except ConfigurationError:
            sockets[0].close()
            raise
        except OSError:
            pass  # This machine has no IPv6 loopback address.
    return sockets


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


def _bind(family: socket.AddressFamily, host: str, port: int) -> socket.socket:
    # macOS lets a second server bind one address of a port that is taken on all of them.
    if port and _answers(family, host, port):
        raise _taken(port)
    # The protocol is named because asyncio turns off Nagle's delays only where it is.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if sys.platform == "win32":
            # There, SO_REUSEADDR would share the port with whoever has it.
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
        bound.listen(128)
    except PermissionError as error:
        bound.close()
        raise ConfigurationError(
            "port_forbidden",
            f"this user may not listen on port {port}",
            advice="choose another with --port",
            port=port,
        ) from error
    except OSError as error:
        bound.close()
        if error.errno == errno.EADDRINUSE:
            raise _taken(port) from error
        raise
    return bound


def _taken(port: int) -> ConfigurationError:
    return ConfigurationError(
        "port_taken",
        f"port {port} is taken by another program",
        advice="choose another with --port, or leave it out for the next free one",
        port=port,
    )


def _answers(family: socket.AddressFamily, host: str, port: int) -> bool:
    with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((host, port)) == 0
    return False
