"""Explain why the metadata service cannot be reached, check by check, and how to fix it."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from ec2facts.apply.parsers import parse_seconds
from ec2facts.cli.arguments import add_format_option, argument
from ec2facts.cli.streams import write_stdout
from ec2facts.errors import UnavailableError
from ec2facts.render.tree import TREE_FORMATS, render_tree

if TYPE_CHECKING:
    from ec2facts.imds.doctor.checks import Finding

EXAMPLE = "ec2facts doctor || echo 'the metadata service cannot be reached'"

FORMATS = ("text", *TREE_FORMATS)


class Options(argparse.Namespace):
    endpoint: str | None
    timeout: float
    format: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--endpoint", metavar="URL", help="check the service at URL")
    parser.add_argument(
        "--timeout",
        type=argument(parse_seconds),
        default=1.0,
        metavar="SECONDS",
        help="wait SECONDS for an answer (default: 1)",
    )
    add_format_option(parser, FORMATS)


def run(options: Options) -> int:
    """Run the checks; return 0 if the service can be reached, else 3."""
    from ec2facts.imds.doctor.checks import diagnose

    findings = diagnose(options.endpoint, timeout=options.timeout)
    if options.format == "text":
        text = "".join(map(_paragraph, findings))
    else:
        text = render_tree({finding.check: finding._asdict() for finding in findings}, options.format)
    write_stdout(text.encode())
    return UnavailableError.exit_status if any(finding.status == "fail" for finding in findings) else 0


def _paragraph(finding: Finding) -> str:
    advice = f"      {finding.advice}\n" * bool(finding.advice)
    return f"{finding.status:4}  {finding.check}: {finding.seen}\n{advice}"
