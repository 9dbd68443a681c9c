"""Write what a template makes of the facts; into a file only if it differs and passes the checks."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from ec2facts.cli.install_options import PlanOptions, add_plan_options, exit_status, state_directory, stoppable
from ec2facts.cli.source_options import SourceOptions, add_source_options, read_facts, seconds
from ec2facts.cli.streams import OutputOptions, add_output_options, path, write
from ec2facts.errors import TemplateError, UsageError

EXAMPLE = "echo '{{ instance_id }} in {{ region }}' | ec2facts render - --simulate"

STANDARD_INPUT = "standard input"


class Options(SourceOptions, OutputOptions, PlanOptions):
    """What this command takes."""

    template: str
    search: list[Path]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what this command takes."""
    parser.add_argument("template", metavar="TEMPLATE", help="a file, the name of a template, or - for standard input")
    parser.add_argument(
        "--search",
        action="append",
        type=path,
        default=[],
        metavar="DIR",
        help="look for templates in DIR first; repeatable",
    )
    add_output_options(parser)
    _add_file_options(parser)
    add_plan_options(parser)
    add_source_options(parser)


def run(options: Options) -> int:
    """Do what the command line says."""
    from ec2facts.cli.printer import Printer
    from ec2facts.install import File, install

    settings = {name: getattr(options, name) for name in File._fields if hasattr(options, name)}
    asked = any(value != File._field_defaults[name] for name, value in settings.items() if name != "mode")
    asked = asked or options.dry_run or options.diff or options.exit_code
    if options.output is None and asked:
        raise UsageError("checks, commands and all else about installing are for a file; name it with -o FILE")
    content = _render(options).encode()
    secret = bool(options.include)
    if options.output is None or (_is_stream(options.output) and not asked):
        write(content, options, secret=secret)
        return 0
    file = File(options.output, content, secret=secret, **settings)
    with stoppable(), Printer(options) as printer:
        changes = install([file], state=state_directory(options), dry_run=options.dry_run, observer=printer)
    return exit_status(changes, options)


def _render(options: Options) -> str:
    from ec2facts.render.template.environment import render_template, render_text
    from ec2facts.render.template.search import default_search_path

    search = [*options.search, *default_search_path(os.environ, uid=os.getuid())]
    facts = read_facts(options)
    if options.template == "-":
        return render_text(facts, _standard_input(), name=STANDARD_INPUT, search_path=search)
    return render_template(facts, options.template, search_path=search)


def _standard_input() -> str:
    if not sys.stdin:
        raise TemplateError("is closed", file=STANDARD_INPUT)
    try:
        return sys.stdin.buffer.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise TemplateError("is not UTF-8", file=STANDARD_INPUT) from error


def _is_stream(path: Path) -> bool:
    return path.exists() and not path.is_file()


def _add_file_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that are fields of File, but for its permissions."""
    group = parser.add_argument_group("file", "how FILE is replaced; CMD is a shell command")
    group.add_argument("--owner", metavar="USER", help="give FILE to USER, by name or number (default: who has it)")
    group.add_argument("--group", metavar="GROUP", help="give FILE to GROUP, by name or number (default: who has it)")
    group.add_argument("--check", metavar="CMD", help="refuse a new FILE, named {} in CMD, if CMD fails")
    group.add_argument(
        "--check-suffix", default="", metavar="SUFFIX", help="have the name that stands for {} end in SUFFIX"
    )
    group.add_argument(
        "--check-live", metavar="CMD", help="put the old FILE back if CMD fails when the new one is in its place"
    )
    group.add_argument(
        "--command", metavar="CMD", help="run CMD if FILE changed, and if it fails, in the next run once more"
    )
    group.add_argument(
        "--time-limit",
        type=seconds,
        default=60.0,
        metavar="SECONDS",
        help="kill a check or command after SECONDS (default: 60)",
    )
    group.add_argument("--backup", action="store_true", help="keep the old FILE as FILE~")
    group.add_argument(
        "--in-place", action="store_true", help="write into FILE, if no other can take its place; not atomic"
    )
    group.add_argument("--no-follow", dest="follow", action="store_false", help="refuse FILE if it is a symbolic link")
