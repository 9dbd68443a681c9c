"""Files, replaced whole: a reader sees the old content or the new, never a part."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import signal
import stat
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

_STAGED = ".ec2facts-"
"""Begins the name of a file that waits to replace another; includes such as ``*.conf`` do not match it."""

_OURS = re.compile(re.escape(_STAGED) + "[0-9a-f]{16}")

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""The signals that ask a program to stop."""

_UNSYNCABLE = {errno.EACCES, errno.EPERM, errno.EINVAL, errno.ENOTSUP}
"""What the system answers where a directory may not be opened, or its file system has nothing to sync."""

_LABELS = ("security.selinux", "system.posix_acl_access")
"""The extended attributes that say who may do what with a file."""


class FileAttributes(NamedTuple):
    """A file's permissions, owner and group, by number; -1 for what the system gives a new file."""

    mode: int
    uid: int = -1
    gid: int = -1

    @classmethod
    def of(cls, status: os.stat_result) -> FileAttributes:
        """Return the attributes of a file that is there."""
        return cls(stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid)

    @classmethod
    def of_new_file(cls) -> FileAttributes:
        """Return the attributes of a file that is created now."""
        umask = os.umask(0o077)
        os.umask(umask)
        return cls(0o666 & ~umask)


def write_file(path: Path, content: bytes, *, mode: int | None = None) -> None:
    """Replace the file at ``path``, or what it links to, by ``content``; on any failure it stays as it was.

    It keeps its owner and group, and its permissions unless ``mode`` gives others; a new file has what the umask
    leaves. What is not a regular file (a terminal, a pipe) is written to as it is. Raises OSError.
    """
    try:
        try:
            status = path.stat()
        except FileNotFoundError:
            attributes = FileAttributes.of_new_file()
        else:
            if not stat.S_ISREG(status.st_mode):
                path.write_bytes(content)
                return
            attributes = FileAttributes.of(status)
        if mode is not None:
            attributes = attributes._replace(mode=mode)
        put(Path(os.path.realpath(path)), content, attributes)
    except OSError as error:
        # The name of the staged file would tell nobody anything, and an error of writing has none.
        raise OSError(error.errno, error.strerror, str(path)) from error


def put(target: Path, content: bytes, attributes: FileAttributes, *, like: Path | None = None) -> None:
    """Replace the file ``target``, which is no link, or create it, as ``staged`` does."""
    with staged(target, content, attributes, like=like) as temporary:
        replace(temporary, target)


@contextmanager
def staged(
    target: Path, content: bytes, attributes: FileAttributes, *, suffix: str = "", like: Path | None = None
) -> Iterator[Path]:
    """Give a file beside ``target``, all that it shall become, to ``replace`` it; what is left of it goes at the end.

    Until it is complete, only its owner can open it. Who may do what with it is as with the existing file ``like``,
    by default ``target``.
    """
    with _reserved(target.parent, suffix) as (temporary, descriptor):
        # For writing it is open no longer than that: what is cannot be executed by a check.
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_NOFOLLOW), "wb") as stream:
            writable = stream.fileno()
            if not os.path.samestat(os.fstat(writable), os.fstat(descriptor)):
                raise FileExistsError(errno.EEXIST, "another file took the place of the one to write")
            stream.write(content)
            stream.flush()
            _give(writable, attributes)
            _copy_labels(like or target, writable)
            os.fchmod(writable, attributes.mode)
            os.fsync(writable)
        yield temporary


def replace(temporary: Path, target: Path) -> None:
    """Rename a staged file to ``target``, for good."""
    temporary.replace(target)
    try:
        sync_directory(target.parent)
    except OSError as error:
        if error.errno not in _UNSYNCABLE:  # where it cannot be done, the file is in place all the same
            raise


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold back the signals that ask to stop until the end of this context: what is being undone is undone whole."""
    held: list[int] = []
    # Not by a mask, which is one thread's: the kernel would give the signal to another, and Python to this one.
    handlers = {}
    if threading.current_thread() is threading.main_thread():
        handlers = {number: handler for number in STOPPING if (handler := signal.getsignal(number)) is not None}
    for number in handlers:
        signal.signal(number, lambda number, _: held.append(number))
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for asked in held:
            signal.raise_signal(asked)


def is_own(directory: Path) -> bool:
    """Tell whether only this user puts files into a directory."""
    status = directory.stat()
    return status.st_uid == os.geteuid() and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def sync_directory(directory: Path) -> None:
    """Have the disk hold the names in ``directory`` as they are now."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sweep(directory: Path) -> None:
    """Remove the staged files in ``directory`` whose process has been killed, as far as that is this user's to do."""
    with suppress(OSError):  # nothing of ours is where we cannot look
        for leftover in directory.iterdir():
            if _OURS.match(leftover.name):
                _remove_unused(leftover)


def _remove_unused(leftover: Path) -> None:
    with suppress(OSError):  # in use, or gone meanwhile
        descriptor = os.open(leftover, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.geteuid() in {0, os.fstat(descriptor).st_uid}:
                leftover.unlink()
        finally:
            os.close(descriptor)


@contextmanager
def _reserved(directory: Path, suffix: str) -> Iterator[tuple[Path, int]]:
    """Give the name and the descriptor of an empty file, locked to tell ``sweep`` that somebody is at it."""
    is_ours = False
    while not is_ours:
        # The name comes first, so that a signal at any moment leaves no file without a name to remove.
        temporary = directory / f"{_STAGED}{os.urandom(8).hex()}{suffix}"
        try:
            descriptor = os.open(temporary, os.O_RDONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                with suppress(OSError):  # file systems without locks keep leftovers
                    fcntl.flock(descriptor, fcntl.LOCK_SH)
                is_ours = os.fstat(descriptor).st_nlink > 0  # a sweep may have come before the lock
                if is_ours:
                    yield temporary, descriptor
            finally:
                os.close(descriptor)
        finally:
            with uninterrupted(), suppress(OSError):  # in place by now, or where nothing can be removed any more
                temporary.unlink()


def _give(descriptor: int, attributes: FileAttributes) -> None:
    try:
        os.fchown(descriptor, attributes.uid, attributes.gid)
    except PermissionError as error:
        reason = f"a new file cannot have its owner and group ({error.strerror}): set them, or write in place"
        raise PermissionError(error.errno, reason) from error


def _copy_labels(existing: Path, descriptor: int) -> None:
    """Have a file say what the existing one says of who may do what, and no more, whatever its directory would add."""
    if sys.platform == "linux":
        for name in _LABELS:
            with suppress(OSError):  # there is no file or no such label, or its file system has none
                if name in os.listxattr(existing):
                    os.setxattr(descriptor, name, os.getxattr(existing, name))
                else:
                    os.removexattr(descriptor, name)
