"""Serve a snapshot or a simulated instance on loopback, for any client of the service."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ec2facts import instances
from ec2facts.imds.snapshot import Snapshot

EXAMPLE = "ec2facts serve busy --port 1338"


class Options(argparse.Namespace):
    """What this command takes."""

    snapshot: str
    host: str
    port: int


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what this command takes."""
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


def run(options: Options) -> None:
    """Do what the command line says."""
    from ec2facts.imds.simulator import Simulator

    is_file = "/" in options.snapshot or Path(options.snapshot).exists()
    source = Snapshot.load(options.snapshot) if is_file else instances.load(options.snapshot)
    simulator = Simulator(source, host=options.host, port=options.port)
    with simulator as url:
        print(url, flush=True)  # noqa: T201
        print(f"serving; use it with: export AWS_EC2_METADATA_SERVICE_ENDPOINT={url}", file=sys.stderr)  # noqa: T201
        simulator.wait()
