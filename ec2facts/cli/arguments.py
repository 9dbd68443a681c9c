"""Argument types: the parsers of configs, with errors that argparse reports."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

from ec2facts.errors import UsageError

T = TypeVar("T")
V = TypeVar("V")


def argument(parse: Callable[[V], T]) -> Callable[[V], T]:
    """Return ``parse`` as an argument type: argparse reports its UsageError with the option."""

    def typed(text: V) -> T:
        try:
            return parse(text)
        except UsageError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return typed


def path(text: str) -> Path:
    """Return a path; empty text, as from an unset variable, is an error."""
    if not text:
        raise argparse.ArgumentTypeError("the file name is empty")
    return Path(text)


def file(text: str) -> Path:
    """Return the path of a file; a trailing slash is an error."""
    from ec2facts.apply.parsers import parse_file

    return Path(argument(parse_file)(text))


def count(text: str) -> int:
    """Return a whole number from 0 to a million."""
    if not text.isdecimal() or not 0 <= int(text) <= 1_000_000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 to 1000000")
    return int(text)


def help_width() -> int:
    """Return the width of help: that of the terminal, else of 80 columns."""
    columns = os.environ.get("COLUMNS", "")
    try:  # like shutil.get_terminal_size, but shutil is slow to import
        width = int(columns) if columns.isdecimal() else os.get_terminal_size().columns
    except OSError:
        width = 80
    return (width or 80) - 2


def add_format_option(
    parser: argparse.ArgumentParser, formats: Iterable[str], descriptions: Mapping[str, str] | None = None
) -> None:
    """Add ``--format``; the first of ``formats`` is the default."""
    names = list(formats)
    described = "".join(f"\n{name}: {description}" for name, description in (descriptions or {}).items())
    parser.add_argument(
        "-f",
        "--format",
        choices=names,
        default=names[0],
        metavar="FORMAT",
        help=f"write FORMAT: {', '.join(names)} (default: {names[0]}){described}",
    )
