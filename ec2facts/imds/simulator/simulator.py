"""The simulator: the metadata service on loopback, serving any source over IMDSv2."""

from __future__ import annotations

import base64
import math
import re
import secrets
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from email.message import Message
from functools import partial
from http.client import responses
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from ec2facts.errors import EC2FactsError, UnreadError, UsageError, WithheldError
from ec2facts.imds.simulator.addresses import check_address, names_simulator
from ec2facts.imds.simulator.exchange import HEADERS, Answer, Call, error_page
from ec2facts.imds.simulator.faults import parse_fault
from ec2facts.imds.simulator.server import Server
from ec2facts.imds.simulator.snapshot_file import SnapshotFile, warn_if_exposed
from ec2facts.imds.snapshot import Snapshot
from ec2facts.imds.source import TOKEN_HEADER, TOKEN_PATH, TOKEN_TTL_HEADER, TOKEN_TTL_SECONDS, Source

VERSIONS = (
    "1.0", "2007-01-19", "2007-03-01", "2007-08-29", "2007-10-10", "2007-12-15", "2008-02-01", "2008-09-01",
    "2009-04-04", "2011-01-01", "2011-05-01", "2012-01-12", "2014-02-25", "2014-11-05", "2015-10-20", "2016-04-19",
    "2016-06-30", "2016-09-02", "2018-03-28", "2018-08-17", "2018-09-24", "2019-10-01", "2020-10-27", "2021-01-03",
    "2021-03-23", "2021-07-15", "2022-07-09", "2022-09-24", "latest",
)  # fmt: skip
"""The listing of ``/``; all versions serve the same metadata."""

RECORDED = 10_000
"""The maximum number of recorded requests."""

TOKENS = 10_000
"""The maximum number of valid tokens; a new token then invalidates the oldest."""

COUNTED = 100_000
"""The maximum number of different requests with a counter, for faults on a share of the requests."""


class Request(NamedTuple):
    """A request that a simulator answered."""

    method: str
    path: str
    """The path below ``/latest/``, percent-decoded; for other versions, the raw target."""
    status: int
    """The HTTP status; 0 if a fault suppressed the answer."""


class Simulator:
    """The metadata service on loopback, for any client: ``with Simulator(source) as url: …``.

    ``source`` is a snapshot, another source, or a mapping of bodies by path; a SnapshotFile is reloaded when its file
    changes. The simulator speaks IMDSv2: PUT yields a token, and a request without a token is answered 401. A withheld
    path is answered 404, an unread path the service's status, else 503. A request whose ``Host`` is not a loopback name
    is answered 421.

    ``faults`` are specifications for ``parse_fault``; ``seed`` selects the requests that a fault such as ``drop@30%``
    affects. ``port`` 0 picks a free port; tokens and faults age by ``clock``. Raises UsageError for an invalid fault
    or a host that is not a literal loopback address (metadata holds credentials), and EC2FactsError if it cannot
    listen. Logs a warning if a snapshot file holds secrets and other users can read it.
    """

    def __init__(
        self,
        source: Source | Mapping[str, bytes],
        *,
        faults: Iterable[str] = (),
        seed: int = 0,
        host: str = "127.0.0.1",
        port: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        check_address(host)
        if not 0 <= port <= 65535:
            raise UsageError(f"the port {port} is not between 0 and 65535")
        self.source: Source = Snapshot(source) if isinstance(source, Mapping) else source
        self.host = host
        self.port = port
        self._record: deque[Request] = deque(maxlen=RECORDED)
        self._faults = [parse_fault(fault, seed=seed) for fault in faults]
        self._refusal = max((fault.value for fault in self._faults if fault.kind.name == "refused"), default=0.0)
        self._lock = threading.Lock()
        self._number = 0
        self._counts: Counter[int] = Counter()
        self._clock = clock
        self._expiries: dict[str, float] = {}
        self._running = ExitStack()
        self._stopped = threading.Event()
        self._stopped.set()

    @property
    def requests(self) -> list[Request]:
        """The requests so far, including token requests; at most the last RECORDED."""
        return list(self._record)

    @property
    def url(self) -> str:
        """The endpoint for clients, without a final slash; port 0 is replaced once the simulator listens."""
        return f"http://[{self.host}]:{self.port}" if ":" in self.host else f"http://{self.host}:{self.port}"

    def __enter__(self) -> str:
        try:
            server = Server(self.host, self.port, self.answer, self._stopped)
        except OSError as error:
            raise EC2FactsError(f"the simulator cannot listen at {self.url}: {error.strerror}") from error
        self.port = server.server_address[1]
        self._stopped.clear()
        source = self.source.snapshot if isinstance(self.source, SnapshotFile) else self.source
        if isinstance(source, Snapshot):
            warn_if_exposed(source)
        if not self._refusal:
            server.server_activate()
        thread = threading.Thread(target=self._serve, args=(server,), daemon=True)
        thread.start()
        for step in (server.server_close, thread.join, server.shutdown, self._stopped.set):
            self._running.callback(step)
        return self.url

    def _serve(self, server: Server) -> None:
        if self._refusal:
            opens_at = self._clock() + self._refusal
            while self._clock() < opens_at and not self._stopped.wait(0.02):
                pass
            server.server_activate()
        server.serve_forever(poll_interval=0.02)  # the maximum delay of leaving

    def __exit__(self, *exception: object) -> None:
        self._running.close()

    def wait(self) -> None:
        """Block until another thread leaves the simulator's ``with``, or Ctrl-C raises KeyboardInterrupt."""
        self._stopped.wait()

    def answer(self, method: str, target: str, headers: Message) -> Answer:
        """Record a request and return its answer."""
        version, path = _version_and_path(target)
        with self._lock:
            self._number += 1
            if len(self._counts) > COUNTED:
                self._counts.clear()
            key = hash((method, target))
            self._counts[key] += 1
            call = Call(method, version, path, headers, self._number, self._counts[key], self._clock())
        proceed: Callable[[Call], Answer] = self._answer
        for fault in reversed(self._faults):
            proceed = partial(fault.answer, proceed=proceed)
        answer = proceed(call) if all(map(names_simulator, headers.get_all("Host", []))) else error_page(421)
        self._record.append(Request(method, path if version == "latest" else target, answer.status))
        return answer

    def _answer(self, call: Call) -> Answer:
        method, version, path, headers, *_ = call
        if version in VERSIONS and path.rstrip("/") == TOKEN_PATH:
            return self._token(call) if version == "latest" else error_page(403)
        if method not in {"GET", "HEAD"}:
            return error_page(405, Allow="GET, HEAD")
        remaining = self._expiries.get(headers.get(TOKEN_HEADER, ""), -math.inf) - self._clock()
        if remaining <= 0:
            return error_page(401)
        if not version:
            answer = Answer(200, "\n".join(VERSIONS).encode())
        else:
            answer = self._body(path) if version in VERSIONS else error_page(404)
        return answer._replace(headers={**answer.headers, TOKEN_TTL_HEADER: str(math.ceil(remaining))})

    def _token(self, call: Call) -> Answer:
        if call.method != "PUT":
            return error_page(405, Allow="OPTIONS, PUT")
        headers = call.headers
        if "X-Forwarded-For" in headers:
            return error_page(403)
        ttl = headers.get(TOKEN_TTL_HEADER, "")
        if not re.fullmatch("[0-9]{1,5}", ttl) or not 1 <= int(ttl) <= TOKEN_TTL_SECONDS:
            return error_page(400)
        ttl = str(min(int(ttl), call.max_ttl))
        # 40 bytes, which in base64 look like the service's tokens: AQAE…==
        token = base64.urlsafe_b64encode(b"\x01\x00\x04" + secrets.token_bytes(37)).decode()
        with self._lock:
            self._expiries[token] = self._clock() + int(ttl)
            if len(self._expiries) > TOKENS:
                del self._expiries[next(iter(self._expiries))]
        return Answer(200, token.encode(), {**HEADERS, TOKEN_TTL_HEADER: ttl})

    def _body(self, path: str) -> Answer:
        try:
            body = self.source.get(path)
        except WithheldError:
            return error_page(404)
        except UnreadError as error:
            return error_page(error.status if error.status in responses and error.status >= 300 else 503)
        if body is None:
            return error_page(404)
        if path.rstrip("/") == "user-data":
            return Answer(200, body, {**HEADERS, "Content-Type": "application/octet-stream"})
        return Answer(200, body)


def _version_and_path(target: str) -> tuple[str, str]:
    """Return the version and the percent-decoded path of a request's target, with repeated slashes collapsed."""
    path = unquote_to_bytes(target.partition("?")[0].encode("latin-1")).decode(errors="surrogateescape")
    version, _, below = re.sub("/+", "/", path).lstrip("/").partition("/")
    return version, below
