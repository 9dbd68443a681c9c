"""Markers for values that could not be read: whatever uses one fails."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ec2facts.errors import IncompleteError


class Unread:
    """A marker in place of a value that could not be read, with its ``path`` and the ``reason``."""

    __slots__ = ("path", "reason")

    def __init__(self, path: str, reason: str) -> None:
        self.path = path
        self.reason = reason

    def __repr__(self) -> str:
        return f"Unread({self.path!r}, {self.reason!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Unread) and (self.path, self.reason) == (other.path, other.reason)

    def __hash__(self) -> int:
        return hash((self.path, self.reason))


def without_unread(tree: Any) -> Any:
    """Return ``tree`` without the keys and items that are Unread markers."""
    if isinstance(tree, dict):
        return {key: without_unread(value) for key, value in tree.items() if not isinstance(value, Unread)}
    if isinstance(tree, list):
        return [without_unread(value) for value in tree if not isinstance(value, Unread)]
    return tree


def unread_in(value: Any) -> dict[str, str]:
    """Return the path and the reason of each unread value inside ``value``."""
    if isinstance(value, Unread):
        return {value.path: value.reason}
    children = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return {path: reason for child in children for path, reason in unread_in(child).items()}


def refuse_unread(value: Any) -> None:
    """Raise IncompleteError if anything inside ``value`` is unread."""
    unread = unread_in(value)
    if unread:
        raise IncompleteError(unread)
