"""Stricter forms of Jinja's own filters, which would make a text of any value."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import partial, wraps
from typing import Any, Callable

from ec2facts.render.printable import defined, printable

Filter = Callable[..., Any]

_OF_TEXT = (
    *("capitalize", "center", "e", "escape", "forceescape", "indent", "lower", "safe", "string", "striptags", "title"),
    *("trim", "truncate", "upper", "urlize", "wordcount", "wordwrap"),
)
"""Filters that convert their value, but no argument, to text."""

_OF_ANYTHING = ("abs", "dictsort", "items", "round")
"""Filters that make no text, and take an undefined value for empty or name a wrong reason."""


def is_passed(function: Filter) -> bool:
    """Tell whether Jinja passes a filter something of its own before the value."""
    return hasattr(function, "jinja_pass_arg")


def strict_filters(filters: Mapping[str, Filter]) -> dict[str, Filter]:
    """Return the filters of Jinja that accept any value, by name, in a form that refuses a value without text."""
    # wraps() keeps the mark that tells Jinja what to pass before the value.

    @wraps(filters["replace"])
    def replace(eval_ctx: Any, value: Any, old: Any, new: Any, count: int | None = None) -> Any:
        return filters["replace"](eval_ctx, _text(value), _text(old), _text(new), count)

    @wraps(filters["format"])
    def format_(value: Any, *arguments: Any, **options: Any) -> Any:
        for argument in (*arguments, *options.values()):
            printable(argument)
        text = _text(value)
        try:
            return filters["format"](text, *arguments, **options)
        except (LookupError, TypeError, ValueError):
            raise ValueError("the text is not a format for these arguments") from None

    @wraps(filters["join"])
    def join(eval_ctx: Any, value: Iterable[Any], d: Any = "", attribute: Any = None) -> Any:
        from jinja2.filters import make_attrgetter

        items = value if attribute is None else map(make_attrgetter(eval_ctx.environment, attribute), value)
        return filters["join"](eval_ctx, map(_text, items), _text(d))

    @wraps(filters["urlencode"])
    def urlencode(value: Any) -> Any:
        if isinstance(value, str) or not isinstance(value, Iterable):
            return filters["urlencode"](_text(value))
        pairs = value.items() if isinstance(value, Mapping) else value
        return filters["urlencode"]([(_text(key), _text(item)) for key, item in pairs])

    @wraps(filters["xmlattr"])
    def xmlattr(eval_ctx: Any, d: Mapping[Any, Any], autospace: bool = True) -> Any:  # noqa: FBT001, FBT002 (Jinja's)
        texts = {_text(key): None if item is None else _text(item) for key, item in defined(d).items()}
        if any(re.search(r"[\s/>=]", name) for name in texts):  # Jinja checks this since 3.1.4
            raise ValueError("the name of an attribute cannot hold blanks, / > or =")
        return filters["xmlattr"](eval_ctx, texts, autospace)

    @wraps(filters["filesizeformat"])
    def filesizeformat(value: Any, binary: bool = False) -> Any:  # noqa: FBT001, FBT002 (Jinja's)
        try:
            number = float(value)
        except (TypeError, ValueError):
            raise ValueError("not a number") from None
        return filters["filesizeformat"](number, binary)

    @wraps(filters["attr"])
    def attr(environment: Any, value: Any, name: str) -> Any:
        return environment.getattr(value, name)

    own: dict[str, Filter] = {"replace": replace, "format": format_, "join": join, "urlencode": urlencode}
    own |= {"xmlattr": xmlattr, "filesizeformat": filesizeformat, "attr": attr}
    own |= {name: _taking(_text, filters[name]) for name in _OF_TEXT}
    own["pprint"] = _taking(defined, filters["pprint"])
    there = partial(defined, within=False)
    return {**own, **{name: _taking(there, filters[name]) for name in _OF_ANYTHING if name in filters}}


def _taking(take: Callable[[Any], Any], function: Filter) -> Filter:
    """Return a filter that gets the value as ``take`` returns it."""

    @wraps(function)
    def taking(*arguments: Any, **options: Any) -> Any:
        before = arguments[: is_passed(function)]
        value, *rest = arguments[is_passed(function) :]
        return function(*before, take(value), *rest, **options)

    return taking


def _text(value: Any) -> str:
    """Return a printable value as text; keep Jinja's mark of safe HTML."""
    text = printable(value)
    return value if isinstance(value, str) else text
