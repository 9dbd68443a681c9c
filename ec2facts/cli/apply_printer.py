"""What ``apply`` prints while it runs."""

from __future__ import annotations

from ec2facts.apply.observer import ApplyObserver
from ec2facts.cli.printer import Printer
from ec2facts.cli.source_options import warn, warn_unread
from ec2facts.errors import EC2FactsError
from ec2facts.install import File


class ApplyPrinter(Printer, ApplyObserver):
    """Prints what ``Printer`` prints, and a warning for each problem of the facts."""

    def stale(self, error: EC2FactsError) -> None:
        """Warn that the facts are not of now."""
        warn(f"going on with the last facts: {error}")

    def unsaved(self, error: OSError) -> None:
        """Warn that the next run will have no facts to go on with."""
        warn(f"{error.filename}: {error.strerror}; these facts are not kept for --allow-stale")

    def unread(self, path: str, reason: str) -> None:
        """Warn that something is missing."""
        warn_unread(path, reason)

    def left_out(self, file: File, name: str, reason: str) -> None:
        """Warn that a variable is not in a file."""
        warn(f"{file.path}: {name} is left out: {reason}")
