"""What to do where the metadata service is out of reach, a line each."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from ec2facts.errors import UnavailableError
from ec2facts.imds.doctor.machine import container_evidence, ec2_evidence, instance_id, is_ipv6_only
from ec2facts.imds.endpoint import ENDPOINTS

ROOT = Path("/")
TIMEOUTS = (socket.timeout, TimeoutError)

NOT_EC2 = "this is not an EC2 instance: read a snapshot with --from, or a simulated instance with --simulate"
SETTINGS = "set AWS_EC2_METADATA_SERVICE_ENDPOINT to a URL or _MODE to IPv4 or IPv6, or unset both"
BROKEN = "try again, with --wait 60 while the machine boots; if it stays, look for a proxy or firewall on the way"
BUSY = "the service is busy: try again later, or with --wait 60"
NOT_THE_SERVICE = "this is a simulator, or a proxy that answers for the service"


def modify(root: Path, option: str) -> str:
    """Return the command that changes an option of the instance's metadata service."""
    return f"aws ec2 modify-instance-metadata-options --instance-id {instance_id(root) or 'INSTANCE_ID'} {option}"


def no_proxy(host: str) -> str:
    """Return what keeps requests to ``host`` away from proxies."""
    return f"export no_proxy={host} (added to what it holds)"


def for_connection(url: str, error: Exception, root: Path) -> str:
    """Return what to do where no connection comes about."""
    host = urlsplit(url).hostname or ""
    is_default = host in {urlsplit(default).hostname for default in ENDPOINTS.values()}
    if is_default and ec2_evidence(root) == "":
        return NOT_EC2
    if isinstance(error, socket.gaierror):
        return f"{host} is not a name that resolves: give an address, such as {ENDPOINTS['ipv4']}"
    number = error.errno if isinstance(error, OSError) else None
    if number == errno.ECONNREFUSED:
        start = "`ec2facts serve` starts a simulator" if not is_default else "see `iptables -S OUTPUT` for what refuses"
        return f"nothing listens at {host}, or a firewall says so: {start}"
    if number in {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL}:
        enable = modify(root, "--http-protocol-ipv6 enabled")
        if host == urlsplit(ENDPOINTS["ipv6"]).hostname:
            return f"unset AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE to use IPv4, or enable the IPv6 address: {enable}"
        if is_ipv6_only(root):
            return f"this network is IPv6 only: export AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE=IPv6, after {enable}"
    rules = f"see `ip route get {host}` and `iptables -S OUTPUT`"
    if number in {errno.EACCES, errno.EPERM, errno.EINVAL}:  # of routes that say prohibit, and blackhole
        return f"a route or a firewall on this machine prohibits it: {rules}"
    if number in {errno.ENETUNREACH, errno.EHOSTUNREACH}:
        return f"this machine has no route to {host}, or one that says unreachable: {rules}"
    return f"a firewall or a network policy drops what is sent to {host}: {rules}"


def for_token(url: str, status: int, headers: Mapping[str, str], root: Path) -> str:
    """Return what to do where the request for a token is answered without one; the headers' names are lower case."""
    if "via" in headers or "x-cache" in headers or (status != 200 and headers.get("server", "EC2ws") != "EC2ws"):
        through = headers.get("via") or headers.get("server") or headers["x-cache"]
        host = urlsplit(url).hostname or ""
        return f"a proxy answers in place of the service ({through}): {no_proxy(host)}; see `iptables -t nat -S` too"
    if status == 403:
        on = modify(root, "--http-endpoint enabled")
        return f"the service is switched off: {on}; or a proxy on the way adds X-Forwarded-For"
    if status == 429 or status >= 500:
        return BUSY
    return "what answers there is not IMDSv2: check the endpoint, and what listens there"


def for_reply_that_never_came(root: Path) -> str:
    """Return what to do where a connection came about, and no reply to the request for a token."""
    more_hops = modify(root, "--http-put-response-hop-limit 2")
    inside = container_evidence(root)
    if inside:
        return f"replies do not reach this container ({inside}): {more_hops}, or run it in the host's network"
    return f"if this is a container or a virtual machine of its own, replies need one hop more: {more_hops}"


def advise(error: UnavailableError, root: Path = ROOT) -> str:
    """Return what to do about an error of the live service, from the error and this machine's files alone."""
    if error.cause in {"variable", "not ready"}:
        return ""  # the error says itself what to do
    if error.status is not None:
        return for_token(error.endpoint, error.status, error.headers, root)
    if error.cause == "reply timeout":
        return for_reply_that_never_came(root)
    causes = list(_causes(error))
    failed = next(
        (cause for cause in causes if isinstance(cause, (*TIMEOUTS, socket.gaierror)) or _number(cause)), None
    )
    if failed is None or _number(failed) in {errno.ECONNRESET, errno.EPIPE}:
        return BROKEN
    return for_connection(error.endpoint, failed, root)


def _causes(error: BaseException) -> Iterator[Exception]:
    """Give the exceptions that led to ``error``, the first cause last."""
    cause = error.__cause__ or error.__context__
    while isinstance(cause, Exception):
        yield cause
        cause = cause.__cause__ or cause.__context__


def _number(error: Exception) -> int | None:
    """Return the number of an error of the system that is one itself: those of requests wrap them."""
    return error.errno if isinstance(error, OSError) else None
