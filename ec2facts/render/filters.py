"""The filters of templates beside Jinja's own: every public function of the modules that hold them, by its name.

Where Ansible has a filter of that name it does what Ansible's does. A filter refuses with a ValueError whose text
never holds the value. Its docstring begins with its sentence and holds one example, ``{{ … }} → what it prints``;
what it prints stands behind the arrow, or in lines indented once more below it.
"""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Mapping
from typing import Any, Callable, NamedTuple

from ec2facts.render import addresses, containers, names, quoting, strings, values

# A filter named like a builtin of Python is defined with an underscore behind it.
FILTERS: Mapping[str, Callable[..., Any]] = {
    name.rstrip("_"): function
    for module in (quoting, names, addresses, values, containers, strings)
    for name, function in vars(module).items()
    if not name.startswith("_") and inspect.isfunction(function) and function.__module__ == module.__name__
}
"""Every filter by its name."""

_EXAMPLE = re.compile(r"^(\{\{ .+ \}\}) →(?: (.*)|((?:\n    .*)+))$", re.MULTILINE)


class Example(NamedTuple):
    """A filter, what it does in one sentence, a template that uses it and what that prints."""

    name: str
    sentence: str
    template: str
    output: str


def examples() -> list[Example]:
    """Return one example of each filter."""
    return [_example(name, inspect.getdoc(function) or "") for name, function in FILTERS.items()]


def _example(name: str, documentation: str) -> Example:
    match = _EXAMPLE.search(documentation)
    if match is None:
        raise ValueError(f"the documentation of the filter {name} has no example")
    template, output, lines = match.groups()
    sentence = documentation.partition("\n\n")[0]
    return Example(name, sentence, template, output if lines is None else textwrap.dedent(lines).strip("\n"))
