"""Many outputs from one collection of facts: the config, the outputs, the last facts, and the run."""

from __future__ import annotations

from ec2facts.apply.config import load_config
from ec2facts.apply.outputs import Output
from ec2facts.apply.run import apply

__all__ = ["Output", "apply", "load_config"]
