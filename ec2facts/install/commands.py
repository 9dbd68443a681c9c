"""The shell commands of an install: checks, which can refuse a file, and commands that run after a change."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from ec2facts.errors import CheckError, CommandError, InstallError
from ec2facts.install.file import File
from ec2facts.install.settings import PLACEHOLDER
from ec2facts.trust import User

_FILE_VARIABLE = "EC2FACTS_FILE"
"""The variable of a check that holds the name of the file."""

_SHOWN_BYTES = 10000
"""An error quotes at most this many bytes from the end of a command's output."""


class Shell(NamedTuple):
    """Runs the shell commands of one run."""

    variables: Mapping[str, str] = {}
    """Variables for every command."""
    hides_output: bool = False
    """Whether commands may print a secret, so that errors do not quote their output."""

    def check(self, command: str, checked: Path, file: File, *, rights: int | None) -> None:
        """Run a check of ``file`` on ``checked``, the staged copy or the installed file, with a user's rights.

        Raises CheckError if the check fails, InstallError if it cannot be started.
        """
        try:
            variables = {_FILE_VARIABLE: str(checked)}
            failure = self._run(argument_for_placeholder(command), file.time_limit, variables, rights=rights)
        except OSError as error:
            reason = f"the check `{command}` could not be started: {error.strerror or error}"
            raise InstallError(str(file.path), reason) from error
        if failure is not None:
            raise CheckError(str(file.path), command, *failure)

    def run(self, command: str, changed: Sequence[File]) -> None:
        """Run a command with the paths of the changed files, one per line, in EC2FACTS_CHANGED.

        Raises CommandError if it fails.
        """
        paths = "\n".join(str(file.path) for file in changed)
        time_limit = max(file.time_limit for file in changed)
        try:
            failure = self._run(command, time_limit, {"EC2FACTS_CHANGED": paths}, rights=None)
        except OSError as error:
            raise CommandError(command, f"not run: {error.strerror or error}", "") from error
        if failure is not None:
            raise CommandError(command, *failure)

    def _run(
        self, command: str, time_limit: float, variables: Mapping[str, str], *, rights: int | None
    ) -> tuple[str, str] | None:
        """Run a shell command, killed after ``time_limit`` seconds; return the reason and the output of a failure."""
        credentials, environment = _credentials(rights)
        # A file, not a pipe: a process that the command leaves behind may hold a pipe open.
        with tempfile.TemporaryFile() as output:
            process = subprocess.Popen(  # noqa: S602 (the caller gives a shell command)
                command,
                shell=True,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env={**environment, **self.variables, **variables},
                **credentials,
            )
            try:
                status = process.wait(time_limit)
            except BaseException as error:
                with suppress(ProcessLookupError):  # the process may have ended just now
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                if not isinstance(error, subprocess.TimeoutExpired):
                    raise
                reason = f"killed after {time_limit:g} seconds"
            else:
                if not status:
                    return None
                reason = f"exit status {status}" if status > 0 else f"killed by signal {-status}"
            if self.hides_output:
                return reason, "(output not shown: this run writes a secret)\n"
            output.seek(max(0, output.seek(0, os.SEEK_END) - _SHOWN_BYTES))
            return reason, output.read().decode(errors="replace")


def argument_for_placeholder(command: str) -> str:
    """Return a shell script in which a variable with the name of the file replaces each placeholder.

    The shell expands variables after it has parsed the script, so a name is never parsed as code; a shell that the
    script starts inherits the variable. Outside of double quotes, the placeholder is quoted: a name may hold blanks.
    """
    script = ""
    is_quoted = False
    for position, part in enumerate(command.split(PLACEHOLDER)):
        if position:
            script += f"${{{_FILE_VARIABLE}}}" if is_quoted else f'"${{{_FILE_VARIABLE}}}"'
        is_quoted ^= sum(map(bool, re.findall(r'\\.|(")', part, re.DOTALL))) % 2 == 1
        script += part
    return script


def _credentials(uid: int | None) -> tuple[dict[str, Any], dict[str, str]]:
    """Return Popen's arguments for a user's rights, and the environment.

    A user can read the environment of that user's processes, so it holds no secrets of this process.
    """
    if uid is None:
        return {}, dict(os.environ)
    user = User.of(uid)
    shared = {name: value for name, value in os.environ.items() if name in {"PATH", "LANG", "TZ"} or name[:3] == "LC_"}
    environment = {**shared, "HOME": user.home, "USER": user.name, "LOGNAME": user.name}
    return {"user": user.uid, "group": user.gid, "extra_groups": list(user.groups)}, environment
