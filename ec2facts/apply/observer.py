"""The observer of an apply: the events of an install, and those of its facts."""

from __future__ import annotations

from ec2facts.errors import EC2FactsError
from ec2facts.install.file import File
from ec2facts.install.observer import Observer


class ApplyObserver(Observer):
    """Receives the events of an apply and ignores them; a subclass overrides the events that it needs."""

    def stale(self, error: EC2FactsError) -> None:
        """Receive the reason why the last facts replace facts that could not be read."""

    def unsaved(self, error: OSError) -> None:
        """Receive the reason why the facts of this run could not be saved as the last facts."""

    def unread(self, path: str, reason: str) -> None:
        """Receive a path that could not be read, where ``allow_partial`` leaves it out of the outputs."""

    def left_out(self, file: File, name: str, reason: str) -> None:
        """Receive a variable that the format of the file cannot hold."""
