"""The watch: apply outputs again whenever a fact that they use changes."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from ec2facts.apply.last_facts import LastFacts
from ec2facts.apply.observer import ApplyObserver
from ec2facts.apply.outputs import Output, names_included
from ec2facts.apply.paths import changeable_names, roots_of
from ec2facts.apply.run import apply
from ec2facts.apply.watched_names import names_watched
from ec2facts.collection.crawl import crawl
from ec2facts.errors import EC2FactsError, UnavailableError, UnreadError
from ec2facts.imds.source import Source

FULL_INTERVAL = 3600.0
"""Seconds between full runs, even without a change."""

RETRY = 60.0
"""Seconds until a failed run is retried; each further failure doubles them, up to FULL_INTERVAL."""

_LOOKS = 5
"""The maximum number of looks at facts that keep changing, before they are applied."""


class Watch:
    """Applies outputs once, and again whenever a fact that they use changes; ``run`` ends only by an exception.

    A look reads the changeable facts that the outputs use. A change starts a full run within ``interval`` seconds; more
    changes in that time belong to the same run. A full run also starts every hour, when an unavailable service is back,
    and when ``wait`` returns True, after ``load`` has returned the outputs again. While the service is unavailable or a
    fact is unread, files stay unchanged.
    """

    def __init__(
        self,
        load: Callable[[], Sequence[Output]],
        source: Source,
        *,
        state: Path,
        wait: Callable[[float], bool],
        name: str = "",
        last: LastFacts | None = None,
        interval: float = 5.0,
        observer: ApplyObserver,
        notify: Callable[[str], object] = lambda message: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._load = load
        self._outputs = load()
        self._source = source
        self._state = state
        self._wait = wait
        self._name = name
        self._last = last
        self._settling = min(1.0, interval / 4)
        # A look sees a change after one pause, and the next look sees it settle: together one interval.
        self._pause = interval - self._settling
        self._observer = observer
        self._notify = notify
        self._clock = clock
        self._seen: Mapping[str, bytes] | None = None
        self._full_at = 0.0
        self._retry = RETRY
        self._is_away = False

    def run(self) -> NoReturn:
        """Watch until ``wait``, or a signal's handler, raises an exception."""
        while True:
            self._step()
            self._notify("WATCHDOG=1")
            if self._wait(self._pause):
                self._reload()

    def _step(self) -> None:
        try:
            if self._seen is None or self._is_away or self._clock() >= self._full_at or self._has_changed():
                self._apply()
        except UnavailableError as error:
            if not self._is_away:
                self._is_away = True
                self._observer.away(error)
                self._notify(f"STATUS=waiting for the metadata service: {error}")
        except UnreadError as error:  # the listings exceed the budget of paths or bytes
            self._observer.failed(error)
            self._full_at = self._clock() + self._retry_interval()

    def _has_changed(self) -> bool:
        """Return whether a fact has changed, once changes have settled."""
        before = self._seen
        for _ in range(_LOOKS):
            now = self._look()
            if now is None or now == self._seen:
                return False
            if now == before:
                break
            before = now
            if self._wait(self._settling):
                self._reload()
        return True

    def _look(self) -> Mapping[str, bytes] | None:
        """Return the bodies of the facts that can change; None if one of them is unread."""
        roots = self._roots()
        snapshot = crawl(self._source, include=names_included(self._outputs), roots=roots)
        if snapshot.unread:
            return None
        return {path: body for path, body in snapshot.bodies.items() if path.startswith(roots)}

    def _apply(self) -> None:
        """Read everything and apply the outputs; report a failure, and retry it later."""
        # Before the full run, so that the next look sees a change that happens during the run.
        self._seen = self._look() or {}
        if self._is_away:
            self._is_away = False
            self._observer.back()
        pause = FULL_INTERVAL
        try:
            apply(
                self._outputs,
                self._source,
                state=self._state,
                name=self._name,
                last=self._last,
                observer=self._observer,
            )
        except UnavailableError:
            raise
        except EC2FactsError as error:
            self._observer.failed(error)
            pause = self._retry_interval()
            self._notify(f"READY=1\nSTATUS=a file could not be updated: {str(error).splitlines()[0]}")
        else:
            self._retry = RETRY
            self._notify(f"READY=1\nSTATUS=watching; outputs up to date: {len(self._outputs)}")
        self._full_at = self._clock() + pause

    def _retry_interval(self) -> float:
        pause, self._retry = self._retry, min(2 * self._retry, FULL_INTERVAL)
        return pause

    def _reload(self) -> None:
        """Reload the outputs, and apply them in the next step; keep the old ones if a config is invalid."""
        try:
            self._outputs = self._load()
        except EC2FactsError as error:
            self._observer.failed(error)
        self._full_at = 0.0

    def _roots(self) -> tuple[str, ...]:
        used = [names_watched(output) for output in self._outputs]
        changeable = changeable_names(names_included(self._outputs))
        names = changeable if None in used else changeable & {name for each in used for name in each or ()}
        # The id reveals another instance, as after a snapshot of a virtual machine is resumed.
        return roots_of({*names, "instance_id"})
