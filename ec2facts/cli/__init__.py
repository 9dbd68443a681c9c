"""The command line: parse, call one library function, print."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from ec2facts import __version__
from ec2facts.cli import dump, env, get, render, schema, serve, snapshot
from ec2facts.errors import EC2FactsError

COMMANDS = (dump, get, env, render, snapshot, serve, schema)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return its exit status. Whatever goes wrong is one line on standard error."""
    try:
        arguments = make_parser().parse_args(argv)
        arguments.run(arguments)
        sys.stdout.flush()
    except EC2FactsError as error:
        return _fail(str(error), error.exit_status)
    except OSError as error:
        # What is left in the buffer must not be tried again, and complained of, when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _fail(f"{error.filename or 'standard output'}: {error.strerror or error}", 1)
    except KeyboardInterrupt:
        return _fail("interrupted", 130)
    return 0


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line, with a subparser for each command."""
    parser = argparse.ArgumentParser("ec2facts", description="read every fact of an Amazon EC2 instance and write it")
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    parser.set_defaults(run=lambda _: parser.print_help())
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for module in COMMANDS:
        name = module.__name__.rpartition(".")[2]
        summary = (module.__doc__ or "").partition("\n")[0].rstrip(".")
        summary = summary[:1].lower() + summary[1:]
        command = commands.add_parser(name, help=summary, description=summary, epilog=f"example: {module.EXAMPLE}")
        command.set_defaults(run=module.run)
        module.add_arguments(command)
    return parser


def _fail(message: str, status: int) -> int:
    print(f"ec2facts: error: {message}", file=sys.stderr)  # noqa: T201
    return status
