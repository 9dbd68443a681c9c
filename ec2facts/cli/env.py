"""Write facts as an env file, for shells and programs to read."""

from __future__ import annotations

import argparse

from ec2facts.cli.source_options import SourceOptions, add_source_options, read_facts, warn
from ec2facts.cli.streams import OutputOptions, add_output_options, write

EXAMPLE = 'facts=$(ec2facts env --simulate) && eval "$facts" && echo "$EC2_INSTANCE_ID"'


class Options(SourceOptions, OutputOptions):
    """What this command takes."""

    format: str
    prefix: str
    separator: str
    only: list[str]
    export: bool
    skip_unrepresentable: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what this command takes."""
    from ec2facts.render.env_formats import FORMATS

    listed = ", ".join(f"{name} ({each.description})" for name, each in FORMATS.items())
    parser.add_argument(
        "-f",
        "--format",
        choices=FORMATS,
        default="sh",
        metavar="FORMAT",
        help=f"write FORMAT: {listed}; default: sh",
    )
    parser.add_argument("--prefix", default="EC2_", metavar="TEXT", help="start each name with TEXT (default: EC2_)")
    parser.add_argument("--separator", default="_", metavar="TEXT", help="join a name's parts by TEXT (default: _)")
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="GLOB",
        help="write only facts whose name or variable matches GLOB, out of all: 'tags.*', 'EC2_TAGS_*'; repeatable",
    )
    parser.add_argument("--export", action="store_true", help="export each variable (sh)")
    parser.add_argument(
        "--skip-unrepresentable",
        action="store_true",
        help="leave out, with a warning, what the format cannot hold, instead of writing nothing",
    )
    add_output_options(parser)
    add_source_options(parser)


def run(options: Options) -> None:
    """Do what the command line says."""
    from ec2facts.render.env import render_env

    text = render_env(
        read_facts(options),
        options.format,
        prefix=options.prefix,
        separator=options.separator,
        only=options.only,
        export=options.export,
        on_skip=_warn_skipped if options.skip_unrepresentable else None,
    )
    write(text.encode(), options, secret=bool(options.include))


def _warn_skipped(name: str, reason: str) -> None:
    warn(f"{name} is left out: {reason}")
