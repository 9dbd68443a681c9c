"""List every attribute: name, type, path, one sentence."""

from __future__ import annotations

import argparse

from ec2facts.cli.streams import OutputOptions, add_output_options, write
from ec2facts.metadata.schema import Entry, schema
from ec2facts.render.tree import TREE_FORMATS, render_tree

EXAMPLE = "ec2facts schema -f json"

FORMATS = ("text", *TREE_FORMATS)


class Options(OutputOptions):
    """What this command takes."""

    format: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what this command takes."""
    parser.add_argument(
        "-f",
        "--format",
        choices=FORMATS,
        default="text",
        metavar="FORMAT",
        help=f"write FORMAT: {', '.join(FORMATS)} (default: text)",
    )
    add_output_options(parser, default_mode="those it has")


def run(options: Options) -> None:
    """Do what the command line says."""
    if options.format == "text":
        text = "".join(map(_paragraph, schema()))
    else:
        text = render_tree({entry.name: entry._asdict() for entry in schema()}, options.format)
    write(text.encode(), options, secret=False)


def _paragraph(entry: Entry) -> str:
    mark = f" Withheld: --include {entry.name}." if entry.withheld else ""
    return f"{entry.name}: {entry.type}\n    {entry.path}\n    {entry.description}{mark}\n"
