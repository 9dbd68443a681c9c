"""Show the instance on one screen, or one fact in full."""

from __future__ import annotations

import argparse
import os
import shutil
import sys

from ec2facts.cli.arguments import add_format_option
from ec2facts.cli.progress import progress
from ec2facts.cli.source_options import SourceOptions, add_source_options, open_source, warn_unread
from ec2facts.cli.streams import write_stdout
from ec2facts.collection.crawl import crawl
from ec2facts.collection.facts import facts
from ec2facts.collection.lookup import lookup
from ec2facts.errors import UsageError

EXAMPLE = "ec2facts show --simulate busy"

FORMATS = ("text", "html")


class Options(SourceOptions):
    name: str | None
    format: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", metavar="NAME", help="show one fact in full, such as tags")
    add_format_option(parser, FORMATS)
    add_source_options(parser)


def run(options: Options) -> None:
    """Print the summary, the page, or the fact."""
    from ec2facts.render.summary import COLORED, PLAIN, render_fact, render_summary

    if options.name is not None and options.format == "html":
        raise UsageError("the page shows the whole instance: leave out NAME or -f html")
    style = COLORED if _takes_colors() else PLAIN
    with open_source(options) as source:
        if options.name is not None:
            value = lookup(source, options.name, include=options.include, on_unread=warn_unread)
            if isinstance(value, bytes):
                value = value.decode(errors="backslashreplace")
            text = render_fact(options.name, value, style=style)
        else:
            # The reader sees every fact that was read, and a notice for each unread path.
            snapshot = crawl(source, include=options.include, on_progress=progress.reading)
            everything = facts(snapshot, include=options.include)
            if options.format == "html":
                from ec2facts.render.template.environment import render_template

                text = render_template(everything, "instance.html")
            else:
                width = shutil.get_terminal_size(fallback=(100, 24)).columns
                text = render_summary(everything, width=width, style=style)
    write_stdout(text.encode())


def _takes_colors() -> bool:
    """Return whether standard output is a terminal that shows colors, and NO_COLOR is not set (no-color.org)."""
    wanted = os.environ.get("TERM") != "dumb" and not os.environ.get("NO_COLOR")
    return wanted and bool(sys.stdout) and sys.stdout.isatty()
