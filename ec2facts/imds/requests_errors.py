"""The errors of the live service: each is one of ``ec2facts.errors`` and the matching exception of requests.

They are apart from the tree that they belong to because requests is imported only where HTTP is spoken.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import TypeVar

import requests
import urllib3
from requests import exceptions

from ec2facts.errors import AbsentError, DisabledError, UnavailableError, UnreadError


class AbsentStatusError(AbsentError, exceptions.HTTPError):
    """The service answered 404."""


class UnreadStatusError(UnreadError, exceptions.HTTPError):
    """The service answered a status that is neither 200 nor 404."""


class UnreadConnectTimeoutError(UnreadError, exceptions.ConnectTimeout):
    """The connection did not come about in time."""


class UnreadTimeoutError(UnreadError, exceptions.ReadTimeout):
    """The service did not answer in time."""


class UnreadConnectionError(UnreadError, exceptions.ConnectionError):
    """The connection failed, or broke."""


class UnavailableStatusError(UnavailableError, exceptions.HTTPError):
    """The request for a token was not answered with one."""


class UnavailableConnectTimeoutError(UnavailableError, exceptions.ConnectTimeout):
    """The connection for the request for a token did not come about in time."""


class UnavailableTimeoutError(UnavailableError, exceptions.ReadTimeout):
    """The request for a token was not answered in time."""


class UnavailableConnectionError(UnavailableError, exceptions.ConnectionError):
    """No connection for the request for a token came about, or it broke."""


class DisabledStatusError(DisabledError, exceptions.HTTPError):
    """The service refuses to give a token: it is switched off."""


E = TypeVar("E", bound=exceptions.HTTPError)
K = TypeVar("K", bound=Exception)


def answered(error: E, response: requests.Response) -> E:
    """Put the response that an error is about where requests puts it."""
    error.response = response
    error.request = response.request
    return error


class DeadlineTimeout(exceptions.Timeout):
    """The time for all requests has passed."""


TIMEOUTS = (exceptions.Timeout, urllib3.exceptions.TimeoutError, TimeoutError, socket.timeout)
"""The last one is the third only since Python 3.10."""

UNREAD: Sequence[type[UnreadError]] = (
    UnreadConnectTimeoutError,
    UnreadTimeoutError,
    UnreadConnectionError,
)
UNAVAILABLE: Sequence[type[UnavailableError]] = (
    UnavailableConnectTimeoutError,
    UnavailableTimeoutError,
    UnavailableConnectionError,
)


def matching(error: BaseException, kinds: Sequence[type[K]]) -> type[K]:
    """Return the one of ``kinds``, UNREAD or UNAVAILABLE, that is what requests raised too."""
    connect_timeout, timeout, broken = kinds
    if isinstance(error, exceptions.ConnectTimeout):
        return connect_timeout
    return timeout if isinstance(error, TIMEOUTS) else broken


def reason(error: BaseException, timeout: float) -> str:
    """Say in a few words, the same each time, why a request failed."""
    if isinstance(error, DeadlineTimeout):
        return "the deadline has passed"
    if isinstance(error, TIMEOUTS):
        return f"no answer within {timeout:g} s"
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno and cause.strerror:
            return cause.strerror.lower()  # not by its number, which means another thing for names and for TLS
        cause = cause.__cause__ or cause.__context__
    return "the connection broke"
