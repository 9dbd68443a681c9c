"""Atomic replacement of files, checks before a change takes effect, and commands after it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ec2facts.install.change import Change, File
    from ec2facts.install.installer import install
    from ec2facts.install.observer import Observer

__all__ = ["Change", "File", "Observer", "install"]

_MODULES = {"Change": "change", "File": "change", "Observer": "observer", "install": "installer"}
"""The module of each public name, imported when the name is first used."""


if not TYPE_CHECKING:  # a type checker would accept every misspelled name

    def __getattr__(name: str) -> Any:
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
        return value
