from __future__ import annotations

import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Union

import pytest
import requests

from ec2facts.imds.reply import FailedRequestError
from ec2facts.imds.session import SessionTransport, plain_session
from ec2facts.imds.transport import HTTPTransport, connect
from ec2facts.version import __version__
from tests.imds.scripted import Reply, ScriptedService, reply

Transport = Union[HTTPTransport, SessionTransport]
MakeTransport = Callable[[str], Transport]

PATH = "meta-data/mac"

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
END = b"\r\nContent-Length: 0\r\n\r\n"

HOSTILE = {
    "status line byte by byte": Reply(b"HTTP/1.1 200 ", "drip", b"O", END),
    "header byte by byte": Reply(OK + b"X: ", "drip", b"x", END),
    "header after header": Reply(OK, "drip", b"X: x\r\n", END[2:]),
    "endless interim replies": Reply(b"", "drip", b"HTTP/1.1 100 Continue\r\n\r\n", OK + END[2:]),
    "flood of interim replies": Reply(b"", "drip", 1000 * b"HTTP/1.1 100 Continue\r\n\r\n", OK + END[2:]),
    "body byte by byte": Reply(OK + b"Content-Length: 1000\r\n\r\n", "drip", b"x"),
    "body without a length byte by byte": Reply(OK + b"\r\n", "drip", b"x"),
    "chunk size byte by byte": Reply(CHUNKED, "drip", b"0", b"0\r\n\r\n"),
    "extension of a chunk byte by byte": Reply(CHUNKED + b"1;", "drip", b"x", b"\r\nx\r\n0\r\n\r\n"),
    "chunk byte by byte": Reply(CHUNKED + b"3e8\r\n", "drip", b"x", b"\r\n0\r\n\r\n"),
    "chunk after chunk": Reply(CHUNKED, "drip", b"1\r\nx\r\n", b"0\r\n\r\n"),
    "endless trailers": Reply(CHUNKED + b"1\r\nx\r\n0\r\n", "drip", b"X: x\r\n", b"\r\n"),
}
"""Replies that go on for 10 s, each complete at its end."""


def through_session(endpoint: str) -> SessionTransport:
    return SessionTransport(endpoint, plain_session())


@pytest.fixture(params=[HTTPTransport, through_session], ids=["own", "session"])
def transport(request: pytest.FixtureRequest) -> MakeTransport:
    """Return each of the two transports."""
    make: MakeTransport = request.param
    return make


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)
def test_reply_that_goes_on_is_given_up_at_the_time_limit_and_its_connection_closed(
    transport: MakeTransport, hostile: Reply
) -> None:
    with ScriptedService({PATH: hostile}) as service:
        with pytest.raises(FailedRequestError) as caught:
            transport(service.url).send("GET", PATH, {}, timeout=0.2)
        is_closed = service.left.wait(5)

    assert (caught.value.cause, caught.value.reason) == ("reply timeout", "no answer within 0.2 s")
    assert is_closed


def test_pooled_session_of_the_caller_is_usable_after_the_time_limit() -> None:
    script = {PATH: HOSTILE["header byte by byte"], "user-data": reply(200, b"x", {"Connection": ""})}

    with ScriptedService(script) as service, requests.Session() as session:
        through = SessionTransport(service.url, session)
        with pytest.raises(FailedRequestError):
            through.send("GET", PATH, {}, timeout=0.2)
        body = through.send("GET", "user-data", {}, timeout=5).body

    assert body == b"x"


def test_connections_of_callers_are_left_alone_at_the_time_limit() -> None:
    ours, theirs = socket.socketpair()

    def read_while_holding_a_connection(held: socket.socket) -> None:
        with pytest.raises(FailedRequestError):
            through_session(service.url).send("GET", PATH, {}, timeout=0.1)
        held.sendall(b"still open")

    with ScriptedService({PATH: HOSTILE["header byte by byte"]}) as service, ours, theirs:
        read_while_holding_a_connection(ours)
        received = theirs.recv(100)

    assert received == b"still open"


def test_time_limit_leaves_no_thread(transport: MakeTransport) -> None:
    with ScriptedService({PATH: reply(200, b"x")}) as service:
        before = set(threading.enumerate())
        transport(service.url).send("GET", PATH, {}, timeout=60)
        started = set(threading.enumerate()) - before

    for thread in started:
        thread.join(5)  # the threads of the service end with their connection
    assert [thread for thread in started if thread.is_alive()] == []


def test_request_names_ec2facts_and_its_version(transport: MakeTransport) -> None:
    with ScriptedService({PATH: reply(200, b"x")}) as service:
        transport(service.url).send("GET", PATH, {}, timeout=5)

    assert service.requests[0].headers["User-Agent"] == f"ec2facts/{__version__}"


def test_session_of_the_caller_keeps_its_user_agent() -> None:
    with ScriptedService({PATH: reply(200, b"x")}) as service, requests.Session() as session:
        SessionTransport(service.url, session).send("GET", PATH, {}, timeout=5)

    assert service.requests[0].headers["User-Agent"] == requests.utils.default_user_agent()


@pytest.mark.parametrize(
    ("endpoint", "target", "host"),
    [
        ("http://169.254.169.254", "/latest/meta-data/mac", "169.254.169.254"),
        ("http://[fd00:ec2::254]", "/latest/meta-data/mac", "[fd00:ec2::254]"),
        ("http://127.0.0.1:8080/imds", "/imds/latest/meta-data/mac", "127.0.0.1:8080"),
    ],
)
def test_request_is_for_the_path_at_the_endpoint(endpoint: str, target: str, host: str) -> None:
    asked: list[Any] = []
    ours, theirs = socket.socketpair()

    def connect_to_a_pair(name: str, port: int, timeout: float) -> socket.socket:
        asked.append((name, port, timeout))
        return ours

    with theirs:
        theirs.sendall(OK + b"Content-Length: 1\r\n\r\nx")
        got = HTTPTransport(endpoint, connect=connect_to_a_pair).send("PUT", PATH, {"X-Mine": "yes"}, timeout=2)
        received = theirs.recv(65536)

    address, _, port = host.rpartition(":") if host[-1] not in "4]" else (host, "", "80")
    assert asked == [(address.strip("[]"), int(port), 1)]
    assert (got.status, got.headers, got.body) == (200, {"content-length": "1"}, b"x")
    assert received.decode().split("\r\n") == [
        f"PUT {target} HTTP/1.1",
        f"Host: {host}",
        f"User-Agent: ec2facts/{__version__}",
        "Accept: */*",
        "Accept-Encoding: identity",
        "Connection: close",
        "X-Mine: yes",
        "Content-Length: 0",
        "",
        "",
    ]


# Connecting


def test_name_of_the_endpoint_is_looked_up() -> None:
    with ScriptedService({PATH: reply(200, b"x")}) as service:
        endpoint = service.url.replace("127.0.0.1", "localhost")
        body = HTTPTransport(endpoint).send("GET", PATH, {}, timeout=5).body

    assert body == b"x"


def test_name_that_does_not_resolve_is_a_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)

    with pytest.raises(FailedRequestError) as caught:
        HTTPTransport("http://imds.example").send("GET", PATH, {}, timeout=5)

    assert (caught.value.cause, caught.value.reason) == ("unresolved", "name or service not known")


def test_look_up_that_hangs_ends_at_the_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    is_over = threading.Event()

    def hang(*_: Any, flags: int = 0, **__: Any) -> Any:
        if not flags:
            is_over.wait(10)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", hang)

    with pytest.raises(FailedRequestError) as caught:
        HTTPTransport("http://imds.example").send("GET", PATH, {}, timeout=0.1)
    is_over.set()

    assert (caught.value.cause, caught.value.reason) == ("connect timeout", "no connection within 0.05 s")


def test_addresses_of_a_name_share_the_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as full, socket.socket() as waiting, socket.socket() as another:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for each in (waiting, another):  # more than the queue holds: the next one gets no answer
            each.settimeout(0)
            each.connect_ex(full.getsockname())
        silent = (socket.AF_INET, socket.SOCK_STREAM, 0, "", full.getsockname())
        with ScriptedService() as service:
            alive = (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", int(service.url.rpartition(":")[2])))
            monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [silent, silent, alive])
            with connect("imds.example", 80, 0.6) as connected:
                peer = connected.getpeername()

    assert peer == alive[4]


# TLS


@pytest.fixture
def certificate(tmp_path: Path, program: Callable[..., str]) -> Path:
    """Return a file with a key and a certificate for localhost that no authority has signed."""
    file = tmp_path / "localhost.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    make = [program("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject]
    subprocess.run([*make, "-keyout", str(file), "-out", str(tmp_path / "only.pem")], check=True, capture_output=True)
    file.write_bytes(file.read_bytes() + (tmp_path / "only.pem").read_bytes())
    return file


@pytest.fixture
def encrypted(certificate: Path) -> Iterator[str]:
    """Yield the https endpoint of a service on loopback that answers one request."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def serve() -> None:
        connection, _ = listener.accept()
        try:
            with connection, context.wrap_socket(connection, server_side=True) as stream:
                stream.recv(65536)
                stream.sendall(OK + b"Content-Length: 5\r\n\r\nvalue")
        except OSError:  # a client that does not trust the certificate
            pass

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield f"https://localhost:{listener.getsockname()[1]}"
        thread.join()


def test_certificate_that_no_authority_signed_is_refused(encrypted: str) -> None:
    with pytest.raises(FailedRequestError) as caught:
        HTTPTransport(encrypted).send("GET", PATH, {}, timeout=5)

    assert caught.value.cause == "TLS"
    assert caught.value.reason.replace("-", " ") == "self signed certificate"


def test_certificate_that_the_system_trusts_is_taken(
    encrypted: str, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))

    assert HTTPTransport(encrypted).send("GET", PATH, {}, timeout=5).body == b"value"


def test_service_without_tls_at_an_https_endpoint_is_a_cause() -> None:
    ours, theirs = socket.socketpair()

    with theirs:
        theirs.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        with pytest.raises(FailedRequestError) as caught:
            HTTPTransport("https://127.0.0.1", connect=lambda *_: ours).send("GET", PATH, {}, timeout=5)

    assert (caught.value.cause, caught.value.reason) == ("TLS", "wrong version number")
