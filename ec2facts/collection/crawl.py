"""The crawl: every path of a source, concurrently, into a snapshot."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Sequence
from functools import partial
from queue import SimpleQueue
from typing import Callable, NoReturn, Union

from ec2facts.collection.withholding import Withholding
from ec2facts.errors import UnreadError, WithheldError
from ec2facts.imds.snapshot import Gap, Snapshot
from ec2facts.imds.source import REDIRECTS, ROOTS, Listing, Source, read_listing
from ec2facts.metadata.schema import is_directory

INTERFACES = "meta-data/network/interfaces/macs/"

MAX_PATHS = 50_000
"""Maximum number of paths in a crawl: a service that answers every path with a listing would never end."""

MAX_BYTES = 64 * 1024 * 1024
"""Maximum size of all bodies of a crawl, in bytes. An instance with 900 values has less than one MiB."""


def crawl(
    source: Source,
    *,
    concurrency: int = 8,
    include: Collection[str] = (),
    roots: Sequence[str] = ROOTS,
    max_paths: int = MAX_PATHS,
    max_bytes: int = MAX_BYTES,
    on_progress: Callable[[int, int], object] | None = None,
) -> Snapshot:
    """Read every path of ``source``, each once, at most ``concurrency`` at a time.

    Withheld values are left out of the snapshot unless ``include`` names them; credentials are not even requested. A
    path that cannot be read does not end the crawl: the snapshot records a gap with the reason. Raises UnavailableError
    if there is no service, UsageError for an unknown name in ``include``, and UnreadError if the listings name more
    than ``max_paths`` paths or the bodies hold more than ``max_bytes`` bytes. ``on_progress`` is called with the number
    of paths read and the number of paths known so far.
    """
    guarded = Withholding(source, include)
    bodies: dict[str, bytes] = {}
    gaps: dict[str, Gap] = {}
    listings: dict[str, Listing] = {}
    # Read the first path alone and in the caller's thread: an unreachable service is tried once, and Ctrl-C ends the
    # wait for the service.
    path, *others = roots
    unasked = [*others, *_record(path, partial(guarded.get, path), bodies, gaps, listings)]
    waiting, size = 0, len(bodies.get(path, b""))
    with _Readers(guarded.get, concurrency) as readers:
        while unasked or waiting:
            if len(bodies) + len(gaps) + len(unasked) + waiting > max_paths:
                raise UnreadError(path, f"the listings name more than {max_paths} paths")
            for each in unasked:
                readers.paths.put(each)
            waiting += len(unasked) - 1
            path, answer = readers.answers.get()
            unasked = _record(path, answer, bodies, gaps, listings)
            size += len(bodies.get(path, b""))
            if on_progress is not None:
                done = len(bodies) + len(gaps)
                on_progress(done, done + waiting + len(unasked))
            if size > max_bytes:
                raise UnreadError(path, f"the bodies hold more than {max_bytes} bytes")
    return Snapshot(bodies, gaps, listings=listings)


Answer = Callable[[], Union[bytes, None]]
"""Returns the body of a path, or raises what reading the path raised."""


class _Readers:
    """Threads that read ``paths`` and put each result into ``answers``.

    Leaving the context stops the threads. A thread that is still waiting for the service is abandoned after a moment,
    so that a signal ends a command at once.
    """

    def __init__(self, get: Callable[[str], bytes | None], count: int) -> None:
        self.paths: SimpleQueue[str | None] = SimpleQueue()
        self.answers: SimpleQueue[tuple[str, Answer]] = SimpleQueue()
        self._get = get
        self._threads = [threading.Thread(target=self._read, daemon=True) for _ in range(count)]
        self._is_over = False

    def __enter__(self) -> _Readers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._is_over = True
        for _ in self._threads:
            self.paths.put(None)
        until = time.monotonic() + 0.3
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    def _read(self) -> None:
        while (path := self.paths.get()) is not None and not self._is_over:
            self.answers.put((path, self._answer(path)))

    def _answer(self, path: str) -> Answer:
        try:
            body = self._get(path)
        except BaseException as error:  # noqa: BLE001 - raised again when the answer is recorded
            return partial(_raise, error)
        return lambda: body


def _raise(error: BaseException) -> NoReturn:
    raise error


def settle(
    source: Source,
    *,
    within: float,
    interval: float = 1.0,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], object] = time.sleep,
) -> None:
    """Read the network interfaces until two complete reads agree; raise UnreadError after ``within`` seconds.

    Raises NotReadyError if the service is not ready: two empty reads would agree as well.
    """
    until = clock() + within
    before = None
    while True:
        now = crawl(source, roots=(INTERFACES,))
        if now.bodies == before and not now.unread:
            return
        if clock() + interval > until:
            lost = f": {next(iter(now.unread.values()))}" if now.unread else ""
            raise UnreadError(INTERFACES, f"the network interfaces still change after {within:g} s{lost}")
        before = now.bodies
        sleep(interval)


def _record(
    path: str, answer: Answer, bodies: dict[str, bytes], gaps: dict[str, Gap], listings: dict[str, Listing]
) -> list[str]:
    """Record the answer for ``path``; return the paths to read next."""
    try:
        body = answer()
        if body is not None and path.endswith("/"):
            listings[path] = listed(path, body)
    except WithheldError as error:
        gaps[path] = Gap("withheld", error.include)
        return []
    except UnreadError as error:
        if error.status in REDIRECTS and not path.endswith("/"):
            return [path + "/"]  # a directory that was listed without its slash
        gaps[path] = Gap("unread", error.reason, error.status)
        return []
    if body is None:
        gaps[path] = Gap("absent")
        return []
    bodies[path] = body
    children, unreachable = listings.get(path, ([], {}))
    gaps.update((name, Gap("unread", reason)) for name, reason in unreachable.items())
    return children


def listed(directory: str, body: bytes) -> Listing:
    """Read the listing of ``directory``, with a slash after each child that is declared as a directory."""
    children, unreachable = read_listing(directory, body)
    slashes = ("/" * (not child.endswith("/") and is_directory(child + "/")) for child in children)
    return Listing(list(map(str.__add__, children, slashes)), unreachable)
