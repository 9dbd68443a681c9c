"""The state between runs: commands to retry, files to restore, secret files, and files to prune."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import secrets
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from ec2facts.atomic_replace import FileAttributes, put, sweep, sync_directory, uninterrupted
from ec2facts.errors import EC2FactsError, InstallError
from ec2facts.install.change import Change, acting, explained, overwrite, repair
from ec2facts.install.file import File
from ec2facts.install.observer import Observer
from ec2facts.trust import rights_of, trace

_HOLDER = "EC2FACTS_HOLDS_STATE"
"""The variable that tells a command which state directories are locked by its run, and by the runs around that one."""


def default_state_directory(environ: Mapping[str, str], *, uid: int, root: Path = Path("/")) -> Path:
    """Return the state directory of the user ``uid``: $STATE_DIRECTORY, or the system's convention.

    Where ``/var/lib`` of ``root`` is read-only, root's state is in ``/run`` and lasts until the next boot.
    """
    if environ.get("STATE_DIRECTORY"):
        return Path(environ["STATE_DIRECTORY"].partition(":")[0])
    if uid == 0:
        is_lasting = os.access(root / "var/lib", os.W_OK)
        return root / ("var/lib/ec2facts" if is_lasting else "run/ec2facts-state")
    own = environ.get("XDG_STATE_HOME", "")
    return (Path(own) if own.startswith("/") else Path(environ.get("HOME", "/")) / ".local/state") / "ec2facts"


class _Undo(NamedTuple):
    """How to restore a file, until its change is final."""

    target: str
    old: str | None
    """The path of the saved old file; None if there was no file, or if only its attributes change."""
    attributes: FileAttributes | None
    """The old attributes of a file that is repaired or written into; None if it is replaced."""
    new: str
    """The SHA-256 of the new content."""
    rights: int | None = None
    """The uid of the user whose rights the change used."""


class _Written(NamedTuple):
    """A file that a later run may prune."""

    name: str
    """The name of the run that installed it."""
    content: str
    """The SHA-256 of its content."""
    command: str | None


class _State(NamedTuple):
    """The recorded state."""

    owed: frozenset[str] = frozenset()
    """Changed files whose command has not succeeded yet."""
    secret: frozenset[str] = frozenset()
    """Files whose content was written as a secret."""
    undo: tuple[_Undo, ...] = ()
    """Changes that are not final."""
    discard: tuple[_Undo, ...] = ()
    """Final changes whose old files are still there."""
    written: tuple[tuple[str, _Written], ...] = ()
    """Files to prune once no run of the same name installs them, by path."""


class Journal:
    """The state of installs, in a directory that only this user can change; each run locks it."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._file = directory / "journal.json"
        with explained(directory, advice="use another --state directory"):
            reason = trace(directory).reason
        if reason is not None:
            raise InstallError(str(directory), f"others can change this state directory: {reason}")
        self._state = self._read()
        self.variables: dict[str, str] = {}
        """Variables for commands: an ec2facts that a command runs fails instead of waiting for the lock."""

    def concerns(self, installed: Collection[Path], name: str) -> bool:
        """Whether a run has to open the journal even if none of its files needs state."""
        is_pending = bool(self._state.undo or self._state.discard)
        prunes = any(each.name == name for _, each in self._state.written)
        return is_pending or prunes or any(map(self.was_secret, installed))

    def owes(self, target: Path) -> bool:
        """Whether the command of a file has to run although the file is unchanged."""
        return str(target) in self._state.owed

    def was_secret(self, target: Path) -> bool:
        """Whether the content of a file was written as a secret."""
        return str(target) in self._state.secret

    def is_stuck(self, target: Path) -> bool:
        """Whether a file is half changed because it could not be restored."""
        return any(undo.target == str(target) for undo in self._state.undo)

    def prunable(self, name: str, installed: Collection[Path]) -> list[File]:
        """Return removals of unchanged files that an earlier run ``name`` wrote and that are not ``installed`` now."""
        gone = [(Path(path), each) for path, each in self._state.written if each.name == name]
        return [
            File(path, remove=True, follow=False, command=each.command)
            for path, each in gone
            if path not in installed and _has_digest(path, each.content)
        ]

    @contextmanager
    def open(self, observer: Observer) -> Iterator[list[InstallError]]:
        """Wait for the lock, and roll back the changes of a killed run.

        Yields the failures of the rollback, which the next run retries.
        """
        here = os.path.realpath(self._directory)
        holders = [*filter(None, os.environ.get(_HOLDER, "").split(os.pathsep))]
        with ExitStack() as stack:
            with explained(self._directory, advice="use another --state directory"):
                self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
                lock = os.open(self._directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
                stack.callback(os.close, lock)
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError as error:
                    if here in holders:
                        reason = "locked by the run that started this command; give this one another --state directory"
                        raise InstallError(str(self._directory), reason) from error
                    observer.waiting(self._directory)
                    fcntl.flock(lock, fcntl.LOCK_EX)
            self.variables = {_HOLDER: os.pathsep.join([*holders, here])}
            self._state = self._read()
            sweep(self._directory)
            failures = self._roll_back(self._state.undo)
            self._discard()
            yield failures

    @contextmanager
    def all_or_nothing(self, changes: Sequence[Change], *, name: str) -> Iterator[None]:
        """Record the changes if this context succeeds, roll them back if it fails.

        If the run is killed in between, the next one rolls them back.
        """
        before = self._state
        undo = tuple(self._undo(change) for change in changes if change.kind != "unchanged")
        is_done = False
        try:
            secret = {str(change.target) for change in changes if change.file.secret}
            self._record(before._replace(undo=(*before.undo, *undo), secret=before.secret | secret))
            for change, each in zip((change for change in changes if change.kind != "unchanged"), undo):
                _save_old(change, each)
            yield
            with uninterrupted():
                self._record(_after(before, changes, name)._replace(discard=(*before.discard, *undo)))
                is_done = True
                self._discard()
        except BaseException as error:
            with uninterrupted():
                failures = [] if is_done else self._roll_back(undo)
            if failures and isinstance(error, EC2FactsError):
                raise InstallError(failures[0].path, f"{failures[0].reason}, after this: {error}") from error
            raise

    def command_done(self, targets: Iterable[Path]) -> None:
        """Record that the command of these files has succeeded."""
        self._record(self._state._replace(owed=self._state.owed.difference(map(str, targets))))

    def _roll_back(self, undos: Collection[_Undo]) -> list[InstallError]:
        """Restore the files that can be restored; return a failure for each other file."""
        stuck: dict[_Undo, InstallError] = {}
        for each in undos:
            try:
                with explained(Path(each.target), advice="it is not restored; the next run tries again"):
                    self._restore(each)
                self._remove(each)
            except InstallError as error:  # noqa: PERF203 (one file that cannot be restored does not stop the others)
                stuck[each] = error
        with suppress(InstallError):  # restoring a file twice is harmless
            undo = tuple(each for each in self._state.undo if each in stuck or each not in undos)
            self._record(self._state._replace(undo=undo))
        return list(stuck.values())

    def _restore(self, undo: _Undo) -> None:
        target = Path(undo.target)
        trail = trace(target)
        controllers = {trail.controller(), undo.rights} - {None}
        if trail.path != target or len(controllers) > 1:
            raise PermissionError(errno.EPERM, f"another user controls {target.parent} now, or replaced it")
        rights = controllers.pop() if controllers else None
        saved = undo.old and Path(undo.old).parent == self._directory and Path(undo.old)
        content = saved.read_bytes() if saved and saved.exists() else None
        with rights_of(rights):
            sweep(target.parent)
            _put_back(undo, content)

    def _discard(self) -> None:
        """Remove old files of final changes; a later run retries a failed removal."""
        remaining = tuple(undo for undo in self._state.discard if not self._remove(undo))
        with suppress(InstallError):
            self._record(self._state._replace(discard=remaining))

    def _remove(self, undo: _Undo) -> bool:
        """Remove a saved old file; return whether it is gone."""
        if undo.old is None:
            return True
        with rights_of(None if Path(undo.old).parent == self._directory else undo.rights):
            with suppress(OSError):
                Path(undo.old).unlink()
            return not os.path.lexists(undo.old)

    def _undo(self, change: Change) -> _Undo:
        is_written_into = change.kind == "changed" and change.in_place
        old = None
        if is_written_into or (change.before is not None and (change.is_replacement or change.kind == "removed")):
            # The directory of a file written in place may be read-only. A staged file's name would be swept.
            directory = self._directory if is_written_into else change.target.parent
            old = str(directory / f".ec2facts.old-{secrets.token_hex(8)}")
        is_same_file = change.existing if old is None or is_written_into else None
        return _Undo(str(change.target), old, is_same_file, _digest(change.file.content), change.rights)

    def _read(self) -> _State:
        if not os.path.exists(self._file):  # noqa: PTH110 (False too for a user who cannot look)
            return _State()
        with explained(self._file):
            try:
                recorded = json.loads(self._file.read_bytes())
                return _State(
                    frozenset(recorded["owed"]),
                    frozenset(recorded.get("secret", ())),
                    _undos(recorded["undo"]),
                    _undos(recorded["discard"]),
                    tuple((path, _Written(*each)) for path, each in recorded.get("written", ())),
                )
            except (LookupError, TypeError, ValueError) as error:
                reason = "malformed; remove it to continue, and run the commands of changed files yourself"
                raise InstallError(str(self._file), f"{reason} ({error})") from error

    def _record(self, state: _State) -> None:
        """Write ``state`` to the disk; on failure the previous state stays recorded."""
        if state == self._state:
            return
        with explained(self._file):
            if any(state):
                recorded = {**state._asdict(), "owed": sorted(state.owed), "secret": sorted(state.secret)}
                put(self._file, json.dumps(recorded).encode(), FileAttributes(0o600))
            elif self._file.exists():
                self._file.unlink()
                sync_directory(self._directory)
        self._state = state


def _after(state: _State, changes: Iterable[Change], name: str) -> _State:
    """Return the state after ``changes`` have succeeded."""
    owed, secret, written = set(state.owed), set(state.secret), dict(state.written)
    for change in changes:
        target = str(change.target)
        if change.kind != "unchanged" and change.file.command:
            owed.add(target)
        if change.kind in {"changed", "removed"}:
            secret.discard(target)
        if change.file.secret:
            secret.add(target)
        written.pop(target, None)
        if change.file.prune and not change.file.remove:
            written[target] = _Written(name, _digest(change.file.content), change.file.command)
    return state._replace(owed=frozenset(owed), secret=frozenset(secret), written=tuple(sorted(written.items())))


def _undos(recorded: Iterable[Any]) -> tuple[_Undo, ...]:
    return tuple(
        _Undo(target, old, attributes and FileAttributes(*attributes), new, *rights)
        for target, old, attributes, new, *rights in recorded
    )


def _save_old(change: Change, undo: _Undo) -> None:
    """Keep a copy of the old file, if there is one, at ``undo.old``."""
    if undo.old is None or change.before is None or change.existing is None:
        return
    old = Path(undo.old)
    if undo.attributes:
        with explained(old):
            put(old, change.before, FileAttributes(0o600))
        return
    with acting(change.file.path, change.rights):
        with suppress(OSError):  # no hard links on this file system or for this user
            os.link(change.target, old)
            return
        attributes = change.existing if change.is_trusted else FileAttributes(change.existing.mode & 0o777)
        put(old, change.before, attributes, like=change.target)


def _put_back(undo: _Undo, saved: bytes | None) -> None:
    target, old = Path(undo.target), undo.old and Path(undo.old)
    if not target.parent.is_dir():
        return  # the directory was in memory, and a reboot cleared it
    now = target.read_bytes() if target.exists() else None
    if undo.attributes:
        if saved is not None and now is None:
            put(target, saved, undo.attributes)
        elif saved is not None and now is not None and now != saved:
            overwrite(target, saved, now)
        if target.exists():
            repair(target, undo.attributes)
    elif now is not None and _digest(now) != undo.new:
        return  # the file was not changed yet, or somebody has changed it since
    elif old and old.exists():
        old.replace(target)
    elif not old and now is not None:
        target.unlink()
    sync_directory(target.parent)


def _has_digest(path: Path, digest: str) -> bool:
    """Whether a file has the content with this ``digest``; False if it cannot be read."""
    with suppress(OSError), rights_of(trace(path).controller()):
        return _digest(path.read_bytes()) == digest
    return False


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
