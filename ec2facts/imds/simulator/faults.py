"""What a fault of the simulator is: a kind, a value, and where it strikes."""

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
"""Answers a call as if the fault were not there."""

WHERE = (
    "a glob of paths below /latest/ (* matches slashes too), a share of the requests (30%), or some of them (#2, #2-5)"
)


class Kind(NamedTuple):
    """One kind of fault."""

    name: str
    sentence: str
    strike: Callable[[Fault, Call, Proceed], Answer]
    """Answers a call that is struck."""
    metavar: str = ""
    """What its value is called; empty where it takes none."""
    convert: Callable[[str], Any] = str
    default: str = ""
    """The value where none is given; empty where one must be."""
    everywhere: bool = False
    """It is asked about every call, and looks itself at where it strikes."""

    @property
    def syntax(self) -> str:
        """How the kind and its value are written."""
        value = f"={self.metavar}" * bool(self.metavar)
        return f"{self.name}[{value}]" if self.default else self.name + value


class Where(NamedTuple):
    """Which calls a fault strikes."""

    glob: str = "*"
    share: float = 1
    first: float = 1
    last: float = float("inf")
    seed: int = 0

    def matches(self, call: Call) -> bool:
        """Say whether ``call`` is struck; of a share, the seed and what is asked decide, not the order of threads."""
        if not (fnmatchcase(call.path, self.glob) and self.first <= call.number <= self.last):
            return False
        if self.share == 1:
            return True
        from random import Random  # it costs every command milliseconds, and only simulators need it

        return Random(f"{self.seed} {call.method} {call.path!a} {call.nth}").random() < self.share  # noqa: S311


class Fault:
    """A kind of fault, with its value, and where it strikes."""

    def __init__(self, kind: Kind, value: Any, where: Where) -> None:
        self.kind = kind
        self.value = value
        self.where = where
        self._recent: deque[float] = deque()
        self._first_at: float | None = None
        self._lock = threading.Lock()

    def answer(self, call: Call, proceed: Proceed) -> Answer:
        """Return the answer to ``call``, which ``proceed`` gives where the fault does not strike."""
        if self.kind.everywhere or self.where.matches(call):
            return self.kind.strike(self, call, proceed)
        return proceed(call)

    def age(self, now: float) -> float:
        """Return the seconds since the first call that the fault was asked about."""
        with self._lock:
            if self._first_at is None:
                self._first_at = now
            return now - self._first_at

    def spend(self, now: float) -> bool:
        """Say whether fewer than ``value`` calls passed in the second before ``now``; if so, this one passes too."""
        with self._lock:
            while self._recent and self._recent[0] <= now - 1:
                self._recent.popleft()
            passes: bool = len(self._recent) < self.value
            if passes:
                self._recent.append(now)
            return passes


def read_where(text: str, *, seed: int = 0) -> Where:
    """Read which calls a fault strikes: WHERE says how it is written, and nothing means all."""
    numbers = re.fullmatch("#([0-9]+)(?:-([0-9]+))?", text)
    if numbers is not None:
        return Where(first=int(numbers[1]), last=int(numbers[2] or numbers[1]))
    share = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)%", text)
    if share is not None:
        return Where(share=float(share[1]) / 100, seed=seed)
    if text.startswith("#") or text.endswith("%"):
        raise UsageError(f"a fault strikes {WHERE}, and not {text!r}")
    return Where(glob=text or "*")


FAULTS: dict[str, Kind] = {}
"""Every kind of fault by name."""

SYNTAX = f"KIND[=VALUE][@WHERE], where WHERE is {WHERE}"

_Strike = Callable[[Fault, Call, Proceed], Answer]


def parse_fault(text: str, *, seed: int = 0) -> Fault:
    """Read a fault that is written as SYNTAX says, such as ``status=503@30%``; raise UsageError for what is none."""
    what, _, where = text.partition("@")
    name, equals, value = what.partition("=")
    if name not in FAULTS:
        hint = did_you_mean(name, FAULTS) or f"; choose from {', '.join(FAULTS)}"
        raise UsageError(f"there is no fault {name!r}{hint}")
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
        raise ValueError(f"{text} is not a number from 0 up")
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
        raise ValueError("it takes one line of text")
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
"""What the metadata services of other clouds answer to a request for a token."""


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
) -> Callable[[_Strike], _Strike]:
    def declare(strike: _Strike) -> _Strike:
        FAULTS[name] = Kind(name, sentence, strike, metavar, convert, default, everywhere)
        return strike

    return declare


@_kind("refused", "refuse connections for the first SECONDS", "SECONDS", _number, everywhere=True)
def _refused(fault: Fault, call: Call, proceed: Proceed) -> Answer:
    return proceed(call)  # the simulator does not listen for so long: what is here has come through


@_kind("drop", "close the connection without an answer")
def _drop(fault: Fault, call: Call, proceed: Proceed) -> Answer:
    return Answer(0, b"", delivery="nothing")


@_kind("hang", "never answer")
def _hang(fault: Fault, call: Call, proceed: Proceed) -> Answer:
    return Answer(0, b"", delivery="hang")


@_kind("garble", "answer what is not HTTP")
def _garble(fault: Fault, call: Call, proceed: Proceed) -> Answer:
    return Answer(0, b"", delivery="garbled")


@_kind("delay", "answer after SECONDS", "SECONDS", _number)
def _delay(fault: Fault, call: Call, proceed: Proceed) -> Answer:
    return proceed(call)._replace(delivery="late", seconds=fault.value)


@_kind("slow", "send a byte of the body every SECONDS", "SECONDS", _number)
def _slow(fault: Fault, call: Call, proceed: Proceed) -> Answer:
    return proceed(call)._replace(delivery="byte_by_byte", seconds=fault.value)


@_kind("slow-head", "send a byte of the status line and the headers every SECONDS", "SECONDS", _number)
def _slow_head(fault: Fault, call: Call, proceed: Proceed) -> Answer:
    return proceed(call)._replace(delivery="head_byte_by_byte", seconds=fault.value)


@_kind(
    "interim",
    "send replies `100 Continue` every SECONDS (by default 0.01) and no reply",
    "SECONDS",
    _number,
    default="0.01",
)
def _interim(fault: Fault, call: Call, proceed: Proceed) -> Answer:
    return proceed(call)._replace(delivery="endless_interim", seconds=fault.value)


@_kind(
    "trailers",
    "end the body with one more trailer every SECONDS (by default 0.01)",
    "SECONDS",
    _number,
    default="0.01",
)
def _trailers(fault: Fault, call: Call, proceed: Proceed) -> Answer:
    return proceed(call)._replace(delivery="endless_trailers", seconds=fault.value)


@_kind("chunk-size", "send a digit of a chunk size every SECONDS (by default 0.01)", "SECONDS", _number, default="0.01")
def _chunk_size(fault: Fault, call: Call, proceed: Proceed) -> Answer:
    return proceed(call)._replace(delivery="endless_chunk_size", seconds=fault.value)


@_kind("reset", "send half of the body, then reset the connection")
def _reset(fault: Fault, call: Call, proceed: Proceed) -> Answer:
    return proceed(call)._replace(delivery="reset")


@_kind("truncate", "send half of the body that Content-Length promises, then close the connection")
def _truncate(fault: Fault, call: Call, proceed: Proceed) -> Answer:
    answer = proceed(call)
    return answer._replace(body=answer.body + b"\n", delivery="half")  # of an empty body, half is not less


@_kind("oversize", "make the body BYTES longer (by default 5 MiB)", "BYTES", _count, default="5242880")
def _oversize(fault: Fault, call: Call, proceed: Proceed) -> Answer:
    answer = proceed(call)
    return answer._replace(body=answer.body + b"x" * fault.value)


@_kind("status", "answer the HTTP status N: 401, 403, 404, 429, 503, …", "N", _status)
def _answer_status(fault: Fault, call: Call, proceed: Proceed) -> Answer:
    return error_page(fault.value)


@_kind("throttle", "answer 429 with Retry-After: SECONDS (by default 1)", "SECONDS", _count, default="1")
def _throttle(fault: Fault, call: Call, proceed: Proceed) -> Answer:
    return error_page(429, Retry_After=str(fault.value))


@_kind("rate", "answer 429 to what exceeds N requests in a second", "N", _count)
def _rate(fault: Fault, call: Call, proceed: Proceed) -> Answer:
    return proceed(call) if fault.spend(call.at) else error_page(429)


@_kind("redirect", "answer 302 with the location URL", "URL", _text)
def _redirect(fault: Fault, call: Call, proceed: Proceed) -> Answer:
    return error_page(302, Location=fault.value)


@_kind("empty", "answer an empty body with status 200")
def _empty(fault: Fault, call: Call, proceed: Proceed) -> Answer:
    answer = proceed(call)
    return answer._replace(body=b"") if answer.status == 200 else answer


@_kind(
    "not-ready",
    "answer 404 to all but the request for a token for the first SECONDS, as while an instance boots",
    "SECONDS",
    _number,
)
def _not_ready(fault: Fault, call: Call, proceed: Proceed) -> Answer:
    is_token = call.path.rstrip("/") == TOKEN_PATH
    return proceed(call) if is_token or fault.age(call.at) >= fault.value else error_page(404)


@_kind("error-page", "answer the XHTML page of an error with status 200 and the type Text/HTML")
def _error_page(fault: Fault, call: Call, proceed: Proceed) -> Answer:
    return error_page(404)._replace(status=200, headers={"Content-Type": "Text/HTML"})


@_kind("cloud", f"answer as the metadata service of another cloud does: {', '.join(CLOUDS)}", "NAME", _cloud)
def _other_cloud(fault: Fault, call: Call, proceed: Proceed) -> Answer:
    return CLOUDS[fault.value]


@_kind("html", "answer a page of HTML with status 200, as a proxy or a captive portal does")
def _html(fault: Fault, call: Call, proceed: Proceed) -> Answer:
    page = b"<!DOCTYPE html>\n<html>\n<head><title>Sign in</title></head>\n<body>\nSign in\n</body>\n</html>\n"
    return Answer(200, page, {"Content-Type": "text/html; charset=utf-8"})


@_kind("ttl", "give tokens that live SECONDS at most", "SECONDS", _count)
def _ttl(fault: Fault, call: Call, proceed: Proceed) -> Answer:
    return proceed(call._replace(longest_life=fault.value))


@_kind("list", "list NAME in each directory: .., /etc, a/b, or a name that is not there", "NAME", _text)
def _list(fault: Fault, call: Call, proceed: Proceed) -> Answer:
    return _with_lines(proceed(call), call, [fault.value.encode()])


@_kind("children", "list N more values in each directory, and have them", "N", _count, everywhere=True)
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


@_kind("binary", "put bytes that are not UTF-8 into listings, as a name, and in front of values")
def _binary(fault: Fault, call: Call, proceed: Proceed) -> Answer:
    answer = _with_lines(proceed(call), call, [b"\xff\xfe"])
    is_value = call.method == "GET" and answer.status == 200 and not _is_directory(call)
    return answer._replace(body=b"\xff\xfe" + answer.body) if is_value else answer


@_kind("appear", "neither list nor have what WHERE matches before the request N", "N", _count, everywhere=True)
def _appear(fault: Fault, call: Call, proceed: Proceed) -> Answer:
    return proceed(call) if call.number >= fault.value else _without(fault.where.glob, call, proceed)


@_kind("vanish", "neither list nor have what WHERE matches from the request N on", "N", _count, everywhere=True)
def _vanish(fault: Fault, call: Call, proceed: Proceed) -> Answer:
    return proceed(call) if call.number < fault.value else _without(fault.where.glob, call, proceed)


def _is_directory(call: Call) -> bool:
    """Say whether ``call`` is for a directory, which is asked for with a slash."""
    return call.path.endswith("/") or not call.path


def _with_lines(answer: Answer, call: Call, lines: list[bytes]) -> Answer:
    """Return ``answer`` with ``lines`` added, if it is a listing."""
    if answer.status != 200 or not _is_directory(call):
        return answer
    return answer._replace(body=b"\n".join([*filter(None, [answer.body]), *lines]))


def _without(glob: str, call: Call, proceed: Proceed) -> Answer:
    """Return the answer of a service that does not have what matches ``glob``."""
    if fnmatchcase(call.path, glob):
        return error_page(404)
    answer = proceed(call)
    if answer.status != 200 or not _is_directory(call):
        return answer
    names = answer.body.split(b"\n")
    present = [name for name in names if not fnmatchcase(call.path + name.decode(errors="replace"), glob)]
    return answer._replace(body=b"\n".join(present))
