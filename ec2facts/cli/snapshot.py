"""Capture the answers of the service, to replay them elsewhere."""

from __future__ import annotations

import argparse

from ec2facts.cli.destination import OutputOptions, add_destination_options, run_output
from ec2facts.cli.source_options import add_source_options

EXAMPLE = "ec2facts snapshot --simulate busy -q -o busy.json && ec2facts dump --from busy.json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_destination_options(parser, default_mode="0600")
    add_source_options(parser)


def run(options: OutputOptions) -> int:
    """Write the snapshot, readable by its owner alone."""
    from ec2facts.apply.outputs import SNAPSHOT, STDOUT_FILE, Output

    return run_output(options, Output(STDOUT_FILE._replace(secret=True), SNAPSHOT))
