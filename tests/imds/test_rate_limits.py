from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import pytest

from ec2facts.imds.rate_limits import LONGEST_WAIT, RequestBudget, RetryBudget, backoff
from tests.imds.scripted import Time


def highest(_: float, bound: float) -> float:
    """Return the maximum of the jitter."""
    return bound


def test_each_success_refills_the_budget_by_one_retry() -> None:
    budget = RetryBudget(3)

    assert [budget.spend() for _ in range(5)] == [True, True, True, False, False]
    budget.earn()
    assert [budget.spend() for _ in range(2)] == [True, False]


def test_successes_do_not_refill_beyond_the_size_of_the_budget() -> None:
    budget = RetryBudget(2)
    for _ in range(10):
        budget.earn()

    assert [budget.spend() for _ in range(3)] == [True, True, False]


def spend(budget: RequestBudget) -> None:
    """Send a request that ends at once."""
    assert budget.acquire()
    budget.release()


@pytest.mark.parametrize("paths", [217, 898])
@pytest.mark.parametrize("duration", [0, 0.003, 0.7])
def test_requests_in_any_second_are_at_most_the_rate(paths: int, duration: float) -> None:
    time = Time()
    budget = RequestBudget(160, **time.options)

    sent = []
    for _ in range(paths):
        assert budget.acquire()
        sent.append(time.now)
        time.now += duration / 8  # eight concurrent requests
        budget.release()

    assert max(sum(start <= each < start + 1 for each in sent) for start in sent) <= 160
    assert sent[159] - sent[0] == pytest.approx(159 * duration / 8)


def test_slot_becomes_free_a_second_after_its_request_has_ended() -> None:
    time = Time()
    budget = RequestBudget(2, **time.options)
    budget.acquire()
    time.now += 0.6
    budget.release()
    spend(budget)

    budget.acquire()

    assert time.slept == [pytest.approx(1)]


def test_requests_in_flight_count_towards_the_rate() -> None:
    budget = RequestBudget(2, clock=lambda: 0)
    budget.acquire()
    budget.acquire()

    assert not budget.acquire(until=0.01)


@pytest.mark.parametrize(("rate", "waits"), [(0.5, [2, 2]), (1, [1, 1]), (2.5, [1])])
def test_rate_may_be_a_fraction(rate: float, waits: list[float]) -> None:
    time = Time()
    budget = RequestBudget(rate, **time.options)

    for _ in range(3):
        spend(budget)

    assert time.slept == waits


def test_rate_of_0_never_waits() -> None:
    time = Time()
    budget = RequestBudget(0, **time.options)

    for _ in range(10_000):
        spend(budget)

    assert time.slept == []


def test_budget_is_shared_by_all_threads() -> None:
    slept: list[float] = []
    together = threading.Barrier(8, timeout=10)
    budget = RequestBudget(10, clock=lambda: 0, sleep=slept.append)

    def spend_many() -> None:
        together.wait()
        for _ in range(100):
            spend(budget)

    with ThreadPoolExecutor(8) as pool:
        for future in [pool.submit(spend_many) for _ in range(8)]:
            future.result()

    # The clock does not advance, so each request after the first 10 waits for a second.
    assert slept == 790 * [1]


def test_request_after_the_deadline_is_refused_without_a_wait() -> None:
    time = Time()
    budget = RequestBudget(1, **time.options)
    spend(budget)

    refused = [budget.acquire(until=time.now + 0.5) for _ in range(2)]

    assert (refused, time.slept) == ([False, False], [])
    assert budget.acquire(until=time.now + 1.5)


def test_pause_delays_every_request() -> None:
    time = Time()
    budget = RequestBudget(0, **time.options)
    budget.pause(3)

    refused = budget.acquire(until=time.now + 2)
    spend(budget)

    assert (refused, time.slept) == (False, [3])


def test_waiting_thread_does_not_block_other_threads() -> None:
    asleep, awake = threading.Event(), threading.Event()

    def sleep(_: float) -> None:
        asleep.set()
        assert awake.wait(10)

    budget = RequestBudget(2, clock=lambda: 0, sleep=sleep)
    spend(budget)
    spend(budget)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(budget.acquire)
        assert asleep.wait(10)
        asleep.clear()
        second = pool.submit(budget.acquire)
        reached = asleep.wait(10)
        awake.set()

    assert reached
    assert (first.result(), second.result()) == (True, True)


def test_backoff_doubles_with_each_attempt_up_to_a_bound() -> None:
    waits = [backoff(attempt, None, jitter=highest) for attempt in range(1, 9)]

    assert waits == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, LONGEST_WAIT, LONGEST_WAIT])


def test_backoff_is_between_0_and_the_bound() -> None:
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
def test_invalid_retry_after_is_ignored(retry_after: str) -> None:
    assert backoff(1, retry_after, jitter=highest) == 0.1
