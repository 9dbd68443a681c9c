"""The checks of the doctor, each a function of its evidence."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple, Union
from urllib.parse import urlsplit

from ec2facts.errors import DisabledError, UsageError
from ec2facts.imds.doctor import advice
from ec2facts.imds.doctor.clouds import cloud_of_machine
from ec2facts.imds.doctor.machine import container_evidence, ec2_evidence, vendor
from ec2facts.imds.endpoint import resolve_endpoint
from ec2facts.imds.reply import BODY_LIMIT, FailedRequestError, Reply
from ec2facts.imds.source import TOKEN_HEADER, TOKEN_PATH, TOKEN_TTL_HEADER
from ec2facts.imds.transport import Connect, HTTPTransport, connect
from ec2facts.text import escape_unprintable


class Finding(NamedTuple):
    """The finding of one check, with advice."""

    check: str
    status: Literal["ok", "warn", "fail", "skip"]
    """Only ``fail`` means that facts cannot be read."""
    seen: str
    advice: str = ""


Outcome = Union[Reply, FailedRequestError]
"""The outcome of a request."""


def diagnose(
    endpoint: str | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    root: Path = advice.ROOT,
    timeout: float = 1.0,
    connect: Connect = connect,
) -> list[Finding]:
    """Return the findings of all checks, in order; a check that needs the result of a failed check is skipped.

    ``timeout`` limits, in seconds, each of three requests: for a token and two values. A connection may take half of
    it. Control characters in findings are escaped.
    """
    findings = _findings(endpoint, os.environ if environ is None else environ, root, timeout, connect)
    return [
        each._replace(seen=escape_unprintable(each.seen), advice=escape_unprintable(each.advice)) for each in findings
    ]


def _findings(
    endpoint: str | None, environ: Mapping[str, str], root: Path, timeout: float, connect: Connect
) -> list[Finding]:
    machine, settings = check_machine(root), check_settings(endpoint, environ)
    if settings.status == "fail":
        return [machine, settings, *_skipped("proxies", "connection", "token", "metadata", "tags")]
    url = resolve_endpoint(endpoint, environ)
    transport = HTTPTransport(url, connect=connect)

    def ask(method: str, path: str, header: str, value: str) -> Outcome:
        try:
            return transport.send(method, path, {header: value}, timeout=timeout)
        except FailedRequestError as error:
            return error

    outcome = ask("PUT", TOKEN_PATH, TOKEN_TTL_HEADER, "60")
    connection = check_connection(url, outcome, root)
    findings = [machine, settings, check_proxies(url, environ), connection]
    if connection.status == "fail":
        return [*findings, *_skipped("token", "metadata", "tags")]
    token = check_token(url, outcome, root)
    findings.append(token)
    if isinstance(outcome, FailedRequestError) or token.status == "fail":
        return [*findings, *_skipped("metadata", "tags")]
    text = outcome.body.decode("ascii")
    findings.append(check_metadata(ask("GET", "meta-data/instance-id", TOKEN_HEADER, text)))
    return [*findings, check_tags(ask("GET", "meta-data/tags/instance/", TOKEN_HEADER, text), root)]


def check_machine(root: Path) -> Finding:
    """Check whether this machine is an EC2 instance, from its files."""
    evidence = ec2_evidence(root)
    container = container_evidence(root)
    inside = f", in a container: {container}" if container else ""
    if evidence is None:
        return Finding("machine", "skip", f"unknown whether this is an EC2 instance{inside}")
    if not evidence:
        where = cloud_of_machine(root) or f"the vendor is {vendor(root)}"
        return Finding("machine", "warn", f"not an EC2 instance: {where}{inside}", advice.NOT_EC2)
    return Finding("machine", "ok", f"an EC2 instance: {evidence}{inside}")


def check_settings(endpoint: str | None, environ: Mapping[str, str]) -> Finding:
    """Check which endpoint the settings select."""
    try:
        url = resolve_endpoint(endpoint, environ)
        todo = advice.doubled_latest(url)
        return Finding("settings", "warn" if todo else "ok", f"the endpoint is {url}", todo)
    except DisabledError:
        return Finding("settings", "fail", "AWS_EC2_METADATA_DISABLED is true", "unset AWS_EC2_METADATA_DISABLED")
    except UsageError as error:
        return Finding("settings", "fail", str(error), advice.SETTINGS)


def check_proxies(url: str, environ: Mapping[str, str]) -> Finding:
    """Check whether a proxy variable applies to the endpoint; ec2facts itself ignores it."""
    host = urlsplit(url).hostname or ""
    lowered = {name.lower(): value for name, value in environ.items()}
    named = [name for name in (f"{urlsplit(url).scheme}_proxy", "all_proxy") if lowered.get(name)]
    bypassed = {each.strip().strip("[]") for each in lowered.get("no_proxy", "").split(",")}
    if not named or {host, "*"} & bypassed:
        return Finding("proxies", "ok", "no proxy for the endpoint")
    return Finding(
        "proxies", "warn", f"{named[0]} is set: it affects programs other than ec2facts", advice.no_proxy(host)
    )


def check_connection(url: str, outcome: Outcome, root: Path) -> Finding:
    """Check whether the first request made a connection."""
    if isinstance(outcome, FailedRequestError) and outcome.cause in advice.CONNECTION:
        todo = advice.for_failure(url, outcome.cause, outcome.reason, root)
        return Finding("connection", "fail", outcome.reason, todo)
    return Finding("connection", "ok", f"connected to {urlsplit(url).netloc}")


def check_token(url: str, outcome: Outcome, root: Path) -> Finding:
    """Check whether the reply to the token request holds a token."""
    if isinstance(outcome, FailedRequestError):
        todo = advice.for_failure(url, outcome.cause, outcome.reason, root)
        return Finding("token", "fail", f"connected, then: {outcome.reason}", todo)
    server = outcome.headers.get("server", "")
    if outcome.status == 200 and re.fullmatch(rb"[!-~]{1,1024}", outcome.body):
        if server == "EC2ws":
            return Finding("token", "ok", "issued")
        seen = f"issued by {server or 'a nameless server'}, not by EC2ws"
        return Finding("token", "warn", seen, advice.NOT_THE_SERVICE)
    return Finding("token", "fail", _answer(outcome), advice.for_reply(url, outcome.status, outcome.headers, root))


def check_metadata(outcome: Outcome) -> Finding:
    """Check whether a value can be read with the token."""
    if isinstance(outcome, FailedRequestError):
        return Finding("metadata", "fail", outcome.reason, advice.BROKEN)
    if outcome.status == 404 or (outcome.status == 200 and not outcome.body):
        seen = "no instance-id yet" if outcome.status == 404 else "instance-id is empty"
        return Finding("metadata", "fail", f"not ready: {seen}", advice.NOT_READY)
    if outcome.status == 401:
        return Finding("metadata", "fail", "instance-id: HTTP 401", advice.TOKEN_REFUSED)
    if outcome.status != 200:
        is_busy = outcome.status == 429 or outcome.status >= 500
        todo = advice.BUSY if is_busy else advice.NO_IMDSV2
        return Finding("metadata", "fail", f"instance-id: HTTP {outcome.status}", todo)
    if outcome.headers.get("content-type", "").lower().startswith(("text/html", "application/xhtml")):
        return Finding("metadata", "fail", "instance-id is an HTML page", advice.NO_IMDSV2)
    return Finding("metadata", "ok", f"the instance is {outcome.body.decode(errors='backslashreplace')[:64]}")


def check_tags(outcome: Outcome, root: Path) -> Finding:
    """Check whether the instance's tags are part of its metadata."""
    if isinstance(outcome, FailedRequestError):
        return Finding("tags", "warn", outcome.reason, advice.BROKEN)
    if outcome.status == 200 and outcome.body:
        return Finding("tags", "ok", f"{len(outcome.body.split())} in the metadata")
    if outcome.status not in {200, 404}:
        return Finding("tags", "warn", f"HTTP {outcome.status}", advice.BROKEN)
    return Finding("tags", "warn", "none in the metadata", advice.modify(root, "--instance-metadata-tags enabled"))


def _skipped(*checks: str) -> list[Finding]:
    return [Finding(check, "skip", "skipped after the failure above") for check in checks]


def _answer(reply: Reply) -> str:
    if reply.status != 200:
        return f"HTTP {reply.status}"
    kind = reply.headers.get("content-type", "").partition(";")[0]
    size = f"more than {BODY_LIMIT}" if len(reply.body) > BODY_LIMIT else str(len(reply.body))
    return f"{size} bytes of {kind or 'unknown type'} instead of a token"
