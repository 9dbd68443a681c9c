"""Write every fact."""

from __future__ import annotations

import argparse
from typing import Any

from ec2facts.cli.source_options import SourceOptions, add_source_options, read_facts, refuse_missing_service
from ec2facts.cli.streams import OutputOptions, add_output_options, write
from ec2facts.collection.facts import TREE
from ec2facts.errors import UnavailableError
from ec2facts.render.tree import TREE_FORMATS, render_tree

EXAMPLE = "ec2facts dump --simulate busy -f yaml"


class Options(SourceOptions, OutputOptions):
    """What this command takes."""

    format: str
    under: str | None
    tree: bool
    or_empty: bool


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
    parser.add_argument("--under", metavar="KEY", help="write the facts as the value of the single key KEY")
    parser.add_argument(
        "--no-tree",
        dest="tree",
        action="store_false",
        help="leave out meta_data and dynamic, the service's own tree",
    )
    parser.add_argument(
        "--or-empty",
        action="store_true",
        help="without a service, as on a laptop, write an empty mapping, after two seconds or --wait",
    )
    add_output_options(parser)
    add_source_options(parser)


def run(options: Options) -> None:
    """Do what the command line says."""
    write(render_tree(_facts(options), options.format).encode(), options, secret=bool(options.include))


def _facts(options: Options) -> dict[str, Any]:
    try:
        if options.or_empty:
            refuse_missing_service(options)
        facts = read_facts(options)
    except UnavailableError:
        if options.or_empty:
            return {}
        raise
    if not options.tree:
        facts = {key: value for key, value in facts.items() if key not in TREE}
    return {options.under: facts} if options.under is not None else facts
