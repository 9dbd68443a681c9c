"""Regular expressions in templates, with a time limit."""

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
"""CPU time limit of one match: ``(a+)+b`` can take years on a few dozen characters."""


def compiled(pattern: str, ignorecase: bool = False, multiline: bool = False) -> re.Pattern[str]:  # noqa: FBT001, FBT002 (in the place that Ansible has them)
    """Compile a regular expression; raise RefusalError if it is malformed."""
    try:
        return re.compile(backslashed(pattern), re.IGNORECASE * ignorecase | re.MULTILINE * multiline)
    except re.error as error:
        raise RefusalError(f"invalid regular expression: error at position {error.pos}") from error


def backslashed(text: Any) -> str:
    r"""Return a pattern or replacement unchanged; refuse one in which Jinja unescaped a backslash, as in ``\1``."""
    if re.search("[\x01-\x08]", printable(text)):
        raise RefusalError("the pattern holds a control character: in a template, write each backslash twice")
    return printable(text)


@contextmanager
def time_limit() -> Iterator[None]:
    """Raise RefusalError if the body exceeds the time limit. Python can interrupt a match only in the main thread."""
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
