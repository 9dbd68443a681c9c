"""The change that one file needs: its present state, and the steps to the wanted one."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal, NamedTuple

from ec2facts.atomic_replace import FileAttributes, replace, sync_directory, uninterrupted
from ec2facts.errors import InstallError, UsageError
from ec2facts.install.file import File
from ec2facts.install.settings import group_number, user_number
from ec2facts.trust import Trail, User, rights_of, trace

_EFFECTIVE: dict[str, Any] = {"effective_ids": True} if os.access in os.supports_effective_ids else {}

Kind = Literal["changed", "repaired", "removed", "unchanged"]

_UNRENAMEABLE = {errno.EBUSY, errno.EXDEV}
"""The errors of a rename over a mount point, such as a bind-mounted file."""


class Change(NamedTuple):
    """The wanted and the present state of a file.

    ``target`` is the path without symbolic links, ``before`` the present content, None if there is no file.
    """

    file: File
    target: Path
    before: bytes | None
    existing: FileAttributes | None
    wanted: FileAttributes
    rights: int | None = None
    """The uid of the user who controls the path, whose rights the install uses; None for its own rights."""
    is_trusted: bool = True
    """Whether the new file keeps attributes of the existing one; False if a stranger may have created that file."""
    was_secret: bool = False
    """Whether an earlier run wrote the present content as a secret."""

    @property
    def kind(self) -> Kind:
        """How the present state differs from the wanted one."""
        if self.file.remove:
            return "unchanged" if self.before is None else "removed"
        if self.before != self.file.content:
            return "changed"
        return "unchanged" if self.existing == self.wanted else "repaired"

    @property
    def in_place(self) -> bool:
        """Whether the existing file is written into."""
        return self.file.in_place and self.before is not None and self.kind != "removed"

    @property
    def is_replacement(self) -> bool:
        """Whether a new file replaces the target.

        A change of owner requires it: hard links and open files of the old owner would still reach the old file.
        """
        if self.kind != "repaired" or self.existing is None:
            return self.kind == "changed" and not self.in_place
        gives_rights = self.existing[1:] != self.wanted[1:] or bool(self.wanted.mode & ~0o777)
        return not self.in_place and (gives_rights or not self.is_trusted)

    @property
    def secret(self) -> bool:
        """Whether the present or the wanted content is a secret."""
        return self.file.secret or self.was_secret


def compare(file: File) -> Change:
    """Return the change that ``file`` needs; raise InstallError if it is impossible."""
    with explained(file.path):
        if not file.follow and file.path.is_symlink():
            raise InstallError(str(file.path), "it is a symbolic link, which --no-follow refuses")
        trail = trace(file.path)
        rights = trail.controller()
    with acting(file.path, rights):
        new = FileAttributes.of_new_file()
        if file.secret and rights is not None and (file.owner is None or user_number(file.owner) != rights):
            name = User.of(rights).name
            reason = (
                f"{trail.strangers[0].path} belongs to {name}, who could read this secret; --owner {name} allows it"
            )
            raise InstallError(str(file.path), reason)
        try:
            status, before = _read(trail.path)
        except FileNotFoundError:
            if not (trail.path.parent.is_dir() or file.parents or file.remove):
                raise InstallError(str(file.path), f"there is no directory {trail.path.parent}") from None
            return Change(file, trail.path, None, None, _wanted(file, new), rights)
        existing = FileAttributes.of(status)
        is_known = trail.trusts(status)
        is_trusted = is_known and (
            status.st_uid == os.geteuid() or (rights is None and (not file.secret or file.owner is not None))
        )
        if is_trusted:
            default = FileAttributes.inherited(status)
        else:
            default = FileAttributes(new.mode & (existing.mode if is_known else 0o777), os.geteuid(), os.getegid())
        change = Change(file, trail.path, before, existing, _wanted(file, default), rights, is_trusted)
        if change.in_place and change.kind != "unchanged":
            _refuse_in_place(change, is_known=is_known)
        return change


def _read(path: Path) -> tuple[os.stat_result, bytes]:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            raise InstallError(str(path), "it is a directory; name a file in it")
        if not stat.S_ISREG(status.st_mode):
            raise InstallError(str(path), "it is not a regular file")
        with os.fdopen(descriptor, "rb", closefd=False) as stream:
            return status, stream.read()
    finally:
        os.close(descriptor)


def _refuse_in_place(change: Change, *, is_known: bool) -> None:
    """Raise InstallError if a stranger may have created the file to write into, or may have it open."""
    existing, wanted = change.existing, change.wanted
    if not is_known:
        raise InstallError(str(change.file.path), "others may have created this file; omit --in-place to replace it")
    if change.file.secret and existing is not None and change.kind == "changed":
        opened = existing.mode & ~wanted.mode & 0o077 or existing.uid != wanted.uid
        if opened or (existing.mode & 0o070 and existing.gid != wanted.gid):
            reason = "other users may have this file open and could read the secret; omit --in-place to replace it"
            raise InstallError(str(change.file.path), reason)


@contextmanager
def created_parents(file: File) -> Iterator[None]:
    """Create the missing directories of a file; remove them again if this context fails."""
    with explained(file.path):
        trail = trace(file.path)
        rights = trail.controller()
    created: list[Path] = []
    try:
        with acting(file.path, rights):
            for directory in reversed(trail.path.parents):
                if not os.path.lexists(directory):
                    _create(directory, trail)
                    created.append(directory)
            wanted = _wanted(file, FileAttributes(0o755))
            for directory in reversed(created):  # the outermost last, because its new owner could replace the others
                os.chown(directory, wanted.uid, wanted.gid)
        yield
    except BaseException:
        for directory in reversed(created):
            with suppress(OSError), rights_of(trace(directory.parent).controller()):
                directory.rmdir()
        raise


def _create(directory: Path, trail: Trail) -> None:
    """Create a directory; raise PermissionError if the strangers of its path have changed since ``trail``."""
    if trace(directory.parent).strangers != trail.strangers:
        raise PermissionError(errno.EPERM, f"another user has created {directory.parent}")
    umask = os.umask(0o022)
    try:
        directory.mkdir()
    finally:
        os.umask(umask)


def write(change: Change, temporary: Path) -> None:
    """Replace the target by the staged file ``temporary``, write into it, repair it or remove it."""
    with acting(change.file.path, change.rights):
        if change.kind == "removed":
            change.target.unlink()
            sync_directory(change.target.parent)
        elif change.is_replacement:
            replace(temporary, change.target)
        elif change.kind == "repaired":
            repair(change.target, change.wanted)
        elif change.before is not None and change.existing is not None:
            try:
                _narrow(change.target, change.existing, change.wanted)
                overwrite(change.target, change.file.content, change.before)
                repair(change.target, change.wanted)
            except BaseException:
                with uninterrupted():
                    overwrite(change.target, change.before, change.file.content)
                    repair(change.target, change.existing)
                raise


def check_access(change: Change) -> None:
    """Raise InstallError if the system would refuse to change or remove the target."""
    with acting(change.file.path, change.rights):
        needed = change.target if change.in_place else change.target.parent
        if not os.access(needed, os.W_OK | (0 if change.in_place else os.X_OK), **_EFFECTIVE):
            raise InstallError(str(change.file.path), f"no permission to write to {needed}, or it is read-only")
        # An owner can replace a file without the right to write to it, but nobody can replace an immutable file.
        is_owner = change.existing is not None and os.geteuid() == change.existing.uid
        should_write = os.geteuid() == 0 or (is_owner and change.existing and change.existing.mode & stat.S_IWUSR)
        if change.existing is not None and should_write and not os.access(change.target, os.W_OK, **_EFFECTIVE):
            raise InstallError(str(change.file.path), "it is immutable or on a read-only mount")


def repair(target: Path, wanted: FileAttributes) -> None:
    """Set owner, group and mode; at no moment does the file have a permission that is not in both modes."""
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
    """Restrict a file to the permissions that are in both the old and the new mode."""
    if existing.mode & ~wanted.mode:
        target.chmod(existing.mode & wanted.mode)


def overwrite(target: Path, content: bytes, before: bytes) -> None:
    """Write into a file; on failure write ``before`` again, which needs no new disk space."""
    descriptor = os.open(target, os.O_WRONLY | os.O_NOFOLLOW)
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
    """Turn an OSError into an InstallError about ``path``, with advice."""
    try:
        yield
    except OSError as error:
        reason = (error.strerror or str(error)) + (f"; {advice}" if advice else "")
        if error.errno in _UNRENAMEABLE:
            reason = f"it is a mount point and cannot be replaced ({reason}); use --in-place to write into it"
        raise InstallError(str(path), reason) from error


@contextmanager
def acting(path: Path, rights: int | None) -> Iterator[None]:
    """Act on ``path`` with a user's rights, and turn an OSError into an InstallError."""
    with explained(path, advice=describe_rights(rights)), rights_of(rights):
        yield


def describe_rights(rights: int | None) -> str:
    """Return the part of a message that names the user whose rights are used; "" for this process's own."""
    return "" if rights is None else f"with the rights of {User.of(rights).name}, who controls this path"


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
