"""The rate limit of requests, the budget of retries, and the backoff between attempts."""

from __future__ import annotations

import math
import threading
import time
from queue import Empty, SimpleQueue
from typing import Callable

LONGEST_WAIT = 5.0
"""The maximum backoff in seconds, also for Retry-After."""


class RetryBudget:
    """A budget of ``size`` retries that each success refills by one: a service that only fails soon gets no retries."""

    def __init__(self, size: int = 100) -> None:
        self._size = size
        self._left = size
        self._lock = threading.Lock()

    def spend(self) -> bool:
        """Take one retry; return False if none is left."""
        with self._lock:
            is_left = self._left > 0
            self._left -= is_left
            return is_left

    def earn(self) -> None:
        """Give one retry back."""
        with self._lock:
            self._left = min(self._size, self._left + 1)


class RequestBudget:
    """Allows at most ``rate`` requests in any second, shared by all threads; 0 means no limit.

    Each request takes one of ``rate`` slots, which becomes free a second after the request has ended. The limit
    therefore also holds at the service, whatever the latency of the requests.
    """

    def __init__(
        self,
        rate: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._resume_at = -math.inf
        self._period = max(1, 1 / rate) if rate else 0
        self._free_at: SimpleQueue[float] = SimpleQueue()
        for _ in range(max(1, int(rate)) if rate else 0):
            self._free_at.put(-math.inf)

    def acquire(self, *, until: float = math.inf) -> bool:
        """Wait until a request may be sent; return False if that is not possible before ``until``."""
        free_at = -math.inf
        if self._period:
            try:
                free_at = self._free_at.get(timeout=None if until == math.inf else max(0, until - self._clock()))
            except Empty:
                return False
        now = self._clock()
        at = max(now, free_at, self._resume_at)
        if at >= until:
            if self._period:
                self._free_at.put(free_at)
            return False
        if at > now:
            self._sleep(at - now)
        return True

    def release(self) -> None:
        """Free the slot of a request, a second from now."""
        if self._period:
            self._free_at.put(self._clock() + self._period)

    def pause(self, seconds: float) -> None:
        """Block all requests for ``seconds``: after one is throttled, the next would be throttled too."""
        self._resume_at = max(self._resume_at, self._clock() + seconds)


def _uniform(low: float, high: float) -> float:
    import random  # slow to import, and few requests fail

    return random.uniform(low, high)  # noqa: S311 - not a secret


def backoff(attempt: int, retry_after: str | None, *, jitter: Callable[[float, float], float] = _uniform) -> float:
    """Return the seconds to wait after ``attempt``, counted from 1: the value of Retry-After, else full jitter.

    Full jitter is uniform between 0 and a bound that doubles (AWS Architecture Blog, «Exponential Backoff And Jitter»).
    """
    wanted = _seconds(retry_after)
    if wanted is None:
        wanted = jitter(0, 0.05 * 2**attempt)
    return min(max(wanted, 0), LONGEST_WAIT)


def _seconds(retry_after: str | None) -> float | None:
    """Return the seconds of a Retry-After header, a number or a date (RFC 9110, 10.2.3); None if it is invalid."""
    if retry_after is None:
        return None
    if retry_after.strip().isdecimal():
        return float(retry_after)
    from datetime import datetime, timezone  # slow to import, and dates are rare
    from email.utils import parsedate_to_datetime

    try:
        date = parsedate_to_datetime(retry_after)
    except (TypeError, ValueError, OverflowError, IndexError):  # IndexError: only Python 3.9
        return None
    return (date.replace(tzinfo=date.tzinfo or timezone.utc) - datetime.now(timezone.utc)).total_seconds()
