"""Parsers for the settings of a file, shared by the command line and configs."""

from __future__ import annotations

import grp
import pwd
from collections.abc import Callable

from ec2facts.errors import UsageError

PLACEHOLDER = "{}"
"""The placeholder in a check for the name of the file."""

_NO_NUMBER = 2**32 - 1
"""The uid that system calls treat like -1: keep the owner."""


def parse_mode(text: str) -> int:
    """Return the mode of octal text; raise UsageError if it is invalid."""
    try:
        mode = int(text, 8)
    except ValueError as error:
        raise UsageError(f"{text!r} is not octal") from error
    if not 0 <= mode <= 0o7777:
        raise UsageError(f"{text!r} is not a mode")
    return mode


def user_number(owner: str) -> int:
    """Return the uid of a user name or number; raise UsageError if there is no such user."""
    return _number("user", owner, lambda name: pwd.getpwnam(name).pw_uid)


def group_number(group: str) -> int:
    """Return the gid of a group name or number; raise UsageError if there is no such group."""
    return _number("group", group, lambda name: grp.getgrnam(name).gr_gid)


def parse_check(command: str) -> str:
    """Return the check; raise UsageError if it has no placeholder."""
    if PLACEHOLDER not in command:
        raise UsageError(
            f"the check {command!r} has no {PLACEHOLDER} for the name of the file; "
            "a live check (--check-live, check_live) checks the installed file"
        )
    return command


def parse_suffix(suffix: str) -> str:
    """Return the suffix; raise UsageError if no file name can end in it."""
    if "/" in suffix or "\0" in suffix:
        raise UsageError(f"the suffix {suffix!r} holds a slash or a NUL, which a file name cannot hold")
    return suffix


def _number(kind: str, given: str, named: Callable[[str], int]) -> int:
    try:
        number = int(given) if given.isdecimal() else named(given)
    except KeyError as error:
        raise UsageError(f"there is no {kind} {given!r}") from error
    if number >= _NO_NUMBER:
        raise UsageError(f"{number} is not a valid {kind} number")
    return number
