"""List every attribute: name, type, path, one sentence."""

from __future__ import annotations

import argparse

from ec2facts.cli.destination import DestinationOptions, add_destination_options, write
from ec2facts.metadata.schema import Entry, schema
from ec2facts.render.tree import TREE_FORMATS, render_tree

EXAMPLE = "ec2facts schema -f json"

FORMATS = ("text", *TREE_FORMATS)


class Options(DestinationOptions):
    """The options of this command."""

    format: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument(
        "-f",
        "--format",
        choices=FORMATS,
        default="text",
        metavar="FORMAT",
        help=f"write FORMAT: {', '.join(FORMATS)} (default: text)",
    )
    add_destination_options(parser, default_mode="keep the current ones")


def run(options: Options) -> int:
    """Write the schema."""
    if options.format == "text":
        text = "".join(map(_paragraph, schema()))
    else:
        text = render_tree({entry.name: entry._asdict() for entry in schema()}, options.format)
    return write(text.encode(), options)


def _paragraph(entry: Entry) -> str:
    mark = f" Withheld: --include {entry.name}." if entry.withheld else ""
    mark += " May change while the instance runs." * entry.changeable
    return f"{entry.name}: {entry.type}\n    {entry.path}\n    {entry.description}{mark}\n"
