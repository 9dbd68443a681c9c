"""The report: Markdown tables in the README of the benchmarks."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from ec2facts.imds.snapshot import Snapshot
from tests.benchmarks import trees
from tests.benchmarks.running import MILLISECONDS

README = Path(__file__).parent / "README.md"
COMMAND = "python -m tests.benchmarks --update-readme"

_HOW = """\
`{command}` wrote this, on {cores} cores with Python {python}. A separate process
serves simulated instances on loopback, answers each request after {milliseconds} ms and closes the connection. The
figures are medians of runs that alternate. The reference is the bare crawler: asyncio with as many requests in
flight as ec2facts, which parses only listings. Both request each path once, or the benchmark fails.

«Repeated» counts requests for a path that was requested before, «Values missed» values never read, except credentials.

"""


class Comparison(NamedTuple):
    """A measurement and its reference, in the same unit."""

    what: str
    value: float
    against: str
    reference: float
    unit: str = "ms"


class Reading(NamedTuple):
    """How one program read a tree; if it could not run, there are no figures and ``note`` says why."""

    who: str
    what: str
    milliseconds: float | None = None
    requests: int = 0
    repeated: int = 0
    missed: int = 0
    note: str = ""


def comparisons(rows: Iterable[Comparison]) -> str:
    """Return the table of the measurements and their references."""
    head = "| Measured | | Against | | Ratio |\n| --- | --: | --- | --: | --: |\n"
    return head + "".join(
        f"| {row.what} | {_number(row.value)} {row.unit} | {row.against} | {_number(row.reference)} {row.unit} "
        f"| {row.value / row.reference:.2f} |\n"
        for row in rows
    )


def readings(tree: Snapshot, rows: Iterable[Reading]) -> str:
    """Return the table of the readers of ``tree``, compared with the one in the first row."""
    values = len(trees.leaves(tree))
    head = (
        f"| Reader of {values} values | | ms | Times ours | Requests | Repeated | Values missed |\n| --- | --- "
        + "| --: " * 5
        + "|\n"
    )
    first, *others = rows
    lines = []
    for row in (first, *others):
        if row.milliseconds is None or first.milliseconds is None:
            lines.append(f"| {row.who} | {row.what} | failed: {row.note.replace('|', '/')} | | | | |\n")
            continue
        times = row.milliseconds / first.milliseconds
        lines.append(
            f"| {row.who} | {row.what} | {_number(row.milliseconds)} | {_number(times)} "
            f"| {row.requests} | {row.repeated} | {row.missed} |\n"
        )
    return head + "".join(lines)


def section(tables: Iterable[str]) -> str:
    """Return the section of the README: the method and the tables."""
    return _HOW.format(
        command=COMMAND, cores=os.cpu_count(), python=platform.python_version(), milliseconds=MILLISECONDS
    ) + "\n".join(tables)


def written(text: str, found: str) -> str:
    """Return the README ``text`` with ``found`` between the markers of the benchmarks."""
    marked = f"<!-- benchmarks -->\n{found}<!-- /benchmarks -->"
    text, count = re.subn("<!-- benchmarks -->\n.*?<!-- /benchmarks -->", lambda _: marked, text, flags=re.DOTALL)
    assert count == 1, "README.md has no markers for the benchmarks"
    return text


def _number(value: float) -> str:
    """Return ``value`` with about three significant digits."""
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
