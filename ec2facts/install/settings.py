"""The settings of a file as people write them: one parser for each, for the command line and for configs."""

from __future__ import annotations

import grp
import pwd
from collections.abc import Callable

from ec2facts.errors import UsageError

PLACEHOLDER = "{}"
"""Stands in a check for the name of the file."""

_NO_NUMBER = 2**32 - 1
"""The number that system calls take for «leave the owner», as -1."""


def parse_mode(text: str) -> int:
    """Return permissions given in octal; raise UsageError for anything else."""
    try:
        mode = int(text, 8)
    except ValueError as error:
        raise UsageError(f"{text!r} is not octal") from error
    if not 0 <= mode <= 0o7777:
        raise UsageError(f"{text!r} is not a mode")
    return mode


def user_number(owner: str) -> int:
    """Return the uid of a user given by name or number; raise UsageError if there is no such user."""
    return _number("user", owner, lambda name: pwd.getpwnam(name).pw_uid)


def group_number(group: str) -> int:
    """Return the gid of a group given by name or number; raise UsageError if there is no such group."""
    return _number("group", group, lambda name: grp.getgrnam(name).gr_gid)


def parse_check(command: str) -> str:
    """Return a check that has the placeholder; raise UsageError if it has none."""
    if PLACEHOLDER not in command:
        raise UsageError(
            f"the check {command!r} has no {PLACEHOLDER} for the name of the file; "
            "a live check (--check-live, check_live) checks the installed file"
        )
    return command


def parse_suffix(suffix: str) -> str:
    """Return a suffix that the name of a file can end in; raise UsageError for any other."""
    if "/" in suffix or "\0" in suffix:
        raise UsageError(f"the suffix {suffix!r} holds a slash or a NUL, which no name of a file can hold")
    return suffix


def _number(kind: str, given: str, named: Callable[[str], int]) -> int:
    try:
        number = int(given) if given.isdecimal() else named(given)
    except KeyError as error:
        raise UsageError(f"there is no {kind} {given!r}") from error
    if number >= _NO_NUMBER:
        raise UsageError(f"no {kind} can have the number {number}")
    return number
