"""Run the command line: ``call`` in this process, ``execute`` and ``started`` in a subprocess."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import ec2facts
from ec2facts.cli import command_parsers, main, make_parser

PROGRAM = str(Path(sys.executable).parent / "ec2facts")
"""The console script beside the Python that runs the tests."""

Capture = pytest.CaptureFixture[bytes]
"""The type of the fixture ``capfdbinary``."""


class Outcome(NamedTuple):
    """How a command ended, and what it printed."""

    status: int | str | None
    output: bytes
    errors: str


def parsers() -> dict[str, argparse.ArgumentParser]:
    """Return the parser of each command by its name, and that of the program under ``""``."""
    whole = make_parser()
    return {"": whole, **command_parsers(whole)}


def call(capture: Capture, *arguments: object) -> Outcome:
    """Run one command in this process."""
    capture.readouterr()
    status: int | str | None
    try:
        status = main([str(argument) for argument in arguments])
    except SystemExit as end:  # argparse exits after it has printed help
        status = end.code
    output, errors = capture.readouterr()
    return Outcome(status, output, errors.decode())


def execute(*command: object, **options: Any) -> Outcome:
    """Run a command in a subprocess; ``options`` go to subprocess.run."""
    done = subprocess.run(
        [str(part) for part in command],
        **{
            "stdin": subprocess.DEVNULL,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
            "timeout": 30,
            **options,
        },
        check=False,
    )
    return Outcome(done.returncode, done.stdout or b"", (done.stderr or b"").decode())


@contextmanager
def started(*command: object) -> Iterator[subprocess.Popen[bytes]]:
    """Start a command; leaving the context kills it."""
    with subprocess.Popen(
        [str(part) for part in command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # shells ignore it in the background
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def interrupt(process: subprocess.Popen[bytes]) -> Outcome:
    """Send SIGINT to a process, as Ctrl-C does, and return its outcome."""
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=20)
    return Outcome(process.returncode, output, errors.decode())


def require_checkout_that_others_can_read() -> None:
    """Skip a test that runs ec2facts as another user if that user cannot read this checkout; in CI, fail."""
    package = Path(ec2facts.__file__).parent
    private = [directory for directory in (package, *package.parents) if directory.stat().st_mode & 0o005 != 0o005]
    if private and os.environ.get("CI") == "true":
        pytest.fail(f"other users cannot read {private[0]}")
    if private:
        pytest.skip(f"other users cannot read {private[0]}: chmod o+rx {private[0]}")


def one_line(text: str, start: str = "ec2facts: error: ") -> bool:
    """Return whether ``text`` is one line that begins with ``start``."""
    return text.startswith(start) and text.index("\n") == len(text) - 1
