"""Installs that receive a signal at each of their system calls in turn."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator

_ENDED = 0
_STOPPED = 77


def is_system_call(event: str) -> bool:
    """Whether an audit event of Python announces a system call of an install."""
    return event in {"open", "fcntl.flock", "subprocess.Popen"} or event.startswith("os.")


def interrupted(action: Callable[[], object], number: signal.Signals) -> Iterator[None]:
    """Run ``action`` in child processes, each of which receives the signal one call later; yield after each.

    The last one ends before its signal. An action that the signal stops raises SystemExit.
    """
    moment = 0
    while True:
        moment += 1
        pid = os.fork()
        if not pid:
            _run(action, number, moment)
        _, status = os.waitpid(pid, 0)
        if os.WIFEXITED(status) and os.WEXITSTATUS(status) == _ENDED:
            return
        expected = -number if number == signal.SIGKILL else _STOPPED
        assert (os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)) == expected
        yield


def _run(action: Callable[[], object], number: signal.Signals, moment: int) -> None:
    """Run the action in this child; never return."""
    left = moment

    def count(event: str, _: object) -> None:
        nonlocal left
        if is_system_call(event) and left:
            left -= 1
            if not left:
                os.kill(os.getpid(), number)

    status = 1
    try:
        sys.addaudithook(count)
        action()
        status = _ENDED if left else _STOPPED
    except SystemExit:
        status = _STOPPED
    finally:
        os._exit(status)


def in_child(action: Callable[[], object]) -> None:
    """Run ``action`` in a child process, and wait for its end."""
    pid = os.fork()
    if not pid:
        try:
            action()
        finally:
            os._exit(1)
    os.waitpid(pid, 0)
