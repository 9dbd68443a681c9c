"""The HTTP server of the simulator: every connection is one request, and a thread."""

from __future__ import annotations

import logging
import re
import socket
import threading
from email.message import Message
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer, ThreadingMixIn
from typing import Any, Callable

from ec2facts.imds.answer import Answer, error_page, phrase
from ec2facts.imds.delivery import DELIVERIES, Line

_MAX_REQUEST_BYTES = 65536

_log = logging.getLogger(__name__)


class Server(ThreadingMixIn, TCPServer):
    """A server that is bound, and refuses connections until it is activated.

    ``answer`` is asked with method, target and headers; ``stopped`` ends answers that a fault holds up.
    """

    allow_reuse_address = True
    daemon_threads = True
    # With the default of 5, a burst of connections loses some, and each costs a client a second.
    request_queue_size = 128

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
        """Log what ended a connection, most often its client; the others go on."""
        _log.debug("connection from %s ended", client_address, exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    """One connection, which is one request: the service closes each."""

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
        """Refuse what is not a request."""
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
        lines = [f"HTTP/1.1 {answer.status} {phrase(answer.status)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        head = "\r\n".join([*lines, "\r\n"]).encode("latin-1")
        body = b"" if self.command == "HEAD" else answer.body
        DELIVERIES[answer.delivery](Line(self.connection, head, body, answer.seconds, self.server.stopped))

    def _skip_body(self) -> None:
        """Read what a client sends with its request: closing over unread bytes would reset the connection."""
        length = self.headers.get("Content-Length", "")
        if re.fullmatch("[0-9]+", length):
            self.rfile.read(min(int(length), _MAX_REQUEST_BYTES))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
        _log.debug(format, *args)
