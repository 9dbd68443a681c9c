"""Parsers for the values of options and of config keys."""

from __future__ import annotations

from ec2facts.errors import UsageError

DAY = 86400

_MAX_ID = 2**32 - 2


def parse_file(text: str) -> str:
    """Return a file name; raise UsageError if it is empty or ends with a slash."""
    if not text:
        raise UsageError("the file name is empty")
    if text.endswith("/"):
        raise UsageError(f"{text!r} is a directory; name a file in it")
    return text


def parse_seconds(text: str) -> float:
    """Return a time limit in seconds, above 0 and up to a day."""
    return _number(text, 0.001)


def parse_wait(text: str) -> float:
    """Return a time to wait in seconds, from 0 to a day."""
    return _number(text, 0)


def _number(text: str, least: float) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1
    if not least <= number <= DAY:
        raise UsageError(f"{text!r} is not a number of seconds from {least} to {DAY}")
    return number


def parse_owner(text: str) -> str:
    """Return the name or number of a user; the install checks that the user exists."""
    return _name_or_number("user", text)


def parse_group(text: str) -> str:
    """Return the name or number of a group; the install checks that the group exists."""
    return _name_or_number("group", text)


def _name_or_number(kind: str, text: str) -> str:
    if not text:
        raise UsageError(f"the {kind} name is empty")
    if text.isdecimal() and int(text) > _MAX_ID:
        raise UsageError(f"no {kind} can have the number {text}")
    return text


def parse_include(text: str) -> str:
    """Return the name of a withheld fact, or a path; raise UsageError for anything else."""
    from ec2facts.collection.withholding import path_to_include  # loads every declaration

    path_to_include(text)
    return text
