"""The metadata service on loopback, serving any source, with faults on demand."""

from __future__ import annotations

from ec2facts.imds.simulator.simulator import Request, Simulator

__all__ = ["Request", "Simulator"]
