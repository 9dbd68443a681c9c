"""The faults of the simulator; each has a kind, a value, and a selection of requests."""

from __future__ import annotations

import re
import threading
from collections import deque
from fnmatch import fnmatchcase
from typing import Any, Callable, NamedTuple

from ec2facts.errors import UsageError
from ec2facts.imds.simulator.exchange import Answer, Call, error_page
from ec2facts.imds.source import TOKEN_PATH
from ec2facts.text import did_you_mean

Proceed = Callable[[Call], Answer]
"""Returns the answer without the fault."""

WHERE = (
    "a glob of paths below /latest/ (* matches slashes too), a share of the requests (30%), or their numbers (#2, #2-5)"
)


class Kind(NamedTuple):
    """A kind of fault."""

    name: str
    sentence: str
    apply: _Apply
    """Returns the answer to a call that the fault affects."""
    metavar: str = ""
    """The name of its value in help; "" if it takes no value."""
    convert: Callable[[str], Any] = str
    default: str = ""
    """The default of the value; "" if a value is required."""
    everywhere: bool = False
    """Whether ``apply`` gets every call and checks ``where`` itself."""

    @property
    def syntax(self) -> str:
        """The kind and its value, as written on the command line."""
        value = f"={self.metavar}" * bool(self.metavar)
        return f"{self.name}[{value}]" if self.default else self.name + value


class Where(NamedTuple):
    """The calls that a fault affects."""

    glob: str = "*"
    share: float = 1
    first: float = 1
    last: float = float("inf")
    seed: int = 0

    def matches(self, call: Call) -> bool:
        """Whether the fault affects ``call``; a share depends on seed and request, not on the order of threads."""
        if not (fnmatchcase(call.path, self.glob) and self.first <= call.number <= self.last):
            return False
        if self.share == 1:
            return True
        from random import Random  # slow to import, and only a share needs it

        return Random(f"{self.seed} {call.method} {call.path!a} {call.nth}").random() < self.share  # noqa: S311


class Fault:
    """A kind of fault, its value, and the calls that it affects."""

    def __init__(self, kind: Kind, value: Any, where: Where) -> None:
        self.kind = kind
        self.value = value
        self.where = where
        self._recent: deque[float] = deque()
        self._first_at: float | None = None
        self._lock = threading.Lock()

    def answer(self, call: Call, proceed: Proceed) -> Answer:
        """Return the answer to ``call``; ``proceed`` returns the answer without the fault."""
        if self.kind.everywhere or self.where.matches(call):
            return self.kind.apply(self, call, proceed)
        return proceed(call)

    def age(self, now: float) -> float:
        """Return the seconds since the first call."""
        with self._lock:
            if self._first_at is None:
                self._first_at = now
            return now - self._first_at

    def spend(self, now: float) -> bool:
        """Return whether fewer than ``value`` calls passed in the last second; if so, count this call."""
        with self._lock:
            while self._recent and self._recent[0] <= now - 1:
                self._recent.popleft()
            passes: bool = len(self._recent) < self.value
            if passes:
                self._recent.append(now)
            return passes


def read_where(text: str, *, seed: int = 0) -> Where:
    """Parse WHERE; "" selects all calls."""
    numbers = re.fullmatch("#([0-9]+)(?:-([0-9]+))?", text)
    if numbers is not None:
        return Where(first=int(numbers[1]), last=int(numbers[2] or numbers[1]))
    share = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)%", text)
    if share is not None and float(share[1]) <= 100:
        return Where(share=float(share[1]) / 100, seed=seed)
    if text.startswith("#") or text.endswith("%") or text.isdecimal():
        raise UsageError(f"the WHERE of a fault is {text!r}; it must be {WHERE}")
    return Where(glob=text or "*")


FAULTS: dict[str, Kind] = {}
"""Every kind of fault by name."""

SYNTAX = f"KIND[=VALUE][@WHERE], where WHERE is {WHERE}"

_Apply = Callable[[Fault, Call, Proceed], Answer]


def parse_fault(text: str, *, seed: int = 0) -> Fault:
    """Parse a fault such as ``status=503@30%`` (see SYNTAX); raise UsageError if it is invalid."""
    what, _, where = text.partition("@")
    name, equals, value = what.partition("=")
    if name not in FAULTS:
        hint = did_you_mean(name, FAULTS) or f"; choose from {', '.join(FAULTS)}"
        raise UsageError(f"no fault {name!r}{hint}")
    kind = FAULTS[name]
    if equals and not kind.metavar:
        raise UsageError(f"the fault {text!r}: {name} takes no value")
    if kind.metavar and not (value or kind.default):
        raise UsageError(f"the fault {text!r}: {name} needs {kind.metavar}, as in {kind.syntax}")
    try:
        return Fault(kind, kind.convert(value or kind.default), read_where(where, seed=seed))
    except ValueError as error:
        raise UsageError(f"the fault {text!r} is not {kind.syntax}[@WHERE]: {error}") from error


def _number(text: str) -> float:
    number = float(text)
    if not 0 <= number < float("inf"):
        raise ValueError(f"{text} is negative or infinite")
    return number


def _count(text: str) -> int:
    if not re.fullmatch("[0-9]{1,9}", text):
        raise ValueError(f"{text!r} is not a count")
    return int(text)


def _status(text: str) -> int:
    if not re.fullmatch("[2-5][0-9][0-9]", text):
        raise ValueError(f"{text!r} is not an HTTP status")
    return int(text)


def _text(text: str) -> str:
    if not text or "\n" in text or "\r" in text:
        raise ValueError("the value must be one line of text")
    return text


CLOUDS = {
    "azure": Answer(
        400,
        b'{ "error": "Bad request. Required metadata header not specified" }',
        {"Server": "IMDS/150.870.65.1253", "Content-Type": "application/json; charset=utf-8"},
    ),
    "google": Answer(
        403,
        b"<!DOCTYPE html>\n<html lang=en>\n<title>Error 403 (Forbidden)</title>\n",
        {
            "Metadata-Flavor": "Google",
            "Server": "Metadata Server for VM",
            "Content-Type": "text/html; charset=UTF-8",
        },
    ),
    "openstack": Answer(
        404,
        b"<html>\n <head>\n  <title>404 Not Found</title>\n </head>\n</html>",
        {"Server": "", "Content-Type": "text/html; charset=UTF-8"},
    ),
}
"""The answers of other clouds' metadata services to a token request."""


def _cloud(text: str) -> str:
    if text not in CLOUDS:
        raise ValueError(f"{text!r} is not one of {', '.join(CLOUDS)}")
    return text


def _kind(
    name: str,
    sentence: str,
    metavar: str = "",
    convert: Callable[[str], Any] = str,
    *,
    default: str = "",
    everywhere: bool = False,
) -> Callable[[_Apply], _Apply]:
    def declare(apply: _Apply) -> _Apply:
        FAULTS[name] = Kind(name, sentence, apply, metavar, convert, default, everywhere)
        return apply

    return declare


@_kind("refused", "refuse connections for the first SECONDS", "SECONDS", _number, everywhere=True)
def _refused(fault: Fault, call: Call, proceed: Proceed) -> Answer:
    return proceed(call)  # the simulator does not listen until then


def _suppressed(delivery: str) -> _Apply:
    return lambda fault, call, proceed: Answer(0, b"", delivery=delivery)


def _delivered(delivery: str) -> _Apply:
    return lambda fault, call, proceed: proceed(call)._replace(delivery=delivery, seconds=fault.value)


_kind("drop", "close the connection without an answer")(_suppressed("nothing"))
_kind("hang", "never answer")(_suppressed("hang"))
_kind("garble", "answer with bytes that are not HTTP")(_suppressed("garbled"))
_kind("delay", "answer after SECONDS", "SECONDS", _number)(_delivered("late"))
_kind("slow", "send a byte of the body every SECONDS", "SECONDS", _number)(_delivered("byte_by_byte"))
_kind("slow-head", "send a byte of the status line and the headers every SECONDS", "SECONDS", _number)(
    _delivered("head_byte_by_byte")
)
_kind(
    "interim",
    "send `100 Continue` every SECONDS (default: 0.01) and never a final reply",
    "SECONDS",
    _number,
    default="0.01",
)(_delivered("endless_interim"))
_kind(
    "trailers",
    "send trailers after the body without end, one every SECONDS (default: 0.01)",
    "SECONDS",
    _number,
    default="0.01",
)(_delivered("endless_trailers"))
_kind(
    "chunk-size",
    "send an endless chunk size, a digit every SECONDS (default: 0.01)",
    "SECONDS",
    _number,
    default="0.01",
)(_delivered("endless_chunk_size"))


@_kind("reset", "send half of the body, then reset the connection")
def _reset(fault: Fault, call: Call, proceed: Proceed) -> Answer:
    return proceed(call)._replace(delivery="reset")


@_kind("truncate", "send half of the body, then close the connection")
def _truncate(fault: Fault, call: Call, proceed: Proceed) -> Answer:
    answer = proceed(call)
    return answer._replace(
        body=answer.body + b"\n", delivery="half"
    )  # half of an empty body would be the complete body


@_kind("oversize", "make the body BYTES longer (default: 5 MiB)", "BYTES", _count, default="5242880")
def _oversize(fault: Fault, call: Call, proceed: Proceed) -> Answer:
    answer = proceed(call)
    return answer._replace(body=answer.body + b"x" * fault.value)


@_kind("status", "answer with HTTP status N, such as 401, 403, 404, 429 or 503", "N", _status)
def _answer_status(fault: Fault, call: Call, proceed: Proceed) -> Answer:
    return error_page(fault.value)


@_kind("throttle", "answer 429 with Retry-After: SECONDS (default: 1)", "SECONDS", _count, default="1")
def _throttle(fault: Fault, call: Call, proceed: Proceed) -> Answer:
    return error_page(429, Retry_After=str(fault.value))


@_kind("rate", "allow N requests in any second, and answer 429 to the others", "N", _count)
def _rate(fault: Fault, call: Call, proceed: Proceed) -> Answer:
    return proceed(call) if fault.spend(call.at) else error_page(429)


@_kind("redirect", "redirect to URL with status 302", "URL", _text)
def _redirect(fault: Fault, call: Call, proceed: Proceed) -> Answer:
    return error_page(302, Location=fault.value)


@_kind("empty", "answer 200 with an empty body")
def _empty(fault: Fault, call: Call, proceed: Proceed) -> Answer:
    answer = proceed(call)
    return answer._replace(body=b"") if answer.status == 200 else answer


@_kind(
    "not-ready",
    "answer 404 to everything but token requests for the first SECONDS, like a booting instance",
    "SECONDS",
    _number,
)
def _not_ready(fault: Fault, call: Call, proceed: Proceed) -> Answer:
    is_token = call.path.rstrip("/") == TOKEN_PATH
    return proceed(call) if is_token or fault.age(call.at) >= fault.value else error_page(404)


@_kind("error-page", "answer 200 with the service's XHTML error page, of type Text/HTML")
def _error_page(fault: Fault, call: Call, proceed: Proceed) -> Answer:
    return error_page(404)._replace(status=200, headers={"Content-Type": "Text/HTML"})


@_kind("cloud", f"answer like the metadata service of another cloud: {', '.join(CLOUDS)}", "NAME", _cloud)
def _other_cloud(fault: Fault, call: Call, proceed: Proceed) -> Answer:
    return CLOUDS[fault.value]


@_kind("html", "answer 200 with an HTML page, like a proxy or a captive portal")
def _html(fault: Fault, call: Call, proceed: Proceed) -> Answer:
    page = b"<!DOCTYPE html>\n<html>\n<head><title>Sign in</title></head>\n<body>\nSign in\n</body>\n</html>\n"
    return Answer(200, page, {"Content-Type": "text/html; charset=utf-8"})


@_kind("ttl", "limit the lifetime of tokens to SECONDS", "SECONDS", _count)
def _ttl(fault: Fault, call: Call, proceed: Proceed) -> Answer:
    return proceed(call._replace(max_ttl=fault.value))


@_kind("list", "list NAME in each directory: .., /etc, a/b, or a name without a value", "NAME", _text)
def _list(fault: Fault, call: Call, proceed: Proceed) -> Answer:
    return _with_lines(proceed(call), call, [fault.value.encode()])


@_kind("children", "add N values to each directory", "N", _count, everywhere=True)
def _children(fault: Fault, call: Call, proceed: Proceed) -> Answer:
    answer = proceed(call)
    name = call.path.rpartition("/")[2]
    if answer.status == 404 and re.fullmatch("child-[0-9]+", name):
        return Answer(200, name.encode())
    if not fault.where.matches(call):
        return answer
    return _with_lines(answer, call, [b"child-%d" % number for number in range(fault.value)])


@_kind("loop", "list each directory in itself, as loop/", everywhere=True)
def _loop(fault: Fault, call: Call, proceed: Proceed) -> Answer:
    plain = call._replace(path=call.path.replace("loop/", ""))
    answer = proceed(plain)
    return _with_lines(answer, plain, [b"loop/"]) if fault.where.matches(plain) else answer


@_kind("crlf", "end the lines of listings with CR LF")
def _crlf(fault: Fault, call: Call, proceed: Proceed) -> Answer:
    answer = proceed(call)
    if not _is_listing(answer, call):
        return answer
    return answer._replace(body=answer.body.replace(b"\n", b"\r\n") + b"\r\n")


@_kind("binary", "add a name that is not UTF-8 to listings, and prefix values with the same bytes")
def _binary(fault: Fault, call: Call, proceed: Proceed) -> Answer:
    answer = _with_lines(proceed(call), call, [b"\xff\xfe"])
    is_value = call.method == "GET" and answer.status == 200 and not _is_listing(answer, call)
    return answer._replace(body=b"\xff\xfe" + answer.body) if is_value else answer


@_kind("appear", "hide paths that match WHERE, in listings too, until request N", "N", _count, everywhere=True)
def _appear(fault: Fault, call: Call, proceed: Proceed) -> Answer:
    return proceed(call) if call.number >= fault.value else _without(fault.where.glob, call, proceed)


@_kind("vanish", "hide paths that match WHERE, in listings too, from request N on", "N", _count, everywhere=True)
def _vanish(fault: Fault, call: Call, proceed: Proceed) -> Answer:
    return proceed(call) if call.number < fault.value else _without(fault.where.glob, call, proceed)


def _is_listing(answer: Answer, call: Call) -> bool:
    return answer.status == 200 and (call.path.endswith("/") or not call.path)


def _with_lines(answer: Answer, call: Call, lines: list[bytes]) -> Answer:
    """Add ``lines`` to ``answer`` if it is a listing."""
    if not _is_listing(answer, call):
        return answer
    return answer._replace(body=b"\n".join([*filter(None, [answer.body]), *lines]))


def _without(glob: str, call: Call, proceed: Proceed) -> Answer:
    """Return the answer of a service that lacks the paths that match ``glob``."""
    if fnmatchcase(call.path, glob):
        return error_page(404)
    answer = proceed(call)
    if not _is_listing(answer, call):
        return answer
    names = answer.body.split(b"\n")
    present = [name for name in names if not fnmatchcase(call.path + name.decode(errors="replace"), glob)]
    return answer._replace(body=b"\n".join(present))
