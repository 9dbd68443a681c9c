"""The schema: every attribute that is declared, as data."""

from __future__ import annotations

from typing import NamedTuple

from ec2facts.metadata import RESOURCES
from ec2facts.metadata.attributes import attributes


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
    description: str


def schema() -> list[Entry]:
    """Return every declared attribute, in the order of the facts."""
    return [
        Entry(
            f"{kind.within}*.{name}" if kind.within else name,
            each.type_name,
            kind.pattern + each.path,
            each.withheld,
            str(each.__doc__),
        )
        for kind in RESOURCES
        for name, each in attributes(kind).items()
    ]
