from __future__ import annotations

import http.client
import socket
import ssl
import threading
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import requests
import requests_mock
from hypothesis import example, given
from hypothesis import strategies as st

from ec2facts.errors import (
    AbsentError,
    DisabledError,
    EC2FactsError,
    NotReadyError,
    UnavailableError,
    UnreadError,
    UsageError,
)
from ec2facts.imds.client import THROTTLED_ATTEMPTS, IMDSClient
from ec2facts.imds.rate_limits import LONGEST_WAIT
from ec2facts.imds.reply import BODY_LIMIT
from ec2facts.imds.session import failure_of_session, plain_session
from ec2facts.imds.simulator.simulator import Simulator
from tests.conftest import NOBODY
from tests.fuzzing import examples
from tests.imds.scripted import RESET, SILENCE, TOKEN, TTL, Answer, Reply, Request, ScriptedService, Time, reply

ID = "meta-data/instance-id"
VALUE = reply(200, b"i-1234567890abcdef0")
REDIRECTS = [301, 302, 303, 307, 308]


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture(params=["own", "session"])
def session(request: pytest.FixtureRequest) -> requests.Session | None:
    """Return a session of requests, or None for the client's own transport."""
    return plain_session() if request.param == "session" else None


def is_exception_of(error: Exception, kind: type[Exception], session: requests.Session | None) -> bool:
    """Whether an error is also the exception ``kind`` of requests, or, without a session, no exception of requests."""
    return isinstance(error, kind) if session else not isinstance(error, requests.RequestException)


def client_of(service: ScriptedService, time: Time | None = None, **options: Any) -> IMDSClient:
    """Return a client of ``service`` that waits only in ``time`` and ignores the environment."""
    return IMDSClient(service.url, **{"max_rate": 0, "environ": {}, **(time or Time()).options, **options})


# Tokens


def test_request_carries_the_token() -> None:
    with ScriptedService({ID: VALUE}) as service:
        body = client_of(service).read(ID)

    put, get = service.requests
    assert (put.method, put.target, put.headers[TTL]) == ("PUT", "/latest/api/token", "21600")
    assert (get.method, get.target, get.headers[TOKEN]) == ("GET", f"/latest/{ID}", "token-1")
    assert body == b"i-1234567890abcdef0"


def test_client_sends_no_request_before_the_first_read() -> None:
    with ScriptedService() as service:
        client_of(service)

    assert service.requests == []


def test_32_threads_request_one_token() -> None:
    together = threading.Barrier(32, timeout=10)

    class Meeting:
        def get(self, path: str, /) -> bytes | None:
            together.wait()
            return path.encode()

    simulator = Simulator(Meeting())
    with simulator as url, ThreadPoolExecutor(32) as pool:
        client = IMDSClient(url, max_rate=0)
        bodies = list(pool.map(client.read, map(str, range(32))))

    assert bodies == [str(number).encode() for number in range(32)]
    assert [request.method for request in simulator.requests].count("PUT") == 1


@pytest.mark.parametrize(
    ("granted", "age", "tokens"),
    [
        ("21600", 21539, 1),
        ("21600", 21540, 2),
        ("21600", 1_000_000, 2),
        ("300", 269, 1),
        ("300", 270, 2),
        ("1", 0.5, 1),
        ("1", 0.9, 2),
        ("0", 0, 2),
    ],
)
def test_token_is_renewed_before_its_ttl_has_passed(time: Time, granted: str, age: float, tokens: int) -> None:
    with ScriptedService({"api/token": reply(200, b"token", {TTL: granted}), ID: VALUE}) as service:
        client = client_of(service, time)
        client.read(ID)
        time.now += age
        client.read(ID)

    assert service.count("PUT") == tokens


@pytest.mark.parametrize("granted", ["", "soon", "-1", "1.5", "21601", "\xb2", 5000 * "9"])
def test_invalid_ttl_falls_back_to_the_requested_ttl(time: Time, granted: str) -> None:
    with ScriptedService({"api/token": reply(200, b"token", {TTL: granted}), ID: VALUE}) as service:
        client = client_of(service, time)
        for seconds in (21539, 1):
            client.read(ID)
            time.now += seconds
        before = service.count("PUT")
        client.read(ID)

    assert (before, service.count("PUT")) == (1, 2)


def test_rejected_token_is_renewed_once() -> None:
    with ScriptedService({ID: [reply(401), VALUE]}) as service:
        body = client_of(service).read(ID)

    assert body == b"i-1234567890abcdef0"
    assert [(request.method, request.headers[TOKEN]) for request in service.requests] == [
        ("PUT", None),
        ("GET", "token-1"),
        ("PUT", None),
        ("GET", "token-2"),
    ]


def test_token_rejected_in_many_threads_is_renewed_once() -> None:
    together = threading.Barrier(16, timeout=10)

    def refuse_the_first(request: Request) -> Reply:
        if request.headers[TOKEN] != "token-1":
            return VALUE
        together.wait()
        return reply(401)

    with ScriptedService({"meta-data/mac": refuse_the_first}) as service, ThreadPoolExecutor(16) as pool:
        client = client_of(service)
        bodies = set(pool.map(client.read, 16 * ["meta-data/mac"]))

    assert bodies == {b"i-1234567890abcdef0"}
    assert (service.count("PUT"), service.count("GET")) == (2, 32)


def test_second_rejection_of_the_token_is_an_error(session: requests.Session | None) -> None:
    with ScriptedService({ID: reply(401)}) as service, pytest.raises(UnreadError) as caught:
        client_of(service, session=session).read(ID)

    assert caught.value.status == 401
    assert is_exception_of(caught.value, requests.HTTPError, session)
    assert (service.count("PUT"), service.count("GET")) == (2, 2)


def test_service_that_refuses_tokens_is_disabled_and_not_retried(time: Time) -> None:
    with ScriptedService({"api/token": reply(403)}) as service, pytest.raises(DisabledError) as caught:
        client_of(service, time, attempts=5, wait=600, session=plain_session()).read(ID)

    assert isinstance(caught.value, requests.HTTPError)
    assert caught.value.response is not None
    assert caught.value.response.status_code == 403
    assert (len(service.requests), time.slept) == (1, [])


@pytest.mark.parametrize(
    ("status", "tries"),
    [
        (400, 1),
        (404, 1),
        (405, 1),
        (301, 1),
        (204, 1),
        (500, 3),
        (502, 3),
        (503, THROTTLED_ATTEMPTS),
        (429, THROTTLED_ATTEMPTS),
    ],
)
def test_failed_token_request_is_an_error(status: int, tries: int, session: requests.Session | None) -> None:
    failed = reply(status, b"", {"Location": "http://127.0.0.1:1/"})

    with ScriptedService({"api/token": failed}) as service, pytest.raises(UnavailableError) as caught:
        client_of(service, session=session).read(ID)

    assert not isinstance(caught.value, DisabledError)
    assert is_exception_of(caught.value, requests.HTTPError, session)
    assert str(caught.value) == f"the metadata service at {service.url} is unavailable: no token (HTTP {status})"
    assert (caught.value.cause, caught.value.status) == ("status", status)
    assert caught.value.headers["location"] == "http://127.0.0.1:1/"
    assert len(service.requests) == tries


@pytest.mark.parametrize(
    "body",
    [b"", b"<html><body>Log in</body></html>", b"two words", b"token\n", b"t\xc3\xb6ken", 1025 * b"x"],
    ids=lambda body: repr(body[:20]),
)
def test_invalid_token_is_not_sent(body: bytes) -> None:
    with (
        ScriptedService({"api/token": reply(200, body)}) as service,
        pytest.raises(UnavailableError, match=r"no token \(HTTP 200\)"),
    ):
        client_of(service).read(ID)

    assert service.count("GET") == 0


# Statuses


def test_absent_path_returns_none() -> None:
    with Simulator({ID: b"i-1234567890abcdef0"}) as url:
        assert IMDSClient(url).get("meta-data/nowhere") is None


def test_absent_path_is_an_http_error_of_requests() -> None:
    with Simulator({ID: b"i-1234567890abcdef0"}) as url, pytest.raises(AbsentError) as caught:
        IMDSClient(url, session=plain_session()).read("meta-data/nowhere")

    assert isinstance(caught.value, requests.HTTPError)
    assert caught.value.response is not None
    assert caught.value.response.status_code == 404
    assert caught.value.request is not None
    assert str(caught.value) == "meta-data/nowhere is absent: the service answers 404"


@pytest.mark.parametrize("status", [204, 206, 400, 403, 405, 410, 418, 501])
def test_permanent_status_is_an_error_without_a_retry(status: int, session: requests.Session | None) -> None:
    answer = reply(status, b"" if status == 204 else b"a page")

    with ScriptedService({ID: answer}) as service, pytest.raises(UnreadError) as caught:
        client_of(service, session=session).read(ID)

    assert is_exception_of(caught.value, requests.HTTPError, session)
    assert (caught.value.path, caught.value.status, service.count("GET")) == (ID, status, 1)
    assert str(caught.value) == f"{ID} could not be read: HTTP {status}"


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_temporary_status_is_retried(time: Time, status: int) -> None:
    with ScriptedService({ID: [reply(status, b"busy"), reply(status, b"busy"), VALUE]}) as service:
        body = client_of(service, time).read(ID)

    assert body == b"i-1234567890abcdef0"
    assert len(time.slept) == 2


@pytest.mark.parametrize(
    ("retry_after", "slept"),
    [("2", 2), ("0", 0), ("86400", LONGEST_WAIT), (400 * "9", LONGEST_WAIT), ("Fri, 31 Dec 2999 23:59:59 GMT", 5)],
)
def test_retry_after_sets_the_wait_within_bounds(time: Time, retry_after: str, slept: float) -> None:
    busy = reply(503, b"", {"Retry-After": retry_after})

    with ScriptedService({ID: [busy, VALUE]}) as service:
        client_of(service, time).read(ID)

    assert sum(time.slept) == slept


@pytest.mark.parametrize("retry_after", ["\xb2", "soon", "-1", "1.5", "Mon, 01 Jan 99999999999999999999 00:00:00 GMT"])
def test_invalid_retry_after_is_ignored(time: Time, retry_after: str) -> None:
    busy = reply(503, b"", {"Retry-After": retry_after})

    with ScriptedService({ID: [busy, VALUE]}) as service:
        client_of(service, time).read(ID)

    assert 0 <= time.slept[0] <= 0.1


def test_token_request_is_retried_after_a_temporary_failure(time: Time) -> None:
    script: dict[str, list[Answer]] = {
        "api/token": [reply(503, b"", {"Retry-After": "3"}), RESET, reply(200, b"token")],
        ID: [VALUE],
    }

    with ScriptedService(script) as service:
        body = client_of(service, time).read(ID)

    assert body == b"i-1234567890abcdef0"
    assert (len(time.slept), time.slept[0], service.count("PUT")) == (2, 3, 3)


@pytest.mark.parametrize(
    ("attempts", "environ", "tries"),
    [
        (None, {}, 3),
        (None, {"AWS_METADATA_SERVICE_NUM_ATTEMPTS": "1"}, 1),
        (None, {"AWS_METADATA_SERVICE_NUM_ATTEMPTS": "5"}, 5),
        (None, {"AWS_METADATA_SERVICE_NUM_ATTEMPTS": ""}, 3),
        (2, {"AWS_METADATA_SERVICE_NUM_ATTEMPTS": "5"}, 2),
    ],
)
def test_attempts_are_bounded(attempts: int | None, environ: dict[str, str], tries: int) -> None:
    with ScriptedService({ID: reply(500)}) as service, pytest.raises(UnreadError) as caught:
        client_of(service, attempts=attempts, environ=environ).read(ID)

    assert caught.value.status == 500
    assert service.count("GET") == tries


@pytest.mark.parametrize(("attempts", "tries"), [(None, THROTTLED_ATTEMPTS), (2, 2)])
@pytest.mark.parametrize("status", [429, 503])
def test_throttled_request_has_more_attempts(status: int, attempts: int | None, tries: int) -> None:
    with ScriptedService({ID: reply(status)}) as service, pytest.raises(UnreadError):
        client_of(service, attempts=attempts).read(ID)

    assert service.count("GET") == tries


# Time-outs and broken connections


@pytest.mark.parametrize("options", [{"timeout": 0.05}, {"environ": {"AWS_METADATA_SERVICE_TIMEOUT": "0.05"}}])
@pytest.mark.parametrize("silent", [SILENCE, Reply(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", "silence")])
def test_missing_reply_is_a_timeout_of_requests(
    options: dict[str, Any], silent: Reply, session: requests.Session | None
) -> None:
    with ScriptedService({ID: silent}) as service, pytest.raises(UnreadError) as caught:
        client_of(service, attempts=2, **options, session=session).read(ID)

    assert is_exception_of(caught.value, requests.Timeout, session)
    assert (caught.value.status, caught.value.reason) == (None, "no answer within 0.05 s")
    assert service.count("GET") == 2


def test_missing_reply_to_the_token_request_is_a_timeout_of_requests(session: requests.Session | None) -> None:
    with ScriptedService({"api/token": SILENCE}) as service, pytest.raises(UnavailableError) as caught:
        client_of(service, timeout=0.05, attempts=2, session=session).read(ID)

    assert is_exception_of(caught.value, requests.Timeout, session)
    assert caught.value.reason == "no answer within 0.05 s"
    assert service.count("PUT") == 2


def test_slow_connection_is_a_connect_timeout_of_requests(
    session: requests.Session | None,
) -> None:
    with socket.socket() as full, socket.socket() as waiting, socket.socket() as another:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for each in (waiting, another):  # more than the queue holds: the next one gets no answer
            each.settimeout(0)
            each.connect_ex(full.getsockname())
        with pytest.raises(UnavailableError) as caught:
            IMDSClient(f"http://127.0.0.1:{full.getsockname()[1]}", timeout=0.1, attempts=1, session=session).read(ID)

    assert is_exception_of(caught.value, requests.ConnectTimeout, session)
    assert (caught.value.cause, caught.value.reason) == ("connect timeout", "no connection within 0.05 s")


@pytest.mark.parametrize(
    "kind", [requests.ConnectTimeout, requests.ReadTimeout, requests.Timeout, requests.ConnectionError]
)
@pytest.mark.parametrize("path", ["api/token", ID])
def test_error_is_of_the_class_that_requests_raised(kind: type[requests.RequestException], path: str) -> None:
    with requests_mock.Mocker() as mocked:
        mocked.put(requests_mock.ANY, text="token")
        mocked.get(requests_mock.ANY, text="value")
        mocked.request("PUT" if path == "api/token" else "GET", requests_mock.ANY, exc=kind)
        with pytest.raises(kind) as caught:
            IMDSClient(NOBODY, session=plain_session(), **Time().options).read(ID)

    assert isinstance(caught.value, UnavailableError if path == "api/token" else UnreadError)


def test_refused_connection_is_a_connection_error_of_requests(time: Time, session: requests.Session | None) -> None:
    with pytest.raises(UnavailableError) as caught:
        IMDSClient(NOBODY, **time.options, session=session).read(ID)

    assert is_exception_of(caught.value, requests.ConnectionError, session)
    assert str(caught.value) == f"the metadata service at {NOBODY} is unavailable: connection refused"
    assert len(time.slept) == 2


BROKEN = {
    "closed at once": Reply(b""),
    "reset at once": RESET,
    "reset in the head": Reply(b"HTTP/1.1 200 OK\r\nContent-Le", "reset"),
    "reset in the body": Reply(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", "reset"),
    "closed in the body": Reply(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"),
    "closed in a chunk": Reply(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nhalf"),
    "no last chunk": Reply(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"),
    "no number": Reply(b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\nhalf"),
    "two lengths": Reply(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nhalf"),
    "no chunk size": Reply(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhalf\r\n0\r\n\r\n"),
    "negative chunk": Reply(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhalf\r\n0\r\n\r\n"),
    "no status": Reply(b"HTTP/1.1 fine\r\n\r\n"),
    "no HTTP": Reply(b"220 mail.example.com ESMTP\r\n"),
    "TLS": Reply(b"\x16\x03\x03\x00\x02\x02\x28"),
    "unknown version": Reply(b"HTTP/9.9 200 OK\r\n\r\n"),
    "long line": Reply(b"HTTP/1.1 200 OK\r\nX: " + 70_000 * b"x" + b"\r\n\r\n"),
    "many headers": Reply(b"HTTP/1.1 200 OK\r\n" + 200 * b"X: x\r\n" + b"\r\n"),
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_broken_reply_is_a_connection_error_of_requests(broken: Reply, session: requests.Session | None) -> None:
    with ScriptedService({ID: broken}) as service, pytest.raises(UnreadError) as caught:
        client_of(service, attempts=2, session=session).read(ID)

    assert is_exception_of(caught.value, requests.ConnectionError, session)
    assert (caught.value.status, service.count("GET")) == (None, 2)


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_broken_reply_to_the_token_request_is_a_connection_error_of_requests(
    broken: Reply, session: requests.Session | None
) -> None:
    with ScriptedService({"api/token": broken}) as service, pytest.raises(UnavailableError) as caught:
        client_of(service, attempts=2, session=session).read(ID)

    assert is_exception_of(caught.value, requests.ConnectionError, session)
    assert len(service.requests) == 2


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_broken_reply_is_retried(broken: Reply, session: requests.Session | None) -> None:
    with ScriptedService({ID: [broken, VALUE]}) as service:
        assert client_of(service, session=session).read(ID) == b"i-1234567890abcdef0"


def test_reason_of_a_reset_connection_has_no_error_number() -> None:
    with (
        ScriptedService({ID: RESET}) as service,
        pytest.raises(UnreadError, match=f"^{ID} could not be read: connection reset by peer$"),
    ):
        client_of(service).read(ID)


@pytest.mark.parametrize(
    ("raised", "cause", "reason"),
    [
        (socket.gaierror(-2, "Name or service not known"), "unresolved", "name or service not known"),
        (ssl.SSLError(1, "certificate verify failed"), "TLS", "certificate verify failed"),
        (ConnectionRefusedError(111, "Connection refused"), "refused", "connection refused"),
        (OSError(101, "Network is unreachable"), "no route", "network is unreachable"),
        (OSError(113, "No route to host"), "no route", "no route to host"),
        (PermissionError(13, "Permission denied"), "prohibited", "permission denied"),
        (ConnectionResetError(104, "Connection reset by peer"), "reset", "connection reset by peer"),
        (OSError(24, "Too many open files"), "other", "too many open files"),
        (http.client.RemoteDisconnected("closed"), "reset", "the connection broke"),
        (http.client.BadStatusLine("220 mail"), "not HTTP", "the server does not speak HTTP"),
        (TimeoutError(), "reply timeout", "no answer within 1.5 s"),
    ],
)
def test_failure_has_a_cause_and_the_system_error_as_reason(raised: Exception, cause: str, reason: str) -> None:
    error = requests.ConnectionError("around it")
    error.__context__ = raised

    for found in (failure_of_session(each, 1.5) for each in (raised, error)[: 1 + ("timeout" not in cause)]):
        assert (found.cause, found.reason) == (cause, reason)


def test_body_without_a_content_length_ends_with_the_connection() -> None:
    with ScriptedService({ID: Reply(b"HTTP/1.0 200 OK\r\n\r\nold\n")}) as service:
        assert client_of(service).read(ID) == b"old\n"


def test_chunked_body_is_decoded() -> None:
    chunked = Reply(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\ni-\r\n3\r\n123\r\n0\r\n\r\n")

    with ScriptedService({ID: chunked}) as service:
        assert client_of(service).read(ID) == b"i-123"


def test_body_is_returned_byte_for_byte() -> None:
    body = bytes(range(256)) + b"\r\n\x1f\x8b"

    with ScriptedService({ID: reply(200, body, {"Content-Type": "text/plain; charset=utf-16"})}) as service:
        assert client_of(service).read(ID) == body


def test_empty_body_is_not_absent() -> None:
    with ScriptedService({ID: reply(200, b"")}) as service:
        assert client_of(service).get(ID) == b""


@pytest.mark.parametrize("headers", [{}, {"Content-Length": ""}])
def test_body_at_the_limit_is_read(headers: dict[str, str]) -> None:
    with ScriptedService({ID: reply(200, BODY_LIMIT * b"x", headers)}) as service:
        assert len(client_of(service).read(ID)) == BODY_LIMIT


@pytest.mark.parametrize("headers", [{}, {"Content-Length": ""}, {"Content-Length": "99999999999999999999"}])
def test_body_above_the_limit_is_an_error(headers: dict[str, str]) -> None:
    with (
        ScriptedService({ID: reply(200, (BODY_LIMIT + 1) * b"x", headers)}) as service,
        pytest.raises(UnreadError, match=f"its body exceeds {BODY_LIMIT} bytes"),
    ):
        client_of(service).read(ID)


ERRORS = (AbsentError, UnreadError, UnavailableError)
ANSWERS = st.builds(
    lambda head, headers, body: head + b"\r\n".join([*headers, b""]) + b"\r\n" + body,
    st.sampled_from([b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 302 Found\r\n", b"HTTP/1.0 503 Busy\r\n", b"HTTP/1.1 404 \r\n"])
    | st.binary(max_size=20),
    st.lists(
        st.builds(
            lambda name, value: name + b": " + value,
            st.sampled_from(
                [b"Location", b"Retry-After", b"Content-Length", b"Transfer-Encoding", b"Set-Cookie", TTL.encode()]
            )
            | st.binary(max_size=8),
            st.sampled_from([b"chunked", b"http://[", b"-1", b"\xb2", b"a=b; domain=127.0.0.1"])
            | st.integers().map(lambda number: str(number).encode())
            | st.binary(max_size=16),
        ),
        max_size=4,
    ),
    st.binary(max_size=40),
)


@pytest.fixture(scope="module")
def fuzzed() -> Iterator[ScriptedService]:
    with ScriptedService() as service:
        yield service


@pytest.mark.parametrize("through_session", [True, False])
@pytest.mark.parametrize("fuzzed_path", ["api/token", ID])
@examples(150)
@given(answer=ANSWERS | st.binary(max_size=60))
@example(answer=b"HTTP/1.1 302 Found\r\nLocation: http://[\r\nContent-Length: 0\r\n\r\n")
@example(answer=b"HTTP/1.1 503 Busy\r\nRetry-After: \xb2\r\nContent-Length: 0\r\n\r\n")
@example(answer=b"HTTP/1.0 503 Busy\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx")
def test_every_reply_is_a_body_or_an_ec2facts_error(
    fuzzed: ScriptedService,
    fuzzed_path: str,
    through_session: bool,  # noqa: FBT001
    answer: bytes,
) -> None:
    fuzzing_session = plain_session()
    for path, usual in [("api/token", reply(200, b"token")), (ID, VALUE)]:
        fuzzed.script(path, Reply(answer) if path == fuzzed_path else usual)

    try:
        result: object = client_of(fuzzed, session=fuzzing_session if through_session else None).read(ID)
    except (AbsentError, UnreadError, UnavailableError) as error:
        result = error

    assert isinstance(result, (bytes, requests.RequestException if through_session else EC2FactsError))
    assert str(result).isprintable()


# Redirects, cookies, proxies and variables


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("status", REDIRECTS)
@pytest.mark.parametrize("body", [b"", b"<html>Moved</html>"])
def test_redirect_is_never_followed(status: int, body: bytes, own: bool) -> None:  # noqa: FBT001
    with ScriptedService({"elsewhere": VALUE}) as other, requests.Session() as session:
        moved = reply(status, body, {"Location": f"{other.url}/latest/elsewhere"})
        with ScriptedService({ID: moved}) as service, pytest.raises(UnreadError) as caught:
            client_of(service, session=None if own else session).read(ID)

    assert (caught.value.status, caught.value.reason) == (status, f"HTTP {status}")
    assert (service.count("GET"), other.requests) == (1, [])


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("location", ["http://[", "http://a..b/", "\xff", "//", "http://127.0.0.1:99999/", "mailto:x"])
def test_redirect_to_an_invalid_url_is_an_ec2facts_error(location: str, own: bool) -> None:  # noqa: FBT001
    moved = reply(301, b"", {"Location": location})

    with ScriptedService({ID: moved}) as service, requests.Session() as session, pytest.raises(UnreadError):
        client_of(service, session=None if own else session).read(ID)


def test_cookie_is_neither_kept_nor_sent_back() -> None:
    set_cookie = {"Set-Cookie": "session=1; Path=/"}
    script = {"api/token": reply(200, b"token", set_cookie), ID: reply(200, b"value", set_cookie)}

    with ScriptedService(script) as service:
        client = client_of(service)
        client.read(ID)
        client.read(ID)

    assert [request.headers["Cookie"] for request in service.requests] == [None, None, None]


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
def test_proxy_variables_are_ignored(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    with ScriptedService() as proxy, ScriptedService({ID: VALUE}) as service:
        monkeypatch.setenv(name, proxy.url)
        body = client_of(service).read(ID)

    assert body == b"i-1234567890abcdef0"
    assert proxy.requests == []


def test_netrc_is_ignored(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login alice password example\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HOME", str(tmp_path))

    with ScriptedService({ID: VALUE}) as service:
        client_of(service).read(ID)
        requests.get(f"{service.url}/latest/{ID}", timeout=5)

    assert [request.headers["Authorization"] is None for request in service.requests] == [True, True, False]


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_certificate_variables_are_ignored(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "/nowhere/certificates.pem")

    with requests_mock.Mocker() as mocked:
        mocked.put("https://127.0.0.1/latest/api/token", text="token")
        mocked.get(f"https://127.0.0.1/latest/{ID}", text="value")
        IMDSClient("https://127.0.0.1", session=plain_session()).read(ID)

    assert [request.verify for request in mocked.request_history] == [True, True]


def test_compressed_replies_are_not_requested() -> None:
    with ScriptedService({ID: VALUE}) as service:
        client_of(service).read(ID)

    assert {request.headers["Accept-Encoding"] for request in service.requests} == {"identity"}


# The caller's session


def test_given_session_sends_every_request_and_is_not_altered() -> None:
    with requests.Session() as session, ScriptedService({ID: [reply(401), reply(503), VALUE]}) as service:
        session.headers["X-Mine"] = "yes"
        session.cookies.set("mine", "too", domain="127.0.0.1")
        session.proxies = {"ftp": NOBODY}
        session.max_redirects = 7
        before = state(session)
        client_of(service, session=session).read(ID)
        after = state(session)

    assert after == before
    assert {request.headers["X-Mine"] for request in service.requests} == {"yes"}
    assert len(service.requests) == 5


def state(session: requests.Session) -> dict[str, Any]:
    """Return the state of a session, in a form that can be compared."""
    return {name: repr(sorted(value.items()) if name == "headers" else value) for name, value in vars(session).items()}


def test_given_session_keeps_its_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedService() as proxy, ScriptedService({ID: VALUE}) as service, requests.Session() as session:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        with pytest.raises(NotReadyError):
            client_of(service, session=session).read(ID)

    assert (len(proxy.requests), service.requests) == (2, [])


def test_session_with_a_hook_that_reads_the_body_returns_the_body() -> None:
    with requests.Session() as session, ScriptedService({ID: VALUE}) as service:
        session.hooks["response"].append(read_whole)
        body = client_of(service, session=session).read(ID)

    assert body == b"i-1234567890abcdef0"


def read_whole(response: requests.Response, **options: object) -> None:
    """Read the body, like a hook that logs it."""
    _ = response.content


# Endpoints and URLs


@pytest.mark.parametrize(
    ("environ", "base"),
    [
        ({}, "http://169.254.169.254"),
        ({"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE": "IPv6"}, "http://[fd00:ec2::254]"),
    ],
)
def test_urls_equal_the_urls_of_the_service(environ: dict[str, str], base: str) -> None:
    with requests_mock.Mocker() as mocked:
        mocked.put(requests_mock.ANY, text="token")
        mocked.get(requests_mock.ANY, text="value")
        client = IMDSClient(environ=environ, session=plain_session())
        for path in (ID, "meta-data/", "dynamic/instance-identity/document", "user-data", ""):
            client.read(path)

    assert [(request.method, request.url) for request in mocked.request_history] == [
        ("PUT", f"{base}/latest/api/token"),
        ("GET", f"{base}/latest/meta-data/instance-id"),
        ("GET", f"{base}/latest/meta-data/"),
        ("GET", f"{base}/latest/dynamic/instance-identity/document"),
        ("GET", f"{base}/latest/user-data"),
        ("GET", f"{base}/latest/"),
    ]


def test_endpoint_variable_is_read_when_the_client_is_created(monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedService({ID: VALUE}) as service:
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", f"{service.url}/")
        client = IMDSClient()
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", NOBODY)
        body = client.read(ID)

    assert (client.endpoint, body) == (service.url, b"i-1234567890abcdef0")


@pytest.mark.parametrize(
    ("environ", "kind"),
    [
        ({"AWS_EC2_METADATA_SERVICE_ENDPOINT": "nonsense"}, UsageError),
        ({"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE": "IPv5"}, UsageError),
        ({"AWS_METADATA_SERVICE_TIMEOUT": "soon"}, UsageError),
        ({"AWS_METADATA_SERVICE_NUM_ATTEMPTS": "0"}, UsageError),
        ({"AWS_EC2_METADATA_DISABLED": "true"}, DisabledError),
    ],
)
def test_invalid_variable_is_an_error_that_names_it(environ: dict[str, str], kind: type[EC2FactsError]) -> None:
    with pytest.raises(kind, match=next(iter(environ))):
        IMDSClient(environ=environ)


@pytest.mark.parametrize(
    "options",
    [
        {"timeout": 0},
        {"timeout": -1},
        {"timeout": float("nan")},
        {"attempts": 0},
        {"attempts": -1},
        {"max_rate": -1},
        {"max_rate": float("nan")},
    ],
    ids=str,
)
def test_invalid_argument_is_a_usage_error(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=f"{next(iter(options))} is {next(iter(options.values()))}"):
        IMDSClient(NOBODY, **options)


@pytest.mark.parametrize(
    "name", ["a b", "50%", "#1", "why?", "gr\u00f6\u00dfe", "a+b", "a@b", "aws:x", "a=b,c.", "%41", "a;b", "a\\b", "\r"]
)
def test_every_name_reaches_the_service_unchanged(name: str) -> None:
    path = f"meta-data/tags/instance/{name}"

    with Simulator({path: b"the value", "meta-data/tags/instance/A": b"another"}) as url:
        assert IMDSClient(url).read(path) == b"the value"


@pytest.mark.parametrize("character", " %#?\u00fc\"<>[]{}|\\^`;&$!*'()\0\n\x7f")
def test_reserved_character_of_urls_is_encoded(character: str) -> None:
    with ScriptedService({ID: VALUE}) as service:
        client_of(service).get(f"meta-data/a{character}b")

    assert service.requests[1].target == f"/latest/meta-data/a{quote(character, safe='')}b"


@pytest.mark.parametrize("path", ["meta-data/\udcff", "meta-data/x\ud800"])
def test_path_with_a_lone_surrogate_is_absent(path: str) -> None:
    with Simulator({ID: b"i-1234567890abcdef0"}) as url:
        assert IMDSClient(url).get(path) is None


# Waiting for the service


def test_client_waits_for_a_service_that_comes_up_late(time: Time) -> None:
    late = [*20 * [reply(404)], reply(200, b"token")]

    with ScriptedService({"api/token": late, ID: VALUE}) as service:
        body = client_of(service, time, wait=60).read(ID)

    assert body == b"i-1234567890abcdef0"
    assert time.slept == 20 * [1]


def test_wait_ends_after_its_seconds(time: Time) -> None:
    with pytest.raises(UnavailableError, match="connection refused"):
        IMDSClient(NOBODY, wait=60, attempts=1, **time.options).read(ID)

    assert time.slept == 60 * [1]


def test_client_does_not_wait_by_default(time: Time) -> None:
    with pytest.raises(UnavailableError):
        IMDSClient(NOBODY, attempts=1, **time.options).read(ID)

    assert time.slept == []


def test_wait_ends_immediately_if_the_service_is_switched_off(time: Time) -> None:
    answers = [reply(404), reply(404), reply(403)]

    with ScriptedService({"api/token": answers}) as service, pytest.raises(DisabledError):
        client_of(service, time, wait=600).read(ID)

    assert (time.slept, len(service.requests)) == ([1, 1], 3)


# Rate limit


def test_requests_in_any_second_are_at_most_the_rate(time: Time) -> None:
    with ScriptedService({ID: VALUE}) as service:
        client = client_of(service, time, max_rate=4)
        for _ in range(8):
            client.read(ID)

    assert time.slept == [1, 1]


def test_retried_request_counts_towards_the_rate(time: Time) -> None:
    with ScriptedService({ID: [RESET, RESET, VALUE]}) as service:
        client_of(service, time, max_rate=1).read(ID)

    assert (service.count("PUT"), service.count("GET")) == (1, 3)
    assert sum(time.slept) == pytest.approx(3)


# Secrets in errors


def test_error_contains_neither_the_token_nor_a_body() -> None:
    script = {"api/token": reply(200, b"the-token"), ID: reply(418, b"the-body")}

    with ScriptedService(script) as service, pytest.raises(UnreadError) as caught:
        client_of(service).read(ID)

    printed = "".join(traceback.format_exception(type(caught.value), caught.value, caught.value.__traceback__))
    assert "the-token" not in printed
    assert "the-body" not in printed
