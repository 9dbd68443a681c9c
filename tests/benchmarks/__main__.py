"""Measure ec2facts and its peers; print the tables, or write them to README.md.

``python -m tests.benchmarks`` takes some minutes. Once, it installs the peers with pip and apt-get into environments
below ``$XDG_CACHE_HOME`` or ``~/.cache``, which take a gigabyte. Only this installation uses the network.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from ec2facts import instances
from ec2facts.imds.snapshot import Snapshot
from tests.benchmarks import commands, crawling, peers, report
from tests.benchmarks.collectors.worker import refuse
from tests.benchmarks.report import Comparison
from tests.benchmarks.trees import grown


class Scale(NamedTuple):
    """The size and the number of the measurements."""

    rounds: int
    slow_rounds: int
    """Rounds of measurements that take seconds each."""
    trees: Sequence[Snapshot]
    sizes: tuple[int, int, int]


PARTS: Mapping[str, Callable[[Scale], list[Comparison]]] = {
    "crawl": lambda scale: crawling.against_bare(scale.trees, scale.rounds),
    "growth": lambda scale: crawling.growth(scale.sizes, scale.slow_rounds),
    "memory": lambda scale: [commands.memory(tree) for tree in (*scale.trees, grown(scale.sizes[-1]))],
    "commands": lambda scale: commands.start_up(scale.trees[0], scale.rounds),
    "apply": lambda scale: [row for tree in scale.trees[:2] for row in commands.apply(tree, scale.rounds)],
}
"""The measurements, by the name that --only takes."""


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, and print or write the tables."""
    parser = argparse.ArgumentParser("python -m tests.benchmarks", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="measure small trees once, to test that everything runs")
    parser.add_argument(
        "--only",
        action="append",
        choices=[*PARTS, "peers", "imports"],
        help="measure only this part; imports, which runs only on request, lists the import time by package",
    )
    parser.add_argument("--update-readme", action="store_true", help="write README.md instead of standard output")
    options = parser.parse_args(argv)
    if options.update_readme and (options.quick or options.only):
        parser.error("--update-readme needs all measurements")
    tables = measured(scale(quick=options.quick), options.only or [*PARTS, "peers"])
    if options.update_readme:
        report.README.write_text(report.written(report.README.read_text(), report.section(tables)))
    else:
        sys.stdout.write("\n".join(tables))
    return 0


def scale(*, quick: bool) -> Scale:
    """Return the scale of the README's figures, or a small one for a test run."""
    plain, busy = instances.load("plain"), instances.load("busy")
    if quick:
        return Scale(0, 0, [plain, busy], (60, 120, 240))
    return Scale(15, 5, [plain, busy, grown(810)], (400, 4000, 40000))


def measured(how: Scale, names: Sequence[str]) -> list[str]:
    """Return the tables of the parts ``names``."""
    tables = []
    rows: list[Comparison] = []
    for name, part in PARTS.items():
        if name in names:
            sys.stderr.write(f"measuring {name}\n")
            rows += part(how)
    if rows:
        tables.append(report.comparisons(rows))
    if "peers" in names:
        sys.stderr.write(f"measuring peers, in environments in {peers.CACHE}\n")
        tables.extend(report.readings(tree, peers.readings(tree, how.slow_rounds)) for tree in how.trees[:2])
    if "imports" in names:
        tables.extend(commands.importing(line, how.trees[0]) for line in (["get", "instance_id"], ["dump"], ["schema"]))
    return tables


if __name__ == "__main__":
    sys.addaudithook(refuse)
    sys.exit(main())
