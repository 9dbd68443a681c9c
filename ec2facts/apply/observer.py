"""Callbacks of a run, for the facts and for each output."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ec2facts.errors import EC2FactsError
from ec2facts.install.file import File
from ec2facts.install.observer import Observer


class ApplyObserver(Observer):
    """Callbacks of a run. This class ignores every event; override the methods you need."""

    def reading(self, done: int, known: int) -> None:
        """Receive the progress: ``done`` of ``known`` paths are read; ``known`` can still grow."""

    def stale(self, error: EC2FactsError, instance_id: str, age: float) -> None:
        """Receive the instance and the age in seconds of the last facts, which are used because of ``error``."""

    def rendered(self, file: File, variables: Mapping[str, Any]) -> None:
        """Receive a file that a dry run has rendered, with the variables that the user set."""

    def skipped(self, name: str) -> None:
        """Receive an output without a file on this instance: ``when`` is false, or ``for_each`` is empty."""

    def away(self, error: EC2FactsError) -> None:
        """Receive the error of a watched service that is unavailable; files stay unchanged until ``back``."""

    def back(self) -> None:
        """Learn that the watched service is available again."""

    def unsaved(self, error: OSError) -> None:
        """Receive the error that prevents saving the facts for a later run."""

    def unread(self, path: str, reason: str) -> None:
        """Receive a path that is missing from an output with ``allow_partial``."""

    def withheld(self, tag: str, reason: str) -> None:
        """Receive a tag that is withheld because its value or its key looks like a secret."""

    def absent(self, file: File, glob: str, reason: str) -> None:
        """Receive a glob of ``only`` that selects nothing on this instance."""

    def left_out(self, file: File, name: str, reason: str) -> None:
        """Receive a variable that an env file lacks because its format cannot hold the value."""
