"""How fast requests may follow each other, and how long to wait after one that failed."""

from __future__ import annotations

import random
import threading
import time
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Callable

LONGEST_WAIT = 5.0
"""Seconds: no single wait is longer, whatever Retry-After asks for."""


class RetryBudget:
    """Lets ``size`` retries pass, and one more for each request that succeeds: what only fails is soon asked once."""

    def __init__(self, size: int = 100) -> None:
        self._size = size
        self._left = size
        self._lock = threading.Lock()

    def spend(self) -> bool:
        """Take one retry, and say whether there was one left."""
        with self._lock:
            is_left = self._left > 0
            self._left -= is_left
            return is_left

    def earn(self) -> None:
        """Give one retry back."""
        with self._lock:
            self._left = min(self._size, self._left + 1)


class RequestBudget:
    """Lets bursts of ``rate`` requests pass, then ``rate`` a second, over all threads; 0 lifts the limit.

    The service drops what exceeds 1024 packets a second, together with DNS and time, and a request is about
    six packets.
    """

    def __init__(
        self,
        rate: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._rate = rate
        self._resume_at = 0.0
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._left = rate
        self._at = clock()

    def spend(self) -> None:
        """Take one request from the budget, waiting until there is one."""
        with self._lock:
            now = self._clock()
            wait = self._resume_at - now
            if self._rate:
                self._left = min(self._rate, self._left + (now - self._at) * self._rate) - 1
                self._at = now
                wait = max(wait, -self._left / self._rate)
        if wait > 0:
            self._sleep(wait)

    def pause(self, seconds: float) -> None:
        """Let no request pass for ``seconds``: one that comes too soon says so of all that would follow it."""
        with self._lock:
            self._resume_at = max(self._resume_at, self._clock() + seconds)


def backoff(
    attempt: int, retry_after: str | None, *, jitter: Callable[[float, float], float] = random.uniform
) -> float:
    """Return the seconds to wait after ``attempt``, counted from 1: what Retry-After asks for, else full jitter.

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
    try:
        date = parsedate_to_datetime(retry_after)
    except (TypeError, ValueError, OverflowError, IndexError):  # the last from Python 3.9
        return None
    return (date.replace(tzinfo=date.tzinfo or timezone.utc) - datetime.now(timezone.utc)).total_seconds()
