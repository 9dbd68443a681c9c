"""How the simulator sends an answer, or does not."""

from __future__ import annotations

import os
import socket
import struct
import threading
from typing import NamedTuple


class Line(NamedTuple):
    """A connection to a client, and what is to be sent on it."""

    connection: socket.socket
    head: bytes
    body: bytes
    seconds: float
    stopped: threading.Event
    """Set once the simulator stops."""


def whole(line: Line) -> None:
    """Send the answer."""
    line.connection.sendall(line.head + line.body)


def nothing(line: Line) -> None:
    """Send nothing."""


def half(line: Line) -> None:
    """Send half of the body."""
    line.connection.sendall(line.head + line.body[: len(line.body) // 2])


def reset(line: Line) -> None:
    """Send half of the body, then a RST."""
    half(line)
    # To close a socket that may not linger sends RST; a shutdown, which the server would do first, sends FIN.
    line.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    os.close(line.connection.detach())


def hang(line: Line) -> None:
    """Send nothing until the client has gone or the simulator stops."""
    line.connection.settimeout(0.05)
    while not line.stopped.is_set():
        try:
            line.connection.recv(1)
        except socket.timeout:
            continue
        return


def garbled(line: Line) -> None:
    """Send what is not HTTP."""
    line.connection.sendall(b"SSH-2.0-OpenSSH_9.6\r\n")


def late(line: Line) -> None:
    """Send the answer after some seconds."""
    line.stopped.wait(line.seconds)
    whole(line)


def byte_by_byte(line: Line) -> None:
    """Send the body a byte at a time, some seconds apart."""
    line.connection.sendall(line.head)
    for byte in line.body:
        if line.stopped.wait(line.seconds):
            return
        line.connection.sendall(bytes([byte]))


DELIVERIES = {each.__name__: each for each in (whole, nothing, half, reset, hang, garbled, late, byte_by_byte)}
"""Every way by name."""
