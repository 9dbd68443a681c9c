"""The messages of commands that render outputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ec2facts.apply.observer import ApplyObserver
from ec2facts.apply.outputs import STDOUT_FILE
from ec2facts.cli.printer import Printer
from ec2facts.cli.progress import progress
from ec2facts.cli.source_options import warn_unread, warn_withheld
from ec2facts.cli.streams import warn
from ec2facts.errors import EC2FactsError
from ec2facts.install import File


class ApplyPrinter(Printer, ApplyObserver):
    """A ``Printer`` that also prints progress, and a warning for each problem with the facts."""

    def reading(self, done: int, known: int) -> None:
        """Show the progress on a terminal."""
        progress.reading(done, known)

    def stale(self, error: EC2FactsError, instance_id: str, age: float) -> None:
        """Warn that the last facts are used, with their instance and age."""
        warn(f"using the last facts of {instance_id}, {_duration(age)} old: {error}")

    def rendered(self, file: File, variables: Mapping[str, Any]) -> None:
        """Print the variables of a file."""
        if variables:
            self._say(
                f"variables of {file.path}: {', '.join(f'{name}={value!r}' for name, value in variables.items())}"
            )

    def skipped(self, name: str) -> None:
        """Print that an output has no file on this instance."""
        self._say(f"skipped {name}")

    def unsaved(self, error: OSError) -> None:
        """Warn that the facts could not be saved, so a later run has no fallback."""
        warn(f"{error.filename}: {error.strerror}; the facts are not saved for --allow-stale")

    def unread(self, path: str, reason: str) -> None:
        """Warn that a value is missing."""
        warn_unread(path, reason)

    def withheld(self, tag: str, reason: str) -> None:
        """Warn that a tag is missing."""
        warn_withheld(tag, reason)

    def absent(self, file: File, glob: str, reason: str) -> None:
        """Warn that a glob selects nothing, and why."""
        where = "" if file.path == STDOUT_FILE.path else f"{file.path}: "
        warn(f"{where}{glob!r} selects nothing: {reason}")

    def left_out(self, file: File, name: str, reason: str) -> None:
        """Warn that a file lacks a variable."""
        where = "" if file.path == STDOUT_FILE.path else f"{file.path}: "
        warn(f"{where}{name} is left out: {reason}")


def _duration(seconds: float) -> str:
    for unit, size in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} seconds"
