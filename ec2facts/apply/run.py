"""The pipeline: read a source once, render every output, install the files."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ec2facts.apply.expansion import expand
from ec2facts.apply.last_facts import LastFacts
from ec2facts.apply.observer import ApplyObserver
from ec2facts.apply.outputs import Facts, Output, names_included, names_used, render_output
from ec2facts.apply.paths import roots_of
from ec2facts.collection.crawl import crawl, settle
from ec2facts.collection.withholding import withheld_tags
from ec2facts.errors import (
    EC2FactsError,
    IncompleteError,
    InstallError,
    StaleError,
    UnavailableError,
    UnreadError,
    UnrepresentableError,
    UsageError,
)
from ec2facts.imds.snapshot import Snapshot
from ec2facts.imds.source import ROOTS, Source
from ec2facts.install.file import File
from ec2facts.render.template.variables import ITEM_NAMES

if TYPE_CHECKING:
    from ec2facts.install.change import Change

_UNOBSERVED = ApplyObserver()

_READY = ("meta-data/instance-id",)
"""The paths to read if no output uses a fact: a run always needs the service."""


class Rendered(NamedTuple):
    """The files to install, and the failures of the other outputs."""

    files: list[File]
    failures: list[EC2FactsError]
    unrendered: list[Path]
    """The files of failed outputs and of their groups."""
    is_complete: bool
    """Whether the path of every file is known, so that other files can be pruned."""
    snapshot: Snapshot | None = None
    """The snapshot of the service if it is complete."""


def apply(
    outputs: Sequence[Output],
    source: Source,
    *,
    state: Path,
    name: str = "",
    last: LastFacts | None = None,
    allow_stale: bool = False,
    settle_within: float = 0.0,
    dry_run: bool = False,
    observer: ApplyObserver = _UNOBSERVED,
) -> list[Change]:
    """Read ``source`` once, render every output, install the files as ``install`` does; return what changed.

    Each output, or group of outputs that change ``together``, succeeds or fails by itself: its files stay unchanged
    on failure. The first failure is raised at the end, the others go to the ``observer``.

    A complete collection from this machine's live service is saved in ``last``. With ``allow_stale``, ``last`` is used
    when the service is unavailable, for outputs that use an unread fact, and when the network interfaces do not
    settle within ``settle_within`` seconds. ``name`` separates the files to prune from the files of other configs.
    """
    from ec2facts.install.installer import install  # 4 MB of memory, and standard output needs none of it

    rendered = render(
        outputs,
        source,
        last=last if allow_stale else None,
        settle_within=settle_within,
        dry_run=dry_run,
        observer=observer,
    )
    changes: list[Change] = []
    failures = list(rendered.failures)
    try:
        changes = install(
            rendered.files,
            state=state,
            name=name,
            unrendered=rendered.unrendered,
            may_prune=rendered.is_complete,
            dry_run=dry_run,
            observer=observer,
        )
    except EC2FactsError as error:
        failures.append(error)
    if last is not None and rendered.snapshot is not None and not dry_run:
        try:
            last.keep(rendered.snapshot, source, include=names_included(outputs))
        except OSError as error:
            if not any(isinstance(failure, InstallError) and failure.path == str(state) for failure in failures):
                observer.unsaved(error)  # unless a failure already names the state directory
    for failure in failures[1:]:
        observer.failed(failure)
    for failure in failures:
        raise failure
    return changes


def render_one(output: Output, source: Source, *, observer: ApplyObserver = _UNOBSERVED) -> File:
    """Read ``source`` and return the file of one output with its content; raise the error that prevents rendering."""
    return render_output(output, Facts(_collect([output], source, observer)), observer=observer)


def render(
    outputs: Sequence[Output],
    source: Source,
    *,
    last: LastFacts | None = None,
    settle_within: float = 0.0,
    dry_run: bool = False,
    observer: ApplyObserver = _UNOBSERVED,
) -> Rendered:
    """Read ``source`` and render every output; use ``last``, if given, for missing facts."""
    try:
        snapshot = _collect(outputs, source, observer, settle_within=settle_within)
    except (UnavailableError, UnreadError) as error:
        if last is None:
            raise
        unread = [[_Result(output, failure=error, is_expanded=False)] for output in outputs]
        results = _with_last_facts(outputs, unread, source, last, None, observer)
        for result in chain.from_iterable(results):
            if isinstance(result.failure, StaleError):  # all outputs fail for the same reason
                raise result.failure from error
        return _rendered(results, observer)
    results = _results(outputs, Facts(snapshot), observer)
    if last is not None:
        results = _with_last_facts(outputs, results, source, last, snapshot, observer)
    if dry_run:
        for output, file, *_ in chain.from_iterable(results):
            if file is not None and output.template is not None and not output.include:
                own = {**output.shared_variables, **output.variables}
                observer.rendered(output.file, {name: own[name] for name in own if name not in ITEM_NAMES})
    is_whole = not snapshot.unread and _roots(outputs) == ROOTS
    return _rendered(results, observer)._replace(snapshot=snapshot if is_whole else None)


class _Result(NamedTuple):
    """An output, expanded if possible, and its file or its failure."""

    output: Output
    file: File | None = None
    failure: EC2FactsError | None = None
    is_expanded: bool = True


def _collect(
    outputs: Sequence[Output], source: Source, observer: ApplyObserver, *, settle_within: float = 0.0
) -> Snapshot:
    if settle_within:
        settle(source, within=settle_within)
    snapshot = crawl(source, include=names_included(outputs), roots=_roots(outputs), on_progress=observer.reading)
    withheld = (path for path, gap in snapshot.gaps.items() if gap.kind == "withheld")
    for name, reason in withheld_tags(withheld).items():
        observer.withheld(name, reason)
    return snapshot


def _roots(outputs: Sequence[Output]) -> tuple[str, ...]:
    names: set[str] = set()
    for output in outputs:
        used = names_used(output)
        if used is None:
            return ROOTS
        names |= used
    return roots_of(names) or _READY


def _results(outputs: Sequence[Output], facts: Facts, observer: ApplyObserver) -> list[list[_Result]]:
    """Return the files of each output, or its failure."""
    seen: set[Path] = set()
    return [_results_of(output, facts, seen, observer) for output in outputs]


def _results_of(output: Output, facts: Facts, seen: set[Path], observer: ApplyObserver) -> list[_Result]:
    try:
        expanded = list(expand(output, facts.present(output)))
    except EC2FactsError as error:
        return [_Result(output, failure=_with_path(output.name, error), is_expanded=False)]
    if not expanded:
        observer.skipped(output.name)
    return [_result(each, facts, seen, observer) for each in expanded]


def _result(output: Output, facts: Facts, seen: set[Path], observer: ApplyObserver) -> _Result:
    path = output.file.path
    try:
        if path in seen:
            raise UsageError("another output or item writes the same file")
        seen.add(path)
        return _Result(output, render_output(output, facts, observer=observer))
    except EC2FactsError as error:
        return _Result(output, failure=_with_path(str(path), error))


def _with_path(path: str, error: EC2FactsError) -> EC2FactsError:
    """Return the error with the path of the unwritten file, unless it names a place already."""
    if isinstance(error, IncompleteError):
        return IncompleteError(error.unread, total=error.total, file=path, is_needed=error.is_needed)
    if isinstance(error, UnrepresentableError):
        return UnrepresentableError(error.format_name, error.offenders, file=path)
    return UsageError(f"{path}: {error}") if isinstance(error, UsageError) else error


def _with_last_facts(
    outputs: Sequence[Output],
    results: list[list[_Result]],
    source: Source,
    last: LastFacts,
    snapshot: Snapshot | None,
    observer: ApplyObserver,
) -> list[list[_Result]]:
    """Render each output that uses an unread fact, and its group, again with the last facts."""
    missing = {position for position, each in enumerate(results) if any(map(_lacks_facts, each))}
    if not missing:
        return results
    groups = {outputs[position].file.together for position in missing} - {None}
    again = [
        position for position, output in enumerate(outputs) if position in missing or output.file.together in groups
    ]
    chosen = [outputs[position] for position in again]
    first = next(filter(None, (each.failure for each in results[min(missing)] if _lacks_facts(each))))
    try:
        facts = last.read(source, snapshot, include=names_included(chosen))
    except StaleError as stale:
        return [
            [
                each._replace(failure=StaleError(f"{each.failure}; {stale}")) if _lacks_facts(each) else each
                for each in of_output
            ]
            for of_output in results
        ]
    observer.stale(first, facts.instance_id, facts.age)
    rendered = dict(zip(again, _results(chosen, Facts(facts.snapshot), observer)))
    return [rendered.get(position, each) for position, each in enumerate(results)]


def _lacks_facts(result: _Result) -> bool:
    lacking = {UnavailableError.exit_status, IncompleteError.exit_status}
    return result.failure is not None and result.failure.exit_status in lacking


def _rendered(results: Sequence[Sequence[_Result]], observer: ApplyObserver) -> Rendered:
    """Return the files to install; a failure also excludes the files of its group."""
    flat = list(chain.from_iterable(results))
    groups = {result.output.file.together for result in flat if result.failure is not None} - {None}
    files: list[File] = []
    unrendered: list[Path] = []
    for output, file, *_ in flat:
        if file is not None and output.file.together not in groups:
            files.append(file)
        else:
            unrendered.append(output.file.path)
            observer.kept(output.file)
    failures = [result.failure for result in flat if result.failure is not None]
    return Rendered(files, failures, unrendered, all(result.is_expanded for result in flat))
