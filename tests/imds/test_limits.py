"""The bounds of a crawl with any service (time, requests, paths), and no loss of facts by throttling."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
import requests

from ec2facts import instances
from ec2facts.collection.crawl import crawl, settle
from ec2facts.collection.facts import facts
from ec2facts.errors import EC2FactsError, NotReadyError, UnavailableError, UnreadError
from ec2facts.imds.client import IMDSClient
from ec2facts.imds.simulator.simulator import Simulator
from ec2facts.imds.snapshot import Snapshot
from tests.imds.faulty import INSTANCE, PATHS, Time, collect_from
from tests.imds.simulator.test_faults import MACS, PLACEMENT, REGION

BUSY = instances.load("busy")


def test_trickling_body_times_out() -> None:
    source = Snapshot({**INSTANCE.bodies, "user-data": 3000 * b"x"})

    outcome = collect_from("slow=0.0001@user-data", source=source, tick=0.01, attempts=1)

    assert outcome.unread == {"user-data": "no answer within 1 s"}


@pytest.mark.parametrize("path", [REGION, PLACEMENT, "meta-data/", "meta-data/*"])
def test_html_page_is_neither_a_value_nor_a_listing(path: str) -> None:
    outcome = collect_from(f"html@{path}")

    assert outcome.unread
    assert "Sign in" not in str(outcome.facts)
    assert all("HTML" in reason for reason in outcome.unread.values())


@pytest.mark.parametrize("path", ["user-data", "user-data/"])
def test_user_data_may_be_an_html_page(path: str) -> None:
    with Simulator(Snapshot({"user-data": b"#!/bin/sh"}), faults=["html@user-data*"]) as url:
        assert b"<html" in (IMDSClient(url).get(path) or b"").lower()


@pytest.mark.parametrize("rate", [20, 50, 100])
def test_throttled_crawl_costs_no_facts(rate: int) -> None:
    outcome = collect_from(f"rate={rate}", source=BUSY)

    assert outcome.facts == facts(BUSY)


@pytest.mark.parametrize("seed", range(4))
def test_failure_of_three_in_ten_requests_costs_no_facts(seed: int) -> None:
    outcome = collect_from("status=503@30%", source=BUSY, seed=seed, max_rate=128)

    assert outcome.facts == facts(BUSY)


def test_retries_end_if_every_request_fails() -> None:
    tags = {f"meta-data/tags/instance/{number}": b"" for number in range(300)}

    outcome = collect_from(
        "status=503@meta-data/tags/instance/?*",
        source=Snapshot({"meta-data/instance-id": b"i-1234567890abcdef0", **tags}),
    )

    assert len(outcome.unread) == 300
    assert len(outcome.requests) <= 300 + 10 + 100


def test_ten_concurrent_clients_finish() -> None:
    simulator = Simulator(INSTANCE, faults=["rate=200"])
    collected: list[Any] = []

    def collect(url: str) -> None:
        collected.append(facts(crawl(IMDSClient(url), concurrency=4)))

    with simulator as url:
        threads = [threading.Thread(target=collect, args=(url,)) for _ in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert collected == [facts(INSTANCE)] * 10
    assert len(simulator.requests) <= 2 * 10 * (PATHS + 1)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("status=503", UnavailableError),
        ("drop", UnavailableError),
        ("throttle=5", UnavailableError),
        (f"throttle=5@{REGION}", None),
        ("throttle=5@meta-data/?*", None),
    ],
)
def test_deadline_bounds_all_waits(fault: str, error: type[EC2FactsError] | None) -> None:
    outcome = collect_from(fault, deadline=4, wait=60)

    assert outcome.error is None if error is None else isinstance(outcome.error, error)
    assert outcome.slept <= 4
    assert error is not None or outcome.unread


def test_no_request_is_sent_after_the_deadline() -> None:
    passing = Time()
    simulator = Simulator(INSTANCE)

    with simulator as url:
        settings: dict[str, Any] = {"deadline": 4, "clock": passing.clock, "sleep": passing.sleep}
        client = IMDSClient(url, **settings)
        client.get("meta-data/mac")
        asked = len(simulator.requests)
        passing.sleep(5)
        with pytest.raises(UnreadError, match="deadline"):
            client.get("meta-data/ami-id")

    assert len(simulator.requests) == asked


@pytest.mark.parametrize("name", ["..", ".", "../"])
def test_dots_in_the_listing_of_public_keys_are_skipped(name: str) -> None:
    outcome = collect_from(f"list={name}@meta-data/public-keys/")

    assert outcome.facts == facts(INSTANCE)


def test_crawl_of_endless_directories_ends_with_an_error() -> None:
    class Endless:
        asked = 0

        def get(self, path: str, /) -> bytes | None:
            self.asked += 1
            if self.asked > 5000:
                raise AssertionError("the crawl does not end")
            return b"a/\nb/\nc/" if path.endswith("/") else b""

    endless = Endless()
    bounds: Any = {"max_paths": 1000}

    with pytest.raises(EC2FactsError, match="more than"):
        crawl(endless, **bounds)
    assert endless.asked <= 1000


@pytest.mark.parametrize("fault", ["appear", "vanish"])
def test_interfaces_settle_once_two_reads_agree(fault: str) -> None:
    simulator = Simulator(INSTANCE, faults=[f"{fault}=12@{MACS}*/s*"])
    passing = Time()

    with simulator as url:
        settle(IMDSClient(url), within=30, clock=passing.clock, sleep=passing.sleep)

    assert passing.slept == 2
    assert max(simulator.requests.count(request) for request in simulator.requests) <= 3


def test_interfaces_that_never_settle_are_an_error() -> None:
    passing = Time()

    class Unsettled:
        asked = 0

        def get(self, path: str, /) -> bytes | None:
            self.asked += 1
            return b"" if path.endswith("/") and path != MACS else b"%d" % self.asked

    with pytest.raises(UnreadError, match="still change after 5 s"):
        settle(Unsettled(), within=5, clock=passing.clock, sleep=passing.sleep)
    assert passing.slept <= 5


def test_interfaces_that_cannot_be_read_do_not_settle() -> None:
    passing = Time()

    with Simulator(INSTANCE, faults=[f"status=500@{MACS}*/vpc-id"]) as url:
        client = IMDSClient(url, attempts=1)
        with pytest.raises(UnreadError, match="still change after 3 s: HTTP 500"):
            settle(client, within=3, clock=passing.clock, sleep=passing.sleep)


def test_interfaces_of_a_service_that_is_not_ready_do_not_settle() -> None:
    passing = Time()

    with Simulator({"meta-data/mac": b"0e:00:5e:00:53:01"}) as url, pytest.raises(NotReadyError):
        settle(IMDSClient(url), within=3, clock=passing.clock, sleep=passing.sleep)


def test_crawl_of_an_unreachable_endpoint_ends_within_two_seconds() -> None:
    passing = Time()

    class Blackhole(requests.Session):
        def request(self, *arguments: Any, **options: Any) -> requests.Response:
            connect, _ = options["timeout"]
            passing.now += connect
            raise requests.ConnectTimeout

    client = IMDSClient(
        "http://192.0.2.1",
        session=Blackhole(),
        environ={},
        clock=passing.clock,
        sleep=passing.sleep,
    )
    begin = passing.now

    with pytest.raises(UnavailableError):
        crawl(client)

    assert 0 < passing.now - begin <= 2


@pytest.mark.parametrize("paths", [217, 898])
def test_service_receives_at_most_160_requests_in_any_second_by_default(paths: int) -> None:
    others = 7  # the token, the instance id, 4 directories and user data
    tags = {f"meta-data/tags/instance/{number}": b"" for number in range(paths - others)}
    arrived: list[float] = []

    class Counted(Simulator):
        def answer(self, method: str, target: str, headers: Any) -> Any:
            arrived.append(time.monotonic())
            return super().answer(method, target, headers)

    simulator = Counted(Snapshot({"meta-data/instance-id": b"i-1234567890abcdef0", **tags}))

    with simulator as url:
        crawled = crawl(IMDSClient(url))

    arrived.sort()
    assert len(arrived) == paths
    assert not crawled.unread
    assert all(later - earlier >= 1 for earlier, later in zip(arrived, arrived[160:]))
