"""Callbacks of a run: what happens to the facts and to each output."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ec2facts.errors import EC2FactsError
from ec2facts.install.change import File
from ec2facts.install.observer import Observer


class ApplyObserver(Observer):
    """Callbacks of a run. This class ignores every event; override the methods you need."""

    def reading(self, done: int, known: int) -> None:
        """``done`` paths of the ``known`` ones have been read; more may become known."""

    def stale(self, error: EC2FactsError, instance_id: str, age: float) -> None:
        """The facts that the instance's last complete run saved ``age`` seconds ago replace those of the service."""

    def rendered(self, file: File, variables: Mapping[str, Any]) -> None:
        """A dry run has rendered a file with these variables of the user's own."""

    def skipped(self, name: str) -> None:
        """An output asks for no file on this instance: ``when`` is false, or ``for_each`` is empty."""

    def away(self, error: EC2FactsError) -> None:
        """The service that is watched does not answer; no file is touched until it is back."""

    def back(self) -> None:
        """The service that is watched answers again."""

    def unsaved(self, error: OSError) -> None:
        """The facts of this run could not be saved for a later one."""

    def unread(self, path: str, reason: str) -> None:
        """An output that may be partial lacks the value of ``path``."""

    def withheld(self, tag: str, reason: str) -> None:
        """A tag is withheld: its value looks like a secret, or its key says so."""

    def absent(self, file: File, glob: str, reason: str) -> None:
        """A glob of ``only`` selects nothing on this instance."""

    def left_out(self, file: File, name: str, reason: str) -> None:
        """An env file lacks a variable that its format cannot hold."""
