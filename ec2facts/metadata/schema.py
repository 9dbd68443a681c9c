"""The schema: every attribute that is declared, as data, and the directories that follow from it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from ec2facts.metadata.attributes import Attribute, Resource, attributes
from ec2facts.metadata.instance import EC2Metadata
from ec2facts.metadata.parts import NetworkInterface, PublicKey

RESOURCES: tuple[type[Resource], ...] = (EC2Metadata, NetworkInterface, PublicKey)
"""The classes that declare attributes."""

DOCUMENTS = frozenset(name for name, attribute in attributes(EC2Metadata).items() if attribute.document)
"""The names whose values are whole documents: JSON, PEM, keys."""


class Entry(NamedTuple):
    """One attribute, under the name that the Python API, the facts and ``ec2facts get`` know."""

    name: str
    """Dotted; ``*`` stands for the key of a network interface or a public key."""
    type: str
    """The Python type, as an annotation says it."""
    path: str
    """The path below ``/latest/``, ``{name}`` in place of what differs."""
    withheld: bool
    """Whether it takes ``--include`` to get it."""
    changeable: bool
    """Whether it may change while the instance runs, so that ``apply --watch`` looks at it."""
    description: str


def schema() -> list[Entry]:
    """Return every declared attribute, in the order of the facts."""
    return [
        Entry(
            f"{kind.within}*.{name}" if kind.within else name,
            each.type_name,
            kind.pattern + each.path,
            each.withheld,
            each.changeable,
            str(each.__doc__),
        )
        for kind in RESOURCES
        for name, each in attributes(kind).items()
    ]


def is_directory(path: str) -> bool:
    """Whether the declarations say that ``path``, which ends in ``/``, is a directory."""
    return _DIRECTORIES.fullmatch(path) is not None


def is_value(path: str) -> bool:
    """Whether the declarations say that ``path``, without a slash behind it, has one value and nothing below it."""
    return _VALUES.fullmatch(path) is not None


def never_empty(path: str) -> bool:
    """Whether the declarations say that ``path`` has a value on every instance that has the path at all."""
    return _NEVER_EMPTY.fullmatch(path) is not None


def _paths() -> Iterator[tuple[Attribute[Any], str]]:
    for kind in RESOURCES:
        for attribute in attributes(kind).values():
            yield attribute, kind.pattern + attribute.path


def _steps(path: str) -> list[str]:
    """Return a pattern for each directory above ``path``, and for its last segment if it is none."""
    steps = re.findall("[^/]+/?", path)
    return ["[^/]+" + "/" * step.endswith("/") if step.startswith("{") else re.escape(step) for step in steps]


def _matching(patterns: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(sorted(set(patterns))))


_DIRECTORIES = _matching(
    "".join(steps[: count + 1])
    for steps in (_steps(path) for _, path in _paths())
    for count, step in enumerate(steps)
    if step.endswith("/")
)
_VALUES = _matching("".join(_steps(path)) for _, path in _paths() if not path.endswith("/"))
_NEVER_EMPTY = _matching("".join(_steps(path)) for each, path in _paths() if each.never_empty)
