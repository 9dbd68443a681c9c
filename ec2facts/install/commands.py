"""Other programs' part in an install: checks that may refuse a file, commands for when files have changed."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from ec2facts.errors import CheckError, CommandError
from ec2facts.install.file import File
from ec2facts.install.settings import PLACEHOLDER

_SHOWN_BYTES = 10000
"""How much of what a program said is shown, from its end."""


class Failure(NamedTuple):
    """How a shell command failed, and what it said."""

    reason: str
    output: str


def check(command: str, checked: Path, file: File, *, secret: bool, variables: Mapping[str, str]) -> None:
    """Run a check on ``checked``, which is or would become ``file``; raise CheckError if it fails."""
    command_line = command.replace(PLACEHOLDER, shlex.quote(str(checked)))
    failure = run(command_line, file.time_limit, secret=secret, variables=variables)
    if failure is not None:
        raise CheckError(str(file.path), command, *failure)


def run_command(command: str, changed: Sequence[File], *, variables: Mapping[str, str]) -> None:
    """Run a command with the paths of what changed, one a line, in EC2FACTS_CHANGED; raise CommandError if it fails."""
    failure = run(
        command,
        max(file.time_limit for file in changed),
        secret=any(file.secret for file in changed),
        variables={**variables, "EC2FACTS_CHANGED": "\n".join(str(file.path) for file in changed)},
    )
    if failure is not None:
        raise CommandError(command, *failure)


def run(command: str, time_limit: float, *, secret: bool, variables: Mapping[str, str]) -> Failure | None:
    """Run a shell command; return how it failed, None if it did not. After ``time_limit`` seconds it is killed.

    What it says is not told where it may quote a ``secret`` file.
    """
    try:
        failure = _run(command, time_limit, variables)
    except OSError as error:
        return Failure(f"not run: {error.strerror or error}", "")
    if failure is not None and secret:
        return failure._replace(output="(what it said is not shown: the file holds a secret)\n")
    return failure


def _run(command: str, time_limit: float, variables: Mapping[str, str]) -> Failure | None:
    # A file, not a pipe: what the command leaves running may hold that open.
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(  # noqa: S602 (a shell command is what the caller gives)
            command,
            shell=True,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, **variables},
        )
        try:
            status = process.wait(time_limit)
        except BaseException as error:
            with suppress(ProcessLookupError):  # it may have ended at this very moment
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            reason = f"killed after {time_limit:g} seconds"
        else:
            if not status:
                return None
            reason = f"exit status {status}" if status > 0 else f"killed by signal {-status}"
        said.seek(max(0, said.seek(0, os.SEEK_END) - _SHOWN_BYTES))
        return Failure(reason, said.read().decode(errors="replace"))
