"""Stricter versions of Jinja's own filters, which would convert any value to text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import partial, wraps
from typing import Any, Callable

from ec2facts.render.printable import defined, printable

Filter = Callable[..., Any]

_TEXT_FILTERS = (
    *("capitalize", "center", "e", "escape", "forceescape", "indent", "lower", "safe", "string", "striptags", "title"),
    *("trim", "truncate", "upper", "urlize", "wordcount", "wordwrap"),
)
"""Filters that convert their value, but not their arguments, to text."""

_OTHER_FILTERS = ("abs", "dictsort", "items", "round")
"""Filters that would treat an undefined value as empty or fail with a misleading message."""


def takes_context(function: Filter) -> bool:
    """Return whether Jinja passes a context, an evaluation context or an environment before the value."""
    return hasattr(function, "jinja_pass_arg")


def strict_filters(filters: Mapping[str, Filter]) -> dict[str, Filter]:
    """Return strict versions of Jinja's filters by name: they refuse a value that is undefined or not printable."""
    # wraps() keeps the attribute that tells Jinja what to pass before the value.

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
            raise ValueError("the format does not match its arguments") from None

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
            raise ValueError("an attribute name cannot hold blanks, /, > or =")
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
    own |= {name: _converting(_text, filters[name]) for name in _TEXT_FILTERS}
    own["pprint"] = _converting(defined, filters["pprint"])
    check = partial(defined, within=False)
    return {**own, **{name: _converting(check, filters[name]) for name in _OTHER_FILTERS if name in filters}}


def _converting(convert: Callable[[Any], Any], function: Filter) -> Filter:
    """Return the filter with ``convert`` applied to its value first."""

    @wraps(function)
    def converting(*arguments: Any, **options: Any) -> Any:
        before = arguments[: takes_context(function)]
        value, *rest = arguments[takes_context(function) :]
        return function(*before, convert(value), *rest, **options)

    return converting


def _text(value: Any) -> str:
    """Return a printable value as text; keep Jinja's Markup of safe HTML."""
    text = printable(value)
    return value if isinstance(value, str) else text
