"""Write every fact."""

from __future__ import annotations

import argparse

from ec2facts.cli.source_options import SourceOptions, add_source_options, read_facts
from ec2facts.cli.streams import OutputOptions, add_output_options, write
from ec2facts.render.tree import TREE_FORMATS, render_tree

EXAMPLE = "ec2facts dump --simulate busy -f yaml"


class Options(SourceOptions, OutputOptions):
    """What this command takes."""

    format: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what this command takes."""
    parser.add_argument(
        "-f",
        "--format",
        choices=TREE_FORMATS,
        default="json",
        metavar="FORMAT",
        help=f"write FORMAT: {', '.join(TREE_FORMATS)} (default: json)",
    )
    add_output_options(parser)
    add_source_options(parser)


def run(options: Options) -> None:
    """Do what the command line says."""
    text = render_tree(read_facts(options), options.format)
    write(text.encode(), options, secret=bool(options.include))
