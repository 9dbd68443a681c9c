"""Filters for mappings and lists, mostly Ansible's.

Every public function is a filter of that name; registry.py describes the form of the docstrings.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from random import Random
from typing import Any, Callable

from ec2facts.render.printable import defined, printable

_LIST_MERGES: Mapping[str, Callable[[list[Any], list[Any]], list[Any]]] = {
    "replace": lambda first, other: other,
    "keep": lambda first, other: first,
    "append": lambda first, other: first + other,
    "prepend": lambda first, other: other + first,
}


def combine(value: Any, *others: Any, recursive: bool = False, list_merge: str = "replace") -> dict[Any, Any]:
    """Merge mappings, or lists of mappings, into one; a later value overrides an earlier one.

    ``recursive`` merges nested mappings too. ``list_merge`` decides what two lists become: ``replace`` (the later one),
    ``keep`` (the first), ``append`` or ``prepend`` (the later one after or before the first).

    {{ {'a': 1, 'b': 2} | combine({'b': 3}) | to_json }} → {"a": 1, "b": 3}
    """
    if list_merge not in _LIST_MERGES:
        raise ValueError(f"no list_merge {list_merge!r}, choose from {', '.join(_LIST_MERGES)}")
    result: dict[Any, Any] = {}
    for mapping in flatten([value, *others]):
        for key, item in _mapping(mapping).items():
            before = result.get(key)
            if recursive and isinstance(item, Mapping) and isinstance(before, Mapping):
                result[key] = combine(before, item, recursive=True, list_merge=list_merge)
            elif isinstance(item, list) and isinstance(before, list):
                result[key] = _LIST_MERGES[list_merge](before, item)
            else:
                result[key] = item
    return result


def dict2items(value: Any, key_name: str = "key", value_name: str = "value") -> list[dict[str, Any]]:
    """Convert a mapping to a list of mappings: each holds a key as ``key_name`` and its value as ``value_name``.

    {{ ({'Name': 'web'} | dict2items | first).key }} → Name
    """
    return [{key_name: key, value_name: item} for key, item in _mapping(value).items()]


def items2dict(value: Any, key_name: str = "key", value_name: str = "value") -> dict[Any, Any]:
    """Convert a list of mappings to one mapping: each holds a key as ``key_name`` and its value as ``value_name``.

    {{ ([{'key': 'Name', 'value': 'web'}] | items2dict).Name }} → web
    """
    try:
        return {_mapping(item)[key_name]: item[value_name] for item in _list(value)}
    except KeyError as error:
        raise ValueError(f"an item has no {error}; give key_name and value_name") from None


def flatten(
    value: Any,
    levels: int | None = None,
    skip_nulls: bool = True,  # noqa: FBT001, FBT002 (in the place that Ansible has it)
) -> list[Any]:
    """Flatten nested lists into one list, at most ``levels`` deep; ``skip_nulls`` drops null items.

    {{ [1, [2, [3, none]]] | flatten | join(' ') }} → 1 2 3
    """
    return [item for item in _flattened(_list(value), levels) if item is not None or not skip_nulls]


def union(value: Any, other: Any) -> list[Any]:
    """Return the items of both lists, each once.

    {{ ['a', 'b'] | union(['b', 'c']) | join(' ') }} → a b c
    """
    return unique([*_list(value), *_list(other)], case_sensitive=True)


def intersect(value: Any, other: Any) -> list[Any]:
    """Return the items that are in both lists, each once.

    {{ ['a', 'b'] | intersect(['b', 'c']) | join(' ') }} → b
    """
    items, others = _list(value), _list(other)
    return unique([item for item in items if item in others], case_sensitive=True)


def difference(value: Any, other: Any) -> list[Any]:
    """Return the items of the first list that are not in the other, each once.

    {{ ['a', 'b'] | difference(['b', 'c']) | join(' ') }} → a
    """
    items, others = _list(value), _list(other)
    return unique([item for item in items if item not in others], case_sensitive=True)


def symmetric_difference(value: Any, other: Any) -> list[Any]:
    """Return the items that are in only one of two lists, each once.

    {{ ['a', 'b'] | symmetric_difference(['b', 'c']) | join(' ') }} → a c
    """
    return [*difference(value, other), *difference(other, value)]


def unique(
    value: Any,
    case_sensitive: bool = False,  # noqa: FBT001, FBT002 (in the place that Jinja has it)
    attribute: str | int | None = None,
) -> list[Any]:
    """Remove duplicates from a list; with ``attribute``, keep the first item for each value of the attribute.

    Texts that differ only in case are equal, unless ``case_sensitive`` is true.

    {{ [{'a': 1}, 'b', {'a': 1}] | unique | to_json }} → [{"a": 1}, "b"]
    """
    steps = [] if attribute is None else [int(step) if step.isdigit() else step for step in str(attribute).split(".")]
    found: list[Any] = []
    seen: list[Any] = []  # a set cannot hold mappings
    for item in _list(value):
        compared = _at(item, steps)
        compared = compared.lower() if isinstance(compared, str) and not case_sensitive else compared
        if compared not in seen:
            seen.append(compared)
            found.append(item)
    return found


def zip_(value: Any, *others: Any) -> list[list[Any]]:
    """Pair the items of several lists by position, up to the shortest list.

    {{ ['a', 'b'] | zip([1, 2]) | to_json }} → [["a", 1], ["b", 2]]
    """
    return [list(items) for items in zip(*map(_list, [value, *others]))]


def extract(value: Any, container: Any, morekeys: Any = None) -> Any:
    """Look up a key or position in ``container``, then ``morekeys``, one or a list, in the value found.

    {{ 'eu-west-1' | extract({'eu-west-1': {'city': 'Dublin'}}, 'city') }} → Dublin
    """
    more = morekeys if isinstance(morekeys, list) else [] if morekeys is None else [morekeys]
    return _at(container, [defined(value), *more])


def random(value: Any, start: int = 0, step: int = 1, seed: Any = None) -> Any:
    """Return a random item of a list, or a random number from ``start`` to below the given one, in steps of ``step``.

    With a ``seed``, such as ``instance_id``, the choice is the same in every run.

    {{ 60 | random(seed='i-1234567890abcdef0') }} → 16
    """
    choices = range(start, value, step) if isinstance(value, int) else _list(value)
    if not isinstance(value, int) and (start, step) != (0, 1):
        raise ValueError("start and step are for numbers")
    if not choices:
        raise ValueError("nothing to choose from")
    return _generator(seed).choice(choices)


def shuffle(value: Any, seed: Any = None) -> list[Any]:
    """Return the items of a list, or the characters of a text, in random order.

    With a ``seed``, such as ``instance_id``, the order is the same in every run.

    {{ ['a', 'b', 'c'] | shuffle(seed='i-1234567890abcdef0') | join(' ') }} → c a b
    """
    items = list(value) if isinstance(value, str) else _list(value)
    _generator(seed).shuffle(items)
    return items


def _generator(seed: Any) -> Random:
    """Return a generator that makes Ansible's choices for the seed."""
    return Random(seed if seed is None or isinstance(seed, int) else printable(seed))  # noqa: S311 (no secret)


def _flattened(items: Iterable[Any], levels: int | None) -> Iterator[Any]:
    for item in items:
        if isinstance(item, (list, tuple)) and levels != 0:
            yield from _flattened(item, None if levels is None else levels - 1)
        else:
            yield item


def _list(value: Any) -> list[Any]:
    if isinstance(value, (str, Mapping)) or not isinstance(value, Iterable):
        raise ValueError("not a list; use |split" if isinstance(value, str) else "not a list")
    return defined(list(value))


def _mapping(value: Any) -> Mapping[Any, Any]:
    if not isinstance(defined(value), Mapping):
        raise ValueError("not a mapping")
    mapping: Mapping[Any, Any] = value
    return mapping


def _at(container: Any, keys: Iterable[Any]) -> Any:
    try:
        for key in keys:
            container = container[key]
    except (LookupError, TypeError):
        raise ValueError("no such key or position") from None
    return container
