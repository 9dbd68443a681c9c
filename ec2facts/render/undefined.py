"""Undefined, withheld and unread names in templates, and the errors that say why they have no value."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any, ClassVar

from jinja2 import StrictUndefined, Undefined
from jinja2.utils import missing

from ec2facts.collection.unread import Unread
from ec2facts.metadata.descriptor import attributes
from ec2facts.metadata.instance import EC2Metadata
from ec2facts.metadata.schema import RESOURCES
from ec2facts.text import closest

Names = tuple[Any, ...]
"""The keys of a value in the facts, outermost first."""

_ENABLE_TAGS = "enable them with aws ec2 modify-instance-metadata-options --instance-metadata-tags enabled"


class FactUndefined(StrictUndefined):
    """A name without a value. Every use raises, except ``is defined``, ``default`` and a lookup in it."""

    facts: ClassVar[Mapping[str, Any]] = {}

    dashed: str | None = None
    """The key that ``tags.a-b`` may mean: the name, the minus and the next name."""

    def child(self, name: Any) -> FactUndefined:
        """Return the undefined value at the key ``name`` of this one."""
        return type(self)(self._undefined_hint, self, name, self._undefined_exception)

    def __getattr__(self, name: str) -> Any:
        # Only Jinja's internal lookups come here; template lookups use child().
        raise AttributeError(name)

    @property
    def _undefined_message(self) -> str:
        if self._undefined_hint:
            return self._undefined_hint
        names = self._names()
        reason = _reason(self.facts, names)
        if reason:
            return f"{dotted(names)!r} {reason}"
        if isinstance(self._undefined_obj, str):
            *above, key = names
            loop = "a loop over a mapping yields its keys: use .values() or .items()"
            text = repr(dotted(tuple(above))) if above else "the value"
            return f"{text} is text and has no {key!r} ({loop})"
        absent = _absent(self.facts, names)
        if absent:
            remedy = f"; {_ENABLE_TAGS}" * (absent == ("tags",))
            return f"undefined {dotted(names)!r}: this instance has no {dotted(absent)!r}{remedy}"
        meant = self._meant()
        return f"undefined {dotted(names)!r}" + (f" (did you mean {dotted(meant)!r}?)" if meant else "")

    def _names(self) -> Names:
        if isinstance(self._undefined_obj, FactUndefined):
            return (*self._undefined_obj._names(), self._undefined_name)
        return (*route(self.facts, self._undefined_obj), self._undefined_name)

    def _meant(self) -> Names:
        """Return the path of the key closest to the first undefined one, or () if none is close."""
        if isinstance(self._undefined_obj, FactUndefined):
            return self._undefined_obj._meant()
        siblings = self.facts if self._undefined_obj is missing else self._undefined_obj
        if not isinstance(siblings, Mapping):
            return ()
        keys = {str(key): key for key in entries(siblings)}
        spellings = [self.dashed, self.dashed.replace("-", "_")] if self.dashed else []
        known = (spelling for spelling in spellings if spelling in keys)
        meant = next(known, None) or closest(str(self._undefined_name), keys, cutoff=0.5)
        return () if meant is None else (*route(self.facts, siblings), keys[meant])


class UnreadUseError(Exception):
    """A template uses an unread value; ``marker`` holds the path and the reason."""

    def __init__(self, marker: Unread, message: str) -> None:
        self.marker = marker
        super().__init__(message)


class UnreadFact(FactUndefined):
    """An unread value. Every use raises UnreadUseError, so that no default can hide it."""

    def __init__(self, marker: Unread, names: Names) -> None:
        self.marker = marker
        message = f"{dotted(names)!r} is unread: {marker.path}: {marker.reason}"
        # Jinja calls `exc` with the message, but its annotation demands a class.
        super().__init__(message, exc=partial(UnreadUseError, marker))  # type: ignore[arg-type]

    def child(self, name: Any) -> FactUndefined:
        """Raise UnreadUseError."""
        self._fail_with_undefined_error(name)


class PartialMapping(Mapping[Any, Any]):
    """A mapping with unread values: a loop, the length or the lookup of an unread key raises; other lookups work."""

    def __init__(self, entries: Mapping[Any, Any]) -> None:
        self.entries = entries

    def __getitem__(self, key: Any) -> Any:
        return used(self.entries[key])

    def __iter__(self) -> Iterator[Any]:
        used(*self.entries.values())
        return iter(self.entries)

    def __len__(self) -> int:
        used(*self.entries.values())
        return len(self.entries)


def used(*values: Any) -> Any:
    """Return the first value; raise UnreadUseError if any of them is unread."""
    for value in values:
        if isinstance(value, UnreadFact):
            str(value)
    return values[0]


def guarded(tree: Any, names: Names = ()) -> Any:
    """Return a copy of ``tree``, located at ``names``, that raises UnreadUseError when a template uses a marker."""
    if isinstance(tree, Unread):
        return UnreadFact(tree, names)
    if isinstance(tree, list):
        return [guarded(item, (*names, number)) for number, item in enumerate(tree)]
    if not isinstance(tree, dict):
        return tree
    entries = {key: guarded(item, (*names, key)) for key, item in tree.items()}
    return PartialMapping(entries) if any(isinstance(item, UnreadFact) for item in entries.values()) else entries


def unguarded(value: Any) -> Any:
    """Convert a template value to plain dicts and lists with markers; raise if anything in it is undefined."""
    if isinstance(value, UnreadFact):
        return value.marker
    if isinstance(value, Undefined):
        str(value)
    if isinstance(value, Mapping):
        return {key: unguarded(item) for key, item in entries(value).items()}
    if isinstance(value, Iterable) and not isinstance(value, (str, bytes)):
        return [unguarded(item) for item in value]
    return value


def containers(tree: Any) -> Iterator[int]:
    """Yield the id() of each mapping and list in ``tree``."""
    if isinstance(tree, (Mapping, list)):
        yield id(tree)
        for item in entries(tree).values() if isinstance(tree, Mapping) else tree:
            yield from containers(item)


def entries(mapping: Mapping[Any, Any]) -> Mapping[Any, Any]:
    """Return the keys and values of a mapping, unread values included."""
    return mapping.entries if isinstance(mapping, PartialMapping) else mapping


def undefined_in(facts: Mapping[str, Any]) -> type[FactUndefined]:
    """Return the Undefined class for templates over ``facts``."""
    return type("FactUndefined", (FactUndefined,), {"facts": facts})


def dotted(names: Names) -> str:
    """Return the names in template syntax: ``tags.Name``, ``tags['a-b']``, ``ami_ids[0]``."""
    steps = (f".{name}" if isinstance(name, str) and name.isidentifier() else f"[{name!r}]" for name in names)
    return "".join(steps).lstrip(".")


def route(facts: Mapping[str, Any], value: Any) -> Names:
    """Return the path of keys to the object ``value`` in the facts, or () if it is not part of them.

    The comparison is by identity, so it skips numbers and one-character strings, which Python shares.
    """
    comparable = isinstance(value, (Mapping, list)) or (isinstance(value, str) and len(value) > 1)
    return next(_routes(facts, value), ()) if comparable else ()


def _routes(value: Any, wanted: Any) -> Iterator[Names]:
    if value is wanted:
        yield ()
    items = entries(value).items() if isinstance(value, Mapping) else ()
    for key, item in enumerate(value) if isinstance(value, list) else items:
        yield from ((key, *names) for names in _routes(item, wanted))


def _reason(facts: Mapping[str, Any], names: Names) -> str | None:
    """Return the reason why the value at ``names`` is withheld or unread, or None if it is neither."""
    path = _path(tuple(map(str, names)))
    if path is None:
        return None
    collection = facts.get("collection", {})
    for kind in ("withheld", "unread"):
        for lacking, reason in collection.get(kind, {}).items():
            if _is_within(lacking, path) or _is_within(path, lacking):
                return f"is withheld: {reason}" if kind == "withheld" else f"is unread: {lacking}: {reason}"
    return None


def _absent(facts: Mapping[str, Any], names: Names) -> Names:
    """Return the path of the absent attribute in ``names``, or () if there is none."""
    first, *rest = names
    if first in attributes(EC2Metadata):
        if first not in facts:
            return (first,)
        for kind in RESOURCES:
            if kind.within == f"{first}." and len(rest) > 1 and rest[1] in attributes(kind):
                return () if rest[1] in entries(facts[first].get(rest[0], {})) else (first, *rest[:2])
    return ()


def _is_within(path: str, top: str) -> bool:
    return (path.rstrip("/") + "/").startswith(top.rstrip("/") + "/")


def _path(names: tuple[str, ...]) -> str | None:
    """Return the IMDS path of the fact at ``names``, or None if it is not a known fact."""
    first, *rest = names
    if first in {"meta_data", "dynamic"}:
        return "/".join((first.replace("_", "-"), *rest))
    for kind in RESOURCES:
        declared = attributes(kind)
        if kind.within == f"{first}." and len(rest) > 1 and rest[1] in declared:
            before, _, after = kind.pattern.partition("{")
            return before + rest[0] + after.partition("}")[2] + declared[rest[1]].path
    attribute = attributes(EC2Metadata).get(first)
    if attribute is None:
        return None
    return attribute.path + "/".join(rest) if attribute.path.endswith("/") else attribute.path
