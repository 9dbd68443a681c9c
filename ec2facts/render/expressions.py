"""Regular expressions of templates, and the tests that ask whether one matches, which are Ansible's."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Callable

from ec2facts.render.printable import printable


def compiled(pattern: str, ignorecase: bool = False, multiline: bool = False) -> re.Pattern[str]:  # noqa: FBT001, FBT002 (in the place that Ansible has them)
    """Return a regular expression; raise ValueError, with the reason, if it is none."""
    try:
        return re.compile(pattern, re.IGNORECASE * ignorecase | re.MULTILINE * multiline)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from error


def _match(value: Any, *arguments: Any, **options: Any) -> bool:
    return bool(compiled(*arguments, **options).match(printable(value)))


def _search(value: Any, *arguments: Any, **options: Any) -> bool:
    return bool(compiled(*arguments, **options).search(printable(value)))


TESTS: Mapping[str, Callable[..., bool]] = {"match": _match, "search": _search, "regex": _search}
"""The tests of templates beside Jinja's own; they take what ``compiled`` takes."""
