"""A service on loopback that sends the replies of a script, valid or not, and a clock that only sleeps advance."""

from __future__ import annotations

import http.client
import io
import socket
import struct
import threading
from collections.abc import Mapping, Sequence
from http.client import HTTPMessage
from socketserver import BaseRequestHandler, ThreadingTCPServer
from typing import Any, Callable, Literal, NamedTuple, Union

TTL = "X-aws-ec2-metadata-token-ttl-seconds"
TOKEN = "X-aws-ec2-metadata-token"


class Request(NamedTuple):
    """A request that the service received."""

    method: str
    target: str
    headers: HTTPMessage


class Reply(NamedTuple):
    """Raw bytes to send, and how the connection ends afterwards."""

    content: bytes
    ending: Literal["close", "reset", "silence", "drip"] = "close"
    drip: bytes = b""
    """Bytes to send every 10 ms after the content, for 10 s at most."""
    last: bytes = b""
    """Bytes to send at the end, so that a client without a timeout gets a complete reply."""


Answer = Union[Reply, Callable[[Request], Reply]]

SILENCE = Reply(b"", "silence")
RESET = Reply(b"", "reset")


def reply(status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Reply:
    """Return a well-formed reply; a header with the value "" is omitted."""
    named = {"Content-Type": "text/plain", "Content-Length": str(len(body)), "Connection": "close", **(headers or {})}
    lines = "".join(f"{name}: {value}\r\n" for name, value in named.items() if value)
    return Reply(f"HTTP/1.1 {status} Scripted\r\n{lines}\r\n".encode("latin-1") + body)


class ScriptedService:
    """Answers each request for a path with the next answer in its script; the last answer is repeated.

    A path without a script is answered 404; tokens are token-1, token-2 and so on by default. ``requests`` are the
    received requests, in order.
    """

    def __init__(self, script: Mapping[str, Answer | Sequence[Answer]] | None = None) -> None:
        self.requests: list[Request] = []
        self.stopped = threading.Event()
        self.left = threading.Event()
        """Set when a client closes a connection before the reply is complete."""
        self._lock = threading.Lock()
        self._tokens = 0
        self._script: dict[str, list[Answer]] = {}
        for path, answers in (script or {}).items():
            self.script(path, *([answers] if isinstance(answers, Reply) or callable(answers) else answers))

    def __enter__(self) -> ScriptedService:
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stopped.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        """The endpoint for clients."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def script(self, path: str, *answers: Answer) -> None:
        """Answer the next requests for ``path`` with ``answers`` in turn; the last answer is repeated."""
        with self._lock:
            self._script[path] = list(answers)

    def count(self, method: str, path: str | None = None) -> int:
        """Return the number of requests with ``method``, and for ``path`` if it is given."""
        return sum(
            request.method == method and path in {None, _path(request.target)} for request in list(self.requests)
        )

    def answer(self, request: Request) -> Reply:
        """Record ``request``, and return its answer."""
        path = _path(request.target)
        with self._lock:
            self.requests.append(request)
            answers = self._script.get(path)
            if answers is None:
                return self._token() if path == "api/token" else reply(404, b"<html>not found</html>")
            answer = answers.pop(0) if len(answers) > 1 else answers[0]
        return answer if isinstance(answer, Reply) else answer(request)

    def _token(self) -> Reply:
        self._tokens += 1
        return reply(200, f"token-{self._tokens}".encode(), {TTL: "21600"})


def _path(target: str) -> str:
    return target[target.find("/latest/") + len("/latest/") :]


class _Server(ThreadingTCPServer):
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, service: ScriptedService) -> None:
        self.service = service
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseRequestHandler):
    server: _Server

    def handle(self) -> None:
        connection: socket.socket = self.request
        connection.settimeout(10)
        received = b""
        while b"\r\n\r\n" not in received:
            more = connection.recv(65536)
            if not more:
                return
            received += more
        line, _, rest = received.partition(b"\r\n")
        method, target, _ = line.decode("latin-1").split(" ")
        answer = self.server.service.answer(Request(method, target, http.client.parse_headers(io.BytesIO(rest))))
        try:
            connection.sendall(answer.content)
            if answer.ending == "drip":
                for _ in range(1000):
                    self.server.service.stopped.wait(0.01)
                    connection.sendall(answer.drip)
                connection.sendall(answer.last)
        except ConnectionError:  # the client has disconnected
            self.server.service.left.set()
            return
        if answer.ending == "silence":
            self.server.service.stopped.wait(10)
        elif answer.ending == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()


class Time:
    """A clock that only sleeps advance; it records them."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        """Advance the clock by ``seconds`` without waiting."""
        self.slept.append(seconds)
        self.now += seconds

    @property
    def options(self) -> dict[str, Any]:
        """The keyword arguments ``clock`` and ``sleep``."""
        return {"clock": self, "sleep": self.sleep}
