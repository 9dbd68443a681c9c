"""Connections to the service's addresses lead to a simulator or nowhere; others are left alone."""

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
def test_connection_to_the_service_reaches_the_simulator(family: int, address: str) -> None:
    simulator = Simulator({})

    with simulator as url, redirected(Redirection(url)):
        assert connected_port(family, address) == simulator.port


def test_ipv6_simulator_is_reached_too() -> None:
    simulator = Simulator({}, host="::1")

    with simulator as url, redirected(Redirection(url)):
        assert connected_port(*ADDRESSES[1]) == simulator.port


def test_asyncio_reaches_the_simulator() -> None:
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


def test_connect_ex_reaches_the_simulator() -> None:
    with Simulator({}) as url, redirected(Redirection(url)), socket.socket() as connection:
        assert connection.connect_ex(("169.254.169.254", 80)) == 0


@pytest.mark.parametrize(("family", "address"), ADDRESSES)
def test_connection_without_a_simulator_is_refused(family: int, address: str) -> None:
    with redirected(Redirection()), socket.socket(family) as connection:
        with pytest.raises(ConnectionRefusedError, match=f"no test reaches a metadata service: {address}"):
            connection.connect((address, 80))
        assert connection.connect_ex((address, 80)) == errno.ECONNREFUSED


def test_redirection_may_change_while_it_holds() -> None:
    first, second = Simulator({}), Simulator({})

    with first as url, second as other, redirected(Redirection(url)) as redirection:
        before = connected_port(*ADDRESSES[0])
        redirection.url = other
        after = connected_port(*ADDRESSES[0])

    assert (before, after) == (first.port, second.port)


def test_other_connections_are_left_alone() -> None:
    simulator = Simulator({})

    with simulator, redirected(Redirection("http://127.0.0.1:1")), socket.socket() as connection:
        connection.connect(("127.0.0.1", simulator.port))
        assert connection.getpeername()[1] == simulator.port


def test_sockets_connect_as_before_afterwards() -> None:
    before = socket.socket.connect, socket.socket.connect_ex

    with redirected(Redirection()):
        during = socket.socket.connect, socket.socket.connect_ex

    assert (socket.socket.connect, socket.socket.connect_ex) == before
    assert not set(during) & set(before)
