"""The metadata service on loopback, serving any source, with faults on demand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ec2facts.lazy import lazy_names

if TYPE_CHECKING:
    from ec2facts.imds.simulator.simulator import Request, Simulator
    from ec2facts.imds.simulator.snapshot_file import SnapshotFile

__all__ = ["Request", "Simulator", "SnapshotFile"]


if not TYPE_CHECKING:  # a type checker would accept every misspelled name
    __getattr__, __dir__ = lazy_names(
        __name__, {"simulator": ["Request", "Simulator"], "snapshot_file": ["SnapshotFile"]}
    )
