"""The instance metadata service: its sources, live and captured, and the simulator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ec2facts.imds.snapshot import Snapshot
from ec2facts.imds.source import Source

if TYPE_CHECKING:
    from ec2facts.imds.client import IMDSClient
    from ec2facts.imds.simulator.simulator import Simulator

__all__ = ["IMDSClient", "Simulator", "Snapshot", "Source"]


def __getattr__(name: str) -> Any:
    if name == "IMDSClient":  # it imports requests, which takes longer than all the rest
        from ec2facts.imds.client import IMDSClient

        return IMDSClient
    if name == "Simulator":
        from ec2facts.imds.simulator.simulator import Simulator

        return Simulator
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
