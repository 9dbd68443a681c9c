"""The time to crawl and decode in a running process, and its growth with the tree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import partial

from ec2facts.imds.snapshot import Snapshot
from tests.benchmarks import trees
from tests.benchmarks.report import Comparison
from tests.benchmarks.running import Collector, FailedError, Service, medians


def against_bare(served: Iterable[Snapshot], rounds: int) -> list[Comparison]:
    """Compare the facts of each tree with the bare crawler; raise FailedError unless each path is requested once."""
    rows = []
    with Collector("ours") as ours, Collector("bare") as bare:
        for tree in served:
            with Service(tree) as service:
                requests = [asked_once(collector, service) for collector in (ours, bare)]
                runs = {each: partial(each.seconds, service) for each in (ours, bare)}
                seconds = medians(runs, rounds)
            what = f"crawl and facts of {len(trees.leaves(tree))} values, {requests[0]} requests"
            rows.append(Comparison(what, seconds[ours] * 1000, "the bare crawler", seconds[bare] * 1000))
    return rows


def asked_once(collector: Collector, service: Service) -> int:
    """Collect once, and return the number of requests; raise FailedError unless each path is requested once."""
    service.requests()
    collector.seconds(service)
    asked = Counter(request.path for request in service.requests())
    wrong = {path: asked[path] for path in asked.keys() | trees.requested(service.tree) if asked[path] != 1}
    if wrong or asked.keys() != trees.requested(service.tree):
        raise FailedError(f"{collector.name} requested wrong paths, or a path more than once: {wrong}")
    return len(asked)


def growth(sizes: tuple[int, int, int], rounds: int) -> list[Comparison]:
    """Compare the cost per leaf between the second and third size with that between the first and second."""
    milliseconds, kilobytes = [], []
    with Collector("ours") as ours:
        for size in sizes:
            with Service(trees.grown(size)) as service:
                milliseconds.append(medians({size: partial(ours.seconds, service)}, rounds)[size] * 1000)
                kilobytes.append(ours.peak(service) / 1000)
    return [
        _slopes("time", milliseconds, sizes, "ms"),
        _slopes("memory", kilobytes, sizes, "kB"),
    ]


def _slopes(what: str, values: list[float], sizes: tuple[int, int, int], unit: str) -> Comparison:
    few, some, many = sizes
    early = (values[1] - values[0]) / (some - few)
    late = (values[2] - values[1]) / (many - some)
    return Comparison(
        f"{what} per value, from {some} values to {many}", late, f"from {few} values to {some}", early, unit
    )
