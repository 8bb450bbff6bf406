from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

import pytest

from signer.dev.ports import free_port, listen, listen_near
from signer.errors import ConfigurationError


@contextlib.contextmanager
def closing(sockets: list[socket.socket]) -> Iterator[int]:
    try:
        yield sockets[0].getsockname()[1]
    finally:
        for bound in sockets:
            bound.close()


def test_all_sockets_have_one_port_on_loopback() -> None:
    sockets = listen(0)
    with closing(sockets) as port:
        assert {bound.getsockname()[1] for bound in sockets} == {port}
        assert {bound.getsockname()[0] for bound in sockets} <= {"127.0.0.1", "::1"}


def test_a_taken_port_is_named() -> None:
    with closing(listen(0)) as port, pytest.raises(ConfigurationError) as raised:
        listen(port)
    assert raised.value.code == "port_taken"
    assert raised.value.evidence["port"] == port
    assert str(port) in str(raised.value)


@pytest.mark.skipif(not socket.has_ipv6, reason="needs IPv6")
def test_a_port_taken_on_ipv6_only_counts_as_taken() -> None:
    with socket.socket(socket.AF_INET6) as other:
        try:
            other.bind(("::1", 0))
        except OSError:
            pytest.skip("this machine has no ::1")
        other.listen()
        with pytest.raises(ConfigurationError):
            listen(other.getsockname()[1])


def test_the_next_port_is_taken_instead() -> None:
    with closing(listen(0)) as taken, closing(listen_near(taken)) as port:
        assert port != taken


def test_avoided_ports_are_passed_over() -> None:
    wanted = free_port()
    with closing(listen_near(wanted, avoid={wanted})) as port:
        assert port != wanted
