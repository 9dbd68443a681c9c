"""The simulated instances: snapshots of our own making, by name; a file here is an instance."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ec2facts.errors import UsageError
from ec2facts.imds.snapshot import Snapshot

if TYPE_CHECKING:
    from importlib.abc import Traversable


def names() -> list[str]:
    """Return the names of the simulated instances, in order."""
    return sorted(file.name[: -len(".json")] for file in _directory().iterdir() if file.name.endswith(".json"))


def load(name: str) -> Snapshot:
    """Return the simulated instance ``name``; raise UsageError, naming those that there are, for another name."""
    if name not in names():
        raise UsageError(f"there is no simulated instance {name!r}, but {', '.join(names())}")
    return Snapshot.parse((_directory() / f"{name}.json").read_bytes(), name=name)


def _directory() -> Traversable | Path:
    directory = Path(__file__).parent
    if directory.is_dir():
        return directory
    from importlib.resources import files  # the package is in a zip file; elsewhere the import would only cost time

    return files(__name__)
