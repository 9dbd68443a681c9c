"""Describe the attributes: name, type, path and one sentence."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from ec2facts.cli.arguments import add_format_option
from ec2facts.cli.destination import DestinationOptions, add_destination_options, write
from ec2facts.collection.names import declared_name, resolve, suggestion
from ec2facts.errors import UsageError
from ec2facts.metadata.schema import Entry, schema
from ec2facts.render.tree import TREE_FORMATS, render_tree

EXAMPLE = "ec2facts schema -f json"

FORMATS = ("text", *TREE_FORMATS)


class Options(DestinationOptions):
    names: list[str]
    search: str | None
    format: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help="describe only NAME: a dotted name, an AWS name or a path (default: every attribute)",
    )
    parser.add_argument(
        "--search", metavar="WORD", help="describe only the attributes with WORD in the name, the path or the sentence"
    )
    add_format_option(parser, FORMATS)
    add_destination_options(parser, default_mode="keep the current ones")


def run(options: Options) -> int:
    """Write the schema, or the named part of it."""
    chosen = _chosen(options.names)
    entries = [entry for entry in schema() if not chosen or entry.name in chosen]
    if options.search is not None:
        entries = [entry for entry in entries if _mentions(entry, options.search)]
        if not entries:
            raise UsageError(f"no attribute mentions {options.search!r}; `ec2facts schema` lists them all")
    if options.format == "text":
        text = "".join(map(_paragraph, entries))
    else:
        text = render_tree({entry.name: entry._asdict() for entry in entries}, options.format)
    return write(text.encode(), options)


def _chosen(names: Sequence[str]) -> set[str]:
    """Return the attributes with these names; raise UsageError for an unknown name."""
    chosen = set()
    for name in names:
        found = {declared for dotted in resolve(name) if (declared := declared_name(dotted)) is not None}
        if not found:
            raise UsageError(
                f"there is no attribute {name!r}{suggestion(name)}; search with `ec2facts schema --search WORD`"
            )
        chosen |= found
    return chosen


def _mentions(entry: Entry, word: str) -> bool:
    return any(word.casefold() in text.casefold() for text in (entry.name, entry.path, entry.description))


def _paragraph(entry: Entry) -> str:
    marks = [entry.description]
    if entry.changeable:
        marks.append("May change while the instance runs.")
    if entry.withheld:
        marks.append(f"Withheld: --include {entry.name}.")
    return f"{entry.name}: {entry.type}\n    {entry.path}\n    {' '.join(marks)}\n"
