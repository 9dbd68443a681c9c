"""One file to install: what it shall be, and how that differs from what is there."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, NamedTuple

from ec2facts.errors import InstallError, UsageError
from ec2facts.files import FileAttributes, replace, uninterrupted
from ec2facts.install.settings import group_number, user_number

Kind = Literal["changed", "repaired", "unchanged"]

_UNRENAMEABLE = {errno.EBUSY, errno.EXDEV}
"""What the system answers where a mount point, a bind-mounted file for one, would be renamed over."""


class File(NamedTuple):
    """What a file shall be, and what has to be done about it when it changes.

    ``mode``, ``owner`` and ``group`` are repaired where they are wrong; None keeps what an existing file has. A
    ``secret`` file without a mode is for its owner alone, and no diff shows it.
    """

    path: Path
    content: bytes = b""
    mode: int | None = None
    owner: str | None = None
    """A user's name or number."""
    group: str | None = None
    """A group's name or number."""
    secret: bool = False
    follow: bool = True
    """Replace what a symbolic link at ``path`` leads to; False refuses links."""
    in_place: bool = False
    """Write into an existing file instead of replacing it: neither atomic nor safe from power loss."""
    backup: bool = False
    """Keep what was there under the name with a tilde behind it."""
    check: str | None = None
    """A shell command that refuses the new file by failing; ``{}`` is its name, quoted."""
    check_suffix: str = ""
    """Ends that name, where the checker goes by it."""
    check_live: str | None = None
    """A shell command that refuses what is installed by failing; then the old file comes back."""
    command: str | None = None
    """A shell command for when all files are installed, if this one changed."""
    together: str | None = None
    """Files of one such name change together or not at all."""
    time_limit: float = 60.0
    """Seconds for each of the shell commands."""


class Change(NamedTuple):
    """What a file shall be beside what it is; ``target`` is where symbolic links lead, ``before`` what is there."""

    file: File
    target: Path
    before: bytes | None
    existing: FileAttributes | None
    wanted: FileAttributes

    @property
    def kind(self) -> Kind:
        """What it takes: a new content, only other attributes, nothing."""
        if self.before != self.file.content:
            return "changed"
        return "unchanged" if self.existing == self.wanted else "repaired"

    @property
    def in_place(self) -> bool:
        """Whether an existing file is written into."""
        return self.file.in_place and self.before is not None


def compare(file: File) -> Change:
    """Return what it takes to make ``file`` what it shall be; raise InstallError where that cannot be done."""
    with explained(file.path):
        if not file.follow and file.path.is_symlink():
            raise InstallError(str(file.path), "it is a symbolic link, which --no-follow refuses")
        target = Path(os.path.realpath(file.path))
        try:
            status = target.stat()
        except FileNotFoundError:
            if not target.parent.is_dir():
                raise InstallError(str(file.path), f"there is no directory {target.parent}") from None
            return Change(file, target, None, None, _wanted(file, FileAttributes.of_new_file()))
        if not stat.S_ISREG(status.st_mode):
            raise InstallError(str(file.path), "it is not a regular file")
        existing = FileAttributes.of(status)
        return Change(file, target, target.read_bytes(), existing, _wanted(file, existing))


def write(change: Change, temporary: Path) -> None:
    """Have the target be what ``temporary``, staged beside it, is."""
    with explained(change.file.path):
        if change.in_place and change.before is not None and change.existing is not None:
            try:
                _narrow(change.target, change.existing, change.wanted)
                overwrite(change.target, change.file.content, change.before)
                repair(change.target, change.wanted)
            except BaseException:
                with uninterrupted():
                    overwrite(change.target, change.before, change.file.content)
                    repair(change.target, change.existing)
                raise
        else:
            replace(temporary, change.target)


def repair(target: Path, wanted: FileAttributes) -> None:
    """Give a file its attributes, and in between no rights that it does not have both before and after."""
    existing = FileAttributes.of(target.stat())
    if existing[1:] != wanted[1:]:
        _narrow(target, existing, wanted)
        try:
            os.chown(target, wanted.uid, wanted.gid)
        except BaseException:
            target.chmod(existing.mode)
            raise
    if FileAttributes.of(target.stat()) != wanted:
        target.chmod(wanted.mode)


def _narrow(target: Path, existing: FileAttributes, wanted: FileAttributes) -> None:
    """Leave a file only the rights that it has before and after a change."""
    if existing.mode & ~wanted.mode:
        target.chmod(existing.mode & wanted.mode)


def overwrite(target: Path, content: bytes, before: bytes) -> None:
    """Write into a file; on failure put back ``before``, for which the file keeps its room."""
    descriptor = os.open(target, os.O_WRONLY)
    try:
        try:
            _fill(descriptor, content)
        except BaseException:
            _fill(descriptor, before)
            raise
    finally:
        os.close(descriptor)


def _fill(descriptor: int, content: bytes) -> None:
    remaining = memoryview(content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    while remaining:
        remaining = remaining[os.write(descriptor, remaining) :]
    os.ftruncate(descriptor, len(content))
    os.fsync(descriptor)


@contextmanager
def explained(path: Path, *, advice: str = "") -> Iterator[None]:
    """Turn what the system refuses into an InstallError that says so of ``path``, and what to do."""
    try:
        yield
    except OSError as error:
        reason = (error.strerror or str(error)) + (f"; {advice}" if advice else "")
        if error.errno in _UNRENAMEABLE:
            reason = f"it is a mount point, which no other file can replace ({reason}); --in-place writes into it"
        raise InstallError(str(path), reason) from error


def _wanted(file: File, default: FileAttributes) -> FileAttributes:
    mode = 0o600 if file.secret and file.mode is None else file.mode
    try:
        return FileAttributes(
            default.mode if mode is None else mode,
            default.uid if file.owner is None else user_number(file.owner),
            default.gid if file.group is None else group_number(file.group),
        )
    except UsageError as error:
        raise UsageError(f"{file.path}: {error}") from error
