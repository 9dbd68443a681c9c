"""Many outputs from one collection of facts: the config, the outputs, the last facts, and the run."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ec2facts.apply.config import load_config
    from ec2facts.apply.last_facts import LastFacts
    from ec2facts.apply.observer import ApplyObserver
    from ec2facts.apply.outputs import EnvOptions, Output
    from ec2facts.apply.run import apply
    from ec2facts.apply.watch import Watch

__all__ = ["ApplyObserver", "EnvOptions", "LastFacts", "Output", "Watch", "apply", "load_config"]

_MODULES = {
    "ApplyObserver": "observer",
    "EnvOptions": "outputs",
    "LastFacts": "last_facts",
    "Output": "outputs",
    "Watch": "watch",
    "apply": "run",
    "load_config": "config",
}


if not TYPE_CHECKING:  # a type checker would accept every misspelled name

    def __getattr__(name: str) -> Any:
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
        return value


def __dir__() -> list[str]:
    return __all__
