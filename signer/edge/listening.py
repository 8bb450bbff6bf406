"""Sockets that servers on this machine listen on."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import os
import socket
import sys

_TRIES = 5
_BACKLOG = 128
_PROBE_SECONDS = 0.5


def is_loopback(host: str) -> bool:
    """Tell whether only this machine can reach an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def listeners(host: str, port: int) -> list[socket.socket]:
    """Listen on a port: two sockets for ``localhost``, else one.

    Browsers try ``::1`` first for localhost; another program there must not answer in our place,
    so both addresses have to be free. On a machine without IPv6 there is one socket.

    Args:
        host: An address, or ``localhost``.
        port: The port; 0 for any free one.

    Returns:
        Sockets that listen: connections queue until they are accepted.

    Raises:
        OSError: The port is taken or forbidden, or the address is not ours.
    """
    if host != "localhost":
        return [_listener(host, port)]
    for _ in range(_TRIES if port == 0 else 1):
        first = _listener("127.0.0.1", port)
        try:
            return [first, *_on_ipv6(first.getsockname()[1])]
        except OSError as error:
            first.close()
            taken = error
    raise taken


def _on_ipv6(port: int) -> list[socket.socket]:
    if not socket.has_ipv6:
        return []
    try:
        return [_listener("::1", port)]
    except OSError as error:
        # Windows says EACCES for a port that another program has for itself.
        if error.errno in {errno.EADDRINUSE, errno.EACCES}:
            raise
        return []  # This machine has no such address.


def _listener(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # macOS lets a second server bind one address of a port that is taken on all of them.
    if port and is_loopback(host) and _answers(family, host, port):
        raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
    # Only when the protocol is named does asyncio switch Nagle's algorithm off, and without that
    # every answer on a kept connection waits for a delayed acknowledgement: 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if sys.platform == "win32":
            # There, SO_REUSEADDR would share the port with whoever has it.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        elif port:
            # A port that was used a moment ago may be used again; one that was chosen for us needs
            # no such permission, which others could use as well until we listen.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
        listener.setblocking(False)  # noqa: FBT003 - the name of the method says it
    except OSError:
        listener.close()
        raise
    return listener


def _answers(family: socket.AddressFamily, host: str, port: int) -> bool:
    with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.settimeout(_PROBE_SECONDS)
        return probe.connect_ex((host, port)) == 0
    return False
