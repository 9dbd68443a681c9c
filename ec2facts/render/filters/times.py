"""Filters for the times that the service writes, in several forms."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any

from ec2facts.render.printable import printable


def unix_time(value: Any) -> int | None:
    """Return a time of the service as Unix seconds; none if the text is not a time.

    {{ '21 Jan 2026 09:00:43 GMT' | unix_time }} → 1768986043
    """
    time = _parsed(value)
    return None if time is None else int(time.timestamp())


def utc_time(value: Any) -> str:
    """Write a time of the service in one form for people; a text that is not a time stays as it is.

    {{ '2026-01-15T10:02:00Z' | utc_time }} → 2026-01-15 10:02:00 UTC
    """
    time = _parsed(value)
    return printable(value) if time is None else time.astimezone(timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")


def _parsed(value: Any) -> datetime | None:
    """Read ISO 8601 and the dates of HTTP, which maintenance events have."""
    text = printable(value)
    for read in (_from_iso, parsedate_to_datetime):
        with suppress(ValueError, TypeError, IndexError, OverflowError):
            time = read(text)
            return time if time.tzinfo else time.replace(tzinfo=timezone.utc)
    return None


def _from_iso(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))  # Python 3.9 does not know Z
