"""The lookup of single facts by name, with as few requests as possible."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from itertools import islice
from typing import Any, Callable

from ec2facts.collection.absence import explained, no_interface
from ec2facts.collection.crawl import crawl, listed
from ec2facts.collection.facts import Missing, attribute_value, collected, jsonable, served
from ec2facts.collection.names import TREES, declared_paths, is_path, path_of, resolve, suggestion
from ec2facts.collection.unread import Unread, without_unread
from ec2facts.collection.withholding import Withholding, withheld_tags
from ec2facts.errors import AbsentError, IncompleteError, UnreadError, UsageError, WithheldError
from ec2facts.imds.source import Source, read
from ec2facts.metadata.decoders import SpotInstanceAction
from ec2facts.metadata.descriptor import Attribute, Resource, attributes
from ec2facts.metadata.instance import EC2Metadata, NetworkInterfaces
from ec2facts.metadata.schema import is_value
from ec2facts.text import did_you_mean


def lookup(
    source: Source,
    name: str,
    *,
    include: Collection[str] = (),
    on_unread: Callable[[str, str], object] | None = None,
    on_withheld: Callable[[str, str], object] | None = None,
) -> Any:
    """Return the fact ``name``.

    ``name`` is a dotted name (``tags.Name``) or AWS's own name (``local-ipv4``). In a dotted name, a position can
    replace a key (``network_interfaces.0.subnet_id``). AWS's name of an interface's attribute means the primary
    interface. A name with ``*`` returns a dict of all matches by dotted name. A path, with a slash before any dot
    (``placement/region``), returns its body as bytes, and so does ``user_data``.

    Raises UsageError for an unknown name, AbsentError for a fact that this instance lacks, WithheldError, UnreadError,
    and IncompleteError for a fact with unread parts. ``on_unread``, if given, is called with the path and the reason of
    each unread part, and the parts are left out. ``on_withheld`` is called with each withheld tag and the reason.
    """
    finder = _Finder(source, include, name)
    if is_path(name) and "*" not in name:
        return finder.body(path_of(name))
    found = {
        ".".join(map(str, keys)): value for dotted in resolve(name) for keys, value in finder.find(dotted.split("."))
    }
    if finder.missing.unread and on_unread is None:
        raise IncompleteError(finder.missing.unread)
    for path, reason in finder.missing.unread.items():
        if on_unread is not None:
            on_unread(path, reason)
    if on_withheld is not None:
        for tag, reason in withheld_tags(finder.missing.withheld).items():
            on_withheld(tag, reason)
    if "*" not in name:
        (found,) = found.values()
    elif not found:
        raise AbsentError(name, "nothing on this instance matches")
    return without_unread(found)


Keys = tuple[Any, ...]


class _Finder:
    """The state of one lookup: the name, the source, and the missing values found so far."""

    def __init__(self, source: Source, include: Collection[str], name: str) -> None:
        self.missing = Missing()
        self._source = source
        self._include = include
        self._guarded = Withholding(source, include)
        self._instance = EC2Metadata(source=self._guarded)
        self._name = name

    def body(self, path: str) -> bytes:
        try:
            return read(self._guarded, path)
        except AbsentError as error:
            raise explained(error, hint=did_you_mean(path, declared_paths())) from None

    def find(self, names: list[str]) -> Iterator[tuple[Keys, Any]]:
        """Yield each fact at ``names``, the parts of a dotted name, with its keys."""
        head, *rest = names
        if head == "collection":
            everything = collected(crawl(self._source, include=self._include), include=self._include)
            yield from self._below(everything[head], rest, (head,))
        elif head in TREES:
            yield from self._in_tree(f"{head.replace('_', '-')}/", rest, (head,))
        else:
            yield from self._below(self._instance, names, ())

    def _in_tree(self, path: str, names: list[str], at: Keys) -> Iterator[tuple[Keys, Any]]:
        """Yield each fact at ``names`` below the directory ``path`` of the service's own tree."""
        if names and is_value(path + "/".join(names)):
            path, at, names = path + "/".join(names), (*at, *names), []
        while names and path.endswith("/") and "*" not in names[0]:
            children, unreachable = listed(path, read(self._guarded, path))
            known = {child[len(path) :].rstrip("/"): child for child in children}
            key = self._key(names, known) or self._key(names, {each[len(path) :] for each in unreachable})
            if key is None:
                raise AbsentError(self._name, f"there is no {names[0]!r}{did_you_mean(names[0], known)}")
            if key not in known:
                raise UnreadError(path + key, unreachable[path + key])
            path, at, names = known[key], (*at, key), names[key.count(".") + 1 :]
        snapshot = crawl(self._source, include=self._include, roots=(path,))
        if path not in snapshot.gaps and path not in snapshot.bodies:
            path += "/"  # a directory that was listed without its slash
        value = served(Withholding(snapshot, self._include), snapshot, path, self.missing)
        yield from self._below(value, names, at)

    def _below(self, value: Any, names: list[str], at: Keys) -> Iterator[tuple[Keys, Any]]:
        """Yield each fact at ``names`` inside ``value``, whose own keys are ``at``."""
        if isinstance(value, Unread):
            raise UnreadError(value.path, value.reason)
        if not names:
            yield at, value if isinstance(value, bytes) else jsonable(value, self.missing)
            return
        if isinstance(value, SpotInstanceAction):
            value = value._asdict()
        if isinstance(value, list):
            value = {str(position): item for position, item in enumerate(value)}
        if not isinstance(value, (Resource, Mapping)):
            raise UsageError(f"no {self._name!r}: {'.'.join(map(str, at))} is a single value")
        if "*" in names[0]:
            yield from self._matching(value, names, at)
        elif isinstance(value, Resource):
            yield from self._of_attribute(value, self._attribute(value, names[0]), names[1:], at)
        else:
            key = self._key(names, value)
            step = 1 if key is None else key.count(".") + 1
            if key is None:
                key = self._at_position(value, names, at)
            yield from self._below(value[key], names[step:], (*at, key))

    def _matching(self, value: Resource | Mapping[str, Any], names: list[str], at: Keys) -> Iterator[tuple[Keys, Any]]:
        pattern = re.compile(".*".join(map(re.escape, names[0].split("*"))), re.DOTALL)
        for key in attributes(type(value)) if isinstance(value, Resource) else value:
            if pattern.fullmatch(key):
                try:
                    if isinstance(value, Resource):
                        yield from self._of_attribute(value, attributes(type(value))[key], names[1:], at)
                    else:
                        yield from self._below(value[key], names[1:], (*at, key))
                except WithheldError as error:
                    self.missing.withheld[error.path] = error.reason
                except (AbsentError, UsageError):
                    continue  # another match may have a value
                except UnreadError as error:
                    self.missing.mark(error.path, error.reason)
        for key, unread in self._unreachable(at).items():
            if pattern.fullmatch(key):
                self.missing.mark(unread.path, unread.reason)

    def _of_attribute(
        self, resource: Resource, attribute: Attribute[Any], names: list[str], at: Keys
    ) -> Iterator[tuple[Keys, Any]]:
        try:
            value = attribute.require(resource)
        except AbsentError as error:
            raise explained(error) from None
        at = (*at, attribute.name)
        if names:
            yield from self._below(value, names, at)
        else:
            yield at, value if isinstance(value, bytes) else attribute_value(resource, attribute, value, self.missing)

    def _attribute(self, resource: Resource, name: str) -> Attribute[Any]:
        known = attributes(type(resource))
        if name not in known:
            hint = suggestion(name) if resource is self._instance else did_you_mean(name, known)
            raise UsageError(f"there is no fact {name!r}{hint}; `ec2facts schema` lists them")
        return known[name]

    def _key(self, names: list[str], known: Collection[str]) -> str | None:
        """Return the longest key of ``known`` at the start of ``names``: a key may contain dots."""
        keys = (".".join(names[:count]) for count in range(len(names), 0, -1))
        return next((key for key in keys if key in known), None)

    def _at_position(self, value: Mapping[str, Any], names: list[str], at: Keys) -> str:
        if names[0].isdecimal() and int(names[0]) < len(value):
            return next(islice(value, int(names[0]), None))
        if isinstance(value, NetworkInterfaces):
            raise AbsentError(self._name, no_interface(names[0], list(value)))
        unreachable = self._unreachable(at)
        key = self._key(names, unreachable)
        if key is not None:
            raise unreachable[key]
        raise AbsentError(self._name, f"there is no {names[0]!r}{did_you_mean(names[0], value)}")

    def _unreachable(self, at: Keys) -> dict[str, UnreadError]:
        """Return the errors of the unreachable names in the listing of the attribute ``at``, by name."""
        attribute = attributes(EC2Metadata).get(at[0]) if len(at) == 1 else None
        if attribute is None:
            return {}
        named = ((path, path[len(attribute.path) :], reason) for path, reason in self._instance.unreachable.items())
        return {key: UnreadError(path, reason) for path, key, reason in named if path == attribute.path + key}
