"""Text to files: whole or not at all, checked before it counts, and the commands that a change asks for."""

from __future__ import annotations

from ec2facts.install.file import Change, File
from ec2facts.install.installer import install
from ec2facts.install.observer import Observer

__all__ = ["Change", "File", "Observer", "install"]
