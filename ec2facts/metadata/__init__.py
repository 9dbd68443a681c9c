"""What an instance says of itself: declared attributes, decoded."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ec2facts.metadata.attributes import Attribute, Resource, attributes
from ec2facts.metadata.instance import EC2Metadata, ec2_metadata
from ec2facts.metadata.leaves import InstanceTags
from ec2facts.metadata.network_interface import NetworkInterface
from ec2facts.metadata.notices import SpotInstanceAction
from ec2facts.metadata.public_key import PublicKey

__all__ = [
    "DOCUMENTS",
    "RESOURCES",
    "Attribute",
    "EC2Metadata",
    "InstanceTags",
    "NetworkInterface",
    "PublicKey",
    "Resource",
    "SpotInstanceAction",
    "attributes",
    "ec2_metadata",
    "is_directory",
]

RESOURCES: tuple[type[Resource], ...] = (EC2Metadata, NetworkInterface, PublicKey)
"""The classes that declare attributes."""

DOCUMENTS = frozenset(name for name, attribute in attributes(EC2Metadata).items() if attribute.document)
"""The names whose values are whole documents: JSON, PEM, keys."""


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
