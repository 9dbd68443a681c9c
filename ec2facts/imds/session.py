"""Requests through a session of requests: a caller's, or the plain one of the drop-in API."""

from __future__ import annotations

import http.client
import io
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import lru_cache
from http.cookiejar import DefaultCookiePolicy
from traceback import walk_tb
from types import FrameType
from typing import Any, Callable, cast

import requests
import urllib3
from requests import exceptions

from ec2facts.imds.endpoint import url_of
from ec2facts.imds.reply import BODY_LIMIT, FailedRequestError, Reply, not_http, truncated
from ec2facts.imds.transport import USER_AGENT, E, chain, failed_request

FAILURES = (
    OSError,
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
    ValueError,  # of http.client, for a chunk of negative size
)
"""The exceptions of a session and its connections."""


class SessionTransport:
    """Sends each request through ``session``, which is not altered. Errors are also exceptions of requests."""

    def __init__(
        self, endpoint: str, session: requests.Session, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._endpoint = endpoint
        self._session = session
        self._clock = clock

    def send(self, method: str, path: str, headers: Mapping[str, str], *, timeout: float) -> Reply:
        """Send a request and return the reply; raise FailedRequestError unless it is complete after ``timeout`` s."""
        until = self._clock() + timeout
        with _connection_closed_after(timeout, sys._getframe()) as is_late:
            try:
                reply = self._send(method, path, headers, timeout=timeout)
            except FAILURES as error:
                _close_responses(error)
                raise failure_of_session(error, timeout, is_late=is_late()) from error
        if is_late() or self._clock() > until:  # closing the connection ends a body without a length
            raise FailedRequestError("reply timeout", f"no answer within {timeout:g} s")
        size = len(reply.body)
        if size <= BODY_LIMIT and reply.headers.get("content-length") not in {None, str(size)}:
            raise truncated()
        return reply

    def _send(self, method: str, path: str, headers: Mapping[str, str], *, timeout: float) -> Reply:
        response = self._session.request(
            method,
            url_of(self._endpoint, path),
            headers={**headers, "Accept-Encoding": "identity"},
            timeout=(timeout / 2, timeout),
            allow_redirects=False,
            stream=True,
        )
        try:
            raw: Any = response.raw
            body = _read_body(getattr(raw, "read1", None) or raw._fp.read1)  # urllib3 1.26 lacks read1
        finally:
            response.close()
        response.raw = io.BytesIO(body)
        body = response.content  # a hook of the session may have read it already
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Reply(response.status_code, headers, body, response)

    def own_error(self, error: E, cause: BaseException | Reply) -> E:
        """Return ``error`` as an exception of requests too: an HTTPError about a reply, else what requests raised."""
        kind: Any = exceptions.HTTPError
        if not isinstance(cause, Reply):
            kind = _KINDS.get(getattr(cause, "cause", ""), exceptions.ConnectionError)
        ours: Any = type(error)
        both = _both(ours, kind)
        own = both.__new__(both)
        vars(own).update(vars(error), response=None, request=None)
        own.args = error.args
        if isinstance(cause, Reply):
            own.response, own.request = cause.response, cause.response.request
        return cast(E, own)


_KINDS: Mapping[str, type[exceptions.RequestException]] = {
    "connect timeout": exceptions.ConnectTimeout,
    "reply timeout": exceptions.ReadTimeout,
    "deadline": exceptions.ReadTimeout,
}


@lru_cache(None)
def _both(ours: Any, theirs: Any) -> Any:
    return type(ours.__name__, (ours, theirs), {"__doc__": ours.__doc__, "__module__": ours.__module__})


def failure_of_session(error: BaseException, timeout: float, *, is_late: bool = False) -> FailedRequestError:
    """Return the failure of a request for which a session raised ``error``."""
    if isinstance(error, exceptions.ConnectTimeout):
        return FailedRequestError("connect timeout", f"no connection within {timeout / 2:g} s")
    if is_late or isinstance(error, (exceptions.Timeout, urllib3.exceptions.TimeoutError)):
        return FailedRequestError("reply timeout", f"no answer within {timeout:g} s")
    causes = list(chain(error))
    is_malformed = any(isinstance(each, http.client.HTTPException) for each in causes)
    is_cut = any(isinstance(each, (http.client.IncompleteRead, ConnectionError)) for each in causes)
    return not_http() if is_malformed and not is_cut else failed_request(error, timeout)


def _close_responses(error: BaseException) -> None:
    """Close the responses that requests and urllib3 left open when they raised ``error``."""
    for each in chain(error):
        for frame, _ in walk_tb(each.__traceback__):
            for value in list(frame.f_locals.values()):
                if isinstance(value, (requests.Response, urllib3.HTTPResponse, http.client.HTTPResponse)):
                    value.close()


def _read_body(read: Callable[[int], bytes]) -> bytes:
    """Return the body that ``read`` returns in pieces, at most one byte more than BODY_LIMIT."""
    pieces: list[bytes] = []
    left = BODY_LIMIT + 1
    while left > 0 and (piece := read(min(left, 65536))):
        pieces.append(piece)
        left -= len(piece)
    return b"".join(pieces)


@contextmanager
def _connection_closed_after(seconds: float, sender: FrameType) -> Iterator[Callable[[], bool]]:
    """Shut down the connections in the frames below ``sender`` after ``seconds``; yield whether that happened.

    The time-out of requests restarts with each byte. A session returns its connection only after the headers; until
    then, only the frames of the waiting thread refer to it.
    """
    is_over, is_late = threading.Event(), threading.Event()
    thread = threading.get_ident()

    def watch() -> None:
        wait = seconds
        while not is_over.wait(wait):  # repeat: between two reads, no frame refers to the connection
            is_late.set()
            wait = 0.05
            _shut_down_connections(sys._current_frames().get(thread), sender)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield is_late.is_set
    finally:
        is_over.set()
        watcher.join()


def _shut_down_connections(frame: FrameType | None, outermost: FrameType) -> None:
    while frame is not None and frame is not outermost:
        for value in list(frame.f_locals.values()):
            if isinstance(value, http.client.HTTPConnection):
                value = value.sock
            if isinstance(value, (socket.socket, http.client.HTTPResponse)):
                # These errors mean that it is closed.
                with (
                    suppress(OSError, ValueError, AttributeError),
                    socket.socket(fileno=os.dup(value.fileno())) as same,
                ):
                    same.shutdown(socket.SHUT_RDWR)
        frame = frame.f_back


class _PlainSession(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        """Return None: otherwise requests reads the whole body of a redirect, even with ``allow_redirects=False``."""


def plain_session() -> requests.Session:
    """Return a session that ignores proxy variables and .netrc and keeps no cookies."""
    session = _PlainSession()
    session.trust_env = False
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
    session.headers["User-Agent"] = USER_AGENT
    return session
