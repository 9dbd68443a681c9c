"""The descriptor of attributes, which are named, typed values, each declared once.

A class that declares attributes is a Resource. Reading ``resource.name`` reads the attribute's path and decodes its
body. The Python API, the facts, template variables, env names and the schema all derive from the declarations.
"""

from __future__ import annotations

import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, Callable, ClassVar, Generic, TypeVar, cast, overload

from ec2facts.errors import AbsentError, DecodeError, EC2FactsError
from ec2facts.imds.source import Source, read
from ec2facts.metadata.decoders import AbsentValueError

T = TypeVar("T")
V = TypeVar("V")
R = TypeVar("R", bound="Resource")

Default = Callable[[], object]


def _required() -> Any:
    """The ``when_absent`` of an attribute that raises AbsentError instead of returning a default."""


class Attribute(Generic[T]):
    """A declared attribute of a Resource; see ``attribute`` for the fields."""

    name: str

    def __init__(
        self,
        method: Callable[[R], T],
        path: str,
        decode: Callable[[bytes], object] | None,
        needs: Attribute[Any] | None,
        when_absent: Default | None,
        *,
        cached: bool,
        withheld: bool,
        document: bool,
        never_empty: bool,
        changeable: bool,
    ) -> None:
        self.__doc__ = method.__doc__ or ""
        self.type_name: str = method.__annotations__["return"]
        self.path = path
        self._method: Callable[..., T] = method
        self.decode = decode
        self.needs = needs
        self.when_absent = when_absent
        self.cached = cached
        self.withheld = withheld
        self.document = document
        self.never_empty = never_empty
        self.changeable = changeable

    def __set_name__(self, owner: type[Resource], name: str) -> None:
        self.name = name

    @property
    def is_derived(self) -> bool:
        """Whether the method computes the value, rather than a decoder."""
        return self.decode is None

    @property
    def is_required(self) -> bool:
        """Whether reading the attribute raises AbsentError if the service answers 404."""
        return self.when_absent is _required

    @overload
    def __get__(self, resource: None, owner: type[Resource]) -> Attribute[T]: ...
    @overload
    def __get__(self, resource: Resource, owner: type[Resource] | None = None) -> T: ...
    def __get__(self, resource: Resource | None, owner: type[Resource] | None = None) -> Attribute[T] | T:
        # Not a data descriptor: a cached value is in the instance's __dict__ under the attribute's name, where Python
        # finds it without this method, and where `del` and assignment work.
        if resource is None:
            return self
        if not self.cached:
            return self._read_or_default(resource)
        with resource.lock:
            if self.name not in resource.__dict__:
                resource.__dict__[self.name] = self._read_or_default(resource)
            return cast(T, resource.__dict__[self.name])

    if TYPE_CHECKING:  # without it, type checkers reject assignments

        def __set__(self, resource: Resource, value: T) -> None: ...

    def require(self, resource: Resource) -> T:
        """Return the value; raise AbsentError if it is absent, even with ``when_absent``."""
        if self.needs is not None:
            self.needs.require(resource)
        if not self.cached:
            return self.read(resource)
        with resource.lock:
            value = self.__get__(resource)
            absent = resource.absent.get(self.name)
        if absent is not None:
            raise absent.with_traceback(None)
        return value

    def read(self, resource: Resource) -> T:
        """Read the value again, bypassing the cache; raise AbsentError if it is absent."""
        if self.decode is not None:
            return cast(T, resource.fetch(self.path, self.decode, nonempty=self.never_empty))
        with decoding(resource.directory + self.path):
            return self._method(resource)

    def _read_or_default(self, resource: Resource) -> T:
        resource.absent.pop(self.name, None)
        try:
            return self.read(resource)
        except AbsentError as error:
            if self.when_absent is _required:
                raise
            resource.absent[self.name] = error
            return cast(T, None if self.when_absent is None else self.when_absent())


def attribute(
    path: str,
    decode: Callable[[bytes], object] | None = None,
    *,
    needs: Attribute[Any] | None = None,
    when_absent: Default | None = _required,
    cached: bool = True,
    withheld: bool = False,
    document: bool = False,
    never_empty: bool = False,
    changeable: bool = False,
) -> Callable[[Callable[[R], T]], Attribute[T]]:
    """Declare the decorated method as an attribute with the method's name, docstring and return type.

    ``decode`` decodes the body of ``path``; the method then has no body. Without ``decode``, the attribute is derived:
    the method computes it from other attributes or several paths, and it is absent if the attribute ``needs`` is
    absent. ``when_absent`` returns the default if the service answers 404 (None: the default is None); without it,
    reading the attribute raises AbsentError. A ``cached`` value is read once. A ``withheld`` value stays out of the
    facts unless it is included by name. A ``document`` is a whole text, such as JSON or PEM, rather than a single
    value. An empty body of a ``never_empty`` attribute is a failure of the service. A ``changeable`` value may change
    while the instance runs.
    """

    def declare(method: Callable[[R], T]) -> Attribute[T]:
        return Attribute(
            method,
            path,
            decode,
            needs,
            when_absent,
            cached=cached,
            withheld=withheld,
            document=document,
            never_empty=never_empty,
            changeable=changeable,
        )

    return declare


class Resource(ABC):
    """A part of an instance that declares attributes, whose paths are below ``directory``.

    Attributes may be read from many threads: each cached attribute is read once.
    """

    pattern: ClassVar[str] = ""
    """The directory of resources of this class, with a ``{name}`` for each variable segment."""
    within: ClassVar[str] = ""
    """The name of the parent fact of these resources, with a final dot."""

    directory: str

    def __init__(self) -> None:
        self._locks: dict[int, AbstractContextManager[object]] = {}
        self.absent: dict[str, AbsentError] = {}
        self.unreachable: dict[str, str] = {}
        """The paths of unreachable names in listings, each with the reason."""

    def __getstate__(self) -> dict[str, Any]:
        # Locks cannot be pickled, and pickling an error would pickle the reply that it is about.
        absent = {name: (error.path, error.reason) for name, error in self.absent.items()}
        return {**self.__dict__, "_locks": {}, "absent": absent}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.absent = {name: AbsentError(path, reason) for name, (path, reason) in state["absent"].items()}

    @property
    def lock(self) -> AbstractContextManager[object]:
        """The lock of this process: a lock that another thread holds during a fork stays locked in the child."""
        return self._locks.setdefault(os.getpid(), threading.RLock())

    @property
    @abstractmethod
    def source(self) -> Source:
        """The source of the attributes."""

    def fetch(self, path: str, decode: Callable[[bytes], V], *, nonempty: bool = False) -> V:
        """Read and decode ``path`` below the directory; raise DecodeError if the body is malformed."""
        path = self.directory + path
        body = read(self.source, path, nonempty=nonempty)
        with decoding(path):
            return decode(body)

    def clear_all(self) -> None:
        """Forget every cached value."""
        with self.lock:
            for name in attributes(type(self)):
                self.__dict__.pop(name, None)


@contextmanager
def decoding(path: str) -> Iterator[None]:
    """Raise a decoder's ValueError as a DecodeError about ``path``, its AbsentValueError as an AbsentError."""
    try:
        yield
    except EC2FactsError:
        raise
    except AbsentValueError as error:
        raise AbsentError(path, str(error)) from None
    except ValueError as error:
        raise DecodeError(path, str(error)) from error


def attributes(kind: type[Resource]) -> Mapping[str, Attribute[Any]]:
    """Return the attributes that ``kind`` declares or inherits, by name, in the order of declaration."""
    declared = {name: value for part in reversed(kind.__mro__) for name, value in vars(part).items()}
    return {name: value for name, value in declared.items() if isinstance(value, Attribute)}
