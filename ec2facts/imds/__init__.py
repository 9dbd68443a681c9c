"""The instance metadata service: its sources, live and captured, and the simulator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ec2facts.lazy import lazy_names

if TYPE_CHECKING:
    from ec2facts.imds.client import IMDSClient
    from ec2facts.imds.simulator.simulator import Simulator
    from ec2facts.imds.snapshot import Snapshot
    from ec2facts.imds.source import Source

__all__ = ["IMDSClient", "Simulator", "Snapshot", "Source"]


if not TYPE_CHECKING:  # a type checker would accept every misspelled name
    __getattr__, __dir__ = lazy_names(
        __name__,
        {
            "client": ["IMDSClient"],
            "simulator.simulator": ["Simulator"],
            "snapshot": ["Snapshot"],
            "source": ["Source"],
        },
    )
