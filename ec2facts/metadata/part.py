"""A part of an instance, of which it has several."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from ec2facts.imds.source import Source
from ec2facts.metadata.attributes import Resource

if TYPE_CHECKING:
    from ec2facts.metadata.instance import EC2Metadata
K = TypeVar("K")


class Part(Resource, Generic[K]):
    """A resource of the instance ``parent``, told from its like by ``key``."""

    def __init__(self, key: K, parent: EC2Metadata | None) -> None:
        super().__init__()
        self.parent = _this_instance() if parent is None else parent
        self.key = key
        start, _, end = self.pattern.partition("{")
        self.directory = f"{start}{key}{end.partition('}')[2]}"

    @property
    def source(self) -> Source:
        """Where the parent reads."""
        return self.parent.source

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.key!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self)) and (self.key, self.parent) == (other.key, other.parent)

    def __hash__(self) -> int:
        return hash((type(self), self.key))


def _this_instance() -> EC2Metadata:
    # Looked up when it is needed, under the name by which tests put another in its place.
    import ec2facts

    return ec2facts.ec2_metadata
