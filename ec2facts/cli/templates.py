"""List the templates that ship with ec2facts, or print one."""

from __future__ import annotations

import argparse

from ec2facts.cli.destination import DestinationOptions, add_destination_options, write
from ec2facts.cli.streams import say
from ec2facts.errors import UsageError
from ec2facts.text import did_you_mean

EXAMPLE = "ec2facts templates show nginx-ec2.conf"


class Options(DestinationOptions):
    action: str | None
    name: str | None
    vars: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "action", nargs="?", metavar="ACTION", help="list: list the templates (default); show: print the template NAME"
    )
    parser.add_argument("name", nargs="?", metavar="NAME", help="the name of a template, with or without .j2")
    parser.add_argument("--vars", action="store_true", help="list the variables of the template instead of printing it")
    add_destination_options(parser, default_mode="keep the current ones")


def run(options: Options) -> int:
    """List the templates, or print one."""
    from ec2facts.render.template.search import list_templates, packaged_template

    if options.action in {None, "list"}:
        if options.vars:
            raise UsageError("--vars is for `ec2facts templates show NAME`")
        listed = (f"{each.name}\n    {each.sentence}\n    Checked by: {each.checked_by}\n" for each in list_templates())
        return write("".join(listed).encode(), options)
    if options.action != "show" and options.name is not None:
        hint = did_you_mean(str(options.action), ["list", "show"]) or " (choose from list, show)"
        raise UsageError(f"there is no action {options.action!r}{hint}")
    if options.action == "show" and options.name is None:
        raise UsageError("name the template; see `ec2facts templates`")
    template = packaged_template(options.name or str(options.action))  # a NAME without `show` is shown as well
    if options.vars:
        variables = _variables(template.read_text(encoding="utf-8"))
        if not variables:
            say(f"{template.name} has no variables")
        return write(variables.encode(), options)
    return write(template.read_bytes(), options)


def _variables(source: str) -> str:
    from ec2facts.render.template.variables import declared_variables

    return "".join(
        f"{each.name}\n    {each.sentence}{'' if each.default is None else f' Default: {each.default}'}\n"
        for each in declared_variables(source)
    )
