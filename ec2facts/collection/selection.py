"""Selection of facts with globs."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, Callable

from ec2facts.collection.absence import why_absent
from ec2facts.collection.names import TREES, in_tree, resolve, suggestion
from ec2facts.collection.unread import Unread
from ec2facts.errors import UsageError
from ec2facts.metadata.schema import schema

Keys = tuple[Any, ...]
"""The keys that lead from the facts to a value, outermost first; the keys of a list are positions."""

Spell = Callable[[Sequence[str]], str]
"""Makes another name, such as a variable's, from the parts of a dotted name; interfaces are named by position."""


def select(
    facts: Mapping[str, Any], globs: Collection[str], *, on_absent: Callable[[str, str], object] | None = None
) -> dict[str, Any]:
    """Return the facts that match any of ``globs``, nested and ordered as in ``facts``.

    A glob matches dotted names, AWS's own names or paths; the name of a parent selects everything inside it. ``*``
    matches dots too. Raises UsageError for globs that match no fact of any instance, or only withheld facts of this
    instance. ``on_absent`` is called with each glob that matches nothing on this instance, and the reason.
    """
    chosen: dict[Any, Any] = {}
    for *parents, last in matching(facts, globs, on_absent=on_absent):
        branch = chosen
        for key in parents:
            branch = branch.setdefault(key, {})
        branch[last] = None
    pruned: dict[str, Any] = _pruned(facts, chosen)
    return pruned


def matching(
    facts: Mapping[str, Any],
    globs: Collection[str],
    *,
    spell: Spell | None = None,
    on_absent: Callable[[str, str], object] | None = None,
) -> list[Keys]:
    """Return the keys of each fact that ``globs`` select, in the order of ``facts``; no fact is inside another.

    With ``spell``, a glob may also match the name that ``spell`` returns. Errors and ``on_absent`` are those of
    ``select``.
    """
    chosen: set[Keys] = set()
    meaningless = []
    for glob in globs:
        if "[" in glob and "]" not in glob:
            raise UsageError(f"{glob!r} has an open bracket: close it, or write [[] for a literal [")
        wanted = {glob, *resolve(glob)}
        found = set(_matching(facts, wanted, spell))
        chosen |= found
        if found:
            continue
        _refuse_withheld(facts, glob, wanted, spell)
        if not any(_is_for(each, name, spell) for each in wanted for name in _known()):
            meaningless.append(glob)
        elif on_absent is not None:
            on_absent(glob, why_absent(resolve(glob)[0], facts))
    if meaningless:
        hint = suggestion(meaningless[0]) if len(meaningless) == 1 else ""
        raise UsageError(f"no fact matches {', '.join(map(repr, meaningless))}{hint}; `ec2facts schema` lists them")
    return list(_outermost(facts, (), chosen))


def _matching(facts: Mapping[str, Any], globs: Collection[str], spell: Spell | None) -> Iterator[Keys]:
    for keys, value, spellings in _nodes(facts, (), [()]):
        if any(fnmatchcase(name, glob) for name in _names(spellings, spell) for glob in globs) or (
            # The content of an unread directory is unknown: a glob for any name inside it selects the marker.
            isinstance(value, Unread)
            and value.path.endswith("/")
            and any(
                _may_match(glob, start)
                for start in _names([(*parts, "") for parts in spellings], spell)
                for glob in globs
            )
        ):
            yield keys


def _nodes(value: Any, keys: Keys, spellings: list[tuple[str, ...]]) -> Iterator[tuple[Keys, Any, Any]]:
    """Yield every value below ``value``: its keys, the value, and the parts of each of its dotted names."""
    for position, (key, child) in enumerate(_children(value)):
        below = [(*parts, str(key)) for parts in spellings]
        if keys == ("network_interfaces",):
            below.append((*keys, str(position)))
        yield (*keys, key), child, below
        yield from _nodes(child, (*keys, key), below)


def _children(value: Any) -> list[tuple[Any, Any]]:
    if isinstance(value, Mapping):
        return list(value.items())
    return list(enumerate(value)) if isinstance(value, list) else []


def _names(spellings: Sequence[Sequence[str]], spell: Spell | None) -> list[str]:
    return [*map(".".join, spellings), *([] if spell is None else [spell(spellings[-1])])]


def _outermost(value: Any, keys: Keys, chosen: Collection[Keys]) -> Iterator[Keys]:
    if keys in chosen:
        yield keys
    else:
        for key, child in _children(value):
            yield from _outermost(child, (*keys, key), chosen)


def _pruned(value: Any, chosen: Mapping[Any, Any] | None) -> Any:
    """Prune ``value`` to ``chosen``, a tree of keys in which the leaf None keeps a whole value."""
    if chosen is None:
        return value
    kept = [(key, _pruned(child, chosen[key])) for key, child in _children(value) if key in chosen]
    return [child for _, child in kept] if isinstance(value, list) else dict(kept)


def _may_match(glob: str, start: str) -> bool:
    """Whether ``glob`` may match a name that starts with ``start``."""
    literal = re.split(r"[*?[]", glob, maxsplit=1)[0]
    return glob.startswith(start) or (literal != glob and start.startswith(literal))


def _is_for(glob: str, name: str, spell: Spell | None) -> bool:
    """Whether ``glob`` matches the declared ``name`` or may match a name inside it."""
    parts = name.split(".")
    spelled = [".".join, *([] if spell is None else [spell])]
    return any(fnmatchcase(make(parts), glob) or glob.startswith(make([*parts, ""])) for make in spelled)


def _known() -> Iterator[str]:
    yield from (entry.name for entry in schema())
    yield from TREES


def _refuse_withheld(facts: Mapping[str, Any], glob: str, wanted: Collection[str], spell: Spell | None) -> None:
    withheld: Mapping[str, str] = facts.get("collection", {}).get("withheld", {})
    for path, reason in withheld.items():
        for name in (*resolve(path), in_tree(path)):
            if any(_is_for(each, name, spell) for each in wanted):
                raise UsageError(f"{name} is withheld, so {glob!r} matches nothing: {reason}")
