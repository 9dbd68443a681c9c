"""The options that every command with facts takes, and the source that they choose."""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Callable

from ec2facts import instances
from ec2facts.cli.streams import path, say
from ec2facts.collection.crawl import settle
from ec2facts.collection.facts import collect
from ec2facts.collection.withholding import WITHHELD_NAMES
from ec2facts.imds.snapshot import Snapshot
from ec2facts.imds.source import Source

DAY = 86400

_PROBE = 1.5
"""Seconds for a service to show that it exists: two, less the start of a process."""


class SourceOptions(argparse.Namespace):
    """What ``add_source_options`` adds."""

    file: Path | None
    simulate: str | None
    endpoint: str | None
    timeout: float | None
    deadline: float
    wait: float
    settle: float
    max_rate: float | None
    include: list[str]
    allow_partial: bool


def add_source_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say where facts are read from, and which."""
    group = parser.add_argument_group("source", "where facts are read from; by default from the service")
    one = group.add_mutually_exclusive_group()
    one.add_argument(
        "--from",
        dest="file",
        type=lambda text: Path("/dev/stdin") if text == "-" else path(text),
        metavar="SNAPSHOT",
        help="read a snapshot file, or - for standard input",
    )
    one.add_argument(
        "--simulate",
        nargs="?",
        const="plain",
        type=_instance,
        metavar="INSTANCE",
        help=f"read a simulated instance over HTTP on loopback: {', '.join(instances.names())} (default: plain)",
    )
    one.add_argument("--endpoint", metavar="URL", help="read the service at URL")
    group.add_argument(
        "--timeout", type=seconds, metavar="SECONDS", help="give up a try of a request after SECONDS (default: 1)"
    )
    group.add_argument(
        "--deadline", type=seconds, default=math.inf, metavar="SECONDS", help="give up all requests after SECONDS"
    )
    group.add_argument(
        "--wait", type=number(0, DAY), default=0.0, metavar="SECONDS", help="wait for the service to come up"
    )
    group.add_argument(
        "--settle",
        type=number(0, DAY),
        default=0.0,
        metavar="SECONDS",
        help="read the network interfaces first until two reads agree, for at most SECONDS",
    )
    group.add_argument(
        "--max-rate",
        type=number(0, 1_000_000, int),
        metavar="N",
        help="send bursts of N requests, then N a second; 0 lifts the limit (default: 128)",
    )
    group.add_argument(
        "--include",
        action="append",
        default=[],
        metavar="NAME",
        help=f"include what is withheld: {', '.join(WITHHELD_NAMES)}, or a path; repeatable",
    )
    group.add_argument("--allow-partial", action="store_true", help="go on if something could not be read")


@contextmanager
def open_source(options: SourceOptions, *, settled: bool = True) -> Iterator[Source]:
    """Give the source that the options choose, ``settled`` if they ask for that; a simulator ends with the context."""
    with ExitStack() as stack:
        source = _source(options, stack)
        if options.settle and settled:
            settle(source, within=options.settle)
        yield source


def _source(options: SourceOptions, stack: ExitStack) -> Source:
    if options.file is not None:
        return Snapshot.load(options.file)
    if options.simulate is not None:
        from ec2facts.imds.simulator.simulator import Simulator

        url = stack.enter_context(Simulator(instances.load(options.simulate)))
        return _client(url, options, max_rate=0)
    return _client(options.endpoint, options, max_rate=128)


def refuse_missing_service(options: SourceOptions) -> None:
    """Raise UnavailableError within two seconds if no service answers; do nothing where --wait gives it more time."""
    if options.file is None and options.simulate is None and not options.wait:
        from ec2facts.imds.client import IMDSClient

        IMDSClient(options.endpoint, timeout=options.timeout, deadline=_PROBE).get("meta-data/instance-id")


def read_facts(options: SourceOptions) -> dict[str, Any]:
    """Return the facts of the source that the options choose."""
    with open_source(options) as source:
        facts = collect(source, include=options.include, allow_partial=options.allow_partial)
    for unread, reason in facts["collection"]["unread"].items():
        warn_unread(unread, reason)
    return facts


def warn(message: str) -> None:
    """Print a warning to standard error."""
    say(f"warning: {message}")


def warn_unread(path: str, reason: str) -> None:
    """Warn that something is missing because it could not be read, which an output need not show."""
    warn(f"going on without {path}: {reason}")


def number(least: float, most: float, convert: Callable[[str], float] = float) -> Callable[[str], float]:
    """Return a type of arguments: numbers from ``least`` to ``most``; with ``convert`` int, whole ones."""

    def parse(text: str) -> float:
        try:
            value = convert(text)
        except ValueError:
            value = math.nan
        if not least <= value <= most:
            kind = "whole number" if convert is int else "number"
            raise argparse.ArgumentTypeError(f"{text!r} is not a {kind} from {least} to {most}")
        return value

    return parse


seconds = number(0.001, DAY)
"""The type of an argument that is a time limit."""


def _client(endpoint: str | None, options: SourceOptions, *, max_rate: float) -> Source:
    from ec2facts.imds.client import IMDSClient

    rate = max_rate if options.max_rate is None else options.max_rate
    return IMDSClient(endpoint, timeout=options.timeout, deadline=options.deadline, wait=options.wait, max_rate=rate)


def _instance(name: str) -> str:
    known = instances.names()
    if name not in known:
        raise argparse.ArgumentTypeError(
            f"there is no simulated instance {name!r}, but {', '.join(known)}; anything else goes before --simulate"
        )
    return name
