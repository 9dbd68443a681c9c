"""Why a client waits."""

from __future__ import annotations

from typing import Callable, Literal, NamedTuple

Kind = Literal["service", "retry", "rate limit", "over"]


class Wait(NamedTuple):
    """One wait of a client, or the end of its wait for the service."""

    kind: Kind
    """``service``: it is not up or not ready; ``over``: it is now."""
    reason: str = ""
    seconds: float = 0
    """At most so long; for ``service`` what is left of the time to wait."""


OnWait = Callable[[Wait], object]
