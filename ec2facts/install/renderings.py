"""What templates came to in the last run: where the facts and every file are the same, Jinja need not even start."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ec2facts.files import is_own, write_file
from ec2facts.render.catalog import Reads

_RENDERING = ("ec2facts.install", "ec2facts.render", "jinja2", "markupsafe", "yaml")
"""The packages whose code decides what a template comes to, and how that is kept."""


class Renderings:
    """The texts of templates over the same facts, in a directory for state: those of the last run, then of this one.

    What is withheld has no place here. A directory that others can write to is not used.
    """

    def __init__(self, directory: Path, facts: Mapping[str, Any]) -> None:
        self._file = directory / "renderings.json"
        self._basis = hashlib.sha256(json.dumps([sys.version, _code(), facts]).encode()).hexdigest()
        self._last = _load(self._file)
        self._now: dict[str, Any] = {"basis": self._basis}

    def get(self, template: str, search_path: Sequence[Path]) -> str | None:
        """Return the text of a template if rendering it would find and read what it did then; else None."""
        key = _key(template, search_path)
        if self._last.get("basis") != self._basis or key not in self._last:
            return None
        text, *read = self._last[key]
        if not Reads(*read).are_current(search_path):
            return None
        self._now[key] = self._last[key]
        return str(text)

    def add(self, template: str, search_path: Sequence[Path], text: str, reads: Reads) -> None:
        """Remember what a template came to, and what was read for it."""
        self._now[_key(template, search_path)] = [text, *reads]

    def save(self) -> None:
        """Keep the texts of this run for the next, where that is possible; nothing is written if they are the same."""
        content = json.dumps(self._now)
        if json.loads(content) != self._last:
            with suppress(OSError):
                self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                if is_own(self._file.parent):
                    write_file(self._file, content.encode(), mode=0o600)


def _key(template: str, search_path: Sequence[Path]) -> str:
    return os.pathsep.join([template, *map(str, search_path)])


def _load(file: Path) -> dict[str, Any]:
    with suppress(OSError, ValueError):
        kept = json.loads(file.read_bytes()) if is_own(file.parent) else None
        if isinstance(kept, dict):
            return kept
    return {}


def _code() -> list[tuple[str, int, int]]:
    """Return what tells this code that renders from any other: name, size and time of each file."""
    specs = [find_spec(package) for package in _RENDERING]
    directories = [Path(place) for spec in specs if spec for place in spec.submodule_search_locations or ()]
    files = sorted(file for directory in directories for file in directory.glob("*.py"))
    return [(str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in files]
