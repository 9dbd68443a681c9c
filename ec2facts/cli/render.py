"""Render a template with the facts; replace FILE only if its content changes and the checks pass."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from ec2facts.apply.variables import parse_variable, read_variables
from ec2facts.cli.arguments import argument, path
from ec2facts.cli.destination import OutputOptions, add_destination_options, run_output
from ec2facts.cli.source_options import add_source_options
from ec2facts.cli.template_places import warn_unsearchable
from ec2facts.errors import TemplateError

EXAMPLE = "echo '{{ instance_id }} in {{ region }}' | ec2facts render - --simulate"

STANDARD_INPUT = "standard input"


class Options(OutputOptions):
    template: str
    search: list[Path]
    var: list[tuple[str, str]]
    vars: list[dict[str, Any]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("template", metavar="TEMPLATE", help="a file, the name of a template, or - for standard input")
    parser.add_argument(
        "--search",
        action="append",
        type=path,
        default=[],
        metavar="DIR",
        help="look for templates in DIR first; repeatable",
    )
    parser.add_argument(
        "--var",
        action="append",
        type=argument(parse_variable),
        default=[],
        metavar="NAME=VALUE",
        help="set the variable NAME of the template to the text VALUE; repeatable",
    )
    parser.add_argument(
        "--vars",
        action="append",
        type=lambda text: argument(read_variables)(path(text)),
        default=[],
        metavar="FILE",
        help="set the variables in FILE, a YAML or JSON mapping; repeatable, the last one wins, --var overrides it",
    )
    add_destination_options(parser)
    add_source_options(parser)


def run(options: Options) -> int:
    """Render the template to the destination."""
    from ec2facts.apply.outputs import STDOUT_FILE, Output
    from ec2facts.render.template.search import default_search_path

    warn_unsearchable()
    output = Output(
        STDOUT_FILE,
        template=_render_standard_input if options.template == "-" else options.template,
        variables={**{name: value for each in options.vars for name, value in each.items()}, **dict(options.var)},
        search_path=(*options.search, *default_search_path(os.environ, uid=os.geteuid())),
    )
    return run_output(options, output)


def _render_standard_input(*arguments: Any, **options: Any) -> str:
    from ec2facts.render.template.environment import render_text

    facts, *_ = arguments
    return render_text(facts, _standard_input(), name=STANDARD_INPUT, **options)


def _standard_input() -> str:
    if not sys.stdin:
        raise TemplateError("is closed", file=STANDARD_INPUT)
    try:
        return sys.stdin.buffer.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise TemplateError("is not UTF-8", file=STANDARD_INPUT) from error
