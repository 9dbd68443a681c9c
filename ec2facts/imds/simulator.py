"""The simulator: the metadata service on loopback, IMDSv2 alone, out of any source."""

from __future__ import annotations

import base64
import logging
import math
import re
import secrets
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from email.message import Message
from http.client import responses
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer, ThreadingMixIn
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import unquote_to_bytes

from ec2facts.errors import EC2FactsError, UnreadError, UsageError, WithheldError
from ec2facts.imds.protocol import TOKEN_HEADER, TOKEN_PATH, TOKEN_TTL_HEADER, TOKEN_TTL_SECONDS
from ec2facts.imds.snapshot import Snapshot
from ec2facts.imds.source import Source

VERSIONS = (
    "1.0", "2007-01-19", "2007-03-01", "2007-08-29", "2007-10-10", "2007-12-15", "2008-02-01", "2008-09-01",
    "2009-04-04", "2011-01-01", "2011-05-01", "2012-01-12", "2014-02-25", "2014-11-05", "2015-10-20", "2016-04-19",
    "2016-06-30", "2016-09-02", "2018-03-28", "2018-08-17", "2018-09-24", "2019-10-01", "2020-10-27", "2021-01-03",
    "2021-03-23", "2021-07-15", "2022-07-09", "2022-09-24", "latest",
)  # fmt: skip
"""What ``/`` lists; each of them serves the same."""

LOOPBACK = ("127.0.0.1", "::1", "localhost")

_HEADERS = MappingProxyType({"Content-Type": "text/plain", "Last-Modified": "Thu, 15 Jan 2026 08:00:00 GMT"})
_ERROR_PAGE = """<?xml version="1.0" encoding="iso-8859-1"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN"
\t"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en" lang="en">
 <head>
  <title>{title}</title>
 </head>
 <body>
  <h1>{title}</h1>
 </body>
</html>
"""
_MAX_REQUEST_BYTES = 65536

_log = logging.getLogger(__name__)


class Request(NamedTuple):
    """One request that a simulator answered."""

    method: str
    path: str
    """The path as sources know it; for a target that is not below ``/latest/``, the target as it came."""
    status: int


class Answer(NamedTuple):
    """What a simulator answers to one request."""

    status: int
    body: bytes
    headers: Mapping[str, str] = _HEADERS


class Simulator:
    """The metadata service on loopback, for any client: ``with Simulator(source) as url: …``.

    It serves a snapshot, any other source, or a mapping of bodies by path, which is made a snapshot. It behaves
    as IMDSv2 does: a token is asked for with PUT, and whatever lacks one is answered 401. What a snapshot has
    withheld is 404; what it has unread is the status that the service answered then, else 503. ``requests`` is
    every request so far, those for tokens among them.

    ``port`` 0 picks a free one; ``clock`` is what tokens age by. Raises UsageError for a host that is not
    loopback, because metadata holds credentials, and EC2FactsError where it cannot listen.
    """

    def __init__(
        self,
        source: Source | Mapping[str, bytes],
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if host not in LOOPBACK:
            raise UsageError(f"the simulator listens on loopback alone, {' or '.join(LOOPBACK)}, not on {host!r}")
        if not 0 <= port <= 65535:
            raise UsageError(f"{port} is not a port")
        self.source: Source = Snapshot(source) if isinstance(source, Mapping) else source
        self.host = host
        self.port = port
        self.requests: list[Request] = []
        self._clock = clock
        self._expiries: dict[str, float] = {}
        self._running = ExitStack()
        self._stopped = threading.Event()
        self._stopped.set()

    @property
    def url(self) -> str:
        """The endpoint to give to a client, without a slash at its end; the port is known once it listens."""
        return f"http://[{self.host}]:{self.port}" if ":" in self.host else f"http://{self.host}:{self.port}"

    def __enter__(self) -> str:
        try:
            server = _Server(self)
        except OSError as error:
            raise EC2FactsError(f"the simulator cannot listen at {self.url}: {error.strerror}") from error
        self.port = server.server_address[1]
        self._stopped.clear()
        # The interval bounds how long leaving takes.
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        for step in (self._stopped.set, server.server_close, thread.join, server.shutdown):
            self._running.callback(step)
        return self.url

    def __exit__(self, *exception: object) -> None:
        self._running.close()

    def wait(self) -> None:
        """Serve until Ctrl-C, or until another thread leaves the simulator's ``with``."""
        with suppress(KeyboardInterrupt):
            self._stopped.wait()

    def answer(self, method: str, target: str, headers: Message) -> Answer:
        """Return the answer to one request, and record it."""
        version, path = _version_and_path(target)
        answer = self._answer(method, version, path, headers)
        self.requests.append(Request(method, path if version == "latest" else target, answer.status))
        return answer

    def _answer(self, method: str, version: str, path: str, headers: Message) -> Answer:
        if version in VERSIONS and path.rstrip("/") == TOKEN_PATH:
            return self._token(method, headers) if version == "latest" else _error(403)
        if method not in {"GET", "HEAD"}:
            return _error(405, Allow="GET, HEAD")
        remaining = self._expiries.get(headers.get(TOKEN_HEADER, ""), -math.inf) - self._clock()
        if remaining <= 0:
            return _error(401)
        if not version:
            answer = Answer(200, "\n".join(VERSIONS).encode())
        else:
            answer = self._body(path) if version in VERSIONS else _error(404)
        return answer._replace(headers={**answer.headers, TOKEN_TTL_HEADER: str(math.ceil(remaining))})

    def _token(self, method: str, headers: Message) -> Answer:
        if method != "PUT":
            return _error(405, Allow="OPTIONS, PUT")
        if "X-Forwarded-For" in headers:
            return _error(403)
        ttl = headers.get(TOKEN_TTL_HEADER, "")
        if not re.fullmatch("[0-9]{1,5}", ttl) or not 1 <= int(ttl) <= TOKEN_TTL_SECONDS:
            return _error(400)
        # 40 bytes, of which the first make the base64 begin as the service's tokens do: AQAE…==
        token = base64.urlsafe_b64encode(b"\x01\x00\x04" + secrets.token_bytes(37)).decode()
        self._expiries[token] = self._clock() + int(ttl)
        return Answer(200, token.encode(), {**_HEADERS, TOKEN_TTL_HEADER: ttl})

    def _body(self, path: str) -> Answer:
        try:
            body = self.source.get(path)
        except WithheldError:
            return _error(404)
        except UnreadError as error:
            return _error(error.status if error.status in responses and error.status >= 300 else 503)
        if body is None:
            return _error(404)
        if path.rstrip("/") == "user-data":
            return Answer(200, body, {**_HEADERS, "Content-Type": "application/octet-stream"})
        return Answer(200, body)


class _Server(ThreadingMixIn, TCPServer):
    allow_reuse_address = True
    daemon_threads = True
    # With the default of 5, a burst of connections loses some, and each costs a client a second.
    request_queue_size = 128

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator
        self.address_family = socket.AF_INET6 if ":" in simulator.host else socket.AF_INET
        super().__init__((simulator.host, simulator.port), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log what ended a connection, most often its client; the others go on."""
        _log.debug("connection from %s ended", client_address, exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    """One connection, which is one request: the service closes each."""

    server: _Server
    protocol_version = "HTTP/1.1"
    timeout = 30

    def handle(self) -> None:
        self.raw_requestline = self.rfile.readline(_MAX_REQUEST_BYTES + 1)
        if len(self.raw_requestline) > _MAX_REQUEST_BYTES:
            self.requestline, self.request_version, self.command = "", "", ""
            self.send_error(414)
        elif self.parse_request():
            self._skip_body()
            self._send(self.server.simulator.answer(self.command, self.path, self.headers))

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse what is not a request."""
        self._send(_error(code))

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Accept-Ranges", "none")
        self.send_header("Content-Length", str(len(answer.body)))
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def _skip_body(self) -> None:
        """Read what a client sends with its request: closing over unread bytes would reset the connection."""
        length = self.headers.get("Content-Length", "")
        if re.fullmatch("[0-9]+", length):
            self.rfile.read(min(int(length), _MAX_REQUEST_BYTES))

    def version_string(self) -> str:
        return "EC2ws"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
        _log.debug(format, *args)


def _error(status: int, **headers: str) -> Answer:
    page = _ERROR_PAGE.format(title=f"{status} - {responses[status]}")
    return Answer(status, page.encode(), {"Content-Type": "text/html", **headers})


def _version_and_path(target: str) -> tuple[str, str]:
    """Split a request's target, percent-decoded, at the slash behind the version; doubled slashes are one."""
    path = unquote_to_bytes(target.partition("?")[0].encode("latin-1")).decode(errors="surrogateescape")
    version, _, below = re.sub("/+", "/", path).lstrip("/").partition("/")
    return version, below
