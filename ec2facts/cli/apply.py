"""Bring many files up to date from one collection of facts, as at boot."""

from __future__ import annotations

import argparse
from pathlib import Path

from ec2facts.cli.install_options import PlanOptions, add_plan_options, exit_status, state_directory, stoppable
from ec2facts.cli.source_options import SourceOptions, add_source_options, open_source
from ec2facts.cli.streams import path

EXAMPLE = "echo 'outputs: [{path: facts.json, format: json}]' > my.yaml && ec2facts apply my.yaml --diff -q --simulate"

_DEFAULT = Path("/etc/ec2facts/ec2facts.yaml")


class Options(SourceOptions, PlanOptions):
    """What this command takes."""

    config: Path
    allow_stale: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what this command takes, and what its config takes."""
    from ec2facts.apply import config

    parser.epilog = f"{config.__doc__}\n{parser.epilog}".replace("``", "`")
    parser.add_argument(
        "config",
        nargs="?",
        type=path,
        default=_DEFAULT,
        metavar="CONFIG",
        help=f"a file that lists outputs, or a directory of such files (default: {_DEFAULT})",
    )
    add_plan_options(parser)
    add_source_options(parser)
    parser.add_argument(
        "--allow-stale",
        action="store_true",
        help="go on with the facts of the last complete run on this instance if they cannot be read now",
    )


def run(options: Options) -> int:
    """Do what the command line says."""
    from ec2facts.apply.config import load_config
    from ec2facts.apply.last_facts import LastFacts
    from ec2facts.apply.run import apply
    from ec2facts.cli.apply_printer import ApplyPrinter

    outputs = [
        output._replace(include=tuple(sorted({*output.include, *options.include})))
        for output in load_config(options.config)
    ]
    state = state_directory(options)
    # Facts of another machine must never pass for those of this one.
    is_live = options.file is None and options.simulate is None
    with stoppable(), open_source(options, settled=False) as source, ApplyPrinter(options) as printer:
        changes = apply(
            outputs,
            source,
            state=state,
            last=LastFacts(state) if is_live else None,
            allow_partial=options.allow_partial,
            allow_stale=options.allow_stale,
            settle_within=options.settle,
            dry_run=options.dry_run,
            observer=printer,
        )
    return exit_status(changes, options)
