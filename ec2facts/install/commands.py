"""Other programs' part in an install: checks that may refuse a file, commands for when files have changed."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ec2facts.errors import CheckError, CommandError

PLACEHOLDER = "{}"
"""What stands in a check for the name of the file."""

_SHOWN_BYTES = 10000
"""How much of what a program said is shown, from its end."""


class Failure(NamedTuple):
    """How a shell command failed, and what it said."""

    reason: str
    output: str


def check(command: str, file: Path, *, path: Path, time_limit: float) -> None:
    """Run a check on ``file``, which is or would be at ``path``; raise CheckError if it fails."""
    failure = run(command.replace(PLACEHOLDER, shlex.quote(str(file))), time_limit=time_limit)
    if failure is not None:
        raise CheckError(str(path), command, *failure)


def run_command(command: str, changed: Sequence[Path], *, time_limit: float) -> None:
    """Run a command with the changed files, one a line, in EC2FACTS_CHANGED; raise CommandError if it fails."""
    failure = run(command, time_limit=time_limit, EC2FACTS_CHANGED="\n".join(map(str, changed)))
    if failure is not None:
        raise CommandError(command, *failure)


def run(command: str, *, time_limit: float, **variables: str) -> Failure | None:
    """Run a shell command; return how it failed, None if it did not. After ``time_limit`` seconds it is killed."""
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
