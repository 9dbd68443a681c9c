"""One HTTP request and its reply, within a time limit, over a connection of its own."""

from __future__ import annotations

import errno
import io
import socket
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Callable, Protocol, TypeVar
from urllib.parse import urlsplit

from ec2facts.errors import Cause, EC2FactsError
from ec2facts.imds.endpoint import url_of
from ec2facts.imds.reply import FailedRequestError, Reply, broken, read_reply
from ec2facts.version import __version__

if TYPE_CHECKING:
    import ssl

USER_AGENT = f"ec2facts/{__version__}"

TIMEOUTS = (TimeoutError, socket.timeout)
"""Two classes before Python 3.10."""

E = TypeVar("E", bound=EC2FactsError)


class Transport(Protocol):
    """Sends requests to the service."""

    def send(self, method: str, path: str, headers: Mapping[str, str], *, timeout: float) -> Reply:
        """Send a request and return the reply; raise FailedRequestError unless it is complete after ``timeout`` s."""

    def own_error(self, error: E, cause: BaseException | Reply) -> E:
        """Return ``error`` in the form that callers of this transport catch; ``cause`` led to it."""


Connect = Callable[[str, int, float], socket.socket]
"""Connects to a host and a port within a number of seconds, as ``connect`` does."""


def connect(host: str, port: int, timeout: float) -> socket.socket:
    """Return a connection to ``host``; the look-up of its name and all its addresses share ``timeout`` seconds."""
    until = time.monotonic() + timeout
    addresses = _resolve(host, port, timeout)
    for number, (family, kind, protocol, _, address) in enumerate(addresses, 1):
        connection = socket.socket(family, kind, protocol)
        connection.settimeout(max(0.001, until - time.monotonic()) / (len(addresses) + 1 - number))
        try:
            connection.connect(address)
        except OSError:
            connection.close()
            if number == len(addresses):
                raise
        else:
            return connection
    raise AssertionError("a look-up returned no address")


def _resolve(host: str, port: int, timeout: float) -> list[Any]:
    """Return the addresses of ``host``. A look-up has no time limit of its own, so a thread does it."""
    for family in (socket.AF_INET, socket.AF_INET6):
        with suppress(OSError):
            socket.inet_pton(family, host)
            return [(family, socket.SOCK_STREAM, 0, "", (host, port))]
    found: SimpleQueue[list[Any] | OSError] = SimpleQueue()

    def look_up() -> None:
        try:
            found.put(list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))
        except OSError as error:
            found.put(error)

    threading.Thread(target=look_up, daemon=True).start()
    try:
        addresses = found.get(timeout=timeout)
    except Empty:
        raise TimeoutError from None
    if isinstance(addresses, OSError):
        raise addresses
    return addresses


class HTTPTransport:
    """Sends each request over its own connection, because the service closes it after the reply.

    Proxy variables and .netrc are ignored, cookies are not kept, and redirects are not followed. The certificate of an
    https endpoint is verified with the system's authorities.
    """

    def __init__(
        self, endpoint: str, *, connect: Connect = connect, clock: Callable[[], float] = time.monotonic
    ) -> None:
        parts = urlsplit(endpoint)
        self._host = parts.hostname or ""
        self._is_encrypted = parts.scheme == "https"
        self._port = parts.port or (443 if self._is_encrypted else 80)
        self._prefix = parts.path
        self._common = (
            f"Host: {parts.netloc}\r\nUser-Agent: {USER_AGENT}\r\nAccept: */*\r\nAccept-Encoding: identity\r\n"
            "Connection: close\r\n"
        )
        self._connect = connect
        self._clock = clock
        self._tls: ssl.SSLContext | None = None

    def send(self, method: str, path: str, headers: Mapping[str, str], *, timeout: float) -> Reply:
        """Send a request and return the reply; raise FailedRequestError unless it is complete after ``timeout`` s."""
        until = self._clock() + timeout
        own = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        length = "" if method == "GET" else "Content-Length: 0\r\n"
        request = f"{method} {url_of(self._prefix, path)} HTTP/1.1\r\n{self._common}{own}{length}\r\n".encode("ascii")
        try:
            connection = self._connect(self._host, self._port, timeout / 2)
        except TIMEOUTS as error:
            raise FailedRequestError("connect timeout", f"no connection within {timeout / 2:g} s") from error
        except OSError as error:
            raise failed_request(error, timeout) from error
        try:
            with connection:
                connection.settimeout(max(0.001, until - self._clock()))
                with self._encrypted(connection) if self._is_encrypted else connection as stream:
                    stream.sendall(request)
                    return read_reply(io.BufferedReader(_Receiver(stream, until, self._clock)))
        except OSError as error:
            raise failed_request(error, timeout) from error

    def own_error(self, error: E, cause: BaseException | Reply) -> E:
        """Return ``error`` unchanged."""
        return error

    def _encrypted(self, connection: socket.socket) -> socket.socket:
        if self._tls is None:
            import ssl  # 5 MB of memory, and the service of an instance has no TLS

            self._tls = ssl.create_default_context()
        return self._tls.wrap_socket(connection, server_hostname=self._host)


class _Receiver(io.RawIOBase):
    """A connection that can be read until a time limit; the time-out of a socket restarts with each byte."""

    def __init__(self, connection: socket.socket, until: float, clock: Callable[[], float]) -> None:
        self._connection = connection
        self._until = until
        self._clock = clock

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        left = self._until - self._clock()
        if left <= 0:
            raise TimeoutError
        self._connection.settimeout(left)
        return self._connection.recv_into(buffer)


def failed_request(error: BaseException, timeout: float) -> FailedRequestError:
    """Return the failure of a request that raised ``error``, because of an error of the system in its chain."""
    if isinstance(error, TIMEOUTS):
        return FailedRequestError("reply timeout", f"no answer within {timeout:g} s")
    for each in chain(error):
        if isinstance(each, OSError) and each.errno and each.strerror:
            return FailedRequestError(_cause(each), _words(each))
    return broken()


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield ``error`` and the exceptions that led to it, the first cause last."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _cause(error: OSError) -> Cause:
    if isinstance(error, socket.gaierror):  # its numbers mean something else
        return "unresolved"
    ssl = sys.modules.get("ssl")
    return "TLS" if ssl and isinstance(error, ssl.SSLError) else _CAUSES.get(error.errno or 0, "other")


def _words(error: OSError) -> str:
    """Return the message of an error of the system; an SSLError's own names a line of OpenSSL."""
    short = getattr(error, "verify_message", "") or getattr(error, "reason", "") or error.strerror or ""
    return short.replace("_", " ").lower()


_CAUSES: Mapping[int, Cause] = {
    errno.ECONNREFUSED: "refused",
    errno.ENETUNREACH: "no route",
    errno.EHOSTUNREACH: "no route",
    errno.EADDRNOTAVAIL: "no route",
    errno.EACCES: "prohibited",
    errno.EPERM: "prohibited",
    errno.EINVAL: "prohibited",  # of a route of the type blackhole
    errno.ECONNRESET: "reset",
    errno.EPIPE: "reset",
}
