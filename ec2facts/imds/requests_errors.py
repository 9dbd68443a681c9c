"""The errors of the live service: each is one of ``ec2facts.errors`` and the matching exception of requests.

They are apart from the tree that they belong to because requests is imported only where HTTP is spoken.
"""

from __future__ import annotations

import errno
import http.client
import socket
import ssl
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

import requests
import urllib3
from requests import exceptions

from ec2facts.errors import AbsentError, Cause, DisabledError, UnavailableError, UnreadError


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


def cause_and_reason(error: BaseException, timeout: float) -> tuple[Cause, str]:
    """Return why a request failed: as data, and in a few words that are the same each time."""
    if isinstance(error, DeadlineTimeout):
        return "deadline", "the deadline has passed"
    if isinstance(error, exceptions.ConnectTimeout):
        return "connect timeout", f"no connection within {timeout / 2:g} s"
    if isinstance(error, TIMEOUTS):
        return "reply timeout", f"no answer within {timeout:g} s"
    chain = list(_chain(error))
    for cause in chain:
        if isinstance(cause, OSError) and cause.errno and cause.strerror:
            words = cause.strerror.lower()  # not by its number, which means another thing for names and for TLS
            if isinstance(cause, socket.gaierror):
                return "unresolved", words
            if isinstance(cause, ssl.SSLError):
                return "TLS", words
            return CAUSES.get(cause.errno, "other"), words
    if any(isinstance(cause, (http.client.RemoteDisconnected, http.client.IncompleteRead)) for cause in chain):
        return "reset", "the connection broke"
    return (
        "not HTTP" if any(isinstance(cause, http.client.HTTPException) for cause in chain) else "reset"
    ), "the connection broke"


CAUSES: Mapping[int, Cause] = {
    errno.ECONNREFUSED: "refused",
    errno.ENETUNREACH: "no route",
    errno.EHOSTUNREACH: "no route",
    errno.EADDRNOTAVAIL: "no route",
    errno.EACCES: "prohibited",
    errno.EPERM: "prohibited",
    errno.EINVAL: "prohibited",  # of a route of the type blackhole
    errno.ECONNRESET: "reset",
    errno.EPIPE: "reset",
}


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield ``error`` and the exceptions that led to it, the first cause last."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
