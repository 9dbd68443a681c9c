"""The body of an answer, bounded in size and in time."""

from __future__ import annotations

from typing import Any, Callable

import requests

BODY_LIMIT = 4 * 1024 * 1024
"""Bytes. User data are 16 KiB at most, and a listing of ten thousand names is less than one MiB."""


def read_body(raw: Any, *, until: float, clock: Callable[[], float]) -> bytes:
    """Return the body behind ``raw``, of one that exceeds BODY_LIMIT one byte more than that.

    It is read as it comes, because a socket's time-out starts anew with every byte; raises requests' ReadTimeout
    where that goes on after ``until``.
    """
    read = getattr(raw, "read1", None) or raw._fp.read1  # urllib3 1.26 has none of its own
    pieces: list[bytes] = []
    left = BODY_LIMIT + 1
    while left > 0:
        piece = read(min(left, 65536))
        if not piece:
            break
        pieces.append(piece)
        left -= len(piece)
        if clock() > until:
            raise requests.exceptions.ReadTimeout("the body comes too slowly")
    return b"".join(pieces)
