"""Refusal of unread values, shared by every output that is not a template."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ec2facts.collection.facts import Unread
from ec2facts.errors import IncompleteError


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
