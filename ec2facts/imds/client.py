"""The live service, over HTTP with IMDSv2's token."""

from __future__ import annotations

import math
import os
import re
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Callable

from ec2facts.errors import (
    THROTTLED,
    AbsentError,
    Cause,
    DisabledError,
    NotReadyError,
    UnavailableError,
    UnreadError,
    UsageError,
)
from ec2facts.imds.endpoint import ENDPOINTS, resolve_endpoint, setting
from ec2facts.imds.rate_limits import RequestBudget, RetryBudget, backoff
from ec2facts.imds.reply import BODY_LIMIT, FailedRequestError, Reply
from ec2facts.imds.source import MAX_RATE, TOKEN_HEADER, TOKEN_PATH, TOKEN_TTL_HEADER, TOKEN_TTL_SECONDS
from ec2facts.imds.transport import HTTPTransport, Transport
from ec2facts.imds.waiting import Kind, OnWait, Wait
from ec2facts.log import log
from ec2facts.text import escape_unprintable

if TYPE_CHECKING:
    import requests

THROTTLED_ATTEMPTS = 12
"""The default number of attempts for a throttled request."""

OWN_LIMIT = "this client's rate limit"

THROTTLING_STATUSES = frozenset({429, 503})
RETRIED_STATUSES = frozenset({429, 500, 502, 503, 504})
HTML_TYPES = frozenset({"text/html", "application/xhtml+xml"})

META_DATA = "meta-data/"
INSTANCE_ID = "meta-data/instance-id"
"""Every instance has this path and META_DATA; a service that lacks one of them is not ready."""


class IMDSClient:
    """A source that reads the live service; several threads may share it.

    ``endpoint`` is the service's base URL; the AWS_EC2_METADATA_* variables set the default. Each request has at most
    ``attempts`` attempts of ``timeout`` seconds; the defaults are AWS_METADATA_SERVICE_NUM_ATTEMPTS, else 3 (12 if the
    service throttles), and AWS_METADATA_SERVICE_TIMEOUT, else 1. ``deadline`` limits all requests together, in seconds
    from now. At most ``max_rate`` requests are sent in any second; 0 means no limit. ``wait`` is how many seconds to
    wait until the service is up and ready; a service that is switched off fails at once.

    A ``session`` sends every request and is not altered; errors are then exceptions of requests too. Without a session,
    only the standard library is used: proxy variables and .netrc are ignored, and cookies are not kept. Redirects are
    never followed.

    A service is ready once it has ``meta-data/`` and ``meta-data/instance-id``. The client requests the latter before
    it returns the former or reports a path as absent or empty, and raises NotReadyError if it is still absent after
    ``wait``; ``check_ready=False`` omits this check.

    ``on_wait`` is called before each wait, and when the service answers after a wait; several threads may call it.
    ``is_live`` is true for AWS's own endpoints; ``name`` is the endpoint, for messages.
    """

    def __init__(
        self,
        endpoint: str | None = None,
        *,
        session: requests.Session | None = None,
        timeout: float | None = None,
        attempts: int | None = None,
        max_rate: float = MAX_RATE,
        wait: float = 0,
        deadline: float = math.inf,
        check_ready: bool = True,
        on_wait: OnWait | None = None,
        environ: Mapping[str, str] | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        if environ is None:
            environ = os.environ
        self.endpoint = self.name = resolve_endpoint(endpoint, environ)
        self.is_live = self.endpoint in ENDPOINTS.values()
        if timeout is None:
            timeout = setting("AWS_METADATA_SERVICE_TIMEOUT", environ, default=1.0)
        is_set = attempts is not None or bool(environ.get("AWS_METADATA_SERVICE_NUM_ATTEMPTS"))
        if attempts is None:
            attempts = math.ceil(setting("AWS_METADATA_SERVICE_NUM_ATTEMPTS", environ, default=3))
        if not timeout > 0 or attempts < 1 or not max_rate >= 0:
            given = f"timeout is {timeout}, attempts is {attempts} and max_rate is {max_rate}"
            raise UsageError(f"{given}; timeout and attempts must be positive, max_rate at least 0")
        self.timeout = timeout
        self.attempts = attempts
        self._throttled_attempts = attempts if is_set else THROTTLED_ATTEMPTS
        self._transport: Transport
        if session is None:
            self._transport = HTTPTransport(self.endpoint, clock=clock)
        else:
            from ec2facts.imds.session import SessionTransport

            self._transport = SessionTransport(self.endpoint, session, clock=clock)
        self._budget = RequestBudget(
            max_rate, clock=clock, sleep=lambda seconds: self._wait("rate limit", self._limit_reason, seconds)
        )
        self._retries = RetryBudget()
        self._clock = clock
        self._sleep = sleep
        self._locks: dict[int, threading.RLock] = {}
        self._token = ""
        self._renew_at = 0.0
        self._check_ready = check_ready
        self._is_ready = not check_ready
        self._was_unready = False
        self._probed: Reply | None = None
        self._wait_until = clock() + wait
        self._waiting_since: float | None = None
        self._limit_reason = OWN_LIMIT
        self._on_wait = on_wait
        self._deadline_at = clock() + deadline

    def __repr__(self) -> str:
        return f"<IMDSClient of {self.endpoint}>"

    def get(self, path: str) -> bytes | None:
        """Return the body of ``path``, or None if the service answers 404."""
        reply = self._ask(path)
        return None if reply.status == 404 else self._body(path, reply)

    def read(self, path: str) -> bytes:
        """Return the body of ``path``; raise AbsentError if the service answers 404."""
        return self._present(path, self._ask(path))

    def read_nonempty(self, path: str) -> bytes:
        """Return the body of ``path`` like ``read``; retry an empty body, then raise UnreadError."""
        reply = self._ask(path, may_be_empty=False)
        if reply.status == 200 and not reply.body:
            raise self._transport.own_error(UnreadError(path, "its body is empty", status=200), reply)
        return self._present(path, reply)

    def _present(self, path: str, reply: Reply) -> bytes:
        if reply.status == 404:
            raise self._transport.own_error(AbsentError(path), reply)
        return self._body(path, reply)

    def _body(self, path: str, reply: Reply) -> bytes:
        status = reply.status
        kind = reply.headers.get("content-type", "").partition(";")[0].strip().lower()
        if status != 200:
            reason = f"HTTP {status}" + THROTTLED * (status == 429)
        elif kind in HTML_TYPES and path.rstrip("/") != "user-data":
            reason = "its body is an HTML page"
        elif len(reply.body) > BODY_LIMIT:
            reason = f"its body exceeds {BODY_LIMIT} bytes"
        else:
            return reply.body
        raise self._transport.own_error(UnreadError(path, reason, status=status, cause="status"), reply)

    def _ask(self, path: str, *, may_be_empty: bool = True) -> Reply:
        """Return the reply for ``path`` once the service is ready, and report the end of a wait."""
        reply = self._ask_until_ready(path, may_be_empty=may_be_empty)
        if self._waiting_since is not None:
            log("info", "%s answers after %.0f s", self.endpoint, self._clock() - self._waiting_since)
            self._waiting_since = None
            if self._on_wait is not None:
                self._on_wait(Wait("over"))
        return reply

    def _ask_until_ready(self, path: str, *, may_be_empty: bool) -> Reply:
        """Return the reply for ``path`` once the service is ready.

        A non-empty value needs no check, so that one attribute costs one request. The first path of a crawl is checked,
        and so is each absent or empty reply, because the path may only be missing while the service is not ready.
        """
        if path == INSTANCE_ID:
            with self._lock:
                if not self._is_ready:
                    self._wait_until_ready()
                probed, self._probed = self._probed, None
            return probed or self._get(path, may_be_empty=may_be_empty)
        while True:
            started_at = self._clock()
            reply = self._get(path, may_be_empty=may_be_empty)
            is_missing = reply.status == 404 or (reply.status == 200 and not reply.body)
            if path == META_DATA and is_missing and self._check_ready:
                self._wait_for(path, started_at, reply)
                continue
            if self._is_ready or not (is_missing or path == META_DATA):
                return reply
            with self._lock, suppress(UnreadError):  # an unread id does not affect other paths
                if not self._is_ready:
                    self._wait_until_ready()
            if not (is_missing and self._was_unready):
                return reply

    def _wait_until_ready(self) -> None:
        """Request the instance id, wait while it is absent, and keep the reply for the next read of that path."""
        while not self._is_ready:
            started_at = self._clock()
            try:
                self._probed = self._get(INSTANCE_ID, may_be_empty=False)
            except UnreadError:
                self._is_ready = True
                raise
            self._is_ready = self._probed.status != 404
            if not self._is_ready:
                self._was_unready = True
                self._wait_for(INSTANCE_ID, started_at, self._probed)

    def _wait_for(self, path: str, started_at: float, reply: Reply) -> None:
        """Wait a second before the next request for ``path``; raise NotReadyError if the wait is over."""
        if not self._may_wait(started_at):
            unready = NotReadyError(self.endpoint, f"it has no {path} yet; retry with --wait 60", cause="not ready")
            raise self._transport.own_error(unready, reply)
        self._wait_for_service(f"it has no {path} yet")

    def _get(self, path: str, *, may_be_empty: bool = True) -> Reply:
        """Request ``path``; if the service rejects the token, request it once more with a new token."""
        token = self._valid_token()
        try:
            reply = self._request("GET", path, {TOKEN_HEADER: token}, may_be_empty=may_be_empty)
            if reply.status == 401:
                token = self._valid_token(rejected=token)
                reply = self._request("GET", path, {TOKEN_HEADER: token}, may_be_empty=may_be_empty)
        except FailedRequestError as error:
            raise self._transport.own_error(UnreadError(path, error.reason, cause=error.cause), error) from error
        return reply

    @property
    def _lock(self) -> threading.RLock:
        """The lock of this process: a lock that another thread held during a fork is never released in the child."""
        return self._locks.setdefault(os.getpid(), threading.RLock())

    def _valid_token(self, *, rejected: str | None = None) -> str:
        """Return the token; renew it first if it is missing, about to expire, or equal to ``rejected``."""
        with self._lock:
            if not self._token or self._token == rejected or self._clock() >= self._renew_at:
                self._renew()
            return self._token

    def _renew(self) -> None:
        while True:
            started_at = self._clock()
            try:
                reply = self._put_token()
                break
            except UnavailableError as error:
                if isinstance(error, DisabledError) or not self._may_wait(started_at):
                    raise
                self._wait_for_service(error.reason)
        granted = reply.headers.get(TOKEN_TTL_HEADER.lower(), "")  # may be shorter than requested
        ttl = min(float(granted), TOKEN_TTL_SECONDS) if granted.isdecimal() else TOKEN_TTL_SECONDS
        self._token = reply.body.decode("ascii")
        self._renew_at = started_at + ttl - min(60, ttl / 10)

    def _wait_for_service(self, reason: str) -> None:
        if self._waiting_since is None:
            self._waiting_since = self._clock()
            log("info", "waiting up to %.0f s for %s: %s", self._wait_until - self._clock(), self.endpoint, reason)
        self._wait("service", reason, 1, self._wait_until - self._clock())

    def _wait(self, kind: Kind, reason: str, seconds: float, at_most: float | None = None) -> None:
        if self._on_wait is not None:
            self._on_wait(Wait(kind, reason, seconds if at_most is None else at_most))
        self._sleep(seconds)

    def _may_wait(self, started_at: float) -> bool:
        """Return whether the wait and the deadline allow another attempt after the one at ``started_at``."""
        return started_at < self._wait_until and self._clock() + 1 < self._deadline_at

    def _put_token(self) -> Reply:
        try:
            reply = self._request("PUT", TOKEN_PATH, {TOKEN_TTL_HEADER: str(TOKEN_TTL_SECONDS)})
        except FailedRequestError as error:
            failed = UnavailableError(self.endpoint, error.reason, cause=error.cause)
            raise self._transport.own_error(failed, error) from error
        status = reply.status
        if status == 200 and re.fullmatch(rb"[!-~]{1,1024}", reply.body):
            return reply
        kind, reason = UnavailableError, "no token"
        if status == 403 and reply.headers.get("server", "EC2ws") == "EC2ws":  # other servers: a proxy or another cloud
            kind, reason = DisabledError, "it is switched off"
        cause: Cause = "no token" if status == 200 else "status"
        refused = kind(self.endpoint, f"{reason} (HTTP {status})", cause=cause, status=status, headers=reply.headers)
        raise self._transport.own_error(refused, reply)

    def _request(self, method: str, path: str, headers: Mapping[str, str], *, may_be_empty: bool = True) -> Reply:
        """Send a request, retry temporary failures, and return the last reply or raise the last error."""
        attempt = 0
        while True:
            attempt += 1
            try:
                reply = self._send(method, path, headers)
            except FailedRequestError as error:
                wait = backoff(attempt, None)
                if not self._may_retry(attempt, self.attempts, wait):
                    raise
                self._wait("retry", error.reason, wait)
                continue
            is_empty = not may_be_empty and reply.status == 200 and not reply.body
            if reply.status not in RETRIED_STATUSES and not is_empty:
                self._retries.earn()
                self._limit_reason = OWN_LIMIT
                return reply
            wait = backoff(attempt, reply.headers.get("retry-after"))
            is_throttled = reply.status in THROTTLING_STATUSES
            if not self._may_retry(attempt, self._throttled_attempts if is_throttled else self.attempts, wait):
                return reply
            reason = "its body is empty" if is_empty else f"HTTP {reply.status}"
            log("debug", "retrying %s: %s", path, reason)
            if is_throttled:
                self._limit_reason = f"the service throttles requests ({reason})"
                self._budget.pause(wait)
            else:
                self._wait("retry", reason, wait)

    def _may_retry(self, attempt: int, attempts: int, wait: float) -> bool:
        return attempt < attempts and self._clock() + wait < self._deadline_at and self._retries.spend()

    def _send(self, method: str, path: str, headers: Mapping[str, str]) -> Reply:
        if not self._budget.acquire(until=self._deadline_at):
            raise FailedRequestError("deadline", "the deadline has passed")
        timeout = max(0.001, min(self.timeout, self._deadline_at - self._clock()))
        try:
            reply = self._transport.send(method, path, headers, timeout=timeout)
        except FailedRequestError as error:
            if timeout < self.timeout and error.cause in {"connect timeout", "reply timeout"}:
                raise FailedRequestError("deadline", "the deadline has passed") from error
            raise
        finally:
            self._budget.release()
        log("debug", "%s %s: HTTP %d, %d bytes", method, escape_unprintable(path), reply.status, len(reply.body))
        return reply
