"""The values that a template can print: text, numbers and booleans. It refuses lists, mappings and None."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from jinja2 import Undefined
from jinja2.sandbox import SandboxedFormatter

T = TypeVar("T")


OMIT = object()
"""Ansible's ``omit``, which drops an argument of a module there. Here it can be compared, but not printed."""


class RefusalError(ValueError):
    """A value cannot be printed, or a filter or test refuses it. The message holds no part of any value."""


def printable(value: Any) -> str:
    """Return the text that a template prints for a value; a boolean prints as ``True`` or ``False``, as in Jinja.

    Every printed value passes through this function, and so does every operand of ``~``, ``%``, ``.format`` and the
    text filters. Raises RefusalError, with the remedy, for a value that cannot be printed, and jinja2's UndefinedError
    for an undefined value.
    """
    if not isinstance(value, (str, int, float, Undefined)):
        raise RefusalError(_refusal(value))
    text = str(value)
    try:
        text.encode()
    except UnicodeEncodeError:  # JSON can hold "\\ud800"
        raise RefusalError("a lone surrogate cannot be printed: no encoding can hold it") from None
    return text


def defined(value: T, *, within: bool = True) -> T:
    """Return ``value``; raise jinja2's UndefinedError if it is undefined or, with ``within``, contains such a value."""
    if isinstance(value, Undefined):
        str(value)
    if not within:
        return value
    children = value.values() if isinstance(value, Mapping) else value if isinstance(value, (list, tuple)) else ()
    for child in children:
        defined(child)
    return value


def operand(value: Any) -> Any:
    """Return the right operand of ``text % value``; raise RefusalError if it cannot be printed."""
    if isinstance(value, Mapping):
        return _Operand(value)
    for item in value if isinstance(value, tuple) else (value,):
        printable(item)
    return value


class _Operand:
    """A mapping as the right operand of ``%``: checks only the values whose keys the text names."""

    def __init__(self, mapping: Mapping[Any, Any]) -> None:
        self._mapping = mapping

    def __getitem__(self, key: str) -> Any:
        value = self._mapping[key]
        printable(value)
        return value

    def __str__(self) -> str:
        return printable(self._mapping)

    __repr__ = __str__


class PrintableFormatter(SandboxedFormatter):
    """``str.format`` for templates: refuses a value that cannot be printed."""

    def convert_field(self, value: Any, conversion: Any) -> Any:
        """Check the value of a field, then convert it."""
        printable(value)
        return super().convert_field(value, conversion)


def _refusal(value: object) -> str:
    if value is None:
        return "None cannot be printed; give it a |default('…', true), or write null with |to_json"
    if value is OMIT:
        return "omit cannot be printed: a template has no module argument to omit; use |default('')"
    if callable(value):
        return "a method or macro cannot be printed; call it with ()"
    advice = "look up a key, or use |to_json" if isinstance(value, Mapping) else "use |join, or |list | to_json"
    kind = "dict" if isinstance(value, Mapping) else type(value).__name__
    return f"a {kind} cannot be printed; {advice}"
