"""What a run leaves to the next: commands owed, and files to put back if it did not come to its end."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import secrets
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from ec2facts.errors import EC2FactsError, InstallError
from ec2facts.files import FileAttributes, is_own, put, sweep, sync_directory, uninterrupted, write_file
from ec2facts.install.file import Change, explained, overwrite, repair
from ec2facts.install.observer import Observer

_HOLDER = "EC2FACTS_HOLDS_STATE"
"""Names, to the commands of a run, the directory for state that the run is at, and those that it was started from."""


def default_state_directory(environ: Mapping[str, str], *, uid: int, root: Path = Path("/")) -> Path:
    """Return the directory for the state of the user ``uid``: $STATE_DIRECTORY, or one by the system's conventions.

    Where ``/var/lib`` of ``root`` is read-only, root's state is in ``/run`` and lasts until the next boot.
    """
    if environ.get("STATE_DIRECTORY"):
        return Path(environ["STATE_DIRECTORY"].partition(":")[0])
    if uid == 0:
        is_lasting = os.access(root / "var/lib", os.W_OK)
        return root / ("var/lib/ec2facts" if is_lasting else "run/ec2facts-state")
    own = environ.get("XDG_STATE_HOME", "")
    return (Path(own) if own.startswith("/") else Path(environ.get("HOME", "/")) / ".local/state") / "ec2facts"


class _Held(NamedTuple):
    """What a file was, until what it becomes is there to stay."""

    target: str
    old: str | None
    """Where the old file is held; None where there was none, or where it is only repaired."""
    attributes: FileAttributes | None
    """The old attributes of a file that is not replaced, but repaired or written into."""
    new: str
    """The SHA-256 of what it becomes."""


class _State(NamedTuple):
    """What is recorded."""

    owed: frozenset[str] = frozenset()
    """Files that changed, and whose command has not succeeded since."""
    undo: tuple[_Held, ...] = ()
    """Changes that have not come to their end."""
    discard: tuple[_Held, ...] = ()
    """Changes that have, with old files still there."""


class Journal:
    """The state of installs in a directory of this user's own; at most one run is at it at a time."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._file = directory / "journal.json"
        self._state = self._read()
        self.variables: dict[str, str] = {}
        """What tells the commands of a run, while this is open, that they cannot wait for its end."""

    @property
    def is_pending(self) -> bool:
        """Whether an earlier run has left something half done."""
        return bool(self._state.undo or self._state.discard)

    def owes(self, target: Path) -> bool:
        """Whether the command of a file is owed."""
        return str(target) in self._state.owed

    def is_stuck(self, target: Path) -> bool:
        """Whether a file is one that could not be put back."""
        return any(held.target == str(target) for held in self._state.undo)

    @contextmanager
    def open(self, observer: Observer) -> Iterator[list[InstallError]]:
        """Wait for other runs to end, and undo what one that was killed has left half done.

        Give what could not be undone: it stays recorded, and is tried again by the next run.
        """
        here = os.path.realpath(self._directory)
        holders = [*filter(None, os.environ.get(_HOLDER, "").split(os.pathsep))]
        with explained(self._directory, advice="--state names another directory"):
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not is_own(self._directory):
                raise InstallError(str(self._directory), "others can write to this directory of the state")
            lock = os.open(self._directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            with explained(self._directory, advice="--state names another directory"):
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
            for directory in {self._directory, *(Path(held.target).parent for held in self._state.undo)}:
                sweep(directory)
            failures = self._roll_back(self._state.undo)
            self._discard()
            yield failures
        finally:
            os.close(lock)

    @contextmanager
    def all_or_nothing(self, changes: Sequence[Change]) -> Iterator[None]:
        """Put the files back as they were unless this context comes to its end, then owe their commands.

        What is killed in between is undone when the journal is opened again.
        """
        before = self._state
        held = tuple(map(self._held, changes))
        is_done = False
        try:
            self._record(before._replace(undo=(*before.undo, *held)))
            for change, each in zip(changes, held):
                _hold(change, each)
            yield
            with uninterrupted():
                owed = before.owed.union(str(change.target) for change in changes if change.file.command)
                self._record(before._replace(owed=owed, discard=(*before.discard, *held)))
                is_done = True
                self._discard()
        except BaseException as error:
            with uninterrupted():
                failures = [] if is_done else self._roll_back(held)
            if failures and isinstance(error, EC2FactsError):
                raise InstallError(failures[0].path, f"{failures[0].reason}, after this: {error}") from error
            raise

    def command_done(self, targets: Iterable[Path]) -> None:
        """Owe no command for these files any longer."""
        self._record(self._state._replace(owed=self._state.owed.difference(map(str, targets))))

    def _roll_back(self, held: Collection[_Held]) -> list[InstallError]:
        """Put back what can be put back; return why the rest cannot be."""
        stuck: dict[_Held, InstallError] = {}
        for each in held:
            try:
                with explained(Path(each.target), advice="it is not as it was, and the next run tries again"):
                    _put_back(each)
                _remove(each)
            except InstallError as error:  # noqa: PERF203 (one that cannot be put back is no obstacle to the others)
                stuck[each] = error
        with suppress(InstallError):  # to put the same back again does no harm
            undo = tuple(each for each in self._state.undo if each in stuck or each not in held)
            self._record(self._state._replace(undo=undo))
        return list(stuck.values())

    def _discard(self) -> None:
        """Remove old files that are not needed any longer; what cannot be removed or recorded now is left to later."""
        remaining = tuple(held for held in self._state.discard if not _remove(held))
        with suppress(InstallError):
            self._record(self._state._replace(discard=remaining))

    def _held(self, change: Change) -> _Held:
        old = None
        if change.kind == "changed" and change.before is not None:
            # What is written into may be all that can be written to where it is. This is not a name that a sweep takes
            # for a leftover: it is for us to put back.
            directory = self._directory if change.in_place else change.target.parent
            old = str(directory / f".ec2facts.old-{secrets.token_hex(8)}")
        kept = change.existing if change.kind == "repaired" or change.in_place else None
        return _Held(str(change.target), old, kept, _digest(change.file.content))

    def _read(self) -> _State:
        if not os.path.exists(self._file):  # noqa: PTH110 (nor is it there for who may not look)
            return _State()
        with explained(self._file):
            try:
                recorded = json.loads(self._file.read_bytes())
                return _State(frozenset(recorded["owed"]), _all_held(recorded["undo"]), _all_held(recorded["discard"]))
            except (LookupError, TypeError, ValueError) as error:
                reason = "malformed; remove it to go on, and run the commands of files that have changed"
                raise InstallError(str(self._file), f"{reason} ({error})") from error

    def _record(self, state: _State) -> None:
        """Have ``state`` be what is recorded; where that fails it is what it was."""
        if state == self._state:
            return
        with explained(self._file):
            if any(state):
                recorded = {**state._asdict(), "owed": sorted(state.owed)}
                write_file(self._file, json.dumps(recorded).encode(), mode=0o600)
            elif self._file.exists():
                self._file.unlink()
                sync_directory(self._directory)
        self._state = state


def _all_held(recorded: Iterable[Any]) -> tuple[_Held, ...]:
    return tuple(
        _Held(target, old, attributes and FileAttributes(*attributes), new) for target, old, attributes, new in recorded
    )


def _hold(change: Change, held: _Held) -> None:
    """Have the old file, if there is one, stay at ``held.old`` too."""
    if held.old is None or change.before is None or change.existing is None:
        return
    with explained(change.file.path):
        if held.attributes:
            put(Path(held.old), change.before, FileAttributes(0o600))
            return
        with suppress(OSError):  # some file systems have no links, some users may not make them
            os.link(change.target, held.old)
            return
        put(Path(held.old), change.before, change.existing, like=change.target)


def _put_back(held: _Held) -> None:
    target, old = Path(held.target), held.old and Path(held.old)
    if not target.parent.is_dir():
        return  # it was in memory, as /run is, and that has been cleared since
    now = target.read_bytes() if target.exists() else None
    if held.attributes:
        before = old.read_bytes() if old and old.exists() else None
        if before is not None and now is None:
            put(target, before, held.attributes)
        elif before is not None and now is not None and now != before:
            overwrite(target, before, now)
        if target.exists():
            repair(target, held.attributes)
    elif now is not None and _digest(now) != held.new:
        return  # it was not its turn yet, or somebody has put something else there since
    elif old and old.exists():
        old.replace(target)
    elif not old and now is not None:
        target.unlink()
    sync_directory(target.parent)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _remove(held: _Held) -> bool:
    """Remove an old file; return whether it is gone."""
    if held.old is not None and os.path.lexists(held.old):
        with suppress(OSError):
            Path(held.old).unlink()
        return not os.path.lexists(held.old)
    return True
