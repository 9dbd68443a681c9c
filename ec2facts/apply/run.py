"""The facts of one collection in many files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ec2facts.apply.last_facts import LastFacts
from ec2facts.apply.observer import ApplyObserver
from ec2facts.apply.outputs import Output, render_outputs
from ec2facts.collection.crawl import crawl, settle
from ec2facts.errors import IncompleteError, StaleError, UnavailableError, UnreadError
from ec2facts.imds.snapshot import Snapshot
from ec2facts.imds.source import Source
from ec2facts.install.file import Change, File
from ec2facts.install.installer import install

_UNOBSERVED = ApplyObserver()


def apply(
    outputs: Sequence[Output],
    source: Source,
    *,
    state: Path,
    last: LastFacts | None = None,
    allow_partial: bool = False,
    allow_stale: bool = False,
    settle_within: float = 0.0,
    dry_run: bool = False,
    observer: ApplyObserver = _UNOBSERVED,
) -> list[Change]:
    """Read ``source`` once, render every output, then install them as ``install`` does; return what changed.

    Until all are rendered, no file is touched. A complete collection is kept in ``last``, for which ``source`` has to
    be the service of this machine; with ``allow_stale``, what is kept there stands in for a service that does not
    answer, or not for everything, or whose network interfaces do not ``settle_within`` so many seconds.
    """
    include = sorted({name for output in outputs for name in output.include})

    def render(snapshot: Snapshot) -> list[File]:
        return render_outputs(outputs, snapshot, allow_partial=allow_partial, observer=observer)

    try:
        if settle_within:
            settle(source, within=settle_within)
        snapshot = crawl(source, include=include)
        files = render(snapshot)
    except (UnavailableError, UnreadError, IncompleteError) as error:
        if not allow_stale or last is None:
            raise
        try:
            snapshot = last.read(include=include)
        except StaleError as stale:
            raise StaleError(f"{error}; {stale}") from error
        files = render(snapshot)
        observer.stale(error)
    else:
        if last is not None and not dry_run and not snapshot.unread:
            try:
                last.keep(snapshot, include=include)
            except OSError as error:
                observer.unsaved(error)
    return install(files, state=state, dry_run=dry_run, observer=observer)
