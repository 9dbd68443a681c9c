"""The pipeline: read a source once, render every output, install the files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ec2facts.apply.last_facts import LastFacts
from ec2facts.apply.observer import ApplyObserver
from ec2facts.apply.outputs import Facts, Output, Result, names_used, render_output, render_outputs
from ec2facts.apply.paths import roots_of
from ec2facts.collection.crawl import crawl, settle
from ec2facts.errors import EC2FactsError, IncompleteError, StaleError, UnavailableError, UnreadError
from ec2facts.imds.snapshot import Snapshot
from ec2facts.imds.source import ROOTS, Source
from ec2facts.install.file import Change, File
from ec2facts.install.installer import install

_UNOBSERVED = ApplyObserver()

_READY = ("meta-data/instance-id",)
"""What is read if the outputs use no fact: a run needs the service."""


def apply(
    outputs: Sequence[Output],
    source: Source,
    *,
    state: Path,
    last: LastFacts | None = None,
    allow_stale: bool = False,
    settle_within: float = 0.0,
    dry_run: bool = False,
    observer: ApplyObserver = _UNOBSERVED,
) -> list[Change]:
    """Read ``source`` once, render every output, install the files as ``install`` does; return what changed.

    Each output, or group of outputs that change ``together``, succeeds or fails by itself: a failure keeps its files
    as they were. The first failure is raised at the end, the others go to the ``observer``.

    A complete collection from this machine's live service is saved in ``last``. With ``allow_stale``, ``last`` replaces
    the service when that is unavailable, for outputs that use something unread, and when the network interfaces do not
    settle within ``settle_within`` seconds.
    """
    files, failures = render(
        outputs,
        source,
        last=last,
        allow_stale=allow_stale,
        settle_within=settle_within,
        dry_run=dry_run,
        observer=observer,
    )
    changes: list[Change] = []
    try:
        changes = install(files, state=state, dry_run=dry_run, observer=observer)
    except EC2FactsError as error:
        failures.append(error)
    for failure in failures[1:]:
        observer.failed(failure)
    for failure in failures:
        raise failure
    return changes


def render_one(output: Output, source: Source, *, observer: ApplyObserver = _UNOBSERVED) -> File:
    """Read ``source`` and return the file of one output with its content; raise what keeps it from being rendered."""
    return render_output(output, Facts(_collect([output], source)), observer=observer)


def render(
    outputs: Sequence[Output],
    source: Source,
    *,
    last: LastFacts | None = None,
    allow_stale: bool = False,
    settle_within: float = 0.0,
    dry_run: bool = False,
    observer: ApplyObserver = _UNOBSERVED,
) -> tuple[list[File], list[EC2FactsError]]:
    """Read ``source`` and render every output; return the files to install and the failures."""
    try:
        snapshot = _collect(outputs, source, settle_within=settle_within)
    except (UnavailableError, UnreadError) as error:
        if not allow_stale:
            raise
        results = _stale(outputs, [error] * len(outputs), source, last, None, observer)
        for result in results:
            if isinstance(result, StaleError):  # one reason for all of them
                raise result from error
    else:
        results = render_outputs(outputs, Facts(snapshot), observer=observer)
        if last is not None and not dry_run and _roots(outputs) == ROOTS:
            try:
                last.keep(snapshot, source, include=_included(outputs))
            except OSError as error:
                observer.unsaved(error)
        if allow_stale:
            results = _stale(outputs, results, source, last, snapshot, observer)
    return _installable(outputs, results, observer)


def _collect(outputs: Sequence[Output], source: Source, *, settle_within: float = 0.0) -> Snapshot:
    if settle_within:
        settle(source, within=settle_within)
    return crawl(source, include=_included(outputs), roots=_roots(outputs))


def _roots(outputs: Sequence[Output]) -> tuple[str, ...]:
    names: set[str] = set()
    for output in outputs:
        used = names_used(output)
        if used is None:
            return ROOTS
        names |= used
    return roots_of(names) or _READY


def _included(outputs: Sequence[Output]) -> list[str]:
    return sorted({name for output in outputs for name in output.include})


def _stale(
    outputs: Sequence[Output],
    results: Sequence[Result],
    source: Source,
    last: LastFacts | None,
    snapshot: Snapshot | None,
    observer: ApplyObserver,
) -> list[Result]:
    """Render again, from the last facts, each output that the service did not give all it needs, and its group."""
    missing = [result for result in results if isinstance(result, EC2FactsError) and _is_for_want_of_facts(result)]
    if not missing:
        return list(results)
    groups = {output.file.together for output, result in zip(outputs, results) if result in missing} - {None}
    again = [
        position
        for position, output in enumerate(outputs)
        if results[position] in missing or output.file.together in groups
    ]
    if last is None:
        raise ValueError("allow_stale needs the last facts")
    try:
        facts = last.read(source, snapshot, include=_included([outputs[position] for position in again]))
    except StaleError as stale:
        return [StaleError(f"{each}; {stale}") if each in missing else each for each in results]
    observer.stale(missing[0], facts.instance_id, facts.age)
    rendered = render_outputs([outputs[position] for position in again], Facts(facts.snapshot), observer=observer)
    fresh = list(results)
    for position, result in zip(again, rendered):
        fresh[position] = result
    return fresh


def _is_for_want_of_facts(error: EC2FactsError) -> bool:
    return error.exit_status in {UnavailableError.exit_status, IncompleteError.exit_status}


def _installable(
    outputs: Sequence[Output], results: Sequence[Result], observer: ApplyObserver
) -> tuple[list[File], list[EC2FactsError]]:
    """Return the files to install, and the failures; a failure keeps the files of its group too."""
    failures = [result for result in results if not isinstance(result, File)]
    groups = {output.file.together for output, result in zip(outputs, results) if not isinstance(result, File)} - {None}
    files: list[File] = []
    for output, result in zip(outputs, results):
        if isinstance(result, File) and output.file.together not in groups:
            files.append(result)
        else:
            observer.kept(output.file)
    return files, failures
