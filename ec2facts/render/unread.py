"""Unread values in what is about to be written: the one place that decides that they fail an output."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ec2facts.collection.facts import Unread
from ec2facts.errors import IncompleteError


def unread_in(value: Any) -> dict[str, str]:
    """Return the path and the reason of each unread value inside ``value``."""
    return {marker.path: marker.reason for marker in _markers(value)}


def refuse_unread(value: Any) -> None:
    """Raise IncompleteError if anything inside ``value`` is unread."""
    unread = unread_in(value)
    if unread:
        raise IncompleteError(unread)


def _markers(value: Any) -> Iterator[Unread]:
    if isinstance(value, Unread):
        yield value
    elif isinstance(value, Mapping):
        for child in value.values():
            yield from _markers(child)
    elif isinstance(value, list):
        for child in value:
            yield from _markers(child)
