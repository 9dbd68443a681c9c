"""Many files in one run: each checked before it takes effect, groups that change together, commands at the end."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

from ec2facts.atomic_replace import FileAttributes, replace, staged, sweep
from ec2facts.errors import EC2FactsError, InstallError, UsageError
from ec2facts.install.change import (
    Change,
    acting,
    check_access,
    compare,
    created_parents,
    describe_rights,
    explained,
    write,
)
from ec2facts.install.commands import Shell
from ec2facts.install.file import File
from ec2facts.install.journal import Journal
from ec2facts.install.observer import Observer
from ec2facts.install.settings import PLACEHOLDER, parse_check, parse_suffix
from ec2facts.trust import rights_of, trace, with_rights_of

_UNOBSERVED = Observer()


def install(
    files: Sequence[File],
    *,
    state: Path | None = None,
    name: str = "",
    unrendered: Collection[Path] = (),
    may_prune: bool = True,
    dry_run: bool = False,
    observer: Observer = _UNOBSERVED,
) -> list[Change]:
    """Install every file, then run the commands of changed files; return the changes, in order.

    Each file, or group of files that go together, succeeds or fails by itself: a failure leaves its files unchanged,
    and the others are installed. The first failure is raised at the end; the ``observer`` receives the others. A failed
    command is retried in the next run, whether or not its files change then.

    ``state`` is the directory for state between runs: commands, live checks, backups, groups, pruning and removals need
    it, and a run waits for another one with the same ``state``. If it cannot be used, only the files that need it fail.
    Files with ``prune`` that an earlier run with this ``name`` wrote are removed if they are neither in ``files`` nor
    ``unrendered``, unless ``may_prune`` is false. A ``dry_run`` changes nothing, but runs the checks, except for live
    ones.
    """
    for file in files:
        if file.check is not None:
            parse_check(file.check)
        parse_suffix(file.check_suffix)
    if state is None and any(map(_needs_state, files)):
        raise UsageError("commands, live checks, backups, groups, pruning and removals need a state directory")
    journal, problem = _journal(state)
    installed = {_target(path) for path in [*(file.path for file in files), *unrendered]}
    planned = list(files)
    secret = any(file.secret for file in files)
    failures: list[EC2FactsError] = []
    changes: list[Change] = []
    with ExitStack() as stack:
        stateful = [file for file in files if _needs_state(file) or (state is not None and file.secret)]
        if not dry_run:
            if journal is not None and (stateful or journal.concerns(installed, name)):
                try:
                    failures += stack.enter_context(journal.open(observer))
                except InstallError as error:
                    journal, problem = None, error
                    failures.append(error)
            else:
                journal = None
            _sweep(files)
        if problem is not None and stateful:
            failures.append(problem)
            planned = [file for file in files if file not in stateful]
            for file in stateful:
                observer.kept(file)
        if journal is not None:
            planned += journal.prunable(name, installed) if may_prune else []
            secret = secret or any(map(journal.was_secret, installed))
        # Without the state, any old content may be a secret.
        shell = Shell({} if journal is None else journal.variables, hides_output=secret or problem is not None)
        for group in _groups(planned):
            try:
                compared = _install_group(group, journal, shell, name=name, dry_run=dry_run)
            except EC2FactsError as error:  # noqa: PERF203 (each group succeeds or fails by itself)
                failures.append(error)
                for file in group:
                    observer.kept(file)
            else:
                changes += compared
                for change in compared:
                    observer.done(change._replace(was_secret=change.was_secret or problem is not None))
        if journal is not None:
            changed = {change.target for change in changes if change.kind != "unchanged"}
            failures += _run_commands(planned, changed, journal, shell, observer, dry_run=dry_run)
    distinct = list({str(failure): failure for failure in failures}.values())  # a full disk fails many files alike
    for failure in distinct[1:]:
        observer.failed(failure)
    for failure in distinct:
        raise failure
    return changes


def _journal(state: Path | None) -> tuple[Journal | None, InstallError | None]:
    """Return the journal in a state directory, or the reason why it cannot be read."""
    if state is None:
        return None, None
    try:
        return Journal(state), None
    except InstallError as error:
        return None, error


def _needs_state(file: File) -> bool:
    return bool(file.command or file.check_live or file.together or file.backup or file.prune or file.remove)


def _target(path: Path) -> Path:
    """Resolve the symbolic links of a path; a path that cannot be resolved fails later, in ``compare``."""
    try:
        return trace(path).path
    except OSError:
        return path.absolute()


def _sweep(files: Iterable[File]) -> None:
    """Remove the staged files that killed runs left beside the files."""
    for directory in {_target(file.path).parent for file in files}:
        with suppress(OSError), rights_of(trace(directory).controller()):
            sweep(directory)


def _groups(files: Iterable[File]) -> list[list[File]]:
    """Return the files in order, each as a list with the other files of its group."""
    groups: dict[int | str, list[File]] = {}
    for position, file in enumerate(files):
        groups.setdefault(position if file.together is None else file.together, []).append(file)
    return list(groups.values())


def _install_group(
    files: Iterable[File], journal: Journal | None, shell: Shell, *, name: str, dry_run: bool
) -> list[Change]:
    """Install files, all or none; return their changes."""
    with ExitStack() as parents:
        changes: list[Change] = []
        for file in files:
            if file.parents and not dry_run:
                parents.enter_context(created_parents(file))
            change = compare(file)
            if journal is not None:
                change = change._replace(was_secret=journal.was_secret(change.target))
                if journal.is_stuck(change.target):
                    reason = "an earlier run left it half changed, and it is not restored yet"
                    raise InstallError(str(file.path), reason)
            changes.append(change)
        for change in changes:
            if change.kind == "changed" and change.file.check:
                # The check has its own copy, so that nothing it changes is installed.
                with ExitStack() as stack:
                    copy = _stage(change, stack, suffix=change.file.check_suffix)
                    shell.check(change.file.check, copy, change.file, rights=change.rights)
        if dry_run:
            for change in changes:
                _dry_run(change)
        else:
            _commit(changes, journal, shell, name=name)
    return changes


def _dry_run(change: Change) -> None:
    """Raise InstallError if the system would refuse the change."""
    if change.kind != "unchanged" and change.target.parent.is_dir():
        check_access(change)
        if change.is_replacement:
            with ExitStack() as stack:
                _stage(change, stack)


def _commit(changes: Sequence[Change], journal: Journal | None, shell: Shell, *, name: str) -> None:
    """Make the changes, all or none."""
    with ExitStack() as stack:
        staged_files = [_stage(change, stack) if change.is_replacement else change.target for change in changes]
        backups = [
            (change, *_back_up(change, stack))
            for change in changes
            if change.file.backup and change.existing and change.kind == "changed"
        ]
        if journal is not None:
            stack.enter_context(journal.all_or_nothing(changes, name=name))
        for change, temporary in zip(changes, staged_files):
            if change.kind != "unchanged":
                write(change, temporary)
        _check_live([change for change in changes if change.kind in {"changed", "removed"}], shell)
        for change, temporary, backup in backups:
            with acting(backup, change.rights):
                replace(temporary, backup)


def _stage(change: Change, stack: ExitStack, *, suffix: str = "") -> Path:
    """Return a staged file with the wanted state, beside the target; ``stack`` removes it."""
    like = change.target if change.is_trusted else None
    context = staged(change.target, change.file.content, change.wanted, suffix=suffix, like=like)
    with explained(change.file.path, advice=describe_rights(change.rights)):
        return stack.enter_context(with_rights_of(change.rights, context))


def _back_up(change: Change, stack: ExitStack) -> tuple[Path, Path]:
    """Return a staged copy of the old file, which ``stack`` removes, and the path of the backup."""
    path = change.target.with_name(change.target.name + "~")
    existing = change.existing or change.wanted
    mode = existing.mode & 0o777 & (change.wanted.mode if change.secret else 0o777)
    attributes = existing._replace(mode=mode) if change.is_trusted else FileAttributes(mode)
    like = change.target if change.is_trusted else None
    context = staged(path, change.before or b"", attributes, like=like)
    with explained(path, advice=describe_rights(change.rights)):
        return stack.enter_context(with_rights_of(change.rights, context)), path


def _check_live(changes: Iterable[Change], shell: Shell) -> None:
    """Run the live checks; a check without a placeholder runs once for all its files."""
    checks = {
        (command, change.rights, change.target if PLACEHOLDER in command else None): change
        for change in changes
        for command in [change.file.check_live]
        if command
    }
    for (command, rights, _), change in checks.items():
        shell.check(command, change.target, change.file, rights=rights)


def _run_commands(
    files: Iterable[File],
    changed: Collection[Path],
    journal: Journal,
    shell: Shell,
    observer: Observer,
    *,
    dry_run: bool,
) -> list[EC2FactsError]:
    """Run each due command once; return the failures.

    The command of an unchanged file is due if it failed after an earlier change.
    """
    due: dict[str, dict[Path, File]] = {}
    for file in files:
        target = _target(file.path)
        if file.command and (target in changed or journal.owes(target)):
            due.setdefault(file.command, {})[target] = file
    failures: list[EC2FactsError] = []
    for command, its_files in due.items():
        observer.running(command)
        if not dry_run:
            try:
                shell.run(command, list(its_files.values()))
                journal.command_done(its_files)
            except EC2FactsError as error:
                failures.append(error)
    return failures
