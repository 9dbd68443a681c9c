"""Signals that ask a command to stop."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""The same signals as in ``atomic_replace``, which is slow to import."""


@contextmanager
def stoppable() -> Iterator[None]:
    """Turn the first signal in STOPPING into an exception, so that unfinished changes are rolled back.

    A command that changes nothing needs the handlers as well: the kernel delivers no signal without a handler to the
    first process of a container.
    """

    def stop(number: int, frame: FrameType | None) -> NoReturn:
        for each in previous:
            signal.signal(each, signal.SIG_IGN)
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        raise SystemExit(128 + number)

    previous = {}
    if threading.current_thread() is threading.main_thread():
        # nohup ignores SIGHUP: keep ignoring it.
        previous = {each: handler for each in STOPPING if (handler := signal.getsignal(each)) is not signal.SIG_IGN}
    for number in previous:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
