"""Filters for mappings and lists, as Ansible has them.

Every public function is a filter by its name; see filters.py for the form of the docstrings.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ec2facts.render.printable import defined


def combine(value: Any, *others: Any, recursive: bool = False) -> dict[Any, Any]:
    """Merge mappings into one, in which the later ones win.

    {{ {'a': 1, 'b': 2} | combine({'b': 3}) | to_json }} → {"a": 1, "b": 3}
    """
    result: dict[Any, Any] = {}
    for mapping in (value, *others):
        for key, item in _mapping(mapping).items():
            both = recursive and isinstance(item, Mapping) and isinstance(result.get(key), Mapping)
            result[key] = combine(result[key], item, recursive=True) if both else item
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
    return {_mapping(item)[key_name]: item[value_name] for item in defined(value)}


def flatten(value: Any, levels: int | None = None) -> list[Any]:
    """Return a list in place of lists in lists, at most ``levels`` deep, without nulls.

    {{ [1, [2, [3, none]]] | flatten | join(' ') }} → 1 2 3
    """
    return list(_flattened(defined(value), levels))


def _flattened(items: Iterable[Any], levels: int | None) -> Iterator[Any]:
    for item in items:
        if isinstance(item, (list, tuple)) and levels != 0:
            yield from _flattened(item, None if levels is None else levels - 1)
        elif item is not None:
            yield item


def _mapping(value: Any) -> Mapping[Any, Any]:
    if not isinstance(defined(value), Mapping):
        raise ValueError("not a mapping")
    mapping: Mapping[Any, Any] = value
    return mapping
