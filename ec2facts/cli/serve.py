"""Serve a snapshot or a simulated instance on loopback, or to one command at the service's own addresses."""

from __future__ import annotations

import argparse
import os
from contextlib import suppress
from pathlib import Path

from ec2facts import instances
from ec2facts.cli.streams import say, write_stdout
from ec2facts.errors import UsageError
from ec2facts.imds.snapshot import Snapshot
from ec2facts.imds.source import Source

EXAMPLE = "ec2facts serve busy --port 1338"


class Options(argparse.Namespace):
    snapshot: str
    command: list[str]
    host: str | None
    port: int | None
    faults: list[str]
    seed: int
    reload: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from ec2facts.imds.simulator.faults import FAULTS, SYNTAX

    known = ", ".join(instances.names())
    parser.add_argument(
        "snapshot",
        nargs="?",
        default="plain",
        metavar="SNAPSHOT",
        help=f"serve this snapshot file or simulated instance: {known} (default: plain)",
    )
    parser.add_argument(
        "command",
        nargs="*",
        default=[],
        metavar="COMMAND",
        help="run COMMAND, which follows --, in a network namespace that holds only the simulator, at 169.254.169.254 "
        "and fd00:ec2::254; exit with the status of COMMAND",
    )
    parser.add_argument("--host", metavar="ADDRESS", help="listen at ADDRESS (default: 127.0.0.1)")
    parser.add_argument("--port", type=int, metavar="PORT", help="listen at PORT, 0 for a free one (default: 1338)")
    parser.add_argument(
        "--reload",
        action="store_true",
        help="reload the snapshot file when it changes; while it is invalid, serve the last valid content",
    )
    kinds = "".join(f"\n{kind.syntax}: {kind.sentence}" for kind in FAULTS.values())
    parser.add_argument(
        "--fault",
        dest="faults",
        action="append",
        default=[],
        metavar="FAULT",
        help=f"inject a fault: {SYNTAX}; repeatable; the kinds are:{kinds}".replace("%", "%%"),
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=0,
        metavar="N",
        help="seed for faults that hit a share of the requests, such as @30%% (default: 0)",
    )


def run(options: Options) -> int | None:
    """Serve until a signal, or until the command ends; return the status of the command."""
    import logging

    logging.basicConfig(format="ec2facts: warning: %(message)s")
    source = _source(options)
    if options.command:
        return _run_command(source, options)
    from ec2facts.imds.simulator.simulator import Simulator

    host = "127.0.0.1" if options.host is None else options.host
    port = 1338 if options.port is None else options.port
    simulator = Simulator(source, faults=options.faults, seed=options.seed, host=host, port=port)
    with simulator as url, suppress(KeyboardInterrupt):
        write_stdout(f"{url}\n".encode())
        say(f"serving; use it with: export AWS_EC2_METADATA_SERVICE_ENDPOINT={url}")
        simulator.wait()
    return None


def _source(options: Options) -> Source:
    name = options.snapshot
    # A name that has no slash and is not a file is a mistyped instance: the error lists the instances.
    is_file = name not in instances.names() and ("/" in name or name.endswith(".json") or Path(name).exists())
    if not options.reload:
        return Snapshot.load(name) if is_file else instances.load(name)
    if not is_file:
        raise UsageError(f"--reload is for a snapshot file; {name!r} is not one")
    from ec2facts.imds.simulator.snapshot_file import SnapshotFile

    return SnapshotFile(name)


def _run_command(source: Source, options: Options) -> int:
    from ec2facts.imds.simulator.namespace import run_in_namespace

    if options.host is not None or options.port is not None:
        raise UsageError("--host and --port do not apply to a COMMAND: it finds the service at the default addresses")
    try:
        return run_in_namespace(source, options.command, environ=os.environ, faults=options.faults, seed=options.seed)
    except OSError as error:
        say(f"error: {options.command[0]}: {error.strerror}")
        return 127 if isinstance(error, FileNotFoundError) else 126  # the status that shells, env and timeout use
