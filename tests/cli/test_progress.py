"""Progress messages."""

from __future__ import annotations

import io
import os
import pty
import signal
import subprocess
import time

import pytest

from ec2facts.cli.progress import PATIENCE, Progress
from ec2facts.cli.streams import say, status_line
from ec2facts.imds.waiting import Wait
from tests.cli.running import PROGRAM, Capture, call


class Terminal(io.StringIO):
    """Standard error that is a terminal."""

    def isatty(self) -> bool:
        return True

    @property
    def shown(self) -> str:
        """The line on the screen."""
        return self.getvalue().rpartition("\x1b[K")[2]


def on_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Make standard error a terminal; not a fixture, because pytest sets standard error again before each test."""
    stream = Terminal()
    monkeypatch.setattr("sys.stderr", stream)
    monkeypatch.setenv("COLUMNS", "100")
    return stream


class Clock:
    """A clock that a test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_quick_command_shows_no_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_terminal(monkeypatch)
    clock = Clock()
    progress = Progress(clock=clock)

    with progress.shown():
        clock.now = PATIENCE - 0.1
        progress.reading(3, 76)

    assert terminal.getvalue() == ""


def test_slow_command_shows_the_number_of_paths_and_the_reason_for_the_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_terminal(monkeypatch)
    clock = Clock()
    progress = Progress(clock=clock)

    with progress.shown():
        clock.now = PATIENCE
        progress.reading(3, 76)
        assert terminal.shown == "read 3 of 76 paths"
        progress.waiting(Wait("rate limit", "the service throttles requests (HTTP 429)", 4))
        assert terminal.shown == "read 3 of 76 paths; the service throttles requests (HTTP 429); waiting up to 4 s"

    assert terminal.shown == ""


def test_line_is_cut_to_the_width_of_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_terminal(monkeypatch)
    monkeypatch.setenv("COLUMNS", "20")

    status_line.show("read 3 of 76 paths and more")

    assert terminal.shown == "read 3 of 76 paths "
    status_line.clear()


def test_message_replaces_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_terminal(monkeypatch)
    status_line.show("read 3 of 76 paths")

    say("warning: x")

    assert terminal.shown == "ec2facts: warning: x\n"


def test_log_has_one_line_when_a_wait_begins_and_one_when_it_ends(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    progress = Progress(clock=clock)

    with progress.shown():
        for left in (60, 59, 58):
            progress.waiting(Wait("service", "connection refused", left))
            clock.now += 1
        progress.waiting(Wait("over"))
        progress.reading(1, 76)

    assert capsys.readouterr().err == (
        "ec2facts: waiting up to 60 s for the metadata service: connection refused\n"
        "ec2facts: the metadata service answered after 3 s\n"
    )


def test_wait_for_the_service_is_logged_once(capfdbinary: Capture) -> None:
    outcome = call(capfdbinary, "get", "region", "--wait", "1", "--endpoint", "http://127.0.0.1:1")

    waiting, error = outcome.errors.splitlines()
    assert waiting == "ec2facts: waiting up to 1 s for the metadata service: connection refused"
    assert error.startswith("ec2facts: error: the metadata service at http://127.0.0.1:1 is unavailable")
    assert outcome.status == 3


def test_ctrl_c_leaves_a_clean_line_on_a_terminal() -> None:
    terminal, end = pty.openpty()
    command = [PROGRAM, "get", "region", "--wait", "60", "--endpoint", "http://127.0.0.1:1"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=end) as process:
        os.close(end)
        shown = b""
        deadline = time.monotonic() + 60
        while b"waiting up to" not in shown and time.monotonic() < deadline:
            shown += os.read(terminal, 4096)
        process.send_signal(signal.SIGINT)
        while b"interrupted" not in shown and time.monotonic() < deadline:
            shown += os.read(terminal, 4096)
        process.wait(timeout=20)
    os.close(terminal)

    assert process.returncode == 130
    # The line is cleared before the message, and nothing comes between.
    assert b"\r\x1b[Kec2facts: error: interrupted" in shown
