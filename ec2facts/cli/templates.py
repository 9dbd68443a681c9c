"""List the templates that ship: what each is for, what checks it; or print one."""

from __future__ import annotations

import argparse

from ec2facts.cli.streams import OutputOptions, add_output_options, write
from ec2facts.errors import UsageError

EXAMPLE = "ec2facts templates show nginx-ec2.conf"


class Options(OutputOptions):
    """What this command takes."""

    action: str | None
    name: str | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what this command takes."""
    parser.add_argument(
        "action", nargs="?", choices=["show"], metavar="ACTION", help="show, to print the template NAME"
    )
    parser.add_argument("name", nargs="?", metavar="NAME", help="the name of a template, with or without .j2")
    add_output_options(parser, default_mode="those it has")


def run(options: Options) -> None:
    """Do what the command line says."""
    from ec2facts.render.template.search import list_templates, packaged_template

    if options.action is None:
        listed = (f"{each.name}\n    {each.sentence}\n    Checked by: {each.checked_by}\n" for each in list_templates())
        write("".join(listed).encode(), options, secret=False)
    elif options.name is None:
        raise UsageError("name the template; see `ec2facts templates`")
    else:
        write(packaged_template(options.name).read_bytes(), options, secret=False)
