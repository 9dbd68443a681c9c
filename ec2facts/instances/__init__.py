"""The simulated instances: snapshots of our own making, by name; a file here is an instance."""

from __future__ import annotations

from pathlib import Path

from ec2facts.errors import UsageError
from ec2facts.imds.snapshot import Snapshot

_DIRECTORY = Path(__file__).parent


def names() -> list[str]:
    """Return the names of the simulated instances, in order."""
    return sorted(file.stem for file in _DIRECTORY.glob("*.json"))


def load(name: str) -> Snapshot:
    """Return the simulated instance ``name``; raise UsageError, naming those that there are, for another name."""
    if name not in names():
        raise UsageError(f"there is no simulated instance {name!r}, but {', '.join(names())}")
    return Snapshot.load(_DIRECTORY / f"{name}.json")
