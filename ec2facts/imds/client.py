"""The live service, over HTTP with IMDSv2's token."""

from __future__ import annotations

import http.client
import io
import math
import os
import re
import threading
import time
from collections.abc import Mapping
from http.cookiejar import DefaultCookiePolicy
from typing import Callable

import requests
import urllib3

from ec2facts.errors import Cause, DisabledError, UnavailableError, UsageError
from ec2facts.imds.body import BODY_LIMIT, read_body
from ec2facts.imds.endpoint import ENDPOINTS, resolve_endpoint, setting, url_of
from ec2facts.imds.rate_limits import RequestBudget, RetryBudget, backoff
from ec2facts.imds.requests_errors import (
    UNAVAILABLE,
    UNREAD,
    AbsentStatusError,
    DeadlineTimeout,
    DisabledStatusError,
    UnavailableStatusError,
    UnreadStatusError,
    answered,
    cause_and_reason,
    matching,
)
from ec2facts.imds.source import TOKEN_HEADER, TOKEN_PATH, TOKEN_TTL_HEADER, TOKEN_TTL_SECONDS

THROTTLED_ATTEMPTS = 12
"""Tries of a request that is answered that it comes too soon, unless a number of tries is given."""

THROTTLING_STATUSES = frozenset({429, 503})
PASSING_STATUSES = frozenset({429, 500, 502, 503, 504})
PASSING_ERRORS = (
    requests.exceptions.RequestException,
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
    OSError,
    ValueError,  # what is below requests raises it for a chunk of negative size, or a Location that is no URL
)


class IMDSClient:
    """A source that reads the live service; one may serve many threads.

    ``endpoint`` is the service's base URL, by default what the AWS_EC2_METADATA_* variables say. ``timeout`` is in
    seconds, for each of at most ``attempts`` tries of one request (by default what the AWS_METADATA_SERVICE_*
    variables say, else 1 s and 3, or 12 where the service answers that requests come too soon). ``deadline`` is in
    seconds from now on, for all requests together. ``max_rate`` requests may follow each other at once, then as many
    a second; 0 lifts the limit. ``wait`` is how many seconds to wait for the service to come up; one that is switched
    off is not waited for.

    A ``session`` that is given sends every request and is not altered; without one no proxy variable and no .netrc
    applies, and no cookie is kept. Redirects are never followed.

    Errors are those of ``ec2facts.errors``, and exceptions of requests as well.
    """

    def __init__(
        self,
        endpoint: str | None = None,
        *,
        session: requests.Session | None = None,
        timeout: float | None = None,
        attempts: int | None = None,
        max_rate: float = 128,
        wait: float = 0,
        deadline: float = math.inf,
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
            raise UsageError(f"{given}; the first two must be positive, and the last may be 0")
        self.timeout = timeout
        self.attempts = attempts
        self._throttled_attempts = attempts if is_set else THROTTLED_ATTEMPTS
        self._session = session or _session()
        self._budget = RequestBudget(max_rate, clock=clock, sleep=sleep)
        self._clock = clock
        self._sleep = sleep
        self._locks: dict[int, threading.Lock] = {}
        self._token = ""
        self._renew_at = 0.0
        self._wait_until = clock() + wait
        self._deadline_at = clock() + deadline
        self._retries = RetryBudget()

    def __repr__(self) -> str:
        return f"<IMDSClient of {self.endpoint}>"

    def get(self, path: str) -> bytes | None:
        """Return the body of ``path``, None where the service answers 404."""
        try:
            return self.read(path)
        except AbsentStatusError:
            return None

    def read(self, path: str) -> bytes:
        """Return the body of ``path``; raise AbsentError where the service answers 404."""
        token = self._valid_token()
        response = self._get(path, token)
        if response.status_code == 401:
            response = self._get(path, self._valid_token(instead_of=token))
        if response.status_code == 404:
            raise answered(AbsentStatusError(path), response)
        if response.status_code != 200:
            status = response.status_code
            raise answered(UnreadStatusError(path, f"HTTP {status}", status=status, cause="status"), response)
        kind = response.headers.get("Content-Type", "")
        if kind.startswith("text/html") and path.rstrip("/") != "user-data":
            raise answered(UnreadStatusError(path, "a page of HTML came in its place", status=200), response)
        if len(response.content) > BODY_LIMIT:
            raise answered(UnreadStatusError(path, f"its body exceeds {BODY_LIMIT} bytes", status=200), response)
        return response.content

    def _get(self, path: str, token: str) -> requests.Response:
        try:
            return self._request("GET", path, {TOKEN_HEADER: token})
        except PASSING_ERRORS as error:
            cause, reason = cause_and_reason(error, self.timeout)
            raise matching(error, UNREAD)(path, reason, cause=cause) from error

    def _valid_token(self, *, instead_of: str | None = None) -> str:
        """Return the token, a new one if there is none, it is about to expire, or it is ``instead_of``."""
        # One lock for each process: one that another thread held at a fork stays locked in the child for ever.
        with self._locks.setdefault(os.getpid(), threading.Lock()):
            if not self._token or self._token == instead_of or self._clock() >= self._renew_at:
                self._renew()
            return self._token

    def _renew(self) -> None:
        while True:
            asked_at = self._clock()
            try:
                response = self._put_token()
                break
            except DisabledError:
                raise
            except UnavailableError:
                if asked_at >= self._wait_until or self._clock() + 1 >= self._deadline_at:
                    raise
            self._sleep(1)
        ttl = _ttl(response)
        self._token = response.content.decode("ascii")
        self._renew_at = asked_at + ttl - min(60, ttl / 10)

    def _put_token(self) -> requests.Response:
        try:
            response = self._request("PUT", TOKEN_PATH, {TOKEN_TTL_HEADER: str(TOKEN_TTL_SECONDS)})
        except PASSING_ERRORS as error:
            cause, reason = cause_and_reason(error, self.timeout)
            raise matching(error, UNAVAILABLE)(self.endpoint, reason, cause=cause) from error
        status = response.status_code
        if status == 200 and re.fullmatch(rb"[!-~]{1,1024}", response.content):
            return response
        headers = {name.lower(): value for name, value in response.headers.items()}
        if status == 403:
            why = "it is switched off (HTTP 403)"
            off = DisabledStatusError(self.endpoint, why, cause="status", status=status, headers=headers)
            raise answered(off, response)
        why = "what answers there gives no token" if status == 200 else f"no token (HTTP {status})"
        why_data: Cause = "no token" if status == 200 else "status"
        refused = UnavailableStatusError(self.endpoint, why, cause=why_data, status=status, headers=headers)
        raise answered(refused, response)

    def _request(self, method: str, path: str, headers: Mapping[str, str]) -> requests.Response:
        """Send a request, again after failures that pass; return the last answer or raise the last error."""
        attempt = 0
        while True:
            attempt += 1
            try:
                response = self._send(method, path, headers)
            except PASSING_ERRORS:
                wait = backoff(attempt, None)
                if not self._may_retry(attempt, self.attempts, wait):
                    raise
                self._sleep(wait)
                continue
            if response.status_code not in PASSING_STATUSES:
                self._retries.earn()
                return response
            wait = backoff(attempt, response.headers.get("Retry-After"))
            is_throttled = response.status_code in THROTTLING_STATUSES
            if not self._may_retry(attempt, self._throttled_attempts if is_throttled else self.attempts, wait):
                return response
            if is_throttled:
                self._budget.pause(wait)
            else:
                self._sleep(wait)

    def _may_retry(self, attempt: int, attempts: int, wait: float) -> bool:
        return attempt < attempts and self._clock() + wait < self._deadline_at and self._retries.spend()

    def _send(self, method: str, path: str, headers: Mapping[str, str]) -> requests.Response:
        self._budget.spend()
        started_at = self._clock()
        timeout = min(self.timeout, self._deadline_at - started_at)
        if timeout <= 0:
            raise DeadlineTimeout
        response = self._session.request(
            method,
            url_of(self.endpoint, path),
            headers={**headers, "Accept-Encoding": "identity"},
            timeout=(timeout / 2, timeout),
            allow_redirects=False,
            stream=True,
        )
        try:
            body = read_body(response.raw, until=started_at + 2 * timeout, clock=self._clock)
        finally:
            response.close()
        response.raw = io.BytesIO(body)
        received = len(response.content)  # which a hook of the caller's session may have read before
        if received <= BODY_LIMIT and response.headers.get("Content-Length") not in {None, str(received)}:
            raise requests.exceptions.ConnectionError("the body is cut short", response=response)
        return response


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        """Say of every answer that it leads nowhere: requests reads the body of a redirect that is not followed."""


def _session() -> requests.Session:
    session = _Session()
    session.trust_env = False
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
    return session


def _ttl(response: requests.Response) -> float:
    """Return the seconds that a token lives: the service may give fewer than were asked for."""
    granted = response.headers.get(TOKEN_TTL_HEADER, "")
    return min(float(granted), TOKEN_TTL_SECONDS) if granted.isdecimal() else TOKEN_TTL_SECONDS
