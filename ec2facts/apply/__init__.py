"""Many outputs from one collection of facts: the config, the outputs, the last facts, and the run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ec2facts.lazy import lazy_names

if TYPE_CHECKING:
    from ec2facts.apply.config import load_config
    from ec2facts.apply.last_facts import LastFacts
    from ec2facts.apply.observer import ApplyObserver
    from ec2facts.apply.outputs import EnvOptions, Output
    from ec2facts.apply.run import apply
    from ec2facts.apply.watch import Watch

__all__ = ["ApplyObserver", "EnvOptions", "LastFacts", "Output", "Watch", "apply", "load_config"]

if not TYPE_CHECKING:  # a type checker would accept every misspelled name
    __getattr__, __dir__ = lazy_names(
        __name__,
        {
            "observer": ["ApplyObserver"],
            "outputs": ["EnvOptions", "Output"],
            "last_facts": ["LastFacts"],
            "watch": ["Watch"],
            "run": ["apply"],
            "config": ["load_config"],
        },
    )
