"""Standard output for data, standard error for everything else."""

from __future__ import annotations

import errno
import os
import sys
import threading
from typing import TextIO

from ec2facts.text import escape_unprintable

_CLEAR = "\r\x1b[K"


class _StatusLine:
    """A line at the end of a terminal, rewritten in place; whatever else is printed replaces it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # a crawl reads in several threads
        self._is_shown = False

    def show(self, text: str) -> None:
        """Show ``text``, cut to the width of the terminal."""
        import shutil  # slow to import, and most commands never show the line

        width = shutil.get_terminal_size().columns
        with self._lock:
            self._is_shown = True  # set before the text is written: Ctrl-C may interrupt in between
            sys.stderr.write(_CLEAR + escape_unprintable(text)[: width - 1])
            sys.stderr.flush()

    def clear(self) -> None:
        """Remove the line."""
        with self._lock:
            if self._is_shown:
                sys.stderr.write(_CLEAR)
                sys.stderr.flush()
                self._is_shown = False


status_line = _StatusLine()
"""The status line of standard error: a process has one."""


def write_stdout(content: bytes) -> None:
    """Write all of ``content`` to standard output and flush it; raise OSError, under that name, on failure."""
    name = "standard output"
    status_line.clear()
    if not sys.stdout:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF), name)
    try:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
    except OSError as error:
        _abandon(sys.stdout)
        raise OSError(error.errno, error.strerror, name) from error


def say(message: str) -> None:
    """Print a message to standard error, if it is open; escape characters that could move the cursor."""
    if sys.stderr:
        status_line.clear()
        try:
            print(f"ec2facts: {escape_unprintable(message, keep=chr(10))}", file=sys.stderr)  # noqa: T201
        except OSError:  # a full disk or a closed pipe behind standard error must not stop the command
            _abandon(sys.stderr)


def warn(message: str) -> None:
    """Print a warning to standard error."""
    say(f"warning: {message}")


def _abandon(stream: TextIO) -> None:
    # At exit, the interpreter would write the rest of the buffer, and report the error again.
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
