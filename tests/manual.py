"""The manual page, generated from the help of ``--help``; ``python -m tests.readme`` writes it."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

from ec2facts import __version__
from tests.cli.running import parsers

PAGE = Path(__file__).parent.parent / "ec2facts/cli/ec2facts.1"


VARIABLES = re.compile(r"\bAWS_(?:EC2_)?METADATA_[A-Z_]+[A-Z]\b")


def written(statuses: list[tuple[str, str]]) -> str:
    """Return the page in the macros of man(7)."""
    commands = parsers()
    whole = commands.pop("")
    lines = [
        f'.TH EC2FACTS 1 "" "ec2facts {__version__}" "User Commands"',
        ".SH NAME",
        f"ec2facts \\- {_roff(whole.description or '')}",
        ".SH SYNOPSIS",
        ".B ec2facts",
        ".I COMMAND",
        ".RI [ OPTION ]...",
        ".SH COMMANDS",
    ]
    for name, parser in commands.items():
        lines += [f'.SS "ec2facts {name}"', f"{_roff(_capital(parser.description or ''))}.", *_arguments(parser)]
        lines += [".PP", "Example:", ".PP", ".nf", _roff((parser.epilog or "").rpartition("example: ")[2]), ".fi"]
    lines.append(".SH EXIT STATUS")
    for status, meaning in statuses:
        lines += [".TP", f".B {status}", _roff(re.sub("<br>|`", " ", meaning).strip())]
    lines += [".SH ENVIRONMENT", "These variables mean what they mean to the AWS SDKs."]
    code = "".join(file.read_text(encoding="utf-8") for file in (PAGE.parent.parent / "imds").glob("*.py"))
    for variable in sorted(set(VARIABLES.findall(code))):
        lines += [".PP", f".B {_roff(variable)}"]
    return "\n".join(lines) + "\n"


def _arguments(parser: argparse.ArgumentParser) -> Iterator[str]:
    for action in parser._actions:
        value = str(action.metavar or action.dest.upper()) if action.nargs != 0 else ""
        names = ", ".join(f"\\fB{_roff(flag)}\\fR" for flag in action.option_strings)
        shown = f"[{value}]" if action.nargs == "?" else value
        yield ".TP"
        yield " ".join(filter(None, [names, f"\\fI{_roff(shown)}\\fR" if shown else ""]))
        yield _roff((action.help or "").replace("%%", "%")).replace("\n", "\n.br\n")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _roff(text: str) -> str:
    """Return ``text`` escaped for roff."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("`", "\\(ga")
    return re.sub(r"^\.", "\\\\&.", escaped)
