"""The reply to an HTTP request, read from a connection (RFC 9112).

The reader of the standard library, http.client, imports ssl and email. It costs 7 MB of memory and, per request, half
as much CPU time again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from io import BufferedReader
from typing import Any, NamedTuple

from ec2facts.errors import Cause

BODY_LIMIT = 4 * 1024 * 1024
"""Maximum size of a body, in bytes. User data has at most 16 KiB, a listing of 10 000 names less than 1 MiB."""

LINE_LIMIT = 65536
"""Maximum size of the status line, of a header and of a chunk size, in bytes."""

HEADER_LIMIT = 100
"""Maximum number of headers of a reply, and lines that continue a header."""


class Reply(NamedTuple):
    """A complete reply."""

    status: int
    headers: Mapping[str, str]
    """By name in lower case."""
    body: bytes
    """At most one byte more than BODY_LIMIT."""
    response: Any = None
    """The response of a session of requests, if one sent the request."""


class FailedRequestError(Exception):
    """A request got no complete reply: ``cause`` is for programs, ``reason`` for people."""

    def __init__(self, cause: Cause, reason: str) -> None:
        self.cause = cause
        self.reason = reason
        super().__init__(reason)


def not_http() -> FailedRequestError:
    """Return the failure of a request whose reply is malformed."""
    return FailedRequestError("not HTTP", "the server does not speak HTTP")


def broken() -> FailedRequestError:
    """Return the failure of a request whose connection ended before the reply."""
    return FailedRequestError("reset", "the connection broke")


def truncated() -> FailedRequestError:
    """Return the failure of a request whose body is shorter than its Content-Length."""
    return FailedRequestError("reset", "the body is truncated")


def read_reply(stream: BufferedReader) -> Reply:
    """Read a reply; raise FailedRequestError if it is malformed or incomplete."""
    status, headers = 100, {}
    while status < 200:  # interim replies come first
        status = _read_status(stream)
        headers = _read_headers(stream)
    if status in {204, 304}:
        return Reply(status, headers, b"")
    if headers.get("transfer-encoding", "").lower() == "chunked":
        headers.pop("content-length", None)  # it means nothing then (RFC 9112, 6.3)
        return Reply(status, headers, _read_chunks(stream))
    length = headers.get("content-length")
    if length is None:
        return Reply(status, headers, stream.read(BODY_LIMIT + 1))
    if not re.fullmatch("[0-9]{1,100}", length):
        raise not_http()
    size = min(int(length), BODY_LIMIT + 1)
    body = stream.read(size)
    if len(body) < size:
        raise truncated()
    return Reply(status, headers, body)


def _read_status(stream: BufferedReader) -> int:
    line = stream.readline(LINE_LIMIT)
    if line and not (line.startswith(b"HTTP/1.") and line[9:12].isdigit()):
        raise not_http()
    if not line.endswith(b"\n"):
        raise broken()
    return int(line[9:12])


def _read_headers(stream: BufferedReader) -> dict[str, str]:
    headers: dict[str, str] = {}
    name = ""
    for _ in range(HEADER_LIMIT + 1):
        line = _read_line(stream)
        if not line:
            return headers
        text = line.decode("latin-1")
        if text[0] in " \t" and name:
            headers[name] += f" {text.strip()}"
            continue
        name, colon, value = text.partition(":")
        name, value = name.lower(), value.strip()
        has_two_lengths = name == "content-length" and headers.get(name, value) != value
        if not colon or name.strip() != name or has_two_lengths:
            break
        headers[name] = value
    raise not_http()


def _read_line(stream: BufferedReader) -> bytes:
    line = stream.readline(LINE_LIMIT)
    if not line.endswith(b"\n"):
        raise not_http() if len(line) == LINE_LIMIT else broken()
    return line.rstrip(b"\r\n")


def _read_chunks(stream: BufferedReader) -> bytes:
    chunks: list[bytes] = []
    left = BODY_LIMIT + 1
    while left > 0:
        digits = _read_line(stream).partition(b";")[0].strip()
        if not re.fullmatch(b"[0-9A-Fa-f]{1,16}", digits):
            raise not_http()
        size = int(digits, 16)
        if size == 0:
            while _read_line(stream):  # trailers
                pass
            break
        chunks.append(stream.read(min(size, left)))
        left -= len(chunks[-1])
        if left > 0 and len(chunks[-1]) < size:
            raise broken()
        if left > 0 and _read_line(stream):
            raise not_http()
    return b"".join(chunks)
