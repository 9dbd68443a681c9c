"""Write facts as an env file, for shells and programs to read."""

from __future__ import annotations

import argparse

from ec2facts.cli.arguments import add_format_option
from ec2facts.cli.destination import OutputOptions, add_destination_options, run_output
from ec2facts.cli.source_options import add_source_options
from ec2facts.render.env_formats import FORMATS

EXAMPLE = 'facts=$(ec2facts env --simulate) && eval "$facts" && echo "$EC2_INSTANCE_ID"'


class Options(OutputOptions):
    format: str
    prefix: str
    separator: str
    only: list[str]
    export: bool
    skip_unrepresentable: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_format_option(parser, FORMATS, {name: each.description for name, each in FORMATS.items()})
    parser.add_argument("--prefix", default="EC2_", metavar="TEXT", help="start each name with TEXT (default: EC2_)")
    parser.add_argument(
        "--separator", default="_", metavar="TEXT", help="put TEXT between the parts of a name (default: _)"
    )
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="GLOB",
        help="read and write only the facts whose name or variable matches GLOB, such as 'tags.*' or 'EC2_TAGS_*'; "
        "repeatable",
    )
    parser.add_argument("--export", action="store_true", help="export each variable; only for sh")
    parser.add_argument(
        "--skip-unrepresentable",
        action="store_true",
        help="leave out values that the format cannot hold, with a warning, instead of failing",
    )
    add_destination_options(parser)
    add_source_options(
        parser,
        allow_partial="leave out facts that cannot be read, with a warning and a comment; fail only without a fact "
        "that every instance has",
    )


def run(options: Options) -> int:
    """Write the env file."""
    from ec2facts.apply.outputs import STDOUT_FILE, EnvOptions, Output

    env = EnvOptions(options.prefix, options.separator, options.export, options.skip_unrepresentable)
    return run_output(options, Output(STDOUT_FILE, options.format, only=tuple(options.only), env=env))
