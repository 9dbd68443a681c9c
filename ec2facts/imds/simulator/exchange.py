"""Requests to the simulator, and answers."""

from __future__ import annotations

from collections.abc import Mapping
from http.client import responses
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from ec2facts.imds.source import TOKEN_TTL_SECONDS

if TYPE_CHECKING:
    from email.message import Message

HEADERS = MappingProxyType({"Content-Type": "text/plain", "Last-Modified": "Thu, 15 Jan 2026 08:00:00 GMT"})
_ERROR_PAGE = """<?xml version="1.0" encoding="iso-8859-1"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN"
\t"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en" lang="en">
 <head>
  <title>{title}</title>
 </head>
 <body>
  <h1>{title}</h1>
 </body>
</html>
"""


class Call(NamedTuple):
    """A request to the simulator."""

    method: str
    version: str
    path: str
    """The path below the version, percent-decoded."""
    headers: Message
    number: int
    """Its number among all requests, from 1."""
    nth: int
    """Its number among the requests of this method and target, from 1."""
    at: float
    """The time by the simulator's clock."""
    max_ttl: int = TOKEN_TTL_SECONDS
    """The maximum lifetime of a token, in seconds."""


class Answer(NamedTuple):
    """The answer to a request."""

    status: int
    """The HTTP status; 0 if a fault suppresses the answer."""
    body: bytes
    headers: Mapping[str, str] = HEADERS
    delivery: str = "whole"
    """The way it is sent: a key of DELIVERIES."""
    seconds: float = 0
    """The delay of slow deliveries."""


def error_page(status: int, **headers: str) -> Answer:
    """Return the service's page for an error status; an underscore in a header's name becomes a dash."""
    page = _ERROR_PAGE.format(title=f"{status} - {responses.get(status, '')}")
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, page.encode(), {"Content-Type": "text/html", **named})
