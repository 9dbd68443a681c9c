"""The addresses of a simulator: loopback, and the service's own addresses in an isolated network namespace."""

from __future__ import annotations

import ipaddress
import socket
import struct
from fcntl import ioctl
from urllib.parse import urlsplit

from ec2facts.errors import UsageError
from ec2facts.imds.endpoint import ENDPOINTS

SERVICE_ADDRESSES = tuple(urlsplit(url).hostname or "" for url in ENDPOINTS.values())
"""The addresses of the metadata service, IPv4 first."""

_SIOCGIFFLAGS = 0x8913
_IFF_UP = 0x1


def check_address(host: str) -> None:
    """Raise UsageError unless a simulator may listen at ``host``: metadata holds credentials.

    Literal loopback addresses are allowed, but no names, which could resolve to other addresses. The service's own
    addresses are allowed in an isolated network namespace.
    """
    if host in SERVICE_ADDRESSES:
        if not is_isolated():
            raise UsageError(
                f"the simulator listens at {host} only in its own network namespace:"
                " `ec2facts serve NAME -- COMMAND` makes one"
            )
    elif not is_loopback(host):
        raise UsageError(f"the simulator listens at a loopback address such as 127.0.0.1 or ::1, not at {host!r}")


def names_simulator(host: str) -> bool:
    """Whether a ``Host`` header names a simulator: localhost, a loopback address, or an address of the service.

    This prevents DNS rebinding: a web page whose name resolves to loopback sends its own name in ``Host``.
    """
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    return name == "localhost" or name in SERVICE_ADDRESSES or is_loopback(name)


def is_loopback(host: str) -> bool:
    """Whether ``host`` is a literal loopback address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_isolated() -> bool:
    """Whether no network interface is up except loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        return all(name == "lo" or not _is_up(control, name) for _, name in socket.if_nameindex())


def _is_up(control: socket.socket, interface: str) -> bool:
    try:
        request = ioctl(control, _SIOCGIFFLAGS, struct.pack("16s24x", interface.encode()))
    except OSError:  # the interface has been removed
        return False
    flags: int = struct.unpack_from("H", request, 16)[0]
    return bool(flags & _IFF_UP)
