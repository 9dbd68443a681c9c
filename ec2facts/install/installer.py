"""Many files as one plan: each checked before it counts, some together or not at all, commands at the end."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from ec2facts.errors import EC2FactsError, InstallError, UsageError
from ec2facts.files import replace, staged, sweep
from ec2facts.install.commands import check, run_command
from ec2facts.install.file import Change, File, compare, explained, repair, write
from ec2facts.install.journal import Journal
from ec2facts.install.observer import Observer
from ec2facts.install.settings import PLACEHOLDER, parse_check, parse_suffix

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

    ``state`` is a directory for what a run leaves to the next; commands, live checks, backups and files that go
    together need it, and runs with the same one wait for each other. A ``dry_run`` changes nothing, and yet runs the
    checks but for the live ones.
    """
    units = _units(files)
    journal = _journal(files, state)
    failures: list[EC2FactsError] = []
    changes: list[Change] = []
    with ExitStack() as stack:
        if not dry_run:
            if journal is not None:
                failures += stack.enter_context(journal.open(observer))
            for directory in {Path(os.path.realpath(file.path)).parent for file in files}:
                sweep(directory)
        for unit in units:
            try:
                compared = [compare(file) for file in unit]
                _refuse_stuck(compared, journal)
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
            changed = {change.target for change in changes if change.kind != "unchanged"}
            failures += _run_commands(files, changed, journal, observer, dry_run=dry_run)
    for failure in failures[1:]:
        observer.failed(failure)
    for failure in failures:
        raise failure
    return changes


def _units(files: Iterable[File]) -> list[list[File]]:
    """Return the files in their order, each with those that it changes together with."""
    units: dict[int | str, list[File]] = {}
    for position, file in enumerate(files):
        units.setdefault(position if file.together is None else file.together, []).append(file)
    return list(units.values())


def _journal(files: Iterable[File], state: Path | None) -> Journal | None:
    for file in files:
        if file.check is not None:
            parse_check(file.check)
        parse_suffix(file.check_suffix)
    is_needed = any(file.command or file.check_live or file.together or file.backup for file in files)
    if state is None:
        if is_needed:
            raise UsageError("commands, live checks, backups and files that go together need a directory for state")
        return None
    journal = Journal(state)
    return journal if is_needed or journal.is_pending else None


def _refuse_stuck(changes: Iterable[Change], journal: Journal | None) -> None:
    """Raise InstallError where an earlier run has left a file half done: what is there is not to be built on."""
    for change in changes:
        if journal is not None and journal.is_stuck(change.target):
            raise InstallError(str(change.file.path), "an earlier run left it half done, which has to be undone first")


def _install_unit(changes: Sequence[Change], journal: Journal | None, *, dry_run: bool) -> None:
    """Carry out the changes, all or none."""
    rewritten = [change for change in changes if change.kind == "changed"]
    repaired = [change for change in changes if change.kind == "repaired"]
    secret = any(change.file.secret for change in rewritten)
    variables = {} if journal is None else journal.variables
    for change in rewritten:
        if change.file.check:
            # A copy of its own: what is installed is what was rendered, whatever a check does to what it is given.
            with ExitStack() as stack:
                copy = _stage(change, stack, suffix=change.file.check_suffix)
                check(change.file.check, copy, change.file, secret=secret, variables=variables)
    if dry_run or not (rewritten or repaired):
        return
    with ExitStack() as stack:
        new = [change.target if change.in_place else _stage(change, stack) for change in rewritten]
        backups = [_back_up(change, stack) for change in rewritten if change.file.backup and change.existing]
        if journal is not None:
            stack.enter_context(journal.all_or_nothing([*rewritten, *repaired]))
        for change in repaired:
            with explained(change.file.path):
                repair(change.target, change.wanted)
        for change, temporary in zip(rewritten, new):
            write(change, temporary)
        _check_live(rewritten, secret=secret, variables=variables)
        for temporary, backup in backups:
            with explained(backup):
                replace(temporary, backup)


def _stage(change: Change, stack: ExitStack, *, suffix: str = "") -> Path:
    """Return a file that is what the target shall be, beside it, until the end of ``stack``."""
    with explained(change.file.path):
        return stack.enter_context(staged(change.target, change.file.content, change.wanted, suffix=suffix))


def _back_up(change: Change, stack: ExitStack) -> tuple[Path, Path]:
    """Return a file that is what the target is, until the end of ``stack``, and the path where it is to be kept."""
    path = change.target.with_name(change.target.name + "~")
    with explained(path):
        old = staged(path, change.before or b"", change.existing or change.wanted, like=change.target)
        return stack.enter_context(old), path


def _check_live(changes: Iterable[Change], *, secret: bool, variables: Mapping[str, str]) -> None:
    """Run the live checks, each once unless it is told which file."""
    checks = {
        (change.file.check_live, change.target if PLACEHOLDER in change.file.check_live else None): change
        for change in changes
        if change.file.check_live
    }
    for (command, _), change in checks.items():
        check(command, change.target, change.file, secret=secret, variables=variables)


def _run_commands(
    files: Iterable[File], changed: Collection[Path], journal: Journal, observer: Observer, *, dry_run: bool
) -> list[EC2FactsError]:
    """Run each command that is due, once; return the failures.

    A file that stays as it was may owe its command to an earlier change.
    """
    due: dict[str, dict[Path, File]] = {}
    for file in files:
        target = Path(os.path.realpath(file.path))
        if file.command and (target in changed or journal.owes(target)):
            due.setdefault(file.command, {})[target] = file
    failures: list[EC2FactsError] = []
    for command, those in due.items():
        observer.running(command)
        if not dry_run:
            try:
                run_command(command, list(those.values()), variables=journal.variables)
                journal.command_done(those)
            except EC2FactsError as error:
                failures.append(error)
    return failures
