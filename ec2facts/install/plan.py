"""Many files as one plan: each checked before it counts, some together or not at all, commands at the end."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path

from ec2facts.errors import CommandError, EC2FactsError, UsageError
from ec2facts.files import replace, staged, sweep
from ec2facts.install.commands import PLACEHOLDER, check, run_command
from ec2facts.install.file import Change, File, compare, explained, repair, write
from ec2facts.install.journal import Journal
from ec2facts.install.observer import Observer

_UNOBSERVED = Observer()


def install(
    files: Sequence[File],
    *,
    state: Path | None = None,
    dry_run: bool = False,
    observer: Observer = _UNOBSERVED,
) -> list[Change]:
    """Make every file what it shall be, then run the commands of those that changed; return what changed, in order.

    Each file, and those that go together as one, succeeds or fails by itself: a failure leaves what it concerns as
    it was, and the rest goes on. The first failure is raised at the end, the others are told to the ``observer``.
    A command that fails is run again by the next run, whether or not its files change then.

    ``state`` is a directory for what a run leaves to the next; commands, live checks and files that go together
    need it, and runs with the same one wait for each other. A ``dry_run`` changes nothing, and yet runs the checks
    but for the live ones.
    """
    units = _units(files)
    journal = _journal(files, state)
    failures: list[EC2FactsError] = []
    changes: list[Change] = []
    with ExitStack() as stack:
        if not dry_run:
            if journal is not None:
                stack.enter_context(journal.open())
            for directory in {Path(os.path.realpath(file.path)).parent for file in files}:
                sweep(directory)
        for unit in units:
            try:
                compared = [compare(file) for file in unit]
                _install_unit(compared, journal, dry_run=dry_run)
            except EC2FactsError as error:  # noqa: PERF203 (each succeeds or fails by itself)
                failures.append(error)
                for file in unit:
                    observer.kept(file)
            else:
                changes += compared
                for change in compared:
                    observer.done(change)
        if journal is not None:
            failures += _run_commands(changes, journal, observer, dry_run=dry_run)
    for failure in failures[1:]:
        observer.failed(failure)
    for failure in failures:
        raise failure
    return changes


def _units(files: Iterable[File]) -> list[list[File]]:
    """Return the files in their order, each with those that it changes together with."""
    units: dict[tuple[bool, str], list[File]] = {}
    for position, file in enumerate(files):
        key = (False, str(position)) if file.together is None else (True, file.together)
        units.setdefault(key, []).append(file)
    return list(units.values())


def _journal(files: Iterable[File], state: Path | None) -> Journal | None:
    for file in files:
        if file.check is not None and PLACEHOLDER not in file.check:
            raise UsageError(
                f"the check {file.check!r} does not say where the file to check goes, {PLACEHOLDER}; "
                "a check of what is installed is a live check"
            )
    if not any(file.command or file.check_live or file.together for file in files):
        return None
    if state is None:
        raise UsageError("commands, live checks and files that go together need a directory for state")
    return Journal(state)


def _install_unit(changes: Sequence[Change], journal: Journal | None, *, dry_run: bool) -> None:
    """Carry out the changes, all or none."""
    rewritten = [change for change in changes if change.kind == "changed"]
    repaired = [change for change in changes if change.kind == "repaired"]
    with ExitStack() as stack:
        new: list[Path] = []
        for change in rewritten:
            file = change.file
            with explained(file.path):
                if file.check or not (dry_run or change.in_place):
                    new.append(
                        stack.enter_context(
                            staged(change.target, file.content, change.wanted, suffix=file.check_suffix)
                        )
                    )
                else:
                    new.append(change.target)
        for change, temporary in zip(rewritten, new):
            if change.file.check:
                check(change.file.check, temporary, path=change.file.path, time_limit=change.file.time_limit)
        if dry_run:
            return
        backups = [
            (stack.enter_context(staged(backup, change.before, change.existing)), backup)
            for change in rewritten
            if change.file.backup and change.before is not None and change.existing is not None
            for backup in [change.target.with_name(change.target.name + "~")]
        ]
        with ExitStack() as transaction:
            if journal is not None and rewritten:
                transaction.enter_context(journal.all_or_nothing(rewritten))
            for change, temporary in zip(rewritten, new):
                write(change, temporary)
            _check_live(rewritten)
        for temporary, backup in backups:
            replace(temporary, backup)
    if journal is not None and repaired:
        journal.owe(repaired)
    for change in repaired:
        with explained(change.file.path):
            repair(change.target, change.wanted)


def _check_live(changes: Iterable[Change]) -> None:
    """Run the live checks, each once unless it is told which file."""
    checks = {
        (change.file.check_live, change.target if PLACEHOLDER in change.file.check_live else None): change
        for change in changes
        if change.file.check_live
    }
    for (command, _), change in checks.items():
        check(command, change.target, path=change.file.path, time_limit=change.file.time_limit)


def _run_commands(
    changes: Iterable[Change], journal: Journal, observer: Observer, *, dry_run: bool
) -> list[EC2FactsError]:
    """Run each command that is due, once; return the failures."""
    due: dict[str, list[Change]] = {}
    for change in changes:
        if change.file.command and (change.kind != "unchanged" or str(change.target) in journal.owed):
            due.setdefault(change.file.command, []).append(change)
    failures: list[EC2FactsError] = []
    for command, those in due.items():
        observer.running(command)
        if not dry_run:
            limit = max(change.file.time_limit for change in those)
            try:
                run_command(command, [change.file.path for change in those], time_limit=limit)
            except CommandError as error:
                failures.append(error)
            else:
                journal.settle(those)
    return failures
