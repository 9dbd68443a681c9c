"""The messages of an install."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TypeVar

from ec2facts.cli.install_options import PlanOptions
from ec2facts.cli.streams import say, write_stdout
from ec2facts.errors import EC2FactsError
from ec2facts.install import Change, File, Observer
from ec2facts.install.diff import diff

_Printer = TypeVar("_Printer", bound="Printer")

_WORDS = {"changed": "would change", "repaired": "would repair", "removed": "would remove"}


class Printer(Observer):
    """Prints a line to standard error for each file and command, and diffs to standard output.

    A diff that cannot be written does not stop the install: leaving the context raises the OSError.
    """

    def __init__(self, options: PlanOptions) -> None:
        self._options = options
        self._unwritten: OSError | None = None

    def __enter__(self: _Printer) -> _Printer:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, traceback: object) -> None:
        if self._unwritten is not None and kind is None:
            raise self._unwritten

    def _say(self, message: str) -> None:
        if not self._options.quiet:
            say(message)

    def done(self, change: Change) -> None:
        """Print how a file changed."""
        word = _WORDS.get(change.kind, change.kind) if self._options.dry_run else change.kind
        details = ""
        if change.kind == "repaired" and change.existing is not None:
            pairs = [
                ("mode", f"{change.existing.mode:04o}", f"{change.wanted.mode:04o}"),
                ("owner", change.existing.uid, change.wanted.uid),
                ("group", change.existing.gid, change.wanted.gid),
            ]
            details = ": " + ", ".join(f"{name} {new}, was {old}" for name, old, new in pairs if old != new)
        self._say(f"{word} {change.file.path}{details}")
        if self._options.diff and self._unwritten is None:
            try:
                write_stdout(diff(change).encode())
            except OSError as error:
                self._unwritten = error

    def kept(self, file: File) -> None:
        """Print that a file is unchanged."""
        self._say(f"{'kept' if os.path.lexists(file.path) else 'not created:'} {file.path}")

    def running(self, command: str) -> None:
        """Print a command."""
        self._say(f"{'would run' if self._options.dry_run else 'running'} {command}")

    def waiting(self, state: Path) -> None:
        """Print that another run holds the lock of the state directory."""
        self._say(f"waiting for another run to release {state}")

    def failed(self, error: EC2FactsError) -> None:
        """Print a failure."""
        say(f"error: {error}")
