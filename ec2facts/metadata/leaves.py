"""A directory of values whose names users choose."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Callable, TypeVar

from ec2facts.metadata.decoders import text

if TYPE_CHECKING:
    from ec2facts.metadata.instance import EC2Metadata

T = TypeVar("T")


class Leaves(Mapping[str, T]):
    """The values of one directory by name: names are known at once, each value is read once, when it is asked for.

    A name that the directory does not list is a KeyError without a request.
    """

    def __init__(self, directory: str, decode: Callable[[bytes], T], names: Iterable[str], parent: EC2Metadata) -> None:
        self._directory = directory
        self._decode = decode
        self._names = dict.fromkeys(names)
        self._values: dict[str, T] = {}
        self.parent = parent

    def __getitem__(self, name: str) -> T:
        if name not in self._names:
            raise KeyError(name)
        if name not in self._values:
            with self.parent.lock:
                if name not in self._values:
                    self._values[name] = self.parent.fetch(self._directory + name, self._decode)
        return self._values[name]

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


class InstanceTags(Leaves[str]):
    """The instance's tags; the values are read one by one, when they are asked for."""

    def __init__(self, names: Iterable[str], parent: EC2Metadata) -> None:
        super().__init__("meta-data/tags/instance/", text, names, parent)
