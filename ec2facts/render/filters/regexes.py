"""Regular expressions of templates, with a limit on the time that one may take."""

from __future__ import annotations

import re
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from ec2facts.render.printable import RefusalError, printable

_SECONDS = 1.0
"""CPU time that one match may take. A value of a few dozen characters can keep ``(a+)+b`` busy for years."""


def compiled(pattern: str, ignorecase: bool = False, multiline: bool = False) -> re.Pattern[str]:  # noqa: FBT001, FBT002 (in the place that Ansible has them)
    """Return a regular expression; raise RefusalError if it is malformed."""
    try:
        return re.compile(backslashed(pattern), re.IGNORECASE * ignorecase | re.MULTILINE * multiline)
    except re.error as error:
        raise RefusalError(f"not a regular expression, from position {error.pos} on") from error


def backslashed(text: Any) -> str:
    r"""Return a text of a template for ``re``; refuse one in which Jinja read a backslash as its own, as in ``\1``."""
    if re.search("[\x01-\x08]", printable(text)):
        raise RefusalError("the pattern holds a control character: in a template, write each backslash twice")
    return printable(text)


@contextmanager
def time_limit() -> Iterator[None]:
    """Raise RefusalError if the body takes too long. Python can interrupt a match in the main thread alone."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        raise RefusalError(f"the regular expression takes more than {_SECONDS:.0f} s; nested repeats may be why")

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, _SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
