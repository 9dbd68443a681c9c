"""Write single facts with as few requests as possible."""

from __future__ import annotations

import argparse
import base64
import json
import sys
from typing import Any

from ec2facts.cli.source_options import SourceOptions, add_source_options, open_source, warn_unread, warn_withheld
from ec2facts.cli.streams import say, write_stdout
from ec2facts.collection.lookup import lookup
from ec2facts.errors import AbsentError, UnrepresentableError, UsageError
from ec2facts.imds.source import Source

EXAMPLE = "ec2facts get instance_id tags.Name network_interfaces.0.subnet_id placement/region --simulate"


class Options(SourceOptions):
    names: list[str]
    default: str | None
    json: bool
    null: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "names",
        type=_name,
        nargs="+",
        metavar="NAME",
        help="a dotted name (tags.Name, network_interfaces.0.mac), with * for every match ('tags.*'); an AWS name "
        "(local-ipv4, vpc-id); or a path (placement/region), whose body is written unchanged; see `ec2facts schema`",
    )
    parser.add_argument("--default", metavar="VALUE", help="write VALUE for a fact that is absent on this instance")
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "--json",
        action="store_true",
        help="write one JSON object, with each NAME as a key; if a fact is absent, leave it out and exit with status 9",
    )
    group.add_argument(
        "-0",
        "--null",
        action="store_true",
        help="end each value with a NUL byte instead of a newline, for values of several lines",
    )
    add_source_options(parser)


def run(options: Options) -> int:
    """Write the facts; return 9 if --json left out an absent one."""
    values: dict[str, Any] = {}
    with open_source(options) as source:
        for name in options.names:
            values[name] = _value(source, name, options)
    found = {name: value for name, value in values.items() if not isinstance(value, AbsentError)}
    write_stdout(_json(found) if options.json else _plain(found, options))
    for absent in values.values():
        if isinstance(absent, AbsentError):
            say(f"error: {absent}")
    return 0 if len(found) == len(values) else AbsentError.exit_status


def _value(source: Source, name: str, options: Options) -> Any:
    """Return the fact ``name``; if it is absent, return the default, or with --json the error."""
    try:
        return lookup(
            source,
            name,
            include=options.include,
            on_unread=warn_unread if options.allow_partial else None,
            on_withheld=warn_withheld,
        )
    except AbsentError as error:
        if options.default is not None:
            return options.default
        if options.json:
            return error
        raise


def _name(text: str) -> str:
    text.encode()  # raises a ValueError, which argparse reports, for bytes that are not UTF-8
    return text


_name.__name__ = "UTF-8"


def _json(values: dict[str, Any]) -> bytes:
    held = {name: _text_or_base64(value) if isinstance(value, bytes) else value for name, value in values.items()}
    return (json.dumps(held, indent=2, ensure_ascii=False) + "\n").encode()


def _text_or_base64(body: bytes) -> str | dict[str, str]:
    try:
        return body.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(body).decode()}


def _plain(values: dict[str, Any], options: Options) -> bytes:
    """Return scalars bare and other values as JSON; return the body of a single path unchanged."""
    found = [
        (name, each)
        for name in options.names
        for each in (values[name].values() if "*" in name and isinstance(values[name], dict) else [values[name]])
    ]
    is_terminal = bool(sys.stdout) and sys.stdout.isatty()
    lines = []
    for name, value in found:
        content = value if isinstance(value, bytes) else _text(value).encode()
        if is_terminal and isinstance(_text_or_base64(content), dict):
            raise UsageError(f"{name} is binary ({len(content)} bytes); write it to a file or a pipe, or use --json")
        if options.null:
            if b"\0" in content:
                raise UnrepresentableError("-0", {name: "the value holds a NUL byte"})
            lines.append(content + b"\0")
        elif (isinstance(value, bytes) and len(found) == 1 and not is_terminal) or content.endswith(b"\n"):
            lines.append(content)
        else:
            lines.append(content + b"\n")
    return b"".join(lines)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
