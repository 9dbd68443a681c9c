from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import pytest

from ec2facts.imds.rate_limits import LONGEST_WAIT, RequestBudget, RetryBudget, backoff
from tests.imds.scripted import Time


def highest(_: float, bound: float) -> float:
    """Be the jitter that takes all that it may."""
    return bound


def test_retries_are_as_many_as_the_budget_and_one_more_for_each_success() -> None:
    budget = RetryBudget(3)

    assert [budget.spend() for _ in range(5)] == [True, True, True, False, False]
    budget.earn()
    assert [budget.spend() for _ in range(2)] == [True, False]


def test_successes_save_up_no_more_than_the_budget() -> None:
    budget = RetryBudget(2)
    for _ in range(10):
        budget.earn()

    assert [budget.spend() for _ in range(3)] == [True, True, False]


def test_burst_passes_at_once_and_the_rest_at_the_rate() -> None:
    time = Time()
    budget = RequestBudget(128, **time.options)

    passed = []
    for _ in range(384):
        budget.spend()
        passed.append(time.now - 1000)

    assert passed[:128] == 128 * [0]
    assert passed[128] == pytest.approx(1 / 128)
    assert passed[-1] == pytest.approx(2)


def test_budget_fills_up_again_but_not_beyond_one_burst() -> None:
    time = Time()
    budget = RequestBudget(4, **time.options)
    for _ in range(4):
        budget.spend()

    time.now += 3600
    for _ in range(5):
        budget.spend()

    assert time.slept == [0.25]


def test_budget_fills_up_a_request_at_a_time() -> None:
    time = Time()
    budget = RequestBudget(4, **time.options)
    for _ in range(4):
        budget.spend()

    time.now += 0.5
    for _ in range(3):
        budget.spend()

    assert time.slept == [0.25]


def test_no_limit_never_sleeps() -> None:
    time = Time()
    budget = RequestBudget(0, **time.options)

    for _ in range(10_000):
        budget.spend()

    assert time.slept == []


def test_budget_is_one_over_all_threads() -> None:
    slept: list[float] = []
    together = threading.Barrier(8, timeout=10)
    budget = RequestBudget(10, clock=lambda: 0, sleep=slept.append)

    def spend() -> None:
        together.wait()
        for _ in range(100):
            budget.spend()

    with ThreadPoolExecutor(8) as pool:
        for future in [pool.submit(spend) for _ in range(8)]:
            future.result()

    # The clock stands still, so that each of the 790 requests beyond the burst waits 0.1 s longer than the one before.
    assert Counter(round(seconds, 6) for seconds in slept) == Counter(number / 10 for number in range(1, 791))


def test_thread_that_waits_does_not_hold_up_the_accounts() -> None:
    asleep, awake = threading.Event(), threading.Event()

    def sleep(_: float) -> None:
        asleep.set()
        assert awake.wait(10)

    budget = RequestBudget(1, clock=lambda: 0, sleep=sleep)
    budget.spend()
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(budget.spend)
        assert asleep.wait(10)
        asleep.clear()
        second = pool.submit(budget.spend)
        reached = asleep.wait(10)
        awake.set()

    assert reached
    assert (first.result(), second.result()) == (None, None)


def test_wait_doubles_with_each_attempt_up_to_a_bound() -> None:
    waits = [backoff(attempt, None, jitter=highest) for attempt in range(1, 9)]

    assert waits == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, LONGEST_WAIT, LONGEST_WAIT])


def test_wait_is_drawn_between_nothing_and_the_bound() -> None:
    drawn: list[tuple[float, float]] = []

    def jitter(low: float, high: float) -> float:
        drawn.append((low, high))
        return low

    assert backoff(3, None, jitter=jitter) == 0
    assert drawn == [(0, 0.4)]


@pytest.mark.parametrize(
    ("retry_after", "wait"),
    [
        ("0", 0),
        ("3", 3),
        (" 3 ", 3),
        ("5", LONGEST_WAIT),
        ("3600", LONGEST_WAIT),
        (10_000 * "9", LONGEST_WAIT),
        ("Fri, 31 Dec 2999 23:59:59 GMT", LONGEST_WAIT),
        ("Fri, 31 Dec 9999 23:59:59 -2359", LONGEST_WAIT),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
        ("Mon, 01 Jan 0001 00:00:00 +2359", 0),
    ],
    ids=lambda value: str(value)[:32],
)
def test_retry_after_is_obeyed_within_bounds(retry_after: str, wait: float) -> None:
    assert backoff(1, retry_after, jitter=highest) == wait


def test_retry_after_may_be_a_date() -> None:
    soon = format_datetime(datetime.now(timezone.utc) + timedelta(seconds=3), usegmt=True)

    assert 0 < backoff(1, soon, jitter=highest) <= 3


@pytest.mark.parametrize(
    "retry_after",
    [
        "",
        "soon",
        "-1",
        "1.5",
        "1e3",
        "0x10",
        "\xb2",
        "1 2",
        "Mon, 01 Jan 99999999999999999999 00:00:00 GMT",
        "Mon, 99 Jan 2024 99:99:99 GMT",
        ">Fi, 1 Dec 99993:59:59 ,-2359",
    ],
)
def test_odd_retry_after_is_overlooked(retry_after: str) -> None:
    assert backoff(1, retry_after, jitter=highest) == 0.1
