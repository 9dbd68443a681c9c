"""Connections of this process to the service's own addresses, which lead to a simulator or nowhere."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from ec2facts.imds.simulator.addresses import SERVICE_ADDRESSES


class Redirection:
    """Where connections to the service's addresses lead: to the simulator at ``url``; None refuses them."""

    def __init__(self, url: str | None = None) -> None:
        self.url = url

    def target(self, family: int, address: Any) -> Any:
        """Return the address to connect to in place of ``address``; raise ConnectionRefusedError for none."""
        if not isinstance(address, tuple) or address[0] not in SERVICE_ADDRESSES:
            return address
        if self.url is None:
            raise ConnectionRefusedError(errno.ECONNREFUSED, f"no test reaches a metadata service: {address[0]}")
        parts = urlsplit(self.url)
        host = parts.hostname or ""
        if family == socket.AF_INET6 and ":" not in host:
            host = f"::ffff:{host}"  # an IPv6 socket connects to an IPv4 address by this name
        return host, parts.port


@contextmanager
def redirected(redirection: Redirection) -> Iterator[Redirection]:
    """Apply a redirection, which may change in the meantime, to every socket that Python code connects."""
    connect, connect_ex = socket.socket.connect, socket.socket.connect_ex

    def connect_elsewhere(self: socket.socket, address: Any) -> None:
        connect(self, redirection.target(self.family, address))

    def connect_ex_elsewhere(self: socket.socket, address: Any) -> int:
        try:
            return connect_ex(self, redirection.target(self.family, address))
        except ConnectionRefusedError as error:
            return error.errno or errno.ECONNREFUSED

    socket.socket.connect = connect_elsewhere  # type: ignore[assignment,method-assign]  # until the context ends
    socket.socket.connect_ex = connect_ex_elsewhere  # type: ignore[assignment,method-assign]  # likewise
    try:
        yield redirection
    finally:
        socket.socket.connect = connect  # type: ignore[method-assign]  # as before
        socket.socket.connect_ex = connect_ex  # type: ignore[method-assign]  # as before
