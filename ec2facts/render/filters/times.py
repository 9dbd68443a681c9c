"""Filters for the times in IMDS, which come in several formats."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any

from ec2facts.render.printable import printable


def unix_time(value: Any) -> int | None:
    """Convert a time from the service to Unix seconds; return ``none`` if the text is not a time.

    {{ '21 Jan 2026 09:00:43 GMT' | unix_time }} → 1768986043
    """
    time = _parsed(value)
    return None if time is None else int(time.timestamp())


def utc_time(value: Any) -> str:
    """Format a time from the service for people; a text that is not a time is returned unchanged.

    {{ '2026-01-15T10:02:00Z' | utc_time }} → 2026-01-15 10:02:00 UTC
    """
    time = _parsed(value)
    return printable(value) if time is None else time.astimezone(timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")


def _parsed(value: Any) -> datetime | None:
    """Parse ISO 8601, and HTTP dates, which maintenance events have."""
    text = printable(value)
    for read in (_from_iso, parsedate_to_datetime):
        with suppress(ValueError, TypeError, IndexError, OverflowError):
            time = read(text)
            return time if time.tzinfo else time.replace(tzinfo=timezone.utc)
    return None


def _from_iso(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))  # Python before 3.11 rejects Z
