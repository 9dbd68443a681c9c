"""Where a command's data go: standard output, or a file written whole."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ec2facts.files import write_file


class OutputOptions(argparse.Namespace):
    """What ``add_output_options`` adds."""

    output: Path | None
    mode: int | None


def add_output_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say where the output goes."""
    group = parser.add_argument_group("output")
    group.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="write to FILE, all or nothing, instead of standard output"
    )
    group.add_argument(
        "--mode",
        type=_octal,
        metavar="MODE",
        help="give FILE the permissions MODE, in octal; by default what it has, and 0600 with --include",
    )


def write(content: bytes, options: OutputOptions, *, secret: bool) -> None:
    """Write ``content`` to where the options say; a file that may hold a secret is for its owner alone."""
    if options.output is None:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
    else:
        mode = 0o600 if secret and options.mode is None else options.mode
        write_file(options.output, content, mode=mode)


def _octal(text: str) -> int:
    mode = int(text, 8)
    if not 0 <= mode <= 0o7777:
        raise ValueError(text)
    return mode


_octal.__name__ = "octal mode"
