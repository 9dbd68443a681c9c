"""The number of examples of property tests: the same few in each run, or with FUZZ=N, N times as many at random."""

from __future__ import annotations

import os

from hypothesis import settings

FACTOR = int(os.environ.get("FUZZ", "1"))


def examples(count: int) -> settings:
    """Return the settings of a property test with ``count`` examples."""
    return settings(max_examples=count * FACTOR, deadline=None, derandomize=FACTOR == 1, database=None)
