"""The simulated instances: one per JSON file here; ``from_facts`` makes others."""

# Every command imports this module, so its imports must be fast.

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ec2facts.errors import UsageError

if TYPE_CHECKING:
    from importlib.abc import Traversable

    from ec2facts.imds.snapshot import Snapshot

__all__ = ["from_facts", "load", "names"]


def names() -> list[str]:
    """Return the sorted names of the simulated instances."""
    return sorted(file.name[: -len(".json")] for file in _directory().iterdir() if file.name.endswith(".json"))


def load(name: str) -> Snapshot:
    """Return the simulated instance ``name``; raise UsageError if there is none."""
    from ec2facts.imds.snapshot import Snapshot

    if name not in names():
        raise UsageError(f"no simulated instance {name!r} (choose from {', '.join(names())})")
    return Snapshot.parse((_directory() / f"{name}.json").read_bytes(), name=name)


def from_facts(facts: Mapping[str, Any]) -> Snapshot:
    """Return a simulated instance that has the given facts, such as ``{"region": "eu-west-1", "tags": {…}}``.

    An attribute overrides the trees ``meta_data`` and ``dynamic``, so ``{**facts(snapshot), "tags": {…}}`` is the
    instance of the snapshot with other tags. Raises UsageError for an unknown name.
    """
    from ec2facts.imds.snapshot import Snapshot
    from ec2facts.instances.bodies import bodies_of

    return Snapshot(bodies_of(facts))


def _directory() -> Traversable | Path:
    directory = Path(__file__).parent
    if directory.is_dir():
        return directory
    from importlib.resources import files  # slow to import, and needed only if the package is in a zip file

    return files(__name__)
