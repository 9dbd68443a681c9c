"""Types of arguments: the parsers that configs use too, with errors that argparse reports."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

from ec2facts.errors import UsageError

T = TypeVar("T")
V = TypeVar("V")


def argument(parse: Callable[[V], T]) -> Callable[[V], T]:
    """Return a type of arguments that ``parse`` reads; its UsageError names the option."""

    def typed(text: V) -> T:
        try:
            return parse(text)
        except UsageError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return typed


def path(text: str) -> Path:
    """Return a path; an empty text, as from a variable that is not set, is an error."""
    if not text:
        raise argparse.ArgumentTypeError("the name of the file is empty")
    return Path(text)


def file(text: str) -> Path:
    """Return the path of a file; a directory's name is an error."""
    from ec2facts.apply.parsers import parse_file

    return Path(argument(parse_file)(text))


def count(text: str) -> int:
    """Return a whole number from 0 to a million."""
    if not text.isdecimal() or not 0 <= int(text) <= 1_000_000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 to 1000000")
    return int(text)


def add_format_option(
    parser: argparse.ArgumentParser, formats: Iterable[str], notes: Mapping[str, str] | None = None
) -> None:
    """Add ``--format``, whose default is the first of ``formats``; ``notes`` say which formats need a note."""
    names, notes = list(formats), notes or {}
    listed = ", ".join(f"{name} ({notes[name]})" if name in notes else name for name in names)
    parser.add_argument(
        "-f",
        "--format",
        choices=names,
        default=names[0],
        metavar="FORMAT",
        help=f"write FORMAT: {listed} (default: {names[0]})",
    )
