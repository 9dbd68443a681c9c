"""The simulator's HTTP server: one thread and one request per connection, and the deliveries of faults."""

from __future__ import annotations

import logging
import os
import re
import socket
import struct
import threading
from collections.abc import Iterable, Mapping
from email.message import Message
from email.utils import formatdate
from http.client import responses
from http.server import BaseHTTPRequestHandler
from itertools import repeat
from socketserver import TCPServer, ThreadingMixIn
from typing import Any, Callable, NamedTuple

from ec2facts.imds.simulator.exchange import Answer, error_page


class Connection(NamedTuple):
    """A connection to a client, and the answer to send."""

    client: socket.socket
    head: bytes
    body: bytes
    seconds: float
    stopped: threading.Event
    """Set when the simulator stops."""


def whole(connection: Connection) -> None:
    """Send the answer."""
    connection.client.sendall(connection.head + connection.body)


def nothing(connection: Connection) -> None:
    """Send nothing."""


def half(connection: Connection) -> None:
    """Send half of the body."""
    connection.client.sendall(connection.head + connection.body[: len(connection.body) // 2])


def reset(connection: Connection) -> None:
    """Send half of the body, then a RST."""
    half(connection)
    # A close with a linger time of 0 sends RST; the server's own shutdown would send FIN first.
    connection.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    os.close(connection.client.detach())


def hang(connection: Connection) -> None:
    """Send nothing until the client disconnects or the simulator stops."""
    connection.client.settimeout(0.05)
    while not connection.stopped.is_set():
        try:
            connection.client.recv(1)
        except socket.timeout:
            continue
        return


def garbled(connection: Connection) -> None:
    """Send bytes that are not HTTP."""
    connection.client.sendall(b"SSH-2.0-OpenSSH_9.6\r\n")


def late(connection: Connection) -> None:
    """Send the answer after some seconds."""
    connection.stopped.wait(connection.seconds)
    whole(connection)


def byte_by_byte(connection: Connection) -> None:
    """Send the body a byte at a time, some seconds apart."""
    connection.client.sendall(connection.head)
    _send_pieces(connection, (bytes([byte]) for byte in connection.body))


def head_byte_by_byte(connection: Connection) -> None:
    """Send the status line and the headers a byte at a time, some seconds apart, then the body."""
    _send_pieces(connection, (bytes([byte]) for byte in connection.head))
    connection.client.sendall(connection.body)


def endless_interim(connection: Connection) -> None:
    """Send interim replies until the client disconnects or the simulator stops."""
    _send_pieces(connection, repeat(b"HTTP/1.1 100 Continue\r\n\r\n"))


def endless_trailers(connection: Connection) -> None:
    """Send the body in one chunk, then trailers until the client disconnects or the simulator stops."""
    chunk = b"%x\r\n%b\r\n" % (len(connection.body), connection.body) if connection.body else b""
    connection.client.sendall(_chunked(connection.head) + chunk + b"0\r\n")
    _send_pieces(connection, repeat(b"X-Trailer: 1\r\n"))


def endless_chunk_size(connection: Connection) -> None:
    """Send zeros of a chunk size until the client disconnects or the simulator stops."""
    connection.client.sendall(_chunked(connection.head))
    _send_pieces(connection, repeat(b"0"))


def _send_pieces(connection: Connection, pieces: Iterable[bytes]) -> None:
    for piece in pieces:
        if connection.stopped.wait(connection.seconds):
            return
        connection.client.sendall(piece)


def _chunked(head: bytes) -> bytes:
    return re.sub(rb"Content-Length: \d+", b"Transfer-Encoding: chunked", head)


DELIVERIES: Mapping[str, Callable[[Connection], None]] = {
    each.__name__: each
    for each in (
        whole, nothing, half, reset, hang, garbled, late, byte_by_byte,
        head_byte_by_byte, endless_interim, endless_trailers, endless_chunk_size,
    )
}  # fmt: skip
"""The ways to send an answer, by name."""

_MAX_REQUEST_BYTES = 65536

_log = logging.getLogger(__name__)


class Server(ThreadingMixIn, TCPServer):
    """A bound server; it refuses connections until it is activated.

    ``answer`` gets method, target and headers; ``stopped`` ends slow deliveries.
    """

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128  # with the default of 5, connections of a burst are dropped and delayed by a second

    def __init__(
        self, host: str, port: int, answer: Callable[[str, str, Message], Answer], stopped: threading.Event
    ) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.answer = answer
        self.stopped = stopped
        super().__init__((host, port), _Handler, bind_and_activate=False)
        try:
            self.server_bind()
        except BaseException:
            self.server_close()
            raise

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log the error that ended a connection, most often a disconnect of the client."""
        _log.debug("connection from %s ended", client_address, exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    """A connection with one request: the service closes it after the reply."""

    server: Server
    protocol_version = "HTTP/1.1"
    timeout = 30

    def handle(self) -> None:
        self.raw_requestline = self.rfile.readline(_MAX_REQUEST_BYTES + 1)
        if len(self.raw_requestline) > _MAX_REQUEST_BYTES:
            self.requestline, self.request_version, self.command = "", "", ""
            self.send_error(414)
        elif self.parse_request():
            self._skip_body()
            self._send(self.server.answer(self.command, self.path, self.headers))

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse a malformed request."""
        self._send(error_page(code))

    def _send(self, answer: Answer) -> None:
        headers = {
            "Server": "EC2ws",
            "Date": formatdate(usegmt=True),
            **answer.headers,
            "Accept-Ranges": "none",
            "Content-Length": str(len(answer.body)),
            "Connection": "close",
        }
        lines = [f"HTTP/1.1 {answer.status} {responses.get(answer.status, '')}"]
        lines += [f"{name}: {value}" for name, value in headers.items() if value]
        head = "\r\n".join([*lines, "\r\n"]).encode("latin-1")
        body = b"" if self.command == "HEAD" else answer.body
        DELIVERIES[answer.delivery](Connection(self.connection, head, body, answer.seconds, self.server.stopped))

    def _skip_body(self) -> None:
        """Read the body of a request: closing a connection with unread bytes resets it."""
        length = self.headers.get("Content-Length", "")
        if re.fullmatch("[0-9]+", length):
            self.rfile.read(min(int(length), _MAX_REQUEST_BYTES))
