"""Every part of the benchmarks except the peers runs over small trees, with counts instead of times."""

from __future__ import annotations

import urllib.request
from urllib.error import HTTPError

import pytest

from ec2facts import instances
from tests.benchmarks import commands, peers, report, trees
from tests.benchmarks.__main__ import PARTS, Scale
from tests.benchmarks.crawling import asked_once
from tests.benchmarks.running import Collector, Count, FailedError, Service, count, medians

SMALL = Scale(0, 0, [instances.load("plain")], (60, 70, 80))


@pytest.mark.parametrize("part", PARTS)
def test_part_fills_a_table(part: str) -> None:
    rows = PARTS[part](SMALL)

    assert rows
    assert report.comparisons(rows).count("\n") == 2 + len(rows)


def test_import_time_is_listed_by_package() -> None:
    text = commands.importing(["--help"], instances.load("xen"))

    assert text.startswith("ec2facts --help: ")
    assert "  argparse\n" in text


@pytest.mark.parametrize("name", ["ours", "bare"])
def test_collector_requests_each_path_once(name: str) -> None:
    tree = trees.grown(90)

    with Service(tree) as service, Collector(name) as collector:
        requests = asked_once(collector, service)
        counted = count(collector, service)

    assert requests == len(trees.requested(tree))
    assert counted == Count(requests, repeated=0, missed=0)


def test_collector_that_misses_a_path_fails() -> None:
    with Service(instances.load("xen")) as service, Collector("bare:collect_one") as collector:
        counted = count(collector, service)
        with pytest.raises(FailedError, match="more than once"):
            asked_once(collector, service)

    assert counted == Count(requests=2, repeated=0, missed=len(trees.leaves(service.tree)) - 1)


def test_collector_reaches_only_loopback() -> None:
    elsewhere = Service(instances.load("xen"))
    elsewhere.url = "http://192.0.2.1:80"

    with Collector("bare") as collector, pytest.raises(FailedError, match=r"tried to reach 192\.0\.2\.1"):
        collector.seconds(elsewhere)


def test_service_requires_a_token() -> None:
    with Service(instances.load("xen")) as service:
        with pytest.raises(HTTPError, match="401"):
            urllib.request.urlopen(f"{service.url}/latest/meta-data/")

        assert service.requests() == [("meta-data/", 401)]


@pytest.mark.parametrize("leaves", [60, 100, 1000])
def test_grown_tree_has_the_given_number_of_leaves(leaves: int) -> None:
    assert len(trees.leaves(trees.grown(leaves))) == leaves


def test_peer_that_cannot_be_loaded_is_named_with_the_reason() -> None:
    tree = instances.load("xen")
    peer = peers.Peer("Nobody", "nothing", "nobody", ())

    ours, nobody = peers.readings(tree, 0, [peer])

    assert (ours.missed, ours.repeated) == (0, 0)
    assert nobody.milliseconds is None
    assert "failed: ModuleNotFoundError" in report.readings(tree, [ours, nobody])


def test_runs_are_interleaved() -> None:
    order: list[str] = []

    def run(name: str) -> float:
        order.append(name)
        return len(order)

    found = medians({"a": lambda: run("a"), "b": lambda: run("b")}, 3)

    assert order == list("abababab")
    assert found == {"a": 5, "b": 6}


def test_section_replaces_the_previous_one() -> None:
    text = "before\n<!-- benchmarks -->\nold\n<!-- /benchmarks -->\nafter\n"

    assert report.written(text, "new\n") == "before\n<!-- benchmarks -->\nnew\n<!-- /benchmarks -->\nafter\n"
