"""A network namespace whose only server is a simulator at the service's own addresses."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import struct
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from fcntl import ioctl
from pathlib import Path

from ec2facts.errors import EC2FactsError
from ec2facts.imds.simulator.addresses import SERVICE_ADDRESSES
from ec2facts.imds.simulator.simulator import Simulator
from ec2facts.imds.source import Source

OVERRIDES = (
    "AWS_EC2_METADATA_DISABLED",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
    "AWS_IMDS_USE_IPV6",
)
"""The variables that change a client's endpoint or disable the client."""

FORWARDED = frozenset(
    {signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2, signal.SIGWINCH}
)

_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_SIOCSIFFLAGS = 0x8914
_IFF_UP = 0x1
_RTM_NEWADDR = 20
_NLM_F_REQUEST = 0x1
_NLM_F_ACK = 0x4
_IFA_ADDRESS = 1
_IFA_LOCAL = 2
_IFA_F_NODAD = 0x2


def run_in_namespace(
    source: Source | Mapping[str, bytes],
    command: Sequence[str],
    *,
    environ: Mapping[str, str],
    faults: Iterable[str] = (),
    seed: int = 0,
) -> int:
    """Run ``command`` with a simulator of ``source`` at the service's own addresses; return its exit status.

    The calling process enters the namespace and cannot leave it: call this from a separate process with one thread.
    The command runs as the same user, with the environment ``environ`` without OVERRIDES. FORWARDED signals are sent on
    to it; the status is 128 + N if signal N ends it. Raises EC2FactsError if the kernel does not allow the namespace,
    and OSError if the command cannot be started.
    """
    addresses = enter_namespace()
    environment = {name: value for name, value in environ.items() if name not in OVERRIDES}
    faults = tuple(faults)
    waited_for = FORWARDED | {signal.SIGCHLD}
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # if SIGCHLD is ignored, a child leaves no status
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, waited_for)
    try:
        with ExitStack() as running:
            for address in addresses:
                running.enter_context(Simulator(source, faults=faults, seed=seed, host=address, port=80))
            child = os.posix_spawnp(
                command[0], tuple(command), environment, setsigmask=mask, setsigdef=[signal.SIGPIPE, signal.SIGXFSZ]
            )
            return _status_of(child, waited_for)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _status_of(child: int, signals: Iterable[signal.Signals]) -> int:
    """Forward signals to ``child`` until it ends; return its exit status."""
    while True:
        received = signal.sigwaitinfo(signals)
        if received.si_signo != signal.SIGCHLD:
            if received.si_code <= 0:  # from a process; the child also receives the terminal's signals
                os.kill(child, received.si_signo)
            continue
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def enter_namespace() -> Sequence[str]:
    """Move this process into a new network namespace that has only the service's addresses; return the addresses.

    Users other than root also get a new user namespace, with the same user and group ids.
    """
    if sys.platform != "linux":
        raise EC2FactsError("network namespaces need Linux")
    try:
        _unshare()
        return _own_addresses()
    except OSError as error:
        raise EC2FactsError(
            f"this system does not allow network namespaces ({error.strerror}); run as root, or allow users to"
            " create namespaces: see `sysctl user.max_user_namespaces kernel.unprivileged_userns_clone"
            " kernel.apparmor_restrict_unprivileged_userns`; in a container, see also its seccomp profile"
        ) from error


def _unshare() -> None:
    user, group = os.geteuid(), os.getegid()
    libc = ctypes.CDLL(None, use_errno=True)  # os.unshare is new in Python 3.12
    if libc.unshare(_CLONE_NEWNET) == 0:
        return
    if libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    process = Path("/proc/self")
    (process / "setgroups").write_text("deny")  # otherwise the kernel rejects an unprivileged gid_map
    (process / "gid_map").write_text(f"{group} {group} 1")
    (process / "uid_map").write_text(f"{user} {user} 1")


def _own_addresses() -> Sequence[str]:
    """Bring the loopback interface up, add the service's addresses, and return the added addresses."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        ioctl(control, _SIOCSIFFLAGS, struct.pack("16sH22x", b"lo", _IFF_UP))
    ipv4, ipv6 = SERVICE_ADDRESSES
    _add_address(socket.AF_INET, ipv4)
    try:
        _add_address(socket.AF_INET6, ipv6)
    except OSError:  # IPv6 is disabled
        return (ipv4,)
    return SERVICE_ADDRESSES


def _add_address(family: int, address: str) -> None:
    """Add an address to the loopback interface over netlink: with ioctl, an IPv6 address is not usable at once."""
    packed = socket.inet_pton(family, address)
    interface = socket.if_nametoindex("lo")
    message = struct.pack("BBBBI", family, 8 * len(packed), _IFA_F_NODAD, 0, interface)  # struct ifaddrmsg
    for kind in (_IFA_ADDRESS, _IFA_LOCAL):
        message += struct.pack("HH", 4 + len(packed), kind) + packed
    header = struct.pack("IHHII", 16 + len(message), _RTM_NEWADDR, _NLM_F_REQUEST | _NLM_F_ACK, 1, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as control:
        control.send(header + message)
        number = -struct.unpack_from("i", control.recv(4096), 16)[0]
    if number:
        raise OSError(number, os.strerror(number))
