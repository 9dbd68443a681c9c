"""What a template may print: text and numbers, nothing that Python would have to spell out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from jinja2 import Undefined

T = TypeVar("T")


def printable(value: Any) -> str:
    """Return the text of a value as a template prints it; every printed value passes here.

    Raises ValueError, which says what to do instead, for what has no text of its own, and jinja2's UndefinedError
    for what is undefined. A boolean is ``True`` or ``False``, as everywhere in Jinja. The operator ``~`` makes text
    of anything before it gets here, of None as well.
    """
    if not isinstance(value, (str, int, float, Undefined)):
        raise ValueError(_refusal(value))
    text = str(value)
    try:
        text.encode()
    except UnicodeEncodeError:  # a JSON document may say "\\ud800"
        raise ValueError("half of a surrogate pair cannot be printed: it is not Unicode text") from None
    return text


def defined(value: T) -> T:
    """Return ``value``; raise jinja2's UndefinedError if it, or anything in it, is undefined."""
    if isinstance(value, Undefined):
        str(value)
    children = value.values() if isinstance(value, Mapping) else value if isinstance(value, (list, tuple)) else ()
    for child in children:
        defined(child)
    return value


def _refusal(value: object) -> str:
    if value is None:
        return "None cannot be printed; give it a |default('…', true), or write null with |to_json"
    if callable(value):
        return "a method or macro cannot be printed; call it, with ()"
    advice = "name a key of it, or use |to_json" if isinstance(value, Mapping) else "use |join, or |list | to_json"
    return f"a {type(value).__name__} cannot be printed; {advice}"
