"""Crawls a simulator with faults, with an injected clock, and returns the outcome."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ec2facts import instances
from ec2facts.collection.crawl import crawl
from ec2facts.collection.facts import facts
from ec2facts.errors import EC2FactsError
from ec2facts.imds.client import IMDSClient
from ec2facts.imds.simulator.simulator import Request, Simulator
from ec2facts.imds.snapshot import Gap, Snapshot
from ec2facts.imds.source import Source

INSTANCE = instances.load("plain")


class Recorder:
    """A source that records the paths that are read."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.paths: list[str] = []

    def get(self, path: str, /) -> bytes | None:
        self.paths.append(path)
        return self.source.get(path)


def paths_of_a_crawl(source: Source) -> list[str]:
    """Return the paths that a crawl of ``source`` reads, which do not include credentials."""
    recorder = Recorder(source)
    crawl(recorder)
    return recorder.paths


PATHS = len(paths_of_a_crawl(INSTANCE))
"""The number of requests of a crawl, without the token request."""


class Time:
    """A clock that advances by each sleep, and by ``tick`` at each reading."""

    def __init__(self, tick: float = 0) -> None:
        self.tick = tick
        self.now = 1000.0
        self.slept = 0.0
        self._lock = threading.Lock()

    def clock(self) -> float:
        with self._lock:
            self.now += self.tick
            return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        with self._lock:
            self.now += seconds
            self.slept += seconds
        time.sleep(0.002)  # lets the simulator's threads notice the new time


class Outcome(NamedTuple):
    facts: dict[str, Any]
    error: EC2FactsError | None
    requests: list[Request]
    slept: float

    @property
    def unread(self) -> dict[str, str]:
        return dict(self.facts["collection"]["unread"])

    @property
    def request_counts(self) -> Counter[tuple[str, str]]:
        """The number of requests for each path."""
        return Counter((request.method, request.path) for request in self.requests)


def collect_from(
    *faults: str,
    source: Source = INSTANCE,
    seed: int = 0,
    concurrency: int = 8,
    tick: float = 0,
    make_client: Callable[..., IMDSClient] = IMDSClient,
    **settings: Any,
) -> Outcome:
    """Crawl a simulator with ``faults`` and decode the facts; ``settings`` are arguments of the client."""
    passing = Time(tick)
    # All threads share the clock, so that a wait of one thread must not time out another.
    limits = {"timeout": 1 if tick else 1000, "max_rate": 0}
    settings = {**limits, "clock": passing.clock, "sleep": passing.sleep, **settings}
    simulator = Simulator(source, faults=faults, seed=seed, clock=passing.clock)
    error = None
    collected: dict[str, Any] = {}
    with simulator as url:
        try:
            collected = facts(crawl(make_client(url, **settings), concurrency=concurrency))
        except EC2FactsError as raised:
            error = raised
    return Outcome(collected, error, list(simulator.requests), passing.slept)


def facts_without(unread: Mapping[str, str]) -> dict[str, Any]:
    """Return the facts of the instance if ``unread``, and the paths below, cannot be read."""
    bodies = {path: body for path, body in INSTANCE.bodies.items() if not path.startswith(tuple(unread))}
    gaps = {path: Gap("unread", reason) for path, reason in unread.items()}
    return facts(Snapshot(bodies, {**INSTANCE.gaps, **gaps}))


def settled_threads(before: int) -> int:
    """Wait until at most ``before`` threads are left, 5 s at most, and return their number."""
    for _ in range(500):
        if threading.active_count() <= before:
            break
        time.sleep(0.01)
    return threading.active_count()
