"""The crawl: read every path of a source concurrently into a snapshot."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Sequence
from typing import Callable

from ec2facts.collection.withholding import Withholding
from ec2facts.errors import UnreadError, WithheldError
from ec2facts.imds.snapshot import Gap, Snapshot
from ec2facts.imds.source import REDIRECTS, ROOTS, Listing, Source, read_listing
from ec2facts.metadata.schema import is_directory

INTERFACES = "meta-data/network/interfaces/macs/"

MAX_PATHS = 50_000
"""Maximum number of paths in a crawl: without it, a service that answers every path with a listing has no end."""

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
    of paths read and the number of paths known so far, by several threads but never by two at once.
    """
    return _Crawl(Withholding(source, include).get, max_paths, max_bytes, on_progress).run(roots, concurrency)


class _Crawl:
    """The state of a crawl. Its threads take paths from one queue and add the paths that they find to it."""

    def __init__(
        self,
        get: Callable[[str], bytes | None],
        max_paths: int,
        max_bytes: int,
        on_progress: Callable[[int, int], object] | None,
    ) -> None:
        from queue import SimpleQueue  # few lookups need a crawl

        self._get = get
        self._max_paths = max_paths
        self._max_bytes = max_bytes
        self._on_progress = on_progress
        self._bodies: dict[str, bytes] = {}
        self._gaps: dict[str, Gap] = {}
        self._listings: dict[str, Listing] = {}
        self._size = 0
        self._left = 0
        self._paths: SimpleQueue[str | None] = SimpleQueue()
        self._end: SimpleQueue[BaseException | None] = SimpleQueue()
        self._is_over = False
        self._lock = threading.Lock()

    def run(self, roots: Sequence[str], concurrency: int) -> Snapshot:
        """Read ``roots`` and all paths below them; raise the first error.

        A thread that still waits for the service at the end is abandoned, so that a signal ends the command at once.
        """
        self._left = len(roots)
        first, *others = roots
        for root in others:
            self._paths.put(root)
        # In the caller's thread: an unreachable service is tried once, and Ctrl-C interrupts the wait for the service.
        self._read(first)
        threads = [threading.Thread(target=self._work, daemon=True) for _ in range(concurrency if self._left else 0)]
        for thread in threads:
            thread.start()
        try:
            error = self._end.get()
        finally:
            self._is_over = True
            for _ in threads:
                self._paths.put(None)
            until = time.monotonic() + 0.3
            for thread in threads:
                thread.join(max(0.0, until - time.monotonic()))
        if error is not None:
            raise error
        return Snapshot(self._bodies, self._gaps, listings=self._listings)

    def _work(self) -> None:
        try:
            while (path := self._paths.get()) is not None and not self._is_over:
                self._read(path)
        except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
            self._end.put(error)

    def _read(self, path: str) -> None:
        children = self._record(path)
        with self._lock:
            self._left += len(children) - 1
            self._size += len(self._bodies.get(path, b""))
            done = len(self._bodies) + len(self._gaps)
            if done + self._left > self._max_paths:
                raise UnreadError(path, f"the listings name more than {self._max_paths} paths")
            if self._size > self._max_bytes:
                raise UnreadError(path, f"the bodies hold more than {self._max_bytes} bytes")
            if self._on_progress is not None:
                self._on_progress(done, done + self._left)
            for child in children:
                self._paths.put(child)
            if not self._left:
                self._end.put(None)

    def _record(self, path: str) -> list[str]:
        """Read and record ``path``; return the paths to read next."""
        try:
            body = self._get(path)
            if body is not None and path.endswith("/"):
                self._listings[path] = listed(path, body)
        except WithheldError as error:
            self._gaps[path] = Gap("withheld", error.include)
            return []
        except UnreadError as error:
            if error.status in REDIRECTS and not path.endswith("/"):
                return [path + "/"]  # a directory that was listed without its slash
            self._gaps[path] = Gap("unread", error.reason, error.status)
            return []
        if body is None:
            self._gaps[path] = Gap("absent")
            return []
        self._bodies[path] = body
        children, unreachable = self._listings.get(path, ([], {}))
        self._gaps.update((name, Gap("unread", reason)) for name, reason in unreachable.items())
        return children


def settle(
    source: Source,
    *,
    within: float,
    interval: float = 1.0,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], object] = time.sleep,
) -> None:
    """Read the network interfaces until two complete reads agree; raise UnreadError after ``within`` seconds.

    Raises NotReadyError if the service is not ready, because two empty reads would agree too.
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


def listed(directory: str, body: bytes) -> Listing:
    """Parse the listing of ``directory``; append a slash to each child that is declared as a directory."""
    children, unreachable = read_listing(directory, body)
    slashes = ("/" * (not child.endswith("/") and is_directory(child + "/")) for child in children)
    return Listing(list(map(str.__add__, children, slashes)), unreachable)
