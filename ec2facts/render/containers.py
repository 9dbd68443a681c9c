"""Filters for mappings and lists, as Ansible has them.

Every public function is a filter by its name; see filters.py for the form of the docstrings.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Callable

from ec2facts.render.printable import defined

_LIST_MERGES: Mapping[str, Callable[[list[Any], list[Any]], list[Any]]] = {
    "replace": lambda first, other: other,
    "keep": lambda first, other: first,
    "append": lambda first, other: first + other,
    "prepend": lambda first, other: other + first,
}


def combine(value: Any, *others: Any, recursive: bool = False, list_merge: str = "replace") -> dict[Any, Any]:
    """Merge mappings, or lists of them, into one, in which the later ones win.

    Of two lists, ``list_merge`` says whether to replace or keep the first, to append or to prepend the other.

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
    """Return a mapping as a list of its keys and values.

    {{ ({'Name': 'web'} | dict2items | first).key }} → Name
    """
    return [{key_name: key, value_name: item} for key, item in _mapping(value).items()]


def items2dict(value: Any, key_name: str = "key", value_name: str = "value") -> dict[Any, Any]:
    """Return a list of keys and values as a mapping.

    {{ ([{'key': 'Name', 'value': 'web'}] | items2dict).Name }} → web
    """
    try:
        return {_mapping(item)[key_name]: item[value_name] for item in defined(value)}
    except KeyError as error:
        raise ValueError(f"an item has no {error}; its names are arguments, the key's and the value's") from None


def flatten(value: Any, levels: int | None = None, *, skip_nulls: bool = True) -> list[Any]:
    """Return a list in place of lists in lists, at most ``levels`` deep, without nulls.

    {{ [1, [2, [3, none]]] | flatten | join(' ') }} → 1 2 3
    """
    return [item for item in _flattened(defined(value), levels) if item is not None or not skip_nulls]


def union(value: Any, other: Any) -> list[Any]:
    """Return what is in one list or the other, each once.

    {{ ['a', 'b'] | union(['b', 'c']) | join(' ') }} → a b c
    """
    return _once([*defined(value), *defined(other)])


def intersect(value: Any, other: Any) -> list[Any]:
    """Return what is in both lists, each once.

    {{ ['a', 'b'] | intersect(['b', 'c']) | join(' ') }} → b
    """
    kept = list(defined(other))
    return _once(item for item in defined(value) if item in kept)


def difference(value: Any, other: Any) -> list[Any]:
    """Return what is in the first list and not in the other, each once.

    {{ ['a', 'b'] | difference(['b', 'c']) | join(' ') }} → a
    """
    left_out = list(defined(other))
    return _once(item for item in defined(value) if item not in left_out)


def _flattened(items: Iterable[Any], levels: int | None) -> Iterator[Any]:
    for item in items:
        if isinstance(item, (list, tuple)) and levels != 0:
            yield from _flattened(item, None if levels is None else levels - 1)
        else:
            yield item


def _once(items: Iterable[Any]) -> list[Any]:
    found: list[Any] = []
    for item in items:  # a dict would need what can be hashed, which mappings cannot
        if item not in found:
            found.append(item)
    return found


def _mapping(value: Any) -> Mapping[Any, Any]:
    if not isinstance(defined(value), Mapping):
        raise ValueError("not a mapping")
    mapping: Mapping[Any, Any] = value
    return mapping
