"""What a fault of the simulator is: a kind, a value, and where it strikes."""

from __future__ import annotations

import re
import threading
from collections import deque
from fnmatch import fnmatchcase
from typing import Any, Callable, NamedTuple

from ec2facts.errors import UsageError
from ec2facts.imds.answer import Answer, Call

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
        self._lock = threading.Lock()

    def answer(self, call: Call, proceed: Proceed) -> Answer:
        """Return the answer to ``call``, which ``proceed`` gives where the fault does not strike."""
        if self.kind.everywhere or self.where.matches(call):
            return self.kind.strike(self, call, proceed)
        return proceed(call)

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
