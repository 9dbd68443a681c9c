"""The schema: the declared attributes as data, and what the declarations say about a path."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

from ec2facts.metadata.descriptor import Resource, attributes
from ec2facts.metadata.instance import EC2Metadata, NetworkInterface, PublicKey

RESOURCES: tuple[type[Resource], ...] = (EC2Metadata, NetworkInterface, PublicKey)
"""The classes that declare attributes."""

DOCUMENTS = frozenset(name for name, attribute in attributes(EC2Metadata).items() if attribute.document)
"""The attributes whose values are whole documents: JSON, PEM, keys."""


class Entry(NamedTuple):
    """An attribute as data."""

    name: str
    """The dotted name, with ``*`` for the key of a network interface or a public key."""
    type: str
    """The Python type, written as an annotation."""
    path: str
    """The path below ``/latest/``, with a ``{name}`` for each variable segment."""
    withheld: bool
    """Whether the attribute is left out unless ``--include`` names it."""
    changeable: bool
    """Whether the value may change while the instance runs: ``apply --watch`` reads it again."""
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
    """Whether ``path`` ends in ``/`` and is declared as a directory."""
    return path.endswith("/") and _declared(path) is not None


def is_value(path: str) -> bool:
    """Whether ``path`` does not end in ``/`` and is declared as a value."""
    return path[-1:] not in {"", "/"} and _declared(path) is not None


def never_empty(path: str) -> bool:
    """Whether the body of ``path``, if present, is declared as never empty."""
    declared = _declared(path)
    return declared is not None and _NEVER_EMPTY in declared


_Tree = dict[str, Any]
"""The declared children of a directory by name; the names of directories end in ``/``."""

_ANY = "{}"
"""The key that matches any name."""

_NEVER_EMPTY = ""
"""The key that marks a value as never empty."""


def _declared(path: str) -> _Tree | None:
    """Return the declarations at ``path``. A regular expression of all paths would take much longer to compile."""
    here = _tree()
    for name in _names(path):
        below = here.get(name)
        if below is None and name != "/":
            below = here.get(_ANY + "/" * name.endswith("/"))
        if below is None:
            return None
        here = below
    return here


def _names(path: str) -> list[str]:
    *directories, value = path.split("/")
    return [*(f"{name}/" for name in directories), *filter(None, [value])]


@cache
def _tree() -> _Tree:
    top: _Tree = {}
    for kind in RESOURCES:
        for attribute in attributes(kind).values():
            here = top
            for name in _names(kind.pattern + attribute.path):
                here = here.setdefault(_ANY + "/" * name.endswith("/") if name.startswith("{") else name, {})
            if attribute.never_empty:
                here[_NEVER_EMPTY] = {}
    return top
