from __future__ import annotations

import http.client
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from email.message import Message
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest

from ec2facts.errors import EC2FactsError, UsageError
from ec2facts.imds.simulator.simulator import RECORDED, TOKENS, VERSIONS, Request, Simulator
from ec2facts.imds.snapshot import Gap, Snapshot

TTL = "X-aws-ec2-metadata-token-ttl-seconds"
TOKEN = "X-aws-ec2-metadata-token"

SOURCE = Snapshot(
    {
        "": b"dynamic\nmeta-data\nuser-data",
        "meta-data/instance-id": b"i-1234567890abcdef0",
        "meta-data/tags/instance/a b%": b"percent and space",
        "meta-data/tags/instance/gr\u00f6\u00dfe": "gro\u00df".encode(),
        "meta-data/tags/instance/why?": b"because",
        "meta-data/nothing": b"",
        "user-data": b"\x1f\x8b\x00\xff",
    },
    {
        "meta-data/metrics/vhostmd": Gap("absent"),
        "meta-data/reset": Gap("unread", "the connection was reset"),
        "meta-data/throttled": Gap("unread", "HTTP 429", 429),
        "meta-data/iam/security-credentials": Gap("withheld", "iam_security_credentials"),
    },
)


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Reply(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    body: bytes


def ask(url: str, method: str, target: str, **headers: str) -> Reply:
    """Send one request unchanged; underscores in header names become dashes."""
    endpoint = urlsplit(url)
    connection = http.client.HTTPConnection(endpoint.hostname or "", endpoint.port, timeout=5)
    try:
        connection.request(method, target, headers={name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        return Reply(response.status, response.headers, response.read())
    finally:
        connection.close()


def connect(url: str) -> socket.socket:
    endpoint = urlsplit(url)
    return socket.create_connection((endpoint.hostname, endpoint.port or 80), timeout=5)


def exchange(url: str, request: bytes) -> bytes:
    """Send raw bytes, and return the whole reply."""
    with connect(url) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def new_token(url: str, *, ttl: int = 60) -> str:
    return ask(url, "PUT", "/latest/api/token", **{TTL: str(ttl)}).body.decode()


def get(url: str, target: str, *, method: str = "GET") -> Reply:
    return ask(url, method, target, **{TOKEN: new_token(url)})


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def simulator(clock: Clock) -> Simulator:
    return Simulator(SOURCE, clock=clock)


@pytest.fixture
def url(simulator: Simulator) -> Iterator[str]:
    with simulator as url:
        yield url


def test_token_is_56_opaque_characters_and_its_reply_states_the_ttl(url: str) -> None:
    reply = ask(url, "PUT", "/latest/api/token", **{TTL: "21600"})

    assert reply.status == 200
    assert re.fullmatch(rb"AQAE[A-Za-z0-9_-]{50}==", reply.body)
    assert reply.headers[TTL] == "21600"
    assert reply.headers["Content-Type"] == "text/plain"


@pytest.mark.parametrize("ttl", [None, "", "0", "-1", "21601", "999999", "1.5", "an hour", "0x10", "\u00b2"])
def test_token_with_an_invalid_ttl_is_refused(url: str, ttl: str | None) -> None:
    headers = {} if ttl is None else {TTL: ttl}

    assert ask(url, "PUT", "/latest/api/token", **headers).status == 400


def test_token_request_with_x_forwarded_for_is_refused(url: str) -> None:
    assert ask(url, "PUT", "/latest/api/token", X_Forwarded_For="203.0.113.9", **{TTL: "60"}).status == 403


def test_token_request_for_a_dated_version_is_refused(url: str) -> None:
    assert ask(url, "PUT", "/2021-03-23/api/token", **{TTL: "60"}).status == 403


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE"])
def test_token_path_allows_only_put(url: str, method: str) -> None:
    reply = get(url, "/latest/api/token", method=method)

    assert reply.status == 405
    assert reply.headers["Allow"] == "OPTIONS, PUT"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"])
def test_metadata_allows_only_get_and_head(url: str, method: str) -> None:
    assert get(url, "/latest/meta-data/instance-id", method=method).status == 405


@pytest.mark.parametrize("headers", [{}, {TOKEN: ""}, {TOKEN: "AQAE" + 50 * "x" + "=="}])
@pytest.mark.parametrize("target", ["/", "/latest/", "/latest/meta-data/instance-id", "/latest/meta-data/nowhere"])
def test_request_without_a_token_is_unauthorized(url: str, target: str, headers: dict[str, str]) -> None:
    assert ask(url, "GET", target, **headers).status == 401


def test_token_of_another_simulator_is_unauthorized(url: str) -> None:
    with Simulator(SOURCE) as other:
        token = new_token(other)

        assert ask(url, "GET", "/latest/meta-data/instance-id", **{TOKEN: token}).status == 401


def test_token_expires(url: str, clock: Clock) -> None:
    token = new_token(url, ttl=60)
    clock.now += 59.5
    before = ask(url, "GET", "/latest/meta-data/instance-id", **{TOKEN: token})
    clock.now += 0.5
    after = ask(url, "GET", "/latest/meta-data/instance-id", **{TOKEN: token})

    assert (before.status, before.headers[TTL], after.status) == (200, "1", 401)


def test_several_tokens_are_valid_at_once(url: str) -> None:
    tokens = [new_token(url) for _ in range(3)]

    assert len(set(tokens)) == 3
    assert {ask(url, "GET", "/latest/meta-data/instance-id", **{TOKEN: token}).status for token in tokens} == {200}


def test_value_is_served_with_the_headers_of_the_service(url: str) -> None:
    reply = get(url, "/latest/meta-data/instance-id")

    assert (reply.status, reply.body) == (200, b"i-1234567890abcdef0")
    assert reply.headers["Server"] == "EC2ws"
    assert reply.headers["Connection"] == "close"
    assert reply.headers["Content-Type"] == "text/plain"
    assert reply.headers["Content-Length"] == "19"
    assert reply.headers["Accept-Ranges"] == "none"
    assert reply.headers["Last-Modified"] == "Thu, 15 Jan 2026 08:00:00 GMT"
    assert reply.headers[TTL] == "60"


def test_head_has_the_headers_of_get_without_the_body(url: str) -> None:
    reply = get(url, "/latest/meta-data/instance-id", method="HEAD")

    assert (reply.status, reply.headers["Content-Length"], reply.body) == (200, "19", b"")


@pytest.mark.parametrize("target", ["/latest/user-data", "/latest/user-data/"])
def test_user_data_are_bytes(url: str, target: str) -> None:
    reply = get(url, target)

    assert reply.body == b"\x1f\x8b\x00\xff"
    assert reply.headers["Content-Type"] == "application/octet-stream"


def test_empty_body_is_served_with_status_200(url: str) -> None:
    reply = get(url, "/latest/meta-data/nothing")

    assert (reply.status, reply.headers["Content-Length"], reply.body) == (200, "0", b"")


def test_absent_path_is_a_404_page(url: str) -> None:
    reply = get(url, "/latest/meta-data/nowhere")

    assert reply.status == 404
    assert reply.headers["Content-Type"] == "text/html"
    assert reply.body.startswith(b'<?xml version="1.0" encoding="iso-8859-1"?>\n<!DOCTYPE html')
    assert b"<title>404 - Not Found</title>" in reply.body


@pytest.mark.parametrize(
    ("target", "body"),
    [
        ("/latest/meta-data/instance-id/", b"i-1234567890abcdef0"),
        ("/latest/meta-data//instance-id", b"i-1234567890abcdef0"),
        ("//latest///meta-data/instance-id//", b"i-1234567890abcdef0"),
        ("/latest/meta-data/instance-id?now", b"i-1234567890abcdef0"),
        ("/latest/meta-data/tags/instance", b"a b%\ngr\xc3\xb6\xc3\x9fe\nwhy?"),
        ("/latest/meta-data/tags/instance/", b"a b%\ngr\xc3\xb6\xc3\x9fe\nwhy?"),
        ("/latest/meta-data/metrics/", b"vhostmd"),
        ("/latest", b"dynamic\nmeta-data\nuser-data"),
        ("/latest/", b"dynamic\nmeta-data\nuser-data"),
        ("/latest/meta-data/tags/instance/a%20b%25", b"percent and space"),
        ("/latest/meta-data/tags/instance/gr%C3%B6%c3%9fe", b"gro\xc3\x9f"),
        ("/latest/meta-data/tags/instance/why%3F", b"because"),
        ("/latest/meta%2Ddata/instance%2did", b"i-1234567890abcdef0"),
    ],
)
def test_target_is_resolved_to_a_path(url: str, target: str, body: bytes) -> None:
    reply = get(url, target)

    assert (reply.status, reply.body) == (200, body)


def test_versions_are_listed(url: str) -> None:
    listed = get(url, "/").body.decode().split("\n")

    assert listed[0] == "1.0"
    assert listed[-1] == "latest"
    assert listed == sorted(listed)


@pytest.mark.parametrize("version", VERSIONS)
def test_every_listed_version_serves_the_same_metadata(url: str, version: str) -> None:
    assert get(url, f"/{version}/meta-data/instance-id").body == b"i-1234567890abcdef0"


@pytest.mark.parametrize("target", ["/2099-01-01/meta-data/instance-id", "/newest/", "/meta-data/instance-id"])
def test_unknown_version_is_absent(url: str, target: str) -> None:
    assert get(url, target).status == 404


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("meta-data/metrics/vhostmd", 404),
        ("meta-data/iam/security-credentials/", 404),
        ("meta-data/throttled", 429),
        ("meta-data/reset", 503),
    ],
)
def test_gap_of_a_snapshot_is_answered_with_its_status(url: str, path: str, status: int) -> None:
    assert get(url, f"/latest/{path}").status == status


def test_unknown_status_is_answered_as_503() -> None:
    snapshot = Snapshot({}, {"meta-data/x": Gap("unread", "HTTP 999", 999), "meta-data/y": Gap("unread", "", 200)})

    with Simulator(snapshot) as url:
        statuses = [get(url, f"/latest/meta-data/{name}").status for name in "xy"]

    assert statuses == [503, 503]


def test_mapping_of_bodies_is_served_with_computed_listings() -> None:
    with Simulator({"meta-data/placement/region": b"eu-central-1"}) as url:
        assert get(url, "/latest/meta-data").body == b"placement/"


def test_any_source_is_served() -> None:
    class Echo:
        def get(self, path: str, /) -> bytes | None:
            return path.encode()

    with Simulator(Echo()) as url:
        assert get(url, "/latest/meta-data/any%20thing").body == b"meta-data/any thing"


def test_every_request_is_recorded(simulator: Simulator, url: str) -> None:
    token = new_token(url)
    ask(url, "GET", "/latest/meta-data//tags/instance/a%20b%25", **{TOKEN: token})
    ask(url, "HEAD", "/latest", **{TOKEN: token})
    ask(url, "GET", "/2021-03-23/user-data")

    assert simulator.requests == [
        Request("PUT", "api/token", 200),
        Request("GET", "meta-data/tags/instance/a b%", 200),
        Request("HEAD", "", 200),
        Request("GET", "/2021-03-23/user-data", 401),
    ]


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"",
        b"\r\n\r\n",
        b"nonsense\r\n\r\n",
        b"GET /latest/\r\n\r\n",
        b"GET / HTTP/banana\r\n\r\n",
        b"GET http://127.0.0.1/latest/meta-data/instance-id HTTP/1.1\r\n\r\n",
        b"GET http://[/latest/ HTTP/1.1\r\n\r\n",
        b"CONNECT example.com:443 HTTP/1.1\r\n\r\n",
        b"GET /latest/%zz%ff%00\xff\xfe HTTP/1.1\r\n\r\n",
        b"GET /latest/ HTTP/1.1\r\nno colon\r\n\r\n",
        b"PUT /latest/api/token HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"PUT /latest/api/token HTTP/1.1\r\nContent-Length: 1000\r\n\r\ntoo little",
        b"GET /" + 70_000 * b"x" + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + 200 * b"X-Header: 1\r\n" + b"\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
    ids=lambda request: repr(request[:40]),
)
def test_malformed_request_does_not_stop_the_simulator(
    url: str, request_bytes: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    try:
        reply = exchange(url, request_bytes)
    except ConnectionError:
        reply = b""

    assert not reply.startswith(b"HTTP/1.1 2")
    assert get(url, "/latest/meta-data/instance-id").status == 200
    assert capfd.readouterr() == ("", "")


def test_bad_request_is_answered_with_the_server_header(url: str) -> None:
    head, _, page = exchange(url, b"GET / HTTP/1.1\r\n" + 200 * b"X-Header: 1\r\n" + b"\r\n").partition(b"\r\n\r\n")

    assert b"Server: EC2ws\r\n" in head
    assert b"<title>431 - " in page


def test_raw_utf_8_in_a_target_is_accepted(url: str) -> None:
    request = "GET /latest/meta-data/tags/instance/gr\u00f6\u00dfe HTTP/1.1\r\n" + f"{TOKEN}: {new_token(url)}\r\n\r\n"

    assert exchange(url, request.encode()).endswith(b"\r\n\r\ngro\xc3\x9f")


def test_body_of_a_request_is_read_and_ignored(url: str) -> None:
    request = f"PUT /latest/api/token HTTP/1.1\r\n{TTL}: 60\r\nContent-Length: 4\r\n\r\nbody".encode()

    assert exchange(url, request).startswith(b"HTTP/1.1 200 ")


def test_client_that_disconnects_early_does_not_stop_the_simulator(capfd: pytest.CaptureFixture[str]) -> None:
    with Simulator({"user-data": 10_000_000 * b"x"}) as url:
        token = new_token(url)
        with connect(url) as connection:
            connection.sendall(f"GET /latest/user-data HTTP/1.1\r\n{TOKEN}: {token}\r\n\r\n".encode())
            connection.recv(1)

        assert get(url, "/latest/").status == 200

    assert capfd.readouterr() == ("", "")


def test_exception_of_a_source_fails_only_its_request(capfd: pytest.CaptureFixture[str]) -> None:
    class Broken:
        def get(self, path: str, /) -> bytes | None:
            if path == "meta-data/broken":
                raise ZeroDivisionError
            return b"fine"

    with Simulator(Broken()) as url:
        with pytest.raises(http.client.RemoteDisconnected):
            get(url, "/latest/meta-data/broken")
        assert get(url, "/latest/meta-data/other").body == b"fine"

    assert capfd.readouterr() == ("", "")


def test_many_clients_are_served_at_once() -> None:
    together = threading.Barrier(16, timeout=5)

    class Slow:
        def get(self, path: str, /) -> bytes | None:
            together.wait()
            return path.encode()

    with Simulator(Slow()) as url, ThreadPoolExecutor(16) as pool:
        bodies = list(pool.map(lambda number: get(url, f"/latest/{number}").body, range(16)))

    assert bodies == [str(number).encode() for number in range(16)]


def test_ipv6_loopback_is_served() -> None:
    with Simulator(SOURCE, host="::1") as url:
        assert url.startswith("http://[::1]:")
        assert get(url, "/latest/meta-data/instance-id").status == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "169.254.169.253", "localhost", "example.com", ""])
def test_simulator_listens_only_at_literal_loopback_addresses(host: str) -> None:
    with pytest.raises(UsageError, match=r"a loopback address such as 127\.0\.0\.1"):
        Simulator(SOURCE, host=host)


@pytest.mark.parametrize("host", ["169.254.169.254", "fd00:ec2::254"])
def test_simulator_refuses_the_service_addresses_outside_a_namespace(host: str) -> None:
    with pytest.raises(UsageError, match=f"at {host} only in its own network namespace"):
        Simulator(SOURCE, host=host)


@pytest.mark.parametrize("port", [-1, 65536])
def test_port_out_of_range_is_a_usage_error(port: int) -> None:
    with pytest.raises(UsageError, match=f"port {port} is not between 0 and 65535"):
        Simulator(SOURCE, port=port)


def test_port_in_use_is_an_error(url: str) -> None:
    port = urlsplit(url).port or 0

    with pytest.raises(EC2FactsError, match=f"cannot listen at http://127.0.0.1:{port}: Address already in use"):
        Simulator(SOURCE, port=port).__enter__()


def test_stopped_simulator_refuses_connections(simulator: Simulator) -> None:
    threads = threading.active_count()

    with simulator as url:
        pass

    with pytest.raises(ConnectionRefusedError):
        get(url, "/")
    assert threading.active_count() <= threads


def test_simulator_restarts_at_the_same_address(simulator: Simulator) -> None:
    with simulator as first:
        pass
    with simulator as second:
        status = get(second, "/latest/").status

    assert (second, simulator.url, status) == (first, first, 200)


def test_wait_ends_when_the_simulator_stops(simulator: Simulator) -> None:
    with simulator:
        waiting = threading.Thread(target=simulator.wait)
        waiting.start()
        assert waiting.is_alive()
    waiting.join(5)

    assert not waiting.is_alive()


def test_ctrl_c_ends_the_wait() -> None:
    program = """
import signal
from contextlib import suppress
from ec2facts.imds.simulator.simulator import Simulator
signal.signal(signal.SIGINT, signal.default_int_handler)
simulator = Simulator({"user-data": b"x"})
with simulator as url, suppress(KeyboardInterrupt):
    print(url, flush=True)
    simulator.wait()
print("left", flush=True)
"""
    command: Any = [sys.executable, "-c", program]

    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        status = get(url, "/latest/user-data").status
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=10)

    assert (status, output, errors, process.returncode) == (200, "left\n", "", 0)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.0.0.1:1338",
        "127.8.9.1",
        "[::1]",
        "[::1]:80",
        "localhost",
        "LOCALHOST:80",
        "169.254.169.254",
        "169.254.169.254:80",
        "[fd00:ec2::254]",
    ],
)
def test_host_header_of_loopback_or_the_service_is_accepted(url: str, host: str) -> None:
    assert ask(url, "PUT", "/latest/api/token", Host=host, **{TTL: "60"}).status == 200


@pytest.mark.parametrize(
    "host",
    [
        "attacker.example",
        "attacker.example:1338",
        "localhost.attacker.example",
        "127.0.0.1.attacker.example",
        "127.0.0.1@attacker.example",
        "192.0.2.1",
        "169.254.169.253",
        "[",
        "",
    ],
)
def test_other_host_header_is_answered_421(simulator: Simulator, url: str, host: str) -> None:
    reply = ask(url, "PUT", "/latest/api/token", Host=host, **{TTL: "60"})

    assert reply.status == 421
    assert simulator.requests == [Request("PUT", "api/token", 421)]


def test_request_with_another_host_header_does_not_reach_faults(clock: Clock) -> None:
    with Simulator(SOURCE, faults=["status=200"], clock=clock) as url:
        assert ask(url, "GET", "/latest/", Host="attacker.example").status == 421


def test_second_host_header_is_checked_too(url: str) -> None:
    request = f"PUT /latest/api/token HTTP/1.1\r\nHost: localhost\r\nHost: attacker.example\r\n{TTL}: 60\r\n\r\n"

    assert exchange(url, request.encode()).startswith(b"HTTP/1.1 421 Misdirected Request\r\n")


def test_request_of_http_1_0_without_a_host_is_answered(url: str) -> None:
    assert exchange(url, f"PUT /latest/api/token HTTP/1.0\r\n{TTL}: 60\r\n\r\n".encode()).startswith(b"HTTP/1.1 200 ")


def test_number_of_recorded_requests_is_bounded(simulator: Simulator) -> None:
    for number in range(RECORDED + 5):
        simulator.answer("GET", f"/latest/{number}", Message())

    assert len(simulator.requests) == RECORDED
    assert simulator.requests[0] == Request("GET", "5", 401)
    assert simulator.requests[-1] == Request("GET", str(RECORDED + 4), 401)


def test_number_of_tokens_is_bounded_and_the_oldest_expires_first(simulator: Simulator) -> None:
    headers = Message()
    headers[TTL] = "60"
    tokens = [simulator.answer("PUT", "/latest/api/token", headers).body.decode() for _ in range(TOKENS + 1)]

    statuses = []
    for token in (tokens[0], tokens[1], tokens[-1]):
        with_token = Message()
        with_token[TOKEN] = token
        statuses.append(simulator.answer("GET", "/latest/", with_token).status)

    assert statuses == [401, 200, 200]
