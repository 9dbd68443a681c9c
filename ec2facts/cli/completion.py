"""Print the completion script of a shell."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ec2facts import instances
from ec2facts.cli.streams import write_stdout
from ec2facts.collection.withholding import WITHHELD_NAMES
from ec2facts.metadata.schema import schema

EXAMPLE = "ec2facts completion fish"

SHELLS = ("bash", "zsh", "fish")

_FILES = {"FILE", "DIR", "CONFIG", "SNAPSHOT", "TEMPLATE"}
"""Metavars of arguments that take a path."""


class Options(argparse.Namespace):
    shell: str


class Argument(NamedTuple):
    """One option or positional argument, and the values that complete it."""

    flags: tuple[str, ...]
    """Empty for a positional argument."""
    description: str
    values: tuple[str, ...]
    takes_value: bool
    takes_file: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=SHELLS, metavar="SHELL", help=f"the shell: {', '.join(SHELLS)}")


def run(options: Options) -> None:
    """Print the script: it completes commands, options, instances, templates and names of facts."""
    from ec2facts.cli import COMMANDS, command_parsers, make_parser

    commands = {name: list(_arguments(name, parser)) for name, parser in command_parsers(make_parser()).items()}
    text = _fish(commands, COMMANDS) if options.shell == "fish" else _bash(commands, zsh=options.shell == "zsh")
    write_stdout(text.encode())


def _arguments(command: str, parser: argparse.ArgumentParser) -> Iterator[Argument]:
    for action in parser._actions:
        yield Argument(
            tuple(action.option_strings),
            (action.help or "").partition("\n")[0].replace("%%", "%"),
            tuple(_values(command, action)),
            takes_value=action.nargs != 0,
            takes_file=action.metavar in _FILES,
        )


def _values(command: str, action: argparse.Action) -> Iterable[str]:
    if action.choices is not None:
        return map(str, action.choices)
    if action.metavar == "INSTANCE" or (command, action.dest) == ("serve", "snapshot"):
        return instances.names()
    if (command, action.dest) == ("templates", "action"):
        return ("list", "show")
    if action.metavar == "TEMPLATE" or (command, action.dest) == ("templates", "name"):
        from ec2facts.render.template.search import list_templates

        return [each.name for each in list_templates()]
    if action.dest == "include":
        return WITHHELD_NAMES
    if action.metavar == "NAME" or action.dest == "only":
        return [entry.name.replace(".*.", ".0.") for entry in schema()]
    return ()


def _bash(commands: dict[str, list[Argument]], *, zsh: bool) -> str:
    """Return a script for bash; zsh runs the same one through bashcompinit."""
    cases = ""
    for name, arguments in commands.items():
        positional = [each for each in arguments if not each.flags]
        words = [word for each in arguments for word in (each.flags or each.values)]
        cases += f'        {name})\n            case "$previous" in\n'
        cases += "".join(
            f"                {'|'.join(each.flags)}) {_candidates(each.values, files=each.takes_file)} ;;\n"
            for each in arguments
            if each.flags and each.takes_value
        )
        free = _candidates(words, files=any(each.takes_file for each in positional))
        cases += f"                *) {free} ;;\n            esac ;;\n"
    return f"""{"autoload -Uz bashcompinit && bashcompinit" * zsh}
_ec2facts() {{
    local current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD-1]}} values= files= command= word
    for word in "${{COMP_WORDS[@]:1:$((COMP_CWORD-1))}}"; do
        case "$word" in {"|".join(commands)}) command=$word; break ;; esac
    done
    case "$command" in
{cases}        *) {_candidates([*commands, "--help", "--version"], files=False)} ;;
    esac
    COMPREPLY=($(compgen -W "$values" -- "$current"))
    if [ -n "$files" ]; then COMPREPLY+=($(compgen -f -- "$current")); fi
}}
complete -o filenames -F _ec2facts ec2facts
""".lstrip()


def _candidates(values: Iterable[str], *, files: bool) -> str:
    return f"values={shlex.quote(' '.join(values))}" + " files=1" * files


def _fish(commands: dict[str, list[Argument]], summaries: dict[str, str]) -> str:
    lines = ["complete -c ec2facts -f"]
    for name, summary in summaries.items():
        lines.append(f"complete -c ec2facts -n __fish_use_subcommand -a {name} -d {_fish_quote(summary)}")
    for name, arguments in commands.items():
        start = f"complete -c ec2facts -n '__fish_seen_subcommand_from {name}'"
        for each in arguments:
            flags = " ".join(f"-l {flag[2:]}" if flag.startswith("--") else f"-s {flag[1:]}" for flag in each.flags)
            values = f" -a {_fish_quote(' '.join(each.values))}" if each.values else ""
            file = " -rF" if each.takes_file else " -x" if each.takes_value and each.flags else ""
            value = file + values
            description = f" -d {_fish_quote(each.description)}" if each.flags else ""
            if flags or value:
                lines.append(f"{start} {flags}{value}{description}".replace("  ", " "))
    return "\n".join(lines) + "\n"


def _fish_quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
