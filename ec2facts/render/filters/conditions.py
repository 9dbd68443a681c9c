"""Jinja tests that Ansible adds, with Ansible's names and arguments: ``x is match('a')``."""

from __future__ import annotations

import operator
import re
from collections.abc import Mapping
from typing import Any, Callable

from ec2facts.render.filters.regexes import compiled, time_limit
from ec2facts.render.printable import RefusalError, defined, printable

_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    **dict.fromkeys(("==", "=", "eq"), operator.eq),
    **dict.fromkeys(("!=", "<>", "ne"), operator.ne),
    **dict.fromkeys(("<", "lt"), operator.lt),
    **dict.fromkeys(("<=", "le"), operator.le),
    **dict.fromkeys((">", "gt"), operator.gt),
    **dict.fromkeys((">=", "ge"), operator.ge),
}


def _match(value: Any, *arguments: Any, **options: Any) -> bool:
    with time_limit():
        return bool(compiled(*arguments, **options).match(printable(value)))


def _search(value: Any, *arguments: Any, **options: Any) -> bool:
    with time_limit():
        return bool(compiled(*arguments, **options).search(printable(value)))


def _contains(value: Any, item: Any) -> bool:
    return defined(item) in value


def _version(value: Any, version: Any, operator: str = "eq") -> bool:
    """Compare versions like Ansible's default, part by part: numbers by value, letters by order."""
    if operator not in _OPERATORS:
        raise RefusalError(f"no operator {operator!r}, choose from {', '.join(_OPERATORS)}")
    try:
        return _OPERATORS[operator](_parts(value), _parts(version))
    except TypeError:
        raise RefusalError("the versions cannot be compared: one has a number where the other has a letter") from None


def _parts(version: Any) -> list[int | str]:
    parts = [part for part in re.split(r"([0-9]+|[a-z]+|\.)", printable(version)) if part not in ("", ".")]
    if not parts:
        raise RefusalError("a version is empty")
    return [int(part) if re.fullmatch("[0-9]+", part) else part for part in parts]


TESTS: Mapping[str, Callable[..., bool]] = {
    "match": _match,
    "search": _search,
    "regex": _search,
    "contains": _contains,
    "version": _version,
    "version_compare": _version,
}
