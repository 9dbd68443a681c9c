"""The options that every command with facts takes, and the source that they choose."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ec2facts.facts import collect
from ec2facts.imds.snapshot import Snapshot
from ec2facts.imds.source import Source


class SourceOptions(argparse.Namespace):
    """What ``add_source_options`` adds."""

    file: str | None
    simulate: str | None
    endpoint: str | None
    timeout: float | None
    wait: float
    max_rate: float | None
    include: list[str]
    allow_partial: bool


def add_source_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say where facts are read from, and which."""
    group = parser.add_argument_group("source", "where facts are read from; by default from the service")
    one = group.add_mutually_exclusive_group()
    one.add_argument("--from", dest="file", metavar="SNAPSHOT", help="read a snapshot file")
    one.add_argument(
        "--simulate",
        nargs="?",
        const="plain",
        metavar="INSTANCE",
        help="read a simulated instance, over HTTP on loopback; see `ec2facts serve --help` for their names",
    )
    one.add_argument("--endpoint", metavar="URL", help="read the service at URL")
    group.add_argument("--timeout", type=_positive, metavar="SECONDS", help="give up a request after SECONDS")
    group.add_argument("--wait", type=_positive, default=0.0, metavar="SECONDS", help="wait for the service to come up")
    group.add_argument(
        "--max-rate", type=_rate, metavar="N", help="send bursts of N requests, then N a second; 0 lifts the limit"
    )
    group.add_argument(
        "--include",
        action="append",
        default=[],
        metavar="NAME",
        help="include what is withheld: user_data, iam_security_credentials, … or a path",
    )
    group.add_argument("--allow-partial", action="store_true", help="go on if something could not be read")


@contextmanager
def open_source(options: SourceOptions) -> Iterator[Source]:
    """Give the source that the options choose; a simulator ends with the context."""
    if options.file is not None:
        yield Snapshot.load(options.file)
    elif options.simulate is not None:
        from ec2facts import instances
        from ec2facts.imds.simulator import Simulator

        with Simulator(instances.load(options.simulate)) as url:
            yield _client(url, options, max_rate=0)
    else:
        yield _client(options.endpoint, options, max_rate=128)


def read_facts(options: SourceOptions) -> dict[str, Any]:
    """Return the facts of the source that the options choose."""
    with open_source(options) as source:
        return collect(source, include=options.include, allow_partial=options.allow_partial)


def warn(message: str) -> None:
    """Print a line to standard error."""
    print(f"ec2facts: warning: {message}", file=sys.stderr)  # noqa: T201


def _client(endpoint: str | None, options: SourceOptions, *, max_rate: float) -> Source:
    from ec2facts.imds.client import IMDSClient

    rate = max_rate if options.max_rate is None else options.max_rate
    return IMDSClient(endpoint, timeout=options.timeout, wait=options.wait, max_rate=rate)


def _positive(text: str) -> float:
    number = _rate(text)
    if not number:
        raise ValueError(text)
    return number


def _rate(text: str) -> float:
    number = float(text)
    if not 0 <= number < float("inf"):
        raise ValueError(text)
    return number


_positive.__name__ = "number of seconds"  # what argparse calls a value that is none
_rate.__name__ = "rate"
