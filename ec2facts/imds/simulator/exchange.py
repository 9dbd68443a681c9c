"""One call to the simulator, and its answer."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
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
    """One request that came in."""

    method: str
    version: str
    path: str
    """The path as sources know it, below the version."""
    headers: Message
    number: int
    """Its place among all requests, from 1."""
    nth: int
    """How often this method and target have been asked for, from 1."""
    at: float
    """When, by the simulator's clock."""
    longest_life: int = TOKEN_TTL_SECONDS
    """The most seconds that a token may live."""


class Answer(NamedTuple):
    """What a simulator answers to one request."""

    status: int
    """The HTTP status; 0 where a fault leaves the request without an answer."""
    body: bytes
    headers: Mapping[str, str] = HEADERS
    delivery: str = "whole"
    """How it is sent: the name of one of DELIVERIES."""
    seconds: float = 0
    """The time that this takes, for some of them."""


def phrase(status: int) -> str:
    """Return what HTTP calls a status, empty for one that it does not know."""
    return HTTPStatus(status).phrase if status in HTTPStatus.__members__.values() else ""


def error_page(status: int, **headers: str) -> Answer:
    """Return the page that the service answers with an error; underscores in header names are dashes."""
    page = _ERROR_PAGE.format(title=f"{status} - {phrase(status)}")
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, page.encode(), {"Content-Type": "text/html", **named})
