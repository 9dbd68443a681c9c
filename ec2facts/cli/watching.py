"""``ec2facts apply --watch``: its signals and its messages."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from ec2facts.apply.systemd import notifier
from ec2facts.apply.watch import Watch
from ec2facts.cli.apply_printer import ApplyPrinter
from ec2facts.cli.streams import say, warn
from ec2facts.errors import EC2FactsError
from ec2facts.install import Change

_ENDED = 128 + signal.SIGTERM
"""The exit status of ``stoppable`` after SIGTERM."""


class WatchPrinter(ApplyPrinter):
    """A printer that is silent about unchanged files and skipped outputs."""

    def done(self, change: Change) -> None:
        """Print a change."""
        if change.kind != "unchanged":
            super().done(change)

    def skipped(self, name: str) -> None:
        """Print nothing: an output with a condition is skipped most of the time."""

    def away(self, error: EC2FactsError) -> None:
        """Warn that the service is unavailable."""
        warn(f"waiting for the metadata service; files stay unchanged: {error}")

    def back(self) -> None:
        """Print that the service is available again."""
        say("the metadata service is back")


def watch(make_watch: Callable[[Callable[[float], bool], Callable[[str], object]], Watch]) -> int:
    """Run the watch that ``make_watch`` returns; return the exit status, 0 after SIGTERM.

    ``make_watch`` gets a function that waits and a function that notifies systemd.
    """
    notify = notifier(os.environ)
    try:
        with _waiting() as wait:
            make_watch(wait, notify).run()
    except SystemExit as end:
        if end.code != _ENDED:
            raise
        return 0
    finally:
        notify("STOPPING=1")


@contextmanager
def _waiting() -> Iterator[Callable[[float], bool]]:
    """Yield a function that waits for the given seconds or until SIGHUP, and returns whether SIGHUP arrived."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)

    def wake(number: int, frame: FrameType | None) -> None:
        os.write(writing, b"\n")

    def wait(seconds: float) -> bool:
        ready, _, _ = select.select([reading], [], [], seconds)
        return bool(ready) and bool(os.read(reading, 1024))

    before = signal.signal(signal.SIGHUP, wake)
    try:
        yield wait
    finally:
        signal.signal(signal.SIGHUP, before)
        os.close(reading)
        os.close(writing)
