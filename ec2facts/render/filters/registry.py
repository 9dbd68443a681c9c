"""The registry of filters: every public function of the filter modules, by name.

A filter that shares its name with one of Ansible's behaves like it. A filter refuses a value with a ValueError whose
message never holds the value. Its docstring has one sentence, then notes on the arguments, then one example,
``{{ … }} → output``; longer output follows on indented lines.
"""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Mapping
from functools import wraps
from typing import Any, Callable, NamedTuple

from ec2facts.render.filters import addresses, containers, conversions, hostnames, quoting, strings, times
from ec2facts.render.filters.jinja_strict import takes_context
from ec2facts.render.printable import RefusalError
from ec2facts.render.undefined import dotted, route

# A filter named like a builtin is a function whose name ends in an underscore.
FILTERS: Mapping[str, Callable[..., Any]] = {
    name.rstrip("_"): function
    for module in (quoting, hostnames, addresses, conversions, containers, strings, times)
    for name, function in vars(module).items()
    if not name.startswith("_") and inspect.isfunction(function) and function.__module__ == module.__name__
}
"""Every filter, by name."""


class _FilterRefusalError(RefusalError):
    """A RefusalError that names its filter."""


def named(name: str, function: Callable[..., Any], facts: Mapping[str, Any]) -> Callable[..., Any]:
    """Return the filter with its name in its errors, and the fact's name too if the value is an unmodified fact."""
    from jinja2 import pass_context

    has_context = takes_context(function)

    @wraps(function)
    def refusing(context: Any, /, *arguments: Any, **options: Any) -> Any:
        if has_context:
            arguments = (context, *arguments)
        try:
            return function(*arguments, **options)
        except _FilterRefusalError:  # another filter's, from a lazy |map
            raise
        except (TypeError, ValueError) as error:
            fact = dotted(route(facts, arguments[has_context]))
            raise _FilterRefusalError(f"|{name}{' of ' * bool(fact)}{fact}: {error}") from error

    # Jinja does not evaluate a context filter at compile time, where |random would choose once and for all.
    return refusing if has_context else pass_context(refusing)


_EXAMPLE = re.compile(r"^(\{\{ .+ \}\}) →(?: (.*)|((?:\n    .*)+))$", re.MULTILINE)


class Example(NamedTuple):
    """The documentation of a filter."""

    name: str
    call: str
    sentence: str
    notes: str
    template: str
    output: str


def examples() -> list[Example]:
    """Return the documentation of each filter."""
    return [_example(name, function) for name, function in FILTERS.items()]


def _example(name: str, function: Callable[..., Any]) -> Example:
    documentation = inspect.getdoc(function) or ""
    match = _EXAMPLE.search(documentation)
    if match is None:
        raise ValueError(f"the docstring of the filter {name} has no example")
    template, output, lines = match.groups()
    sentence, _, notes = documentation[: match.start()].partition("\n\n")
    output = output if lines is None else textwrap.dedent(lines).strip("\n")
    return Example(name, _call(name, function), sentence, " ".join(notes.split()), template, output)


def _call(name: str, function: Callable[..., Any]) -> str:
    """Return the filter's signature in template syntax."""
    _, *parameters = inspect.signature(function).parameters.values()
    return f"{name}({', '.join(map(_argument, parameters))})" if parameters else name


def _argument(parameter: inspect.Parameter) -> str:
    if parameter.default is parameter.empty:
        return str(parameter.replace(annotation=parameter.empty))
    default = repr(parameter.default)
    # Jinja writes true, false and none in lower case.
    return f"{parameter.name}={default if isinstance(parameter.default, str) else default.lower()}"
