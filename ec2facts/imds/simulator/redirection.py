"""Redirects connections of this process from the service's own addresses to a simulator, or refuses them."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from ec2facts.imds.simulator.addresses import SERVICE_ADDRESSES


class Redirection:
    """The simulator at ``url``, to which connections to the service are redirected; None refuses them."""

    def __init__(self, url: str | None = None) -> None:
        self.url = url

    def target(self, family: int, address: Any) -> Any:
        """Return the address to connect to instead of ``address``; raise ConnectionRefusedError without a simulator."""
        if not isinstance(address, tuple) or address[0] not in SERVICE_ADDRESSES:
            return address
        if self.url is None:
            raise ConnectionRefusedError(errno.ECONNREFUSED, f"tests cannot reach the metadata service: {address[0]}")
        parts = urlsplit(self.url)
        host = parts.hostname or ""
        if family == socket.AF_INET6 and ":" not in host:
            host = f"::ffff:{host}"  # IPv6 sockets need an IPv4-mapped address
        return host, parts.port


@contextmanager
def redirected(redirection: Redirection) -> Iterator[Redirection]:
    """Redirect every connection that Python code makes; ``redirection.url`` may change in the meantime."""
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
