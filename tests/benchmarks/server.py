"""The service of the benchmarks, in its own process: it serves a snapshot, delays each answer and closes.

``python -m tests.benchmarks.server SNAPSHOT MILLISECONDS`` prints its URL and serves until its standard input ends.
"""

from __future__ import annotations

import asyncio
import json
import sys
from urllib.parse import unquote

from ec2facts.imds.snapshot import Snapshot
from ec2facts.imds.source import TOKEN_HEADER, TOKEN_PATH, TOKEN_TTL_HEADER, TOKEN_TTL_SECONDS

TOKEN = "AQAEbenchmark=="
LOG = "/requests"
"""The target that returns the requests since its last request, as JSON pairs of path and status."""


class Service:
    """The served snapshot, and every request so far."""

    def __init__(self, snapshot: Snapshot, delay: float) -> None:
        self.snapshot = snapshot
        self.delay = delay
        self.requests: list[tuple[str, int]] = []

    def answer(self, head: str) -> bytes:
        """Return the whole response to a request with these header lines."""
        request_line, *lines = head.split("\r\n")
        method, target, _ = request_line.split(" ")
        if target == LOG:
            log, self.requests = json.dumps(self.requests), []
            return _message(200, log.encode())
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        path = unquote(target.lstrip("/").partition("/")[2])  # every version is served like latest
        status, body = 404, self.snapshot.get(path)
        if method == "PUT" and path == TOKEN_PATH:
            status, body = 200, TOKEN.encode()
        elif headers.get(TOKEN_HEADER.lower()) != TOKEN:
            status, body = 401, None
        elif body is not None:
            status = 200
        self.requests.append((path, status))
        return _message(status, body or b"")


def _message(status: int, body: bytes) -> bytes:
    head = (
        f"HTTP/1.1 {status} .\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\n"
        f"{TOKEN_TTL_HEADER}: {TOKEN_TTL_SECONDS}\r\nServer: EC2ws\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body


class Connection(asyncio.Protocol):
    """One connection, for one request."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, _ = self._received.partition(b"\r\n\r\n")
        if end:
            asyncio.get_running_loop().call_later(self._service.delay, self._answer, head.decode("latin-1"))

    def _answer(self, head: str) -> None:
        self._transport.write(self._service.answer(head))
        self._transport.close()


async def serve(service: Service) -> None:
    """Print the URL, and serve until standard input ends."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), ended.set)
    server = await loop.create_server(lambda: Connection(service), "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    print(f"http://{host}:{port}", flush=True)  # noqa: T201
    await ended.wait()
    server.close()


if __name__ == "__main__":
    asyncio.run(serve(Service(Snapshot.load(sys.argv[1]), float(sys.argv[2]) / 1000)))
