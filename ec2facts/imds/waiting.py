"""The waits of a client."""

from __future__ import annotations

from typing import Callable, Literal, NamedTuple

Kind = Literal["service", "retry", "rate limit", "over"]


class Wait(NamedTuple):
    """One wait of a client, or the end of its wait for the service."""

    kind: Kind
    """``service``: the service is not up or not ready; ``over``: the service has answered after such a wait."""
    reason: str = ""
    seconds: float = 0
    """The maximum length; for ``service``, what is left of ``wait``."""


OnWait = Callable[[Wait], object]
