"""Why the metadata service is out of reach: checks, each a function of what it looks at."""

from __future__ import annotations

import http.client
import os
import re
import socket
import ssl
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Callable, Literal, NamedTuple, Union
from urllib.parse import urlsplit

from ec2facts.errors import DisabledError, UsageError
from ec2facts.imds.doctor import advice
from ec2facts.imds.doctor.machine import container_evidence, ec2_evidence, vendor
from ec2facts.imds.endpoint import resolve_endpoint, url_of
from ec2facts.imds.source import TOKEN_HEADER, TOKEN_PATH, TOKEN_TTL_HEADER

MAX_BYTES = 65536

FAILURES = (OSError, http.client.HTTPException, ValueError)
"""What http.client raises; the last for a chunk of negative size."""


class Finding(NamedTuple):
    """What one check found, and what to do about it."""

    check: str
    status: Literal["ok", "warn", "fail", "skip"]
    """Only ``fail`` means that the service is out of reach."""
    seen: str
    advice: str = ""


class Reply(NamedTuple):
    """An answer over HTTP."""

    status: int
    headers: Mapping[str, str]
    """By names in lower case."""
    body: bytes


Outcome = Union[Reply, Exception]
"""What came of a request."""

Connect = Callable[..., socket.socket]
"""``socket.create_connection``, or what takes an address and a time-out as it does."""


def diagnose(
    endpoint: str | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    root: Path = advice.ROOT,
    timeout: float = 1.0,
    connect: Connect = socket.create_connection,
) -> list[Finding]:
    """Return the findings of every check, in their order; what one that failed leaves no way to look at is skipped.

    ``timeout`` is in seconds, for each of a connection (half of it), a token and two values.
    """
    if environ is None:
        environ = os.environ
    machine, settings = check_machine(root), check_settings(endpoint, environ)
    if settings.status == "fail":
        return [machine, settings, *_skipped("proxies", "connection", "token", "metadata", "tags")]
    url = resolve_endpoint(endpoint, environ)
    findings = [machine, settings, check_proxies(url, environ)]

    def ask(method: str, path: str, headers: Mapping[str, str]) -> Outcome:
        return _exchange(url, method, path, headers, timeout=timeout, connect=connect)

    try:
        _open(url, timeout / 2, connect).close()
    except OSError as error:
        return [*findings, check_connection(url, error, root), *_skipped("token", "metadata", "tags")]
    reply = ask("PUT", TOKEN_PATH, {TOKEN_TTL_HEADER: "60"})
    token = check_token(url, reply, root)
    findings += [check_connection(url, None, root), token]
    if isinstance(reply, Exception) or token.status == "fail":
        return [*findings, *_skipped("metadata", "tags")]
    headers = {TOKEN_HEADER: reply.body.decode("ascii")}
    findings.append(check_metadata(ask("GET", "meta-data/instance-id", headers)))
    return [*findings, check_tags(ask("GET", "meta-data/tags/instance/", headers), root)]


def check_machine(root: Path) -> Finding:
    """Say whether this is an EC2 instance, as far as its files tell."""
    evidence = ec2_evidence(root)
    container = container_evidence(root)
    inside = f", in a container: {container}" if container else ""
    if evidence is None:
        return Finding("machine", "skip", f"nothing says whether this is an EC2 instance{inside}")
    if not evidence:
        return Finding("machine", "warn", f"no EC2 instance: the vendor is {vendor(root)}{inside}", advice.NOT_EC2)
    return Finding("machine", "ok", f"an EC2 instance: {evidence}{inside}")


def check_settings(endpoint: str | None, environ: Mapping[str, str]) -> Finding:
    """Say where the settings lead to."""
    try:
        return Finding("settings", "ok", f"the endpoint is {resolve_endpoint(endpoint, environ)}")
    except DisabledError:
        return Finding("settings", "fail", "AWS_EC2_METADATA_DISABLED is true", "unset AWS_EC2_METADATA_DISABLED")
    except UsageError as error:
        return Finding("settings", "fail", str(error), advice.SETTINGS)


def check_proxies(url: str, environ: Mapping[str, str]) -> Finding:
    """Say whether other programs would send the service's requests through a proxy; ec2facts never does."""
    host = urlsplit(url).hostname or ""
    lowered = {name.lower(): value for name, value in environ.items()}
    named = [name for name in (f"{urlsplit(url).scheme}_proxy", "all_proxy") if lowered.get(name)]
    bypassed = {each.strip().strip("[]") for each in lowered.get("no_proxy", "").split(",")}
    if not named or {host, "*"} & bypassed:
        return Finding("proxies", "ok", "none for the endpoint")
    return Finding("proxies", "warn", f"{named[0]} is set, which others than ec2facts obey", advice.no_proxy(host))


def check_connection(url: str, error: Exception | None, root: Path) -> Finding:
    """Say whether a connection came about, or what came in place of it."""
    if error is None:
        return Finding("connection", "ok", f"connected to {urlsplit(url).netloc}")
    return Finding("connection", "fail", _what(error), advice.for_connection(url, error, root))


def check_token(url: str, outcome: Outcome, root: Path) -> Finding:
    """Say what came of the request for a token."""
    if isinstance(outcome, Exception):
        late = isinstance(outcome, advice.TIMEOUTS)
        seen = "connected, and no reply came in time" if late else f"connected, then: {_what(outcome)}"
        return Finding("token", "fail", seen, advice.for_reply_that_never_came(root) if late else advice.BROKEN)
    server = outcome.headers.get("server", "")
    if outcome.status == 200 and re.fullmatch(rb"[!-~]{1,1024}", outcome.body):
        if server == "EC2ws":
            return Finding("token", "ok", "given")
        return Finding(
            "token", "warn", f"given by {server or 'a nameless server'}, not by EC2ws", advice.NOT_THE_SERVICE
        )
    return Finding("token", "fail", _answer(outcome), advice.for_token(url, outcome.status, outcome.headers, root))


def check_metadata(outcome: Outcome) -> Finding:
    """Say whether a value can be read with the token."""
    if isinstance(outcome, Exception):
        return Finding("metadata", "fail", _what(outcome), advice.BROKEN)
    if outcome.status != 200:
        return Finding("metadata", "fail", f"instance-id: {_answer(outcome)}", advice.BUSY)
    return Finding("metadata", "ok", f"the instance is {outcome.body.decode(errors='backslashreplace')[:64]}")


def check_tags(outcome: Outcome, root: Path) -> Finding:
    """Say whether the instance's tags are among its metadata."""
    if isinstance(outcome, Exception):
        return Finding("tags", "warn", _what(outcome), advice.BROKEN)
    if outcome.status == 200 and outcome.body:
        return Finding("tags", "ok", f"{len(outcome.body.split())} among the metadata")
    seen = "none among the metadata" if outcome.status in {200, 404} else _answer(outcome)
    return Finding("tags", "warn", seen, advice.modify(root, "--instance-metadata-tags enabled"))


def _skipped(*checks: str) -> list[Finding]:
    return [Finding(check, "skip", "not looked at") for check in checks]


def _what(error: Exception) -> str:
    if isinstance(error, advice.TIMEOUTS):
        return "no answer in time"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return "what answers does not speak HTTP"


def _answer(reply: Reply) -> str:
    kind = reply.headers.get("content-type", "").partition(";")[0]
    return (
        f"HTTP {reply.status}"
        if reply.status != 200
        else f"no token, but {len(reply.body)} bytes of {kind or 'no type'}"
    )


def _open(url: str, timeout: float, connect: Connect) -> socket.socket:
    parts = urlsplit(url)
    host = parts.hostname or ""
    connection = connect((host, parts.port or (443 if parts.scheme == "https" else 80)), timeout)
    if parts.scheme != "https":
        return connection
    return ssl.create_default_context().wrap_socket(connection, server_hostname=host)


def _exchange(
    url: str, method: str, path: str, headers: Mapping[str, str], *, timeout: float, connect: Connect
) -> Outcome:
    """Send one request, as it is and to nobody else, and return what comes of it."""
    target = urlsplit(url_of(url, path))
    with closing(http.client.HTTPConnection(target.hostname or "", target.port)) as connection:
        try:
            connection.sock = _open(url, timeout / 2, connect)
            connection.sock.settimeout(timeout)
            connection.request(method, target.path, headers=dict(headers))
            with connection.getresponse() as response:
                body = response.read(MAX_BYTES)
                if response.length and len(body) < MAX_BYTES:
                    raise http.client.IncompleteRead(body)
                named = {name.lower(): value for name, value in response.headers.items()}
                return Reply(response.status, named, body)
        except FAILURES as error:
            return error
