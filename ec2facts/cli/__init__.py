"""The command line: parse, call one library function, print."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType
from typing import Any, NoReturn

from ec2facts import __version__
from ec2facts.cli.arguments import help_width
from ec2facts.cli.signals import stoppable
from ec2facts.cli.streams import say, write_stdout
from ec2facts.errors import EC2FactsError, UnavailableError, UsageError
from ec2facts.text import closest, did_you_mean

COMMANDS = {
    "show": "show the instance on one screen, or one fact in full",
    "dump": "write all facts as JSON or YAML",
    "get": "write single facts with as few requests as possible",
    "env": "write facts as an env file, for shells and programs to read",
    "render": "render a template with the facts; replace FILE only if its content changes and the checks pass",
    "templates": "list the templates that ship with ec2facts, or print one",
    "apply": "bring many files up to date from one collection of facts, as at boot",
    "units": "install and enable the systemd units that write facts at boot and keep files up to date",
    "snapshot": "capture the answers of the service, to replay them elsewhere",
    "serve": "serve a snapshot or a simulated instance on loopback, or to one command at the service's own addresses",
    "schema": "describe the attributes: name, type, path and one sentence",
    "doctor": "explain why the metadata service cannot be reached, check by check, and how to fix it",
    "completion": "print the completion script of a shell",
}
"""Summaries by command. A command's module has the same name and is imported when the command runs."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return its exit status. An error is one line on standard error."""
    try:
        with stoppable():
            arguments = make_parser().parse_args(_options_for_words(sys.argv[1:] if argv is None else argv))
            status: int | None = arguments.run(arguments)
    except UnavailableError as error:
        from ec2facts.imds.doctor.advice import advise

        return _fail("; ".join(filter(None, [str(error), advise(error)])), error.exit_status)
    except EC2FactsError as error:
        return _fail(str(error), error.exit_status)
    except OSError as error:
        return _fail(f"{error.filename}: {error.strerror}" if error.filename else str(error), 1)
    except KeyboardInterrupt:
        return _fail("interrupted", 130)
    return status or 0


def _options_for_words(argv: Sequence[str]) -> Sequence[str]:
    """Translate ``help``, ``help COMMAND`` and ``version`` into --help and --version."""
    if argv[:1] == ["help"]:
        return [*argv[1:], "--help"]
    return ["--version"] if argv == ["version"] else argv


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line, with a subparser for each command; its errors are UsageErrors."""
    # No abbreviations: a new option would make the abbreviations in scripts ambiguous.
    parser = _Parser(
        "ec2facts", description="print the facts of an Amazon EC2 instance, or write them to files", allow_abbrev=False
    )
    parser.add_argument("-V", "--version", action="version", version=f"%(prog)s {__version__}")
    parser.set_defaults(run=lambda _: parser.print_help())
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", prog=parser.prog)
    for name, summary in COMMANDS.items():
        commands.add_parser(name, help=summary, description=summary, allow_abbrev=False, command=name)
    return parser


def command_parsers(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """Return the complete parser of each command by its name."""
    (commands,) = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    for command in commands.choices.values():
        command.complete()
    return dict(commands.choices)


def command_module(name: str) -> ModuleType:
    """Return the module of a command: it has EXAMPLE, ``add_arguments`` and ``run``."""
    return import_module(f"ec2facts.cli.{name}")


class _Parser(argparse.ArgumentParser):
    """A parser whose help goes to standard output as data, and whose errors are UsageErrors."""

    def __init__(self, *args: Any, command: str | None = None, **options: Any) -> None:
        super().__init__(*args, **{**options, "formatter_class": _HelpFormatter})
        self._command = command

    def complete(self) -> None:
        """Add the arguments of the command unless they have been added already."""
        if self._command is not None:
            module = command_module(self._command)
            self._command = None
            self.epilog = f"example: {module.EXAMPLE}"
            self.set_defaults(run=module.run)
            module.add_arguments(self)

    def print_help(self, file: object = None) -> None:
        write_stdout(self.format_help().encode())

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        self.complete()
        takes_command = self.get_default("command") is not None
        if takes_command and args[-1:] == ["--"]:
            self.error("-- must be followed by a command")
        args, command = _before_and_after_dashes(args) if takes_command else (args, [])
        namespace, unknown = super().parse_known_args(args, namespace)
        if command:
            namespace.command = command
        if unknown:  # the command reports them, so that the message names its help
            known = {flag.lstrip("-"): flag for flag in self._option_string_actions}
            meant = closest(unknown[0].partition("=")[0].lstrip("-"), known)
            hint = "" if meant is None else f" (did you mean {known[meant]}?)"
            self.error(f"unrecognized arguments: {' '.join(unknown)}{hint}")
        return namespace, unknown

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is None or value in action.choices:
            return
        known = [str(choice) for choice in action.choices]
        hint = did_you_mean(str(value), known) or f" (choose from {', '.join(known)})"
        if isinstance(action, argparse._SubParsersAction):
            self.error(f"there is no command {value!r}{hint}")
        raise argparse.ArgumentError(action, f"there is no {value!r}{hint}")

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; see `{self.prog} --help`")


class _HelpFormatter(argparse.RawDescriptionHelpFormatter):  # a wrapped example cannot be pasted
    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=help_width())

    def _split_lines(self, text: str, width: int) -> list[str]:
        import textwrap

        first, *items = text.splitlines()
        wrapped = [line for item in items for line in textwrap.wrap(item, width, subsequent_indent="    ")]
        return super()._split_lines(first, width) + wrapped


def _before_and_after_dashes(arguments: list[str]) -> tuple[list[str], list[str]]:
    """Split a command line at its first ``--``: argparse would parse the options of the command after it."""
    at = arguments.index("--") if "--" in arguments else len(arguments)
    return arguments[:at], arguments[at + 1 :]


def _fail(message: str, status: int) -> int:
    say(f"error: {message}")
    return status
