"""Write what a template makes of the facts."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from ec2facts.cli.options import SourceOptions, add_source_options, read_facts
from ec2facts.cli.output import OutputOptions, add_output_options, write

EXAMPLE = "echo '{{ instance_id }} in {{ region }}' | ec2facts render - --simulate"


class Options(SourceOptions, OutputOptions):
    """What this command takes."""

    template: str
    search: list[Path]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what this command takes."""
    parser.add_argument("template", metavar="TEMPLATE", help="a file, the name of a template, or - for standard input")
    parser.add_argument(
        "--search", action="append", type=Path, default=[], metavar="DIR", help="look for templates in DIR first"
    )
    add_output_options(parser)
    add_source_options(parser)


def run(options: Options) -> None:
    """Do what the command line says."""
    from ec2facts.render.library import default_search_path
    from ec2facts.render.template import render_template, render_text

    search = [*options.search, *default_search_path(os.environ, uid=os.getuid())]
    facts = read_facts(options)
    if options.template == "-":
        text = render_text(facts, sys.stdin.read(), name="standard input", search_path=search)
    else:
        text = render_template(facts, options.template, search_path=search)
    write(text.encode(), options, secret=bool(options.include))
