"""Messages to systemd: readiness and status of a unit of Type=notify."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from contextlib import suppress


def notifier(environ: Mapping[str, str]) -> Callable[[str], object]:
    """Return a function that sends sd_notify(3) messages to the service manager; without one it does nothing."""
    address = environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return lambda message: None

    def notify(message: str) -> None:
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.sendto(message.encode(), address.replace("@", "\0", 1) if address.startswith("@") else address)

    return notify
