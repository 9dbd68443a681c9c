"""The options of every command that reads facts, and the source that they choose."""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from ec2facts import instances
from ec2facts.apply.parsers import parse_include, parse_seconds, parse_wait
from ec2facts.cli.arguments import argument, count, path
from ec2facts.cli.progress import progress
from ec2facts.cli.streams import warn
from ec2facts.errors import UsageError
from ec2facts.imds.source import MAX_RATE, Source

_PROBE = 1.5
"""Seconds to wait for an answer: two, minus the start-up time of the process."""


class SourceOptions(argparse.Namespace):
    """The parsed options of ``add_source_options``."""

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


def add_source_options(
    parser: argparse.ArgumentParser, *, allow_partial: str = "leave out facts that cannot be read, with a warning"
) -> None:
    """Add the options that select the source and the facts; ``allow_partial`` is the help of that option."""
    from ec2facts.collection.withholding import WITHHELD_NAMES

    group = parser.add_argument_group("source", "where the facts come from (default: the metadata service)")
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
    one.add_argument("--endpoint", metavar="URL", help="read the metadata service at URL")
    group.add_argument(
        "--timeout",
        type=argument(parse_seconds),
        metavar="SECONDS",
        help="time out each attempt of a request after SECONDS (default: 1)",
    )
    group.add_argument(
        "--deadline",
        type=argument(parse_seconds),
        default=math.inf,
        metavar="SECONDS",
        help="fail if all requests together take longer than SECONDS (default: no limit)",
    )
    group.add_argument(
        "--wait",
        type=argument(parse_wait),
        default=0.0,
        metavar="SECONDS",
        help="wait up to SECONDS for the service to be ready (default: 0)",
    )
    group.add_argument(
        "--settle",
        type=argument(parse_wait),
        default=0.0,
        metavar="SECONDS",
        help="wait up to SECONDS until two reads of the network interfaces agree (default: 0)",
    )
    group.add_argument(
        "--max-rate",
        type=count,
        metavar="N",
        help=f"send at most N requests in any second; 0 lifts the limit (default: {MAX_RATE})",
    )
    group.add_argument(
        "--include",
        action="append",
        type=argument(parse_include),
        default=[],
        metavar="NAME",
        help=f"include a withheld fact: {', '.join(WITHHELD_NAMES)}, or a path; repeatable",
    )
    group.add_argument("--allow-partial", action="store_true", help=allow_partial)


@contextmanager
def open_source(options: SourceOptions, *, settled: bool = True) -> Iterator[Source]:
    """Yield the source that the options choose; ``settled`` says whether to wait for --settle."""
    with ExitStack() as stack:
        stack.enter_context(progress.shown())
        source = _source(options, stack)
        if options.settle and settled:
            from ec2facts.collection.crawl import settle

            settle(source, within=min(options.settle, options.deadline))
        yield source


def _source(options: SourceOptions, stack: ExitStack) -> Source:
    if options.file is not None:
        from ec2facts.imds.snapshot import Snapshot

        if not options.file.exists() and str(options.file) in instances.names():
            raise UsageError(f"there is no file {options.file}; did you mean --simulate {options.file}?")
        return Snapshot.load(options.file)
    if options.simulate is not None:
        from ec2facts.imds.simulator.simulator import Simulator

        url = stack.enter_context(Simulator(instances.load(options.simulate)))
        return _client(url, options, max_rate=0)
    return _client(options.endpoint, options, max_rate=MAX_RATE)


def refuse_missing_service(options: SourceOptions) -> None:
    """Raise UnavailableError within two seconds if no service answers; do nothing if --wait sets another limit."""
    if options.file is None and options.simulate is None and not options.wait:
        from ec2facts.imds.client import IMDSClient

        IMDSClient(options.endpoint, timeout=options.timeout, deadline=_PROBE).get("meta-data/instance-id")


def warn_unread(path: str, reason: str) -> None:
    """Warn that a value is missing because it could not be read."""
    warn(f"{path} could not be read: {reason}")


def warn_withheld(tag: str, reason: str) -> None:
    """Warn that a tag is missing because its value is withheld."""
    warn(f"the tag {tag} is withheld: {reason}")


def _client(endpoint: str | None, options: SourceOptions, *, max_rate: float) -> Source:
    from ec2facts.imds.client import IMDSClient

    rate = max_rate if options.max_rate is None else options.max_rate
    return IMDSClient(
        endpoint,
        timeout=options.timeout,
        deadline=options.deadline,
        wait=options.wait,
        max_rate=rate,
        on_wait=progress.waiting,
    )


def _instance(name: str) -> str:
    known = instances.names()
    if name not in known:
        raise argparse.ArgumentTypeError(
            f"no simulated instance {name!r} (choose from {', '.join(known)}); put other arguments before --simulate"
        )
    return name
