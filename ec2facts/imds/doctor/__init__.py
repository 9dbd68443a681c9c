"""Why the metadata service is out of reach, and what to do about it."""

from __future__ import annotations

from ec2facts.imds.doctor.checks import Finding, diagnose

__all__ = ["Finding", "diagnose"]
