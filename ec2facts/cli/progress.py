"""Progress messages: a line that is rewritten in place on a terminal, two lines in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Callable

from ec2facts.cli.streams import say, status_line
from ec2facts.imds.waiting import Wait

PATIENCE = 2.0
"""Seconds before progress is shown: most commands finish sooner."""


class Progress:
    """The progress of reading the service, on standard error.

    On a terminal, after PATIENCE, one line shows the progress and the reason for a wait; it is cleared at the end.
    Elsewhere one line is printed when a wait for the service begins, and one when it ends.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._begin()

    def _begin(self) -> None:
        self._began = self._clock()
        self._read = self._reason = ""
        self._waits_since: float | None = None

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Reset the progress, and clear the line at the end."""
        self._begin()
        try:
            yield
        finally:
            status_line.clear()

    def reading(self, done: int, known: int) -> None:
        """Show how many of the known paths have been read."""
        self._read, self._reason = f"read {done} of {known} paths", ""
        self._update()

    def waiting(self, wait: Wait) -> None:
        """Show why the client waits, and for how long."""
        if wait.kind in {"retry", "rate limit"} and wait.seconds < 1:
            return  # too short to read the reason
        self._reason = "" if wait.kind == "over" else f"{wait.reason}; waiting up to {wait.seconds:.0f} s"
        if wait.kind == "service" and self._waits_since is None:
            self._waits_since = self._clock()
            self._log(f"waiting up to {wait.seconds:.0f} s for the metadata service: {wait.reason}")
        elif wait.kind == "over" and self._waits_since is not None:
            self._log(f"the metadata service answered after {self._clock() - self._waits_since:.0f} s")
            self._waits_since = None
        self._update()

    def _update(self) -> None:
        if _is_terminal() and self._clock() - self._began >= PATIENCE:
            status_line.show("; ".join(filter(None, [self._read, self._reason])) or "reading the metadata service")

    def _log(self, message: str) -> None:
        if not _is_terminal():
            say(message)


def _is_terminal() -> bool:
    return bool(sys.stderr) and sys.stderr.isatty()


progress = Progress()
"""The progress of this process: a process has one standard error."""
