"""The observer of an install, which receives each event when it happens."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ec2facts.install.file import File

if TYPE_CHECKING:
    from ec2facts.errors import EC2FactsError
    from ec2facts.install.change import Change


class Observer:
    """Receives the events of an install and ignores them; a subclass overrides the methods that it needs."""

    def done(self, change: Change) -> None:
        """Receive a file that has its wanted state, or would have it without dry run."""

    def kept(self, file: File) -> None:
        """Receive a file that is unchanged because of a failure."""

    def running(self, command: str) -> None:
        """Receive a command before it runs, or in a dry run a command that would run."""

    def waiting(self, state: Path) -> None:
        """Receive the state directory that another run has locked, before this run waits for it."""

    def failed(self, error: EC2FactsError) -> None:
        """Receive a failure after the first one, which ``install`` raises."""
