"""Write all facts as JSON or YAML."""

from __future__ import annotations

import argparse

from ec2facts.cli.arguments import add_format_option
from ec2facts.cli.destination import OutputOptions, add_destination_options, run_output, write
from ec2facts.cli.source_options import add_source_options, refuse_missing_service
from ec2facts.errors import NotReadyError, UnavailableError
from ec2facts.render.tree import TREE_FORMATS, render_tree

EXAMPLE = "ec2facts dump --simulate busy -f yaml"


class Options(OutputOptions):
    format: str
    only: list[str]
    under: str | None
    tree: bool
    or_empty: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_format_option(parser, TREE_FORMATS)
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="GLOB",
        help="read and write only the facts whose name matches GLOB, such as tags or "
        "'network_interfaces.*.subnet_id'; repeatable",
    )
    parser.add_argument("--under", metavar="KEY", help="write the facts as the value of the key KEY")
    parser.add_argument(
        "--no-tree",
        dest="tree",
        action="store_false",
        help="leave out meta_data and dynamic, the service's own tree",
    )
    parser.add_argument(
        "--or-empty",
        action="store_true",
        help="write an empty mapping if no service answers within two seconds, or within --wait, as on a laptop",
    )
    add_destination_options(parser)
    add_source_options(parser)


def run(options: Options) -> int:
    """Write the facts, or an empty mapping without a service."""
    from ec2facts.apply.outputs import STDOUT_FILE, Output

    output = Output(STDOUT_FILE, options.format, only=tuple(options.only), under=options.under, tree=options.tree)
    try:
        if options.or_empty:
            refuse_missing_service(options)
        return run_output(options, output)
    except UnavailableError as error:
        if options.or_empty and not isinstance(error, NotReadyError):
            return write(render_tree({}, options.format).encode(), options)
        raise
