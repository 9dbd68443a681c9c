"""Why the metadata service cannot be reached, and how to fix it."""

from __future__ import annotations

from ec2facts.imds.doctor.checks import Finding, diagnose

__all__ = ["Finding", "diagnose"]
