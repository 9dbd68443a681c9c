"""Connections to the service's addresses are redirected to a simulator or refused; others are not changed."""

from __future__ import annotations

import asyncio
import errno
import socket

import pytest

from ec2facts.imds.simulator.redirection import Redirection, redirected
from ec2facts.imds.simulator.simulator import Simulator

ADDRESSES = [(socket.AF_INET, "169.254.169.254"), (socket.AF_INET6, "fd00:ec2::254")]


def connected_port(family: int, address: str) -> int:
    with socket.socket(family) as connection:
        connection.settimeout(5)
        connection.connect((address, 80))
        port: int = connection.getpeername()[1]
        return port


@pytest.mark.parametrize(("family", "address"), ADDRESSES)
def test_connection_to_the_service_is_redirected_to_the_simulator(family: int, address: str) -> None:
    simulator = Simulator({})

    with simulator as url, redirected(Redirection(url)):
        assert connected_port(family, address) == simulator.port


def test_connection_is_redirected_to_an_ipv6_simulator() -> None:
    simulator = Simulator({}, host="::1")

    with simulator as url, redirected(Redirection(url)):
        assert connected_port(*ADDRESSES[1]) == simulator.port


def test_asyncio_connection_is_redirected() -> None:
    async def status() -> bytes:
        reader, writer = await asyncio.open_connection("169.254.169.254", 80)
        writer.write(b"GET /latest/ HTTP/1.0\r\n\r\n")
        line = await reader.readline()
        writer.close()
        await writer.wait_closed()
        return line

    with Simulator({}) as url, redirected(Redirection(url)):
        line = asyncio.run(status())

    assert line == b"HTTP/1.1 401 Unauthorized\r\n"


def test_connect_ex_is_redirected() -> None:
    with Simulator({}) as url, redirected(Redirection(url)), socket.socket() as connection:
        assert connection.connect_ex(("169.254.169.254", 80)) == 0


@pytest.mark.parametrize(("family", "address"), ADDRESSES)
def test_connection_without_a_simulator_is_refused(family: int, address: str) -> None:
    with redirected(Redirection()), socket.socket(family) as connection:
        with pytest.raises(ConnectionRefusedError, match=f"tests cannot reach the metadata service: {address}"):
            connection.connect((address, 80))
        assert connection.connect_ex((address, 80)) == errno.ECONNREFUSED


def test_redirection_may_change_while_it_is_active() -> None:
    first, second = Simulator({}), Simulator({})

    with first as url, second as other, redirected(Redirection(url)) as redirection:
        before = connected_port(*ADDRESSES[0])
        redirection.url = other
        after = connected_port(*ADDRESSES[0])

    assert (before, after) == (first.port, second.port)


def test_other_connections_are_not_redirected() -> None:
    simulator = Simulator({})

    with simulator, redirected(Redirection("http://127.0.0.1:1")), socket.socket() as connection:
        connection.connect(("127.0.0.1", simulator.port))
        assert connection.getpeername()[1] == simulator.port


def test_redirection_ends_with_its_context() -> None:
    before = socket.socket.connect, socket.socket.connect_ex

    with redirected(Redirection()):
        during = socket.socket.connect, socket.socket.connect_ex

    assert (socket.socket.connect, socket.socket.connect_ex) == before
    assert not set(during) & set(before)
