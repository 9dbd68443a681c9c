"""Who is told of an install as it goes."""

from __future__ import annotations

from ec2facts.errors import EC2FactsError
from ec2facts.install.file import Change, File


class Observer:
    """Is told of each file and command, and overlooks it all; derive from it what does not."""

    def done(self, change: Change) -> None:
        """Take note of a file that is as it shall be, or in a dry run would be."""

    def kept(self, file: File) -> None:
        """Take note of a file that stays as it was because of a failure."""

    def running(self, command: str) -> None:
        """Take note of a command that is about to be run, or in a dry run would be."""

    def failed(self, error: EC2FactsError) -> None:
        """Take note of a failure behind the first one, which is raised."""

    def stale(self, error: EC2FactsError) -> None:
        """Take note that the last facts stand in for those that could not be had, for the reason ``error``."""

    def unkept(self, error: OSError) -> None:
        """Take note that the facts of this run could not be kept as the last ones, for the reason ``error``."""

    def unread(self, path: str, reason: str) -> None:
        """Take note of what no output holds because it could not be read, where that is allowed."""

    def left_out(self, file: File, name: str, reason: str) -> None:
        """Take note of a variable that the format of the file cannot hold."""
