"""The metadata service on loopback, serving any source, with faults on demand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ec2facts.imds.simulator.simulator import Request, Simulator
    from ec2facts.imds.simulator.snapshot_file import SnapshotFile

__all__ = ["Request", "Simulator", "SnapshotFile"]


if not TYPE_CHECKING:  # a type checker would accept every misspelled name

    def __getattr__(name: str) -> Any:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from ec2facts.imds.simulator import simulator

        value = globals()[name] = getattr(simulator, name)
        return value
