"""How many requests a second may be sent, and how long to wait after one that failed."""

from __future__ import annotations

import math
import threading
import time
from queue import Empty, SimpleQueue
from typing import Callable

LONGEST_WAIT = 5.0
"""Seconds; a longer Retry-After is cut to this."""


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
    """Lets at most ``rate`` requests pass in any second, over all threads; 0 lifts the limit.

    There are as many slots as requests a second. A request holds its slot until it has ended, and a second later the
    slot is free again: so the limit holds at the service as well, however long a request is on its way.
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
        """Wait until a request may be sent; return False, without waiting, if that is not before ``until``."""
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
        """Say that a request has ended."""
        if self._period:
            self._free_at.put(self._clock() + self._period)

    def pause(self, seconds: float) -> None:
        """Let no request pass for ``seconds``: one that is throttled means that all that follow would be."""
        self._resume_at = max(self._resume_at, self._clock() + seconds)


def _uniform(low: float, high: float) -> float:
    import random  # slow to import, and few requests fail

    return random.uniform(low, high)  # noqa: S311 - nobody gains by guessing it


def backoff(attempt: int, retry_after: str | None, *, jitter: Callable[[float, float], float] = _uniform) -> float:
    """Return the seconds to wait after ``attempt``, counted from 1: the value of Retry-After, else full jitter.

    Full jitter is evenly distributed up to a bound that doubles (AWS Architecture Blog, «Exponential Backoff And
    Jitter»).
    """
    wanted = _seconds(retry_after)
    if wanted is None:
        wanted = jitter(0, 0.05 * 2**attempt)
    return min(max(wanted, 0), LONGEST_WAIT)


def _seconds(retry_after: str | None) -> float | None:
    """Return what a Retry-After header says, which is a number of seconds or a date (RFC 9110, 10.2.3)."""
    if retry_after is None:
        return None
    if retry_after.strip().isdecimal():
        return float(retry_after)
    # Dates are rare, and their modules slow to import.
    from datetime import datetime, timezone
    from email.utils import parsedate_to_datetime

    try:
        date = parsedate_to_datetime(retry_after)
    except (TypeError, ValueError, OverflowError, IndexError):  # the last from Python 3.9
        return None
    return (date.replace(tzinfo=date.tzinfo or timezone.utc) - datetime.now(timezone.utc)).total_seconds()
