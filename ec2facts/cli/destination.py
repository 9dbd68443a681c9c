"""The destination of a command's output: standard output, or a file that is installed."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ec2facts.apply.parsers import parse_group, parse_owner, parse_seconds
from ec2facts.cli.arguments import argument, file
from ec2facts.cli.install_options import PlanOptions, add_plan_options, exit_status, state_directory
from ec2facts.cli.source_options import SourceOptions, open_source
from ec2facts.cli.streams import write_stdout
from ec2facts.errors import UsageError
from ec2facts.install.settings import parse_check, parse_mode, parse_suffix

if TYPE_CHECKING:
    from ec2facts.apply.outputs import Output

_STDOUT_NAMES = {"-", "/dev/stdout"}
"""Names of standard output. Opening /dev/stdout would truncate a log that standard output is redirected to."""


class DestinationOptions(PlanOptions):
    """The parsed options of ``add_destination_options``."""

    output: Path | None


class OutputOptions(SourceOptions, DestinationOptions):
    """The parsed options of a command that renders one output."""


def add_destination_options(
    parser: argparse.ArgumentParser, *, default_mode: str = "keep the current ones; 0600 with --include"
) -> None:
    """Add the options for the destination, and for the install of a file."""
    output = parser.add_argument_group("output")
    output.add_argument(
        "-o",
        "--output",
        type=lambda text: None if text in _STDOUT_NAMES else file(text),
        metavar="FILE",
        help="write to FILE instead of standard output; an unchanged FILE keeps its inode and mtime",
    )
    output.add_argument(
        "--mode",
        type=argument(parse_mode),
        metavar="MODE",
        help=f"set the permissions of FILE to MODE, in octal (default: {default_mode})",
    )
    group = parser.add_argument_group("file", "how FILE is replaced; CMD is a shell command")
    group.add_argument(
        "--owner",
        type=argument(parse_owner),
        metavar="USER",
        help="set the owner of FILE to USER, a name or a uid (default: keep the owner)",
    )
    group.add_argument(
        "--group",
        type=argument(parse_group),
        metavar="GROUP",
        help="set the group of FILE to GROUP, a name or a gid (default: keep the group)",
    )
    group.add_argument(
        "--check",
        type=argument(parse_check),
        metavar="CMD",
        help="run CMD on a copy of the new file ({} is its name) and keep the old FILE if CMD fails",
    )
    group.add_argument(
        "--check-suffix",
        type=argument(parse_suffix),
        default="",
        metavar="SUFFIX",
        help="end the name of the copy for --check in SUFFIX, such as .conf",
    )
    group.add_argument(
        "--check-live", metavar="CMD", help="run CMD after FILE is replaced; if CMD fails, restore the old FILE"
    )
    group.add_argument(
        "--command", metavar="CMD", help="run CMD after FILE has changed; if CMD fails, run it again in the next run"
    )
    group.add_argument(
        "--time-limit",
        type=argument(parse_seconds),
        default=60.0,
        metavar="SECONDS",
        help="kill a check or command after SECONDS (default: 60)",
    )
    group.add_argument("--backup", action="store_true", help="keep the old FILE as FILE~")
    group.add_argument(
        "--in-place",
        action="store_true",
        help="write into FILE, such as a mount point, instead of replacing it; not atomic",
    )
    group.add_argument("--no-follow", dest="follow", action="store_false", help="fail if FILE is a symbolic link")
    add_plan_options(parser)


def run_output(options: OutputOptions, output: Output) -> int:
    """Render one output from the source that the options choose, and write it; return the exit status."""
    from ec2facts.apply.outputs import STDOUT_FILE
    from ec2facts.apply.run import render_one
    from ec2facts.cli.apply_printer import ApplyPrinter

    _check(options)
    output = output._replace(
        file=output.file._replace(path=options.output or STDOUT_FILE.path),
        include=tuple(sorted(options.include)),
        allow_partial=options.allow_partial,
    )
    printer = ApplyPrinter(options)
    with open_source(options) as source:
        rendered = render_one(output, source, observer=printer)
    if options.dry_run and not rendered.secret:
        printer.rendered(rendered, output.variables)
    return write(rendered.content, options, secret=rendered.secret)


def write(content: bytes, options: DestinationOptions, *, secret: bool = False) -> int:
    """Write ``content`` to the destination; return the exit status. A secret file is readable by its owner alone."""
    _check(options)
    if options.output is None:
        write_stdout(content)
        return 0
    from ec2facts.cli.printer import Printer
    from ec2facts.install import File, install

    if _is_stream(options.output) and not _has_file_options(options):
        try:
            options.output.write_bytes(content)
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(options.output)) from error
        return 0
    settings = {name: getattr(options, name) for name in File._fields if hasattr(options, name)}
    with Printer(options) as printer:
        changes = install(
            [File(options.output, content, secret=secret, **settings)],
            state=state_directory(options),
            dry_run=options.dry_run,
            observer=printer,
        )
    return exit_status(changes, options)


def _check(options: DestinationOptions) -> None:
    if options.output is None and _has_file_options(options):
        raise UsageError("--mode, --check, --command, --diff and the other options for files need -o FILE")
    if options.output is not None and options.output.is_dir():
        raise UsageError(f"{options.output} is a directory; name a file in it")


def _has_file_options(options: DestinationOptions) -> bool:
    """Return whether an option is given that applies only to a file."""
    from ec2facts.install import File

    given = {name: getattr(options, name) for name in File._fields if hasattr(options, name)}
    changed = any(value != File._field_defaults[name] for name, value in given.items())
    return changed or options.dry_run or options.diff or options.exit_code


def _is_stream(path: Path) -> bool:
    return path.exists() and not path.is_file()
