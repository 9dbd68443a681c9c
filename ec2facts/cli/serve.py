"""Serve a snapshot or a simulated instance on loopback, for any client of the service."""

from __future__ import annotations

import argparse
from contextlib import suppress
from pathlib import Path

from ec2facts import instances
from ec2facts.cli.streams import say, write_stdout
from ec2facts.imds.snapshot import Snapshot

EXAMPLE = "ec2facts serve busy --port 1338"


class Options(argparse.Namespace):
    """What this command takes."""

    snapshot: str
    host: str
    port: int
    faults: list[str]
    seed: int


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what this command takes."""
    from ec2facts.imds.simulator.faults import FAULTS, SYNTAX

    known = ", ".join(instances.names())
    parser.add_argument(
        "snapshot",
        nargs="?",
        default="plain",
        metavar="SNAPSHOT",
        help=f"serve this snapshot file or simulated instance: {known} (default: plain)",
    )
    parser.add_argument("--host", default="127.0.0.1", metavar="ADDRESS", help="listen at ADDRESS (default: 127.0.0.1)")
    parser.add_argument(
        "--port", type=int, default=1338, metavar="PORT", help="listen at PORT, 0 for a free one (default: 1338)"
    )
    kinds = "; ".join(f"{kind.syntax}: {kind.sentence}" for kind in FAULTS.values())
    parser.add_argument(
        "--fault",
        dest="faults",
        action="append",
        default=[],
        metavar="FAULT",
        help=f"misbehave: {SYNTAX}. the kinds are {kinds}".replace("%", "%%"),
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="let N decide which requests a share of them is (default: 0)"
    )


def run(options: Options) -> None:
    """Do what the command line says."""
    from ec2facts.imds.simulator.simulator import Simulator

    # What has neither a slash nor a file is the misspelt name of an instance: the error lists the right ones.
    is_file = "/" in options.snapshot or Path(options.snapshot).exists()
    is_instance = options.snapshot in instances.names() or not is_file
    source = instances.load(options.snapshot) if is_instance else Snapshot.load(options.snapshot)
    simulator = Simulator(source, faults=options.faults, seed=options.seed, host=options.host, port=options.port)
    with simulator as url, suppress(KeyboardInterrupt):
        write_stdout(f"{url}\n".encode())
        say(f"serving; use it with: export AWS_EC2_METADATA_SERVICE_ENDPOINT={url}")
        simulator.wait()
