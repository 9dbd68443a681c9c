"""Atomic replacement of a file: the new content is staged beside the target, synced and renamed over it."""

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

from ec2facts.trust import rights_of, trace

_PREFIX = ".ec2facts-"
"""The prefix of a staged file's name; the dot hides it from includes such as ``*.conf``."""

_STAGED_NAME = re.compile(re.escape(_PREFIX) + "[0-9a-f]{16}")

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""The signals that ask a program to stop."""

_UNSYNCABLE = {errno.EACCES, errno.EPERM, errno.EINVAL, errno.ENOTSUP}
"""The errors of a sync that are ignored: the directory cannot be opened, or its file system cannot sync it."""

_LABELS = ("security.selinux", "system.posix_acl_access")
"""The extended attributes that grant access to a file."""


class FileAttributes(NamedTuple):
    """A file's permissions, uid and gid; -1 for the system's default for a new file."""

    mode: int
    uid: int = -1
    gid: int = -1

    @classmethod
    def of(cls, status: os.stat_result) -> FileAttributes:
        """Return the attributes of an existing file."""
        return cls(stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid)

    @classmethod
    def of_new_file(cls) -> FileAttributes:
        """Return the attributes of a new file of the effective user."""
        umask = os.umask(0o077)
        os.umask(umask)
        return cls(0o666 & ~umask)

    @classmethod
    def inherited(cls, status: os.stat_result) -> FileAttributes:
        """Return the attributes that a replacement inherits: all but set-id and sticky bits."""
        return cls.of(status)._replace(mode=status.st_mode & 0o777)


def write_file(path: Path, content: bytes, *, mode: int | None = None) -> None:
    """Atomically replace the file at ``path``, or the target of a link, by ``content``; on failure it is unchanged.

    The new file keeps the owner, group and permissions of the old one, unless ``mode`` is given or a stranger may have
    created the old file. A terminal, a pipe or another special file is written to directly. Below a directory that
    another user controls, root acts with that user's rights. Raises OSError.
    """
    try:
        trail = trace(path)
        with rights_of(trail.controller()):
            try:
                status = path.stat()
            except FileNotFoundError:
                attributes, like = FileAttributes.of_new_file(), None
            else:
                is_trusted = trail.trusts(status)
                if not stat.S_ISREG(status.st_mode):
                    if not is_trusted:
                        raise PermissionError(errno.EPERM, "another user created it")
                    path.write_bytes(content)
                    return
                is_trusted = is_trusted and (not trail.strangers or status.st_uid == os.geteuid())
                attributes = FileAttributes.inherited(status) if is_trusted else FileAttributes.of_new_file()
                like = trail.path if is_trusted else None
            if mode is not None:
                attributes = attributes._replace(mode=mode)
            sweep(trail.path.parent)
            put(trail.path, content, attributes, like=like)
    except OSError as error:
        # Name the target: a staged file's name means nothing to users, and an error of write() has no file name.
        raise OSError(error.errno, error.strerror, str(path)) from error


def put(target: Path, content: bytes, attributes: FileAttributes, *, like: Path | None = None) -> None:
    """Create or replace ``target``, a path without symbolic links, by a ``staged`` file."""
    with staged(target, content, attributes, like=like) as temporary:
        replace(temporary, target)


@contextmanager
def staged(
    target: Path, content: bytes, attributes: FileAttributes, *, suffix: str = "", like: Path | None = None
) -> Iterator[Path]:
    """Yield a file beside ``target`` with its final content and attributes, ready for ``replace``; remove it on exit.

    Only its owner can open it before it is complete. It has the SELinux label and the ACL of the file ``like``.
    """
    with _reserved(target.parent, suffix) as (temporary, descriptor):
        # Close the file before it is yielded: a check cannot execute a file that is open for writing.
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_NOFOLLOW), "wb") as stream:
            writable = stream.fileno()
            if not os.path.samestat(os.fstat(writable), os.fstat(descriptor)):
                raise FileExistsError(errno.EEXIST, "another file replaced the staged one")
            stream.write(content)
            stream.flush()
            try:
                os.fchown(writable, attributes.uid, attributes.gid)
            except PermissionError as error:
                reason = f"its owner and group cannot be set ({error.strerror}): choose others, or write in place"
                raise PermissionError(error.errno, reason) from error
            if like is not None:
                _copy_labels(like, writable)
            os.fchmod(writable, attributes.mode)
            os.fsync(writable)
        yield temporary


def replace(temporary: Path, target: Path) -> None:
    """Rename a staged file to ``target``, and sync the directory."""
    temporary.replace(target)
    try:
        sync_directory(target.parent)
    except OSError as error:
        if error.errno not in _UNSYNCABLE:  # a failed sync leaves the new file in place
            raise


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Defer the signals ``STOPPING`` to the end of this context, so that a rollback completes."""
    delayed: list[int] = []
    # No signal mask: it blocks one thread, the kernel delivers to another, and Python runs the handler in this one.
    handlers = {}
    if threading.current_thread() is threading.main_thread():
        handlers = {number: handler for number in STOPPING if (handler := signal.getsignal(number)) is not None}
    for number in handlers:
        signal.signal(number, lambda number, _: delayed.append(number))
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for signal_number in delayed:
            signal.raise_signal(signal_number)


def sync_directory(directory: Path) -> None:
    """Sync the entries of ``directory`` to the disk."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sweep(directory: Path) -> None:
    """Remove the staged files of killed processes in ``directory``: this user's, or as root everybody's."""
    with suppress(OSError):  # skip a directory that cannot be listed
        for leftover in directory.iterdir():
            if _STAGED_NAME.match(leftover.name):
                _remove_unused(leftover)


def _remove_unused(leftover: Path) -> None:
    with suppress(OSError):  # skip a file that is locked or already removed
        descriptor = os.open(leftover, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.geteuid() in {0, os.fstat(descriptor).st_uid}:
                leftover.unlink()
        finally:
            os.close(descriptor)


@contextmanager
def _reserved(directory: Path, suffix: str) -> Iterator[tuple[Path, int]]:
    """Yield the path and the descriptor of an empty file, locked so that ``sweep`` skips it."""
    is_ours = False
    while not is_ours:
        # Choose the name before the file exists, so that a signal at any moment leaves no file behind.
        temporary = directory / f"{_PREFIX}{os.urandom(8).hex()}{suffix}"
        try:
            descriptor = os.open(temporary, os.O_RDONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                with suppress(OSError):  # on a file system without locks, sweep skips it
                    fcntl.flock(descriptor, fcntl.LOCK_SH)
                is_ours = os.fstat(descriptor).st_nlink > 0  # a sweep may have removed it before the lock
                if is_ours:
                    yield temporary, descriptor
            finally:
                os.close(descriptor)
        finally:
            with uninterrupted(), suppress(OSError):  # the file is renamed already, or cannot be removed
                temporary.unlink()


def _copy_labels(existing: Path, descriptor: int) -> None:
    """Copy the SELinux label and the ACL of ``existing``, and remove those that the directory set by default."""
    if sys.platform == "linux":
        for name in _LABELS:
            with suppress(OSError):  # no such file or label, or a file system without labels
                if name in os.listxattr(existing):
                    os.setxattr(descriptor, name, os.getxattr(existing, name))
                else:
                    os.removexattr(descriptor, name)
