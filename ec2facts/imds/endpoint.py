"""The endpoint of the metadata service, from an argument or the variables that the AWS SDKs read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote, urlsplit

from ec2facts.errors import DisabledError, UsageError

ENDPOINTS = {"ipv4": "http://169.254.169.254", "ipv6": "http://[fd00:ec2::254]"}
"""The service's addresses by mode. IPv6 needs a Nitro instance with the IPv6 endpoint enabled."""


def resolve_endpoint(endpoint: str | None, environ: Mapping[str, str]) -> str:
    """Return the base URL of the service, without a final slash.

    ``endpoint`` overrides AWS_EC2_METADATA_SERVICE_ENDPOINT, which overrides AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE
    (IPv4 or IPv6); the default is the IPv4 address. Raises UsageError for a malformed value, and DisabledError if
    AWS_EC2_METADATA_DISABLED is true and ``endpoint`` is None.
    """
    if endpoint is not None:
        return _checked(endpoint, "the endpoint")
    name = "AWS_EC2_METADATA_SERVICE_ENDPOINT"
    mode_name = "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"
    mode = (environ.get(mode_name) or "ipv4").lower()
    if mode not in ENDPOINTS:
        raise UsageError(f"{mode_name} is {mode!r}; it must be IPv4 or IPv6")
    url = _checked(environ[name], name) if environ.get(name) else ENDPOINTS[mode]
    if environ.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true":
        raise DisabledError(url, "AWS_EC2_METADATA_DISABLED is true; unset it to read the service", cause="variable")
    return url


def setting(name: str, environ: Mapping[str, str], *, default: float) -> float:
    """Return the variable ``name`` as a number above 0, at most 86400, or ``default`` if it is unset."""
    value = environ.get(name) or str(default)
    try:
        number = float(value)
    except ValueError:
        number = 0
    if not 0 < number <= 86400:
        raise UsageError(f"{name} is {value!r}; it must be a positive number up to 86400")
    return number


def url_of(endpoint: str, path: str) -> str:
    """Return the URL of ``path``, each segment percent-encoded."""
    # These characters need no encoding (RFC 3986): MACs and tag keys stay readable in logs. A lone surrogate comes from
    # an undecodable byte of the command line; the service answers 404 to it.
    return f"{endpoint}/latest/{quote(path, safe='/:=@,+', errors='surrogatepass')}"


def _checked(url: str, name: str) -> str:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise UsageError(f"{name} is {url!r}: {error}") from error
    if parts.scheme not in {"http", "https"} or not parts.hostname or re.search(r"[@?#\s\0-\x1f]", url):
        raise UsageError(f"{name} is {url!r}; it must be a URL such as http://169.254.169.254")
    return url.rstrip("/")
