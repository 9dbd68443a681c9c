from __future__ import annotations

import http.client
import io
import socket
import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ec2facts.imds.reply import BODY_LIMIT, HEADER_LIMIT, LINE_LIMIT, FailedRequestError, Reply, read_reply

OK = b"HTTP/1.1 200 OK\r\n"
INTERIM = b"HTTP/1.1 100 Continue\r\n\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"

MALFORMED = {
    "other protocol": b"220 mail.example ESMTP\r\n",
    "other protocol without a newline": b"SSH-2.0-OpenSSH_9.6",
    "HTTP/2": b"HTTP/2 200\r\n\r\n",
    "status that is not a number": b"HTTP/1.1 abc OK\r\n\r\n",
    "space before the colon of a header": OK + b"Content-Length : 0\r\n\r\n",
    "header without a colon": OK + b"Content-Length\r\n\r\n",
    "folded line before the first header": OK + b" a: b\r\n\r\n",
    "header that is too long": OK + b"X: " + LINE_LIMIT * b"x" + b"\r\n\r\n",
    "too many headers": OK + (HEADER_LIMIT + 1) * b"X: x\r\n" + b"\r\n",
    "two lengths": OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
    "negative length": OK + b"Content-Length: -1\r\n\r\n",
    "length that is not a number": OK + b"Content-Length: 1_0\r\n\r\n",
    "negative size of a chunk": CHUNKED + b"-1\r\nx\r\n0\r\n\r\n",
    "size of a chunk in Python's notation": CHUNKED + b"0x1\r\nx\r\n0\r\n\r\n",
    "chunk without a size": CHUNKED + b"\r\nx\r\n0\r\n\r\n",
    "chunk that exceeds its size": CHUNKED + b"1\r\nxyz\r\n0\r\n\r\n",
    "trailer that is too long": CHUNKED + b"0\r\n" + LINE_LIMIT * b"x",
}
INCOMPLETE = {
    "nothing": b"",
    "half a status line": OK[:12],
    "interim reply alone": INTERIM,
    "half a header": OK + b"Content-Le",
    "headers without their end": OK + b"Content-Length: 0\r\n",
    "half a size of a chunk": CHUNKED + b"1",
    "half a chunk": CHUNKED + b"5\r\nx",
    "chunks without their end": CHUNKED + b"1\r\nx\r\n",
    "trailers without their end": CHUNKED + b"0\r\nX: x\r\n",
}


def read(received: bytes) -> Reply:
    return read_reply(io.BufferedReader(io.BytesIO(received)))


@pytest.mark.parametrize("received", MALFORMED.values(), ids=MALFORMED)
def test_malformed_reply_is_refused(received: bytes) -> None:
    with pytest.raises(FailedRequestError) as caught:
        read(received)

    assert (caught.value.cause, caught.value.reason) == ("not HTTP", "the server does not speak HTTP")


@pytest.mark.parametrize("received", INCOMPLETE.values(), ids=INCOMPLETE)
def test_incomplete_reply_is_a_broken_connection(received: bytes) -> None:
    with pytest.raises(FailedRequestError) as caught:
        read(received)

    assert (caught.value.cause, caught.value.reason) == ("reset", "the connection broke")


def test_body_shorter_than_its_length_is_truncated() -> None:
    with pytest.raises(FailedRequestError) as caught:
        read(OK + b"Content-Length: 3\r\n\r\nab")

    assert (caught.value.cause, caught.value.reason) == ("reset", "the body is truncated")


@pytest.mark.parametrize(
    "received",
    [
        OK + b"Content-Length: 2\r\n\r\nabc",
        OK + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\nab",
        OK + b"\r\nab",
        b"HTTP/1.0 200\r\n\r\nab",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
        + OK
        + b"Content-Length: 2\r\n\r\nab",
        CHUNKED + b"2\r\nab\r\n0\r\n\r\n",
        CHUNKED + b"1;name=value\r\na\r\n01 \r\nb\r\n000\r\nTrailer: x\r\n\r\n",
        OK + b"Content-Length: 9\r\ntransfer-encoding: Chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
        OK.replace(b"\r", b"") + b"Content-Length: 2\n\nab",
    ],
)
def test_body_is_read_to_its_end(received: bytes) -> None:
    reply = read(received)

    assert (reply.status, reply.body) == (200, b"ab")


@pytest.mark.parametrize("status", [204, 304])
def test_status_without_a_body_ends_with_the_headers(status: int) -> None:
    assert read(b"HTTP/1.1 %d X\r\nContent-Length: 5\r\n\r\n" % status).body == b""


def test_folded_header_is_one_value() -> None:
    assert read(OK + b"Server: a\r\n\t b\r\nContent-Length: 0\r\n\r\n").headers["server"] == "a b"


@pytest.mark.parametrize(
    "head", [OK + b"\r\n", OK + b"Content-Length: 99999999999999999999\r\n\r\n", CHUNKED + b"fffffff\r\n"]
)
def test_body_beyond_the_limit_is_read_up_to_one_byte_more(head: bytes) -> None:
    assert len(read(head + (BODY_LIMIT + 10) * b"x").body) == BODY_LIMIT + 1


TOKEN = st.text(string.ascii_letters + string.digits + "-_.", min_size=1, max_size=10)
VALUE = st.text("".join(map(chr, range(0x21, 0x7F))), max_size=20)


@st.composite
def replies(draw: st.DrawFn) -> bytes:
    """Return a well-formed reply with a body."""
    body = draw(st.binary(max_size=300))
    lines = [f"{name}: {value}" for name, value in draw(st.dictionaries(TOKEN.map("X-{}".format), VALUE)).items()]
    framing = draw(st.sampled_from(["length", "chunks", "connection"]))
    if framing == "length":
        lines.append(f"Content-Length: {len(body)}")
    elif framing == "chunks":
        lines.append("Transfer-Encoding: chunked")
        cuts = sorted({0, len(body), *draw(st.lists(st.integers(0, len(body)), max_size=4))})
        chunks = [body[start:end] for start, end in zip(cuts, cuts[1:])]
        body = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
    status = draw(st.sampled_from([200, 301, 401, 404, 429, 503]))
    head = "\r\n".join([f"HTTP/1.{draw(st.integers(0, 1))} {status} Reason", *lines, "", ""])
    return draw(st.sampled_from([b"", INTERIM])) + head.encode("ascii") + body


@given(replies())
def test_reply_reads_as_the_standard_library_reads_it(received: bytes) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(received)
        theirs.shutdown(socket.SHUT_WR)
        response = http.client.HTTPResponse(ours)
        response.begin()
        expected: Any = (response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())

    assert read(received)[:3] == expected
