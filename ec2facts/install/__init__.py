"""Atomic replacement of files, checks before a change takes effect, and commands after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ec2facts.lazy import lazy_names

if TYPE_CHECKING:
    from ec2facts.install.change import Change
    from ec2facts.install.file import File
    from ec2facts.install.installer import install
    from ec2facts.install.observer import Observer

__all__ = ["Change", "File", "Observer", "install"]

if not TYPE_CHECKING:  # a type checker would accept every misspelled name
    __getattr__, __dir__ = lazy_names(
        __name__, {"change": ["Change"], "file": ["File"], "observer": ["Observer"], "installer": ["install"]}
    )
