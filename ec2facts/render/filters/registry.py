"""The filters of templates beside Jinja's own: every public function of the modules that hold them, by its name.

Where Ansible has a filter of that name it does what Ansible's does. A filter refuses with a ValueError whose text
never holds the value. Its docstring begins with its sentence, says what there is to know of each argument, and ends
in one example, ``{{ … }} → what it prints``; what it prints stands behind the arrow, or in lines indented once more
below it.
"""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Mapping
from functools import wraps
from typing import Any, Callable, NamedTuple

from ec2facts.render.filters import addresses, containers, conversions, hostnames, quoting, strings
from ec2facts.render.filters.jinja_strict import is_passed
from ec2facts.render.printable import RefusalError
from ec2facts.render.undefined import dotted, route

# A filter named like a builtin of Python is defined with an underscore behind it.
FILTERS: Mapping[str, Callable[..., Any]] = {
    name.rstrip("_"): function
    for module in (quoting, hostnames, addresses, conversions, containers, strings)
    for name, function in vars(module).items()
    if not name.startswith("_") and inspect.isfunction(function) and function.__module__ == module.__name__
}
"""Every filter by its name."""


class _FilterRefusalError(RefusalError):
    """A RefusalError that names its filter."""


def named(name: str, function: Callable[..., Any], facts: Mapping[str, Any]) -> Callable[..., Any]:
    """Return a filter for Jinja whose refusals say its name, and which fact it refuses if it was given one as it is."""
    from jinja2 import pass_context

    passed = is_passed(function)

    @wraps(function)
    def refusing(given: Any, /, *arguments: Any, **options: Any) -> Any:
        if passed:
            arguments = (given, *arguments)
        try:
            return function(*arguments, **options)
        except _FilterRefusalError:  # of a filter in a |map, whose items are made when they are asked for
            raise
        except (TypeError, ValueError) as error:
            fact = dotted(route(facts, arguments[passed]))
            raise _FilterRefusalError(f"|{name}{' of ' * bool(fact)}{fact}: {error}") from error

    # With the context a filter is not evaluated while a template is compiled, where |random would be once for all.
    return refusing if passed else pass_context(refusing)


_EXAMPLE = re.compile(r"^(\{\{ .+ \}\}) →(?: (.*)|((?:\n    .*)+))$", re.MULTILINE)


class Example(NamedTuple):
    """A filter, how it is written, what it does in one sentence, what else there is to know, and a use of it."""

    name: str
    call: str
    sentence: str
    notes: str
    template: str
    output: str


def examples() -> list[Example]:
    """Return one example of each filter."""
    return [_example(name, function) for name, function in FILTERS.items()]


def _example(name: str, function: Callable[..., Any]) -> Example:
    documentation = inspect.getdoc(function) or ""
    match = _EXAMPLE.search(documentation)
    if match is None:
        raise ValueError(f"the documentation of the filter {name} has no example")
    template, output, lines = match.groups()
    sentence, _, notes = documentation[: match.start()].partition("\n\n")
    output = output if lines is None else textwrap.dedent(lines).strip("\n")
    return Example(name, _call(name, function), sentence, " ".join(notes.split()), template, output)


def _call(name: str, function: Callable[..., Any]) -> str:
    """Return a filter with its arguments, as a template writes them."""
    _, *parameters = inspect.signature(function).parameters.values()
    return f"{name}({', '.join(map(_argument, parameters))})" if parameters else name


def _argument(parameter: inspect.Parameter) -> str:
    if parameter.default is parameter.empty:
        return str(parameter.replace(annotation=parameter.empty))
    default = repr(parameter.default)
    # Jinja writes true, false and none as Python does, but for the capital.
    return f"{parameter.name}={default if isinstance(parameter.default, str) else default.lower()}"
