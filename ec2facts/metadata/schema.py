"""The schema: every attribute that is declared, as data, and the directories that follow from it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from ec2facts.metadata.attributes import Resource, attributes
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


def is_directory(path: str) -> bool:
    """Whether the declarations say that ``path``, which ends in ``/``, is a directory."""
    return _DIRECTORIES.fullmatch(path) is not None


def _directories() -> Iterator[str]:
    for kind in RESOURCES:
        for attribute in attributes(kind).values():
            steps = re.findall("[^/]*/", kind.pattern + attribute.path)
            for count in range(len(steps)):
                yield "".join("[^/]+/" if step.startswith("{") else re.escape(step) for step in steps[: count + 1])


_DIRECTORIES = re.compile("|".join(sorted(set(_directories()))))
