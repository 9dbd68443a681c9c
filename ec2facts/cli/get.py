"""Write single facts, one a line, reading no more than it takes."""

from __future__ import annotations

import argparse
import json
from typing import Any

from ec2facts.cli.source_options import SourceOptions, add_source_options, open_source, warn_unread
from ec2facts.cli.streams import write_stdout
from ec2facts.collection.lookup import lookup

EXAMPLE = "ec2facts get instance_id tags.Name network_interfaces.0.subnet_id placement/region --simulate"


class Options(SourceOptions):
    """What this command takes."""

    names: list[str]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what this command takes."""
    parser.add_argument(
        "names",
        type=_name,
        nargs="+",
        metavar="NAME",
        help="a dotted name (tags.Name, network_interfaces.0.mac) or a path (placement/region); see `ec2facts schema`",
    )
    add_source_options(parser)


def run(options: Options) -> None:
    """Do what the command line says."""
    with open_source(options) as source:
        on_unread = warn_unread if options.allow_partial else None
        values = [lookup(source, name, include=options.include, on_unread=on_unread) for name in options.names]
    write_stdout(b"".join(map(_line, values)))


def _name(text: str) -> str:
    text.encode()  # a ValueError for what no URL can hold
    return text


_name.__name__ = "UTF-8"


def _line(value: Any) -> bytes:
    """Return scalars bare, the rest as JSON; bytes that are not text stay as they are."""
    if isinstance(value, bytes):
        try:
            value = value.decode()
        except UnicodeDecodeError:
            return bytes(value)
    text = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
    return (text if text.endswith("\n") else text + "\n").encode()
