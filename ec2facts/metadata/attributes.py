"""Attributes: one named, typed value each, declared once.

A class that declares attributes is a Resource. Reading ``resource.name`` reads the attribute's path and decodes
its body; the Python API, the facts, their names in templates and env files and the schema all come from here.
"""

from __future__ import annotations

import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Callable, ClassVar, Generic, TypeVar, cast, overload

from ec2facts.errors import AbsentError, DecodeError, EC2FactsError
from ec2facts.imds.source import Source, read
from ec2facts.metadata.decoders import AbsentValueError

T = TypeVar("T")
V = TypeVar("V")
R = TypeVar("R", bound="Resource")

Default = Callable[[], object]


def _required() -> Any:
    """The ``when_absent`` of an attribute without a default: it raises AbsentError."""


class Attribute(Generic[T]):
    """A value of a Resource: the path behind it, its decoder, one sentence.

    ``when_absent`` returns the default if the service answers 404 (None: the default is None); without it, reading the
    attribute raises AbsentError. ``cached`` values are read once. ``withheld`` ones stay out of the facts unless they
    are included by name. A ``document`` is a whole text, such as JSON or PEM, rather than a single value. An empty body
    of a ``never_empty`` attribute is a failure of the service. A ``changeable`` value may change while the instance
    runs.
    """

    name: str

    @overload
    def __init__(
        self: Attribute[V],
        path: str,
        decode: Callable[[Any], V],
        doc: str,
        *,
        when_absent: Default = ...,
        cached: bool = ...,
        withheld: bool = ...,
        document: bool = ...,
        never_empty: bool = ...,
        changeable: bool = ...,
    ) -> None: ...
    @overload
    def __init__(
        self: Attribute[V | None],
        path: str,
        decode: Callable[[Any], V],
        doc: str,
        *,
        when_absent: None,
        cached: bool = ...,
        withheld: bool = ...,
        document: bool = ...,
        never_empty: bool = ...,
        changeable: bool = ...,
    ) -> None: ...
    def __init__(
        self,
        path: str,
        decode: Callable[..., Any],
        doc: str,
        *,
        when_absent: Default | None = _required,
        cached: bool = True,
        withheld: bool = False,
        document: bool = False,
        never_empty: bool = False,
        changeable: bool = False,
    ) -> None:
        self.path = path
        self.decode: Callable[..., Any] = decode
        self.__doc__ = doc
        self.when_absent = when_absent
        self.cached = cached
        self.withheld = withheld
        self.document = document
        self.never_empty = never_empty
        self.changeable = changeable

    def __set_name__(self, owner: type[Resource], name: str) -> None:
        self.name = name

    @property
    def is_required(self) -> bool:
        """Whether reading the attribute raises AbsentError if the service answers 404."""
        return self.when_absent is _required

    @overload
    def __get__(self, resource: None, owner: type[Resource]) -> Attribute[T]: ...
    @overload
    def __get__(self, resource: Resource, owner: type[Resource] | None = None) -> T: ...
    def __get__(self, resource: Resource | None, owner: type[Resource] | None = None) -> Attribute[T] | T:
        # Not a data descriptor: a cached value lies in the instance's __dict__ under the attribute's name, where
        # it is found without this method, and where `del` and assignment work on it.
        if resource is None:
            return self
        if not self.cached:
            return self._read_or_default(resource)
        with resource.lock:
            if self.name not in resource.__dict__:
                resource.__dict__[self.name] = self._read_or_default(resource)
            return cast(T, resource.__dict__[self.name])

    def require(self, resource: Resource) -> T:
        """Return the value; raise AbsentError if there is none, even with ``when_absent``."""
        if not self.cached:
            return self.read(resource)
        with resource.lock:
            value = self.__get__(resource)
            absent = resource.absent.get(self.name)
        if absent is not None:
            raise absent.with_traceback(None)
        return value

    def read(self, resource: Resource) -> T:
        """Read the value again, without the cache; raise AbsentError if there is none."""
        return cast(T, resource.fetch(self.path, self.decode, nonempty=self.never_empty))

    def _read_or_default(self, resource: Resource) -> T:
        resource.absent.pop(self.name, None)
        try:
            return self.read(resource)
        except AbsentError as error:
            if self.when_absent is _required:
                raise
            resource.absent[self.name] = error
            return cast(T, None if self.when_absent is None else self.when_absent())

    @property
    def type_name(self) -> str:
        """The type of the value, as written in Python."""
        name: str = self.decode.__annotations__["return"]
        return f"{name} | None" if self.when_absent is None and not name.endswith("| None") else name


class Derived(Attribute[T]):
    """An attribute that a function of the resource computes, from other attributes or several paths.

    It is absent if the attribute ``needs`` is absent.
    """

    def __init__(self, *arguments: Any, needs: Attribute[Any] | None, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.needs = needs

    def require(self, resource: Resource) -> T:
        """Return the value; raise AbsentError if there is none, even with ``when_absent``."""
        if self.needs is not None:
            self.needs.require(resource)
        return super().require(resource)

    def read(self, resource: Resource) -> T:
        """Compute the value again; raise AbsentError if there is none."""
        with decoding(resource.directory + self.path):
            return cast(T, self.decode(resource))


def derived(
    path: str,
    *,
    needs: Attribute[Any] | None = None,
    when_absent: Default | None = _required,
    cached: bool = True,
    withheld: bool = False,
    document: bool = False,
    changeable: bool = False,
) -> Callable[[Callable[[R], T]], Attribute[T]]:
    """Declare the attribute that the decorated method computes; its docstring is the attribute's sentence."""

    def declare(function: Callable[[R], T]) -> Attribute[T]:
        return Derived(
            path,
            function,
            function.__doc__ or "",
            needs=needs,
            when_absent=when_absent,
            cached=cached,
            withheld=withheld,
            document=document,
            changeable=changeable,
        )

    return declare


class Resource(ABC):
    """A part of an instance that declares attributes.

    ``directory`` is the directory of its attributes' paths. Attributes may be read from many threads: each cached one
    is read once.
    """

    pattern: ClassVar[str] = ""
    """The directory of the resources of this class, with a ``{name}`` for each segment that differs."""
    within: ClassVar[str] = ""
    """The name in the facts of the parent of these resources, with a final dot."""

    directory: str

    def __init__(self) -> None:
        self._locks: dict[int, AbstractContextManager[object]] = {}
        self.absent: dict[str, AbsentError] = {}
        self.unreachable: dict[str, str] = {}
        """The unreachable names of listings, as paths, with the reason."""

    def __getstate__(self) -> dict[str, Any]:
        # Locks cannot be pickled, and pickling an error about a reply would need the reply.
        absent = {name: (error.path, error.reason) for name, error in self.absent.items()}
        return {**self.__dict__, "_locks": {}, "absent": absent}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.absent = {name: AbsentError(path, reason) for name, (path, reason) in state["absent"].items()}

    @property
    def lock(self) -> AbstractContextManager[object]:
        """This process's own lock: a lock held by another thread at a fork stays locked in the child."""
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
    """Turn the ValueError of a decoder into a DecodeError about ``path``, an AbsentValueError into an AbsentError."""
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
