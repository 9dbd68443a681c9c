"""What a template asks for and is not there: why, and what may have been meant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from jinja2 import StrictUndefined
from jinja2.utils import missing

from ec2facts.metadata.attributes import attributes
from ec2facts.metadata.instance import EC2Metadata
from ec2facts.metadata.schema import RESOURCES
from ec2facts.text import closest

Names = tuple[Any, ...]
"""The keys that lead from the facts to a value, outermost first."""


class FactUndefined(StrictUndefined):
    """A name that leads to nothing: all that can be done to it is to ask for a default, and for what is below it."""

    facts: ClassVar[Mapping[str, Any]] = {}

    def below(self, name: Any) -> FactUndefined:
        """Return what ``name`` leads to from here, which is nothing either."""
        return type(self)(self._undefined_hint, self, name, self._undefined_exception)

    def __getattr__(self, name: str) -> Any:
        # Jinja asks for attributes of its own; what a template asks for comes by way of below().
        raise AttributeError(name)

    @property
    def _undefined_message(self) -> str:
        if self._undefined_hint:
            return self._undefined_hint
        names = self._names()
        gap = _gap(self.facts, names)
        if gap:
            return f"{dotted(names)!r} {gap}"
        if isinstance(self._undefined_obj, str):
            return (
                f"undefined {dotted(names)!r} of a text; a loop over a mapping takes its keys, its .values() the rest"
            )
        absent = _absent(self.facts, names)
        if absent:
            where = " (it has to allow them in its metadata)" if absent == ("tags",) else ""
            what = "none" if absent == names else f"no {dotted(absent)!r}"
            return f"undefined {dotted(names)!r}: this instance has {what}{where}"
        meant = self._meant()
        return f"undefined {dotted(names)!r}" + (f" (did you mean {dotted(meant)!r}?)" if meant else "")

    def _names(self) -> Names:
        if isinstance(self._undefined_obj, FactUndefined):
            return (*self._undefined_obj._names(), self._undefined_name)
        return (*route(self.facts, self._undefined_obj), self._undefined_name)

    def _meant(self) -> Names:
        """Return what leads to the key most like the first one that is not there, if one is like it."""
        if isinstance(self._undefined_obj, FactUndefined):
            return self._undefined_obj._meant()
        siblings = self.facts if self._undefined_obj is missing else self._undefined_obj
        if not isinstance(siblings, Mapping):
            return ()
        keys = {str(key): key for key in siblings}
        meant = closest(str(self._undefined_name), keys, cutoff=0.5)
        return () if meant is None else (*route(self.facts, siblings), keys[meant])


def undefined_in(facts: Mapping[str, Any]) -> type[FactUndefined]:
    """Return the FactUndefined of templates over these facts."""
    return type("FactUndefined", (FactUndefined,), {"facts": facts})


def dotted(names: Names) -> str:
    """Return the names as a template writes them: ``tags.Name``, ``tags['a-b']``, ``ami_ids[0]``."""
    steps = (f".{name}" if isinstance(name, str) and name.isidentifier() else f"[{name!r}]" for name in names)
    return "".join(steps).lstrip(".")


def route(facts: Mapping[str, Any], value: Any) -> Names:
    """Return what leads from the facts to ``value``, which is that very object; nothing for what is none of theirs.

    Numbers and the shortest texts are not told apart: Python may have one object for all that are equal.
    """
    known = isinstance(value, (Mapping, list)) or (isinstance(value, str) and len(value) > 1)
    return next(_routes(facts, value), ()) if known else ()


def _routes(value: Any, wanted: Any) -> Iterator[Names]:
    if value is wanted:
        yield ()
    items = value.items() if isinstance(value, Mapping) else ()
    for key, item in enumerate(value) if isinstance(value, list) else items:
        yield from ((key, *names) for names in _routes(item, wanted))


def _gap(facts: Mapping[str, Any], names: Names) -> str | None:
    """Return why the facts lack what ``names`` lead to, if that is for another reason than that it is absent."""
    path = _path(tuple(map(str, names)))
    if path is None:
        return None
    collection = facts.get("collection", {})
    for kind in ("withheld", "unread"):
        for gap, reason in collection.get(kind, {}).items():
            if _is_below(gap, path) or _is_below(path, gap):
                return f"is withheld: {reason}" if kind == "withheld" else f"is unread: {gap}: {reason}"
    return None


def _absent(facts: Mapping[str, Any], names: Names) -> Names:
    """Return the first part of ``names`` that is an attribute which this instance lacks; nothing for any other name."""
    first, *rest = names
    if first in attributes(EC2Metadata):
        if first not in facts:
            return (first,)
        for kind in RESOURCES:
            if kind.within == f"{first}." and len(rest) > 1 and rest[1] in attributes(kind):
                return () if rest[1] in facts[first].get(rest[0], ()) else (first, *rest[:2])
    return ()


def _is_below(path: str, top: str) -> bool:
    return (path.rstrip("/") + "/").startswith(top.rstrip("/") + "/")


def _path(names: tuple[str, ...]) -> str | None:
    """Return the path of the service that the fact behind ``names`` is read from."""
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
