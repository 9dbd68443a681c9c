"""What a run leaves to the next: commands owed, and files to put back if it did not come to its end."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from ec2facts.errors import InstallError
from ec2facts.files import Attributes, is_own, put, sweep, sync_directory, uninterrupted, write_file
from ec2facts.install.file import Change, explained, overwrite, repair


def default_state_directory(environ: Mapping[str, str], *, uid: int) -> Path:
    """Return where the user ``uid`` keeps state: where systemd says, else as the system's conventions are."""
    if environ.get("STATE_DIRECTORY"):
        return Path(environ["STATE_DIRECTORY"].partition(":")[0])
    if uid == 0:
        return Path("/var/lib/ec2facts")
    own = environ.get("XDG_STATE_HOME", "")
    return (Path(own) if own.startswith("/") else Path(environ.get("HOME", "/")) / ".local/state") / "ec2facts"


class _Held(NamedTuple):
    """An old file, held at ``old`` until the new one at ``target`` is there to stay; None where there was none."""

    target: str
    old: str | None
    in_place: bool


class Journal:
    """The state of installs in a directory of this user's own; at most one run is at it at a time."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._file = directory / "journal.json"
        self.owed: set[str] = set(self._read().get("owed", ()))
        """Files that changed, and whose command has not succeeded since."""

    @contextmanager
    def open(self) -> Iterator[None]:
        """Wait for other runs to end, and undo what one that was killed has left half done."""
        with explained(self._directory):
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not is_own(self._directory):
                raise InstallError(str(self._directory), "others can write to this directory of the state")
            lock = os.open(self._directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            sweep(self._directory)
            self._roll_back()
            yield
        finally:
            os.close(lock)

    @contextmanager
    def all_or_nothing(self, changes: Sequence[Change]) -> Iterator[None]:
        """Put the files back as they were unless this context comes to its end, then owe their commands.

        What is killed in between is undone when the journal is opened again.
        """
        held = [_held(change) for change in changes]
        self._record(undo=held)
        try:
            for change, (_, old, _) in zip(changes, held):
                if old is not None:
                    _hold(change, Path(old))
            yield
        except BaseException:
            with uninterrupted():
                self._roll_back()
            raise
        with uninterrupted():
            self._owe(changes)
            self._record(discard=held)
            _discard(held)
            self._record()

    def owe(self, changes: Iterable[Change]) -> None:
        """Owe the commands of these files until they are settled."""
        self._owe(changes)
        self._record()

    def settle(self, changes: Iterable[Change]) -> None:
        """Owe no command for these files any longer."""
        self.owed.difference_update(str(change.target) for change in changes)
        self._record()

    def _owe(self, changes: Iterable[Change]) -> None:
        self.owed.update(str(change.target) for change in changes if change.file.command)

    def _roll_back(self) -> None:
        recorded = self._read()
        self.owed = set(recorded.get("owed", ()))
        undo = [_Held(*entry) for entry in recorded.get("undo", ())]
        for held in undo:
            with explained(Path(held.target)):
                _put_back(Path(held.target), held)
        _discard(undo)
        _discard([_Held(*entry) for entry in recorded.get("discard", ())])
        self._record()

    def _read(self) -> dict[str, Any]:
        try:
            with explained(self._file):
                recorded: dict[str, Any] = json.loads(self._file.read_bytes()) if self._file.exists() else {}
        except ValueError as error:
            raise InstallError(str(self._file), f"malformed: {error}") from error
        return recorded

    def _record(self, **held: Sequence[_Held]) -> None:
        recorded = {"owed": sorted(self.owed), **held}
        content = json.dumps({key: value for key, value in recorded.items() if value})
        with explained(self._file):
            if content != "{}":
                write_file(self._file, content.encode(), mode=0o600)
            elif self._file.exists():
                self._file.unlink()
                sync_directory(self._directory)


def _held(change: Change) -> _Held:
    # Not a name that a sweep takes for a leftover: this one is for us to put back.
    old = change.target.with_name(f".ec2facts.old-{secrets.token_hex(8)}")
    return _Held(str(change.target), None if change.before is None else str(old), change.in_place)


def _hold(change: Change, old: Path) -> None:
    """Have the old file stay at ``old`` too."""
    if change.before is None or change.existing is None:
        return
    with explained(change.file.path):
        if not change.in_place:
            with suppress(OSError):  # some file systems have no links, some users may not make them
                os.link(change.target, old)
                return
        put(old, change.before, change.existing)


def _put_back(target: Path, held: _Held) -> None:
    if not target.parent.is_dir():
        return  # it was in memory, as /run is, and that has been cleared since
    if held.old is None:
        target.unlink(missing_ok=True)
    elif Path(held.old).exists():
        old = Path(held.old)
        now = target.read_bytes() if target.exists() else None
        if now == old.read_bytes():
            return  # it was not its turn yet
        if held.in_place and now is not None:
            overwrite(target, old.read_bytes(), now)
            repair(target, Attributes.of(old.stat()))
        else:
            old.replace(target)
    sync_directory(target.parent)


def _discard(held: Iterable[_Held]) -> None:
    for _, old, _ in held:
        if old is not None:
            Path(old).unlink(missing_ok=True)
