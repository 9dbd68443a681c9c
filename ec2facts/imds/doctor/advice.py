"""Advice for an unreachable metadata service: one line for each cause."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from ec2facts.errors import Cause, UnavailableError
from ec2facts.imds.doctor.clouds import cloud_of_machine, cloud_of_reply
from ec2facts.imds.doctor.machine import container_evidence, ec2_evidence, instance_id, is_ipv6_only
from ec2facts.imds.endpoint import ENDPOINTS
from ec2facts.imds.simulator.addresses import is_loopback
from ec2facts.text import escape_unprintable

ROOT = Path("/")

ELSEWHERE = "read a snapshot with --from, or a simulated instance with --simulate"
NOT_EC2 = f"this is not an EC2 instance: {ELSEWHERE}"
SETTINGS = "correct or remove this setting"
BROKEN = "retry, with --wait 60 during boot; if the error persists, look for a proxy or a firewall"
BUSY = "the service is busy: retry later, or with --wait 60"
NOT_READY = "the instance is still booting: retry with --wait 60"
NOT_THE_SERVICE = "this is a simulator, or a proxy that answers for the service"
NO_IMDSV2 = "the endpoint does not serve IMDSv2: check its URL and the server at that address"
TOKEN_REFUSED = "the service rejects its own token: several services share this address, or a proxy drops the token"  # noqa: S105

CONNECTION: frozenset[Cause] = frozenset({"unresolved", "refused", "no route", "prohibited", "connect timeout"})
"""The causes of a failed connection."""

_DEFAULT_HOSTS = {urlsplit(url).hostname for url in ENDPOINTS.values()}


def modify(root: Path, option: str) -> str:
    """Return the command that changes an option of the instance's metadata service."""
    return f"aws ec2 modify-instance-metadata-options --instance-id {instance_id(root) or 'INSTANCE_ID'} {option}"


def no_proxy(host: str) -> str:
    """Return the command that exempts ``host`` from proxies."""
    return f"export no_proxy={host} (appended to its current value)"


def doubled_latest(url: str) -> str:
    """Return the advice for an endpoint with ``/latest`` in its path, which every request appends, else ""."""
    parts = urlsplit(url)
    if not re.search("/latest(/|$)", parts.path):
        return ""
    return f"ec2facts appends /latest itself: set the endpoint to {parts.scheme}://{parts.netloc}"


def for_failure(url: str, cause: Cause, reason: str, root: Path) -> str:
    """Return the advice for a token request without a complete reply."""
    if cause in CONNECTION:
        return _for_connection(url, cause, root)
    if cause == "reply timeout":
        return _for_late_reply(url, root)
    if cause == "TLS" and "certificate" in reason:
        return f"the system does not trust the certificate of {urlsplit(url).netloc}: install that of its CA"
    if cause == "TLS":
        return f"the endpoint does not speak TLS: set it to http://{urlsplit(url).netloc}"
    if cause == "not HTTP":
        return NO_IMDSV2
    return BROKEN


def _for_connection(url: str, cause: Cause, root: Path) -> str:
    host = urlsplit(url).hostname or ""
    if host in _DEFAULT_HOSTS and ec2_evidence(root) == "":
        return NOT_EC2
    if cause == "unresolved":
        return f"{host} does not resolve: set the endpoint to an address such as {ENDPOINTS['ipv4']}"
    if cause == "refused" and host in _DEFAULT_HOSTS:
        return f"nothing listens at {host}, or a firewall rejects the connection: see `iptables -S OUTPUT`"
    if cause == "refused":
        return f"nothing listens at {host}: `ec2facts serve` starts a simulator"
    rules = f"see `ip route get {host}` and `iptables -S OUTPUT`"
    if cause == "prohibited":
        return f"a route or a firewall on this machine prohibits the connection: {rules}"
    if cause == "connect timeout":
        return f"a firewall or a network policy drops packets to {host}: {rules}"
    enable = modify(root, "--http-protocol-ipv6 enabled")
    if host == urlsplit(ENDPOINTS["ipv6"]).hostname:
        return f"unset AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE to use IPv4, or enable the IPv6 address: {enable}"
    if is_ipv6_only(root):
        return f"this network is IPv6 only: run {enable}, then export AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE=IPv6"
    return f"this machine has no route to {host}, or a route of type unreachable: {rules}"


def _for_late_reply(url: str, root: Path) -> str:
    host = urlsplit(url).hostname or ""
    if host == "localhost" or is_loopback(host):
        return f"the server at {urlsplit(url).netloc} accepts connections but does not reply: restart it"
    more_hops = modify(root, "--http-put-response-hop-limit 2")
    inside = container_evidence(root)
    if inside:
        return f"replies do not reach this container ({inside}): {more_hops}, or use the host's network"
    return f"in a container or a nested VM, raise the hop limit: {more_hops}"


def for_reply(url: str, status: int, headers: Mapping[str, str], root: Path) -> str:
    """Return the advice for a token request whose reply holds no token; header names are in lower case."""
    cloud = cloud_of_reply(headers) or cloud_of_machine(root)
    if cloud:
        return f"this is the metadata service of {cloud}, not of Amazon EC2: {ELSEWHERE}"
    if doubled_latest(url):
        return doubled_latest(url)
    server = headers.get("server", "EC2ws")
    if "via" in headers or "x-cache" in headers or (status != 200 and server != "EC2ws"):
        through = headers.get("via") or headers.get("server") or headers["x-cache"]
        host = urlsplit(url).hostname or ""
        return f"a proxy answers instead of the service ({through}): {no_proxy(host)}; see also `iptables -t nat -S`"
    if status == 403:
        on = modify(root, "--http-endpoint enabled")
        return f"the service is switched off: {on}; or a proxy adds X-Forwarded-For"
    if status in {502, 504}:
        return f"a proxy gets no reply from the service (HTTP {status}): see `iptables -t nat -S`"
    if status == 429 or status >= 500:
        return BUSY
    return NO_IMDSV2


def advise(error: UnavailableError, root: Path = ROOT) -> str:
    """Return the advice for an error of the live service, without a request."""
    if error.cause in {"variable", "not ready", "deadline"}:
        return ""  # the error names its remedy
    if error.status is not None:
        return escape_unprintable(for_reply(error.endpoint, error.status, error.headers, root))
    return escape_unprintable(for_failure(error.endpoint, error.cause, error.reason, root))
