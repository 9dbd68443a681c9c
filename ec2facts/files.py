"""Atomic replacement of files, and the users who control a path."""

from __future__ import annotations

import errno
import fcntl
import grp
import os
import pwd
import re
import signal
import stat
import sys
import threading
from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple, TypeVar

_T = TypeVar("_T")

_STAGED = ".ec2facts-"
"""Begins the name of a staged file; the dot hides it from includes such as ``*.conf``."""

_OURS = re.compile(re.escape(_STAGED) + "[0-9a-f]{16}")

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""The signals that ask a program to stop."""

_UNSYNCABLE = {errno.EACCES, errno.EPERM, errno.EINVAL, errno.ENOTSUP}
"""The errors of a directory that cannot be opened, or whose file system cannot sync it."""

_LABELS = ("security.selinux", "system.posix_acl_access")
"""The extended attributes that grant access to a file."""

_LENDING = threading.RLock()
"""Held while this process acts with the rights of another user, which all its threads share."""

_MAX_LINKS = 40
"""The number of symbolic links that Linux follows in one path."""

_NOGROUP = 65534
"""The group of a user that the system does not know."""


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
        """Return the attributes that a new file has, of the effective user."""
        umask = os.umask(0o077)
        os.umask(umask)
        return cls(0o666 & ~umask)

    @classmethod
    def inherited(cls, status: os.stat_result) -> FileAttributes:
        """Return the attributes that a replacement takes over: all but set-id and sticky bits."""
        return cls.of(status)._replace(mode=status.st_mode & 0o777)


class Stranger(NamedTuple):
    """The user ``uid``, or None for many, who is neither root nor the effective user and can change ``path``."""

    path: Path
    uid: int | None
    reason: str


class Trail(NamedTuple):
    """The target of a path, and the strangers who can change it."""

    path: Path
    """The path without symbolic links; its last names may not exist."""
    strangers: tuple[Stranger, ...]
    is_shared: bool
    """Whether others can create files beside it, in a directory with the sticky bit."""

    @property
    def reason(self) -> str | None:
        """Why the path cannot be trusted, and the remedy; None if it can be trusted."""
        return self.strangers[0].reason if self.strangers else None

    def controller(self) -> int | None:
        """Return the one stranger whose rights are to be used, None if there are no strangers.

        Raises PermissionError if several users control the path, or if the effective user is not root.
        """
        users = {stranger.uid for stranger in self.strangers}
        if not users:
            return None
        if None in users or os.geteuid() != 0:
            raise PermissionError(errno.EPERM, next(s.reason for s in self.strangers if s.uid is None or os.geteuid()))
        if len(users) > 1:
            reasons = "; ".join(stranger.reason for stranger in self.strangers)
            raise PermissionError(errno.EPERM, f"several users control this path: {reasons}")
        return users.pop()

    def trusts(self, status: os.stat_result) -> bool:
        """Whether the existing file at the end of the path is one that no stranger can have put there."""
        return not self.is_shared or (status.st_uid in {0, os.geteuid()} and status.st_nlink == 1)


def trace(path: Path, *, content: bool = False, trusted: Collection[int] = ()) -> Trail:
    """Follow ``path`` from / and return the strangers who control it.

    Every directory and symbolic link has to belong to root, the effective user or a user of ``trusted``, and nobody
    else may write to it; ``content`` asks this of the file as well. In a directory with the sticky bit others may
    create files, so links of strangers in it are refused. A group counts as others unless its only member is the owner.
    """
    own = {0, os.geteuid(), *trusted}
    here = Path("/")
    names = [*reversed((Path.cwd() / path).parts[1:])]
    strangers = _strangers(here, os.lstat(here), own)
    is_shared = False
    links = 0
    while names:
        name = names.pop()
        if name == "..":
            here = here.parent
            continue
        is_shared = _is_shared(os.lstat(here))
        try:
            status = os.lstat(here / name)
        except FileNotFoundError:
            return Trail(here.joinpath(name, *reversed(names)), tuple(strangers), is_shared and not names)
        if stat.S_ISLNK(status.st_mode):
            links += 1
            if links > _MAX_LINKS:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
            if status.st_uid not in own:
                found = _owned(here / name, status)
                strangers.append(found._replace(uid=None) if is_shared else found)
            target = (here / name).readlink()
            here = Path("/") if target.is_absolute() else here
            names += reversed(target.parts[target.is_absolute() :])
            continue
        here /= name
        if content or stat.S_ISDIR(status.st_mode):
            strangers += _strangers(here, status, own)
    return Trail(here, tuple(strangers), is_shared)


def _is_shared(directory: os.stat_result) -> bool:
    return bool(directory.st_mode & stat.S_ISVTX and directory.st_mode & (stat.S_IWGRP | stat.S_IWOTH))


def _strangers(path: Path, status: os.stat_result, own: Collection[int]) -> list[Stranger]:
    """Return the strangers who can change a file, or the entries of a directory."""
    found = [_owned(path, status)] if status.st_uid not in own else []
    if stat.S_ISDIR(status.st_mode) and _is_shared(status):
        return found  # in a sticky directory, each entry has its own owner
    if status.st_mode & stat.S_IWOTH:
        who = "everybody"
    elif status.st_mode & stat.S_IWGRP and not _is_private_group(path, status, own):
        who = f"the group {_group_name(status.st_gid)}"
    else:
        return found
    owner = _user_name(status.st_uid)
    remedy = "take away that permission or use another path"
    return [*found, Stranger(path, None, f"{who} can write to {path}, which belongs to {owner}: {remedy}")]


def _owned(path: Path, status: os.stat_result) -> Stranger:
    remedy = "give it to root or use another path"
    return Stranger(path, status.st_uid, f"{path} belongs to {_user_name(status.st_uid)}, who can change it: {remedy}")


def _is_private_group(path: Path, status: os.stat_result, own: Collection[int]) -> bool:
    """Whether the group of a file gives nobody but its owner, or who is trusted anyway, the right to write."""
    with suppress(OSError, AttributeError):  # a file system, or a system, without access control lists
        if "system.posix_acl_access" in os.listxattr(path):
            return False  # the group's permission is then the mask of a list of users
    try:
        group = grp.getgrgid(status.st_gid)
    except KeyError:
        return False
    members = {user.pw_name: user.pw_uid for user in pwd.getpwall() if user.pw_gid == status.st_gid}
    for name in group.gr_mem:
        with suppress(KeyError):
            members[name] = pwd.getpwnam(name).pw_uid
    # A directory service need not list users; a group that has the name of its owner is that user's own.
    is_owners = bool(members) or group.gr_name == _user_name(status.st_uid)
    return is_owners and {*members.values()} <= {status.st_uid, *own}


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def _group_name(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


class User(NamedTuple):
    """A user's name, home directory, uid, gid and groups, if the system knows the user."""

    name: str
    home: str
    uid: int
    gid: int
    groups: tuple[int, ...]

    @classmethod
    def of(cls, uid: int) -> User:
        """Return the user with a uid; one that the system does not know is in no group."""
        try:
            entry = pwd.getpwuid(uid)
        except KeyError:
            return cls(f"user {uid}", "/", uid, _NOGROUP, (_NOGROUP,))
        groups = os.getgrouplist(entry.pw_name, entry.pw_gid)
        return cls(entry.pw_name, entry.pw_dir, uid, entry.pw_gid, tuple(groups))


@contextmanager
def rights_of(uid: int | None) -> Iterator[None]:
    """Act with the effective uid, gid and groups of a user until the end of this context; None changes nothing.

    Credentials belong to the whole process: other threads act with the same rights meanwhile.
    """
    if uid is None:
        yield
        return
    with _LENDING, _as_user(User.of(uid)):
        yield


@contextmanager
def _as_user(user: User) -> Iterator[None]:
    before = os.geteuid(), os.getegid(), os.getgroups()

    def restore() -> None:
        os.seteuid(before[0])
        os.setegid(before[1])
        os.setgroups(before[2])

    try:
        os.setgroups(user.groups)
        os.setegid(user.gid)
        os.seteuid(user.uid)
        yield
    finally:
        try:
            restore()
        finally:
            restore()  # a signal may have interrupted the first


@contextmanager
def with_rights_of(uid: int | None, context: AbstractContextManager[_T]) -> Iterator[_T]:
    """Enter and leave ``context`` with the rights of a user; the code inside it keeps this process's rights."""
    with ExitStack() as stack:
        with rights_of(uid):
            entered = stack.enter_context(context)
        try:
            yield entered
        finally:
            with rights_of(uid):
                stack.close()


def write_file(path: Path, content: bytes, *, mode: int | None = None) -> None:
    """Replace the file at ``path``, or what it links to, by ``content``; on any failure the file is unchanged.

    It keeps its owner, group and permissions unless ``mode`` gives others, but nothing of a stranger's file. What is
    not a regular file (a terminal, a pipe) is written to directly. Below a directory that another user controls, root
    acts with that user's rights. Raises OSError.
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
                        raise PermissionError(errno.EPERM, "another user made it")
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
    """Replace the file ``target``, which is not a link, or create it, as ``staged`` does."""
    with staged(target, content, attributes, like=like) as temporary:
        replace(temporary, target)


@contextmanager
def staged(
    target: Path, content: bytes, attributes: FileAttributes, *, suffix: str = "", like: Path | None = None
) -> Iterator[Path]:
    """Yield a file beside ``target`` with its final content and attributes, ready for ``replace``; remove it on exit.

    Only its owner can open it before it is complete. It takes the SELinux label and the ACL of the file ``like``.
    """
    with _reserved(target.parent, suffix) as (temporary, descriptor):
        # It is closed again before it is used: a check cannot execute a file that is open for writing.
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_NOFOLLOW), "wb") as stream:
            writable = stream.fileno()
            if not os.path.samestat(os.fstat(writable), os.fstat(descriptor)):
                raise FileExistsError(errno.EEXIST, "another file replaced the staged one")
            stream.write(content)
            stream.flush()
            _give(writable, attributes)
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
    """Delay the signals that ask to stop until the end of this context, so that a rollback is complete."""
    delayed: list[int] = []
    # A signal mask belongs to one thread: the kernel would deliver the signal to another, and Python handle it here.
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
    """Write the names in ``directory`` to the disk."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sweep(directory: Path) -> None:
    """Remove the staged files in ``directory`` that killed processes of this user, or for root of any user, left."""
    with suppress(OSError):  # a directory that cannot be listed holds no file of ours
        for leftover in directory.iterdir():
            if _OURS.match(leftover.name):
                _remove_unused(leftover)


def _remove_unused(leftover: Path) -> None:
    with suppress(OSError):  # the file is locked, or was removed meanwhile
        descriptor = os.open(leftover, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.geteuid() in {0, os.fstat(descriptor).st_uid}:
                leftover.unlink()
        finally:
            os.close(descriptor)


@contextmanager
def _reserved(directory: Path, suffix: str) -> Iterator[tuple[Path, int]]:
    """Yield the name and the descriptor of an empty file, locked so that ``sweep`` leaves it."""
    is_ours = False
    while not is_ours:
        # The name is known first, so that a file can be removed after a signal at any moment.
        temporary = directory / f"{_STAGED}{os.urandom(8).hex()}{suffix}"
        try:
            descriptor = os.open(temporary, os.O_RDONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                with suppress(OSError):  # on a file system without locks, sweep leaves it
                    fcntl.flock(descriptor, fcntl.LOCK_SH)
                is_ours = os.fstat(descriptor).st_nlink > 0  # a sweep may have come before the lock
                if is_ours:
                    yield temporary, descriptor
            finally:
                os.close(descriptor)
        finally:
            with uninterrupted(), suppress(OSError):  # the file is in place already, or cannot be removed
                temporary.unlink()


def _give(descriptor: int, attributes: FileAttributes) -> None:
    try:
        os.fchown(descriptor, attributes.uid, attributes.gid)
    except PermissionError as error:
        reason = f"a new file cannot have its owner and group ({error.strerror}): set others, or write in place"
        raise PermissionError(error.errno, reason) from error


def _copy_labels(existing: Path, descriptor: int) -> None:
    """Copy the SELinux label and the ACL of ``existing``, and drop those that the directory added by default."""
    if sys.platform == "linux":
        for name in _LABELS:
            with suppress(OSError):  # no such file or label, or a file system without labels
                if name in os.listxattr(existing):
                    os.setxattr(descriptor, name, os.getxattr(existing, name))
                else:
                    os.removexattr(descriptor, name)
