"""Where a command's data go, standard output or a file written whole, and where all else goes."""

from __future__ import annotations

import argparse
import errno
import os
import sys
from pathlib import Path
from typing import TextIO

from ec2facts.errors import UsageError
from ec2facts.files import write_file
from ec2facts.text import escape_unprintable

_STDOUT = {"-", "/dev/stdout"}
"""Other names of standard output. Opened by the second, a log that it goes to would be emptied, or replaced."""


class OutputOptions(argparse.Namespace):
    """What ``add_output_options`` adds."""

    output: Path | None
    mode: int | None


def add_output_options(
    parser: argparse.ArgumentParser, *, default_mode: str = "those it has, 0600 with --include"
) -> argparse._ArgumentGroup:
    """Add the options that say where the output goes; return their group, for more of them."""
    group = parser.add_argument_group("output")
    group.add_argument(
        "-o",
        "--output",
        type=lambda text: None if text in _STDOUT else path(text),
        metavar="FILE",
        help="write to FILE, all or nothing, instead of standard output",
    )
    group.add_argument(
        "--mode",
        type=_octal,
        metavar="MODE",
        help=f"give FILE the permissions MODE, in octal (default: {default_mode})",
    )
    return group


def write(content: bytes, options: OutputOptions, *, secret: bool) -> None:
    """Write ``content`` to where the options say; a file that may hold a secret is for its owner alone."""
    if options.output is not None:
        mode = 0o600 if secret and options.mode is None else options.mode
        write_file(options.output, content, mode=mode)
    elif options.mode is not None:
        raise UsageError("--mode is for a file; name it with -o FILE")
    else:
        write_stdout(content)


def write_stdout(content: bytes) -> None:
    """Write to standard output, all of it now; raise OSError, under that name, where it fails."""
    name = "standard output"
    if not sys.stdout:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF), name)
    try:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
    except OSError as error:
        _abandon(sys.stdout)
        raise OSError(error.errno, error.strerror, name) from error


def say(message: str) -> None:
    """Print a message to standard error, if it can be had; what could move a terminal's cursor becomes its escape."""
    if sys.stderr:
        try:
            print(f"ec2facts: {escape_unprintable(message, keep=chr(10))}", file=sys.stderr)  # noqa: T201
        except OSError:  # a full log, or a reader that has gone, decides nothing about what is being done
            _abandon(sys.stderr)


def _abandon(stream: TextIO) -> None:
    # What is left in the buffer must not be tried again, and complained of, when the interpreter ends.
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def path(text: str) -> Path:
    """The type of an argument that is a file: not the empty text of a variable that is not set."""
    if not text:
        raise argparse.ArgumentTypeError("the name of the file is empty")
    return Path(text)


def _octal(text: str) -> int:
    mode = int(text, 8)
    if not 0 <= mode <= 0o7777:
        raise ValueError(text)
    return mode


_octal.__name__ = "octal mode"
