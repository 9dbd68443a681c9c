"""The crawl: every path of a source, concurrently, into a snapshot."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from queue import SimpleQueue
from typing import Callable

from ec2facts.collection.withholding import Withholding
from ec2facts.errors import UnreadError, WithheldError
from ec2facts.imds.snapshot import Gap, Snapshot
from ec2facts.imds.source import REDIRECTS, ROOTS, Listing, Source, read_listing
from ec2facts.metadata.schema import is_directory

INTERFACES = "meta-data/network/interfaces/macs/"

MAX_PATHS = 50_000
"""What a crawl asks for at most: a service that lists directories for whatever it is asked has no end."""

MAX_DEPTH = 16
"""Levels of directories; the service itself has 7. What is below names itself."""


def crawl(
    source: Source,
    *,
    concurrency: int = 8,
    include: Collection[str] = (),
    roots: Sequence[str] = ROOTS,
    max_paths: int = MAX_PATHS,
) -> Snapshot:
    """Read every path of ``source``, each once, at most ``concurrency`` at a time.

    What is withheld stays out of the snapshot unless ``include`` names it; credentials are not even asked for. A
    path that could not be read costs only itself: it is a gap of the snapshot, with its reason. Raises
    UnavailableError where there is no service, UsageError where ``include`` names nothing.
    """
    guarded = Withholding(source, include)
    bodies: dict[str, bytes] = {}
    gaps: dict[str, Gap] = {}
    answers: SimpleQueue[tuple[str, Future[bytes | None]]] = SimpleQueue()

    def ask(path: str) -> None:
        pool.submit(guarded.get, path).add_done_callback(lambda answer: answers.put((path, answer)))

    # The first one by itself and in the caller's thread: a service that is not there is tried once, and Ctrl-C ends
    # the wait for one that is to come up.
    first, *others = roots
    unasked = [*others, *_record(first, partial(guarded.get, first), bodies, gaps)]
    with ThreadPoolExecutor(concurrency) as pool:
        try:
            waiting = asked = 0
            while unasked or waiting:
                asked += len(unasked)
                if asked > max_paths:
                    raise UnreadError(unasked[0], f"the listings name more than {max_paths} paths")  # noqa: TRY301
                for path in unasked:
                    ask(path)
                waiting += len(unasked) - 1
                path, answer = answers.get()
                unasked = _record(path, answer.result, bodies, gaps)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return Snapshot(bodies, gaps)


def settle(
    source: Source,
    *,
    within: float,
    interval: float = 1.0,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], object] = time.sleep,
) -> None:
    """Read the network interfaces until two reads agree; raise UnreadError if none do ``within`` so many seconds."""
    until = clock() + within
    before = crawl(source, roots=(INTERFACES,)).dump()
    while True:
        if clock() + interval > until:
            raise UnreadError(INTERFACES, f"they still change after {within:g} s")
        sleep(interval)
        now = crawl(source, roots=(INTERFACES,)).dump()
        if now == before:
            return
        before = now


def _record(path: str, answer: Callable[[], bytes | None], bodies: dict[str, bytes], gaps: dict[str, Gap]) -> list[str]:
    """Record the answer for ``path``; return the paths to ask for next."""
    try:
        body = answer()
    except WithheldError as error:
        gaps[path] = Gap("withheld", error.include)
    except UnreadError as error:
        gaps[path] = Gap("unread", error.reason, error.status)
        if error.status in REDIRECTS and not path.endswith("/"):
            return [path + "/"]  # a directory that was listed without its slash
    else:
        if body is None:
            gaps[path] = Gap("absent")
        else:
            bodies[path] = body
            if path.endswith("/"):
                listing = listed(path, body)
                gaps.update((name, Gap("unread", reason)) for name, reason in listing.unreachable.items())
                return listing.children
    return []


def listed(directory: str, body: bytes) -> Listing:
    """Read the listing of ``directory``, with a slash behind each child that the declarations know as a directory."""
    children, unreachable = read_listing(directory, body)
    if directory.count("/") >= MAX_DEPTH:
        return Listing([], {**unreachable, **dict.fromkeys(children, f"below {MAX_DEPTH} levels of directories")})
    return Listing(
        [child + "/" * (not child.endswith("/") and is_directory(child + "/")) for child in children], unreachable
    )
