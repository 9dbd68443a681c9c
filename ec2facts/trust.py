"""Trust in a path: the users who can change it, and code that runs with a user's rights."""

from __future__ import annotations

import errno
import grp
import os
import pwd
import stat
import threading
from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple, TypeVar

_T = TypeVar("_T")

_RIGHTS_LOCK = threading.RLock()
"""Held while this process acts with another user's rights, because all its threads share them."""

_MAX_LINKS = 40
"""The maximum number of symbolic links that Linux follows in one path."""

_NOGROUP = 65534
"""The group of an unknown user."""


class Stranger(NamedTuple):
    """A user who can change ``path``, except root and the effective user; ``uid`` is None for many users."""

    path: Path
    uid: int | None
    reason: str


class Trail(NamedTuple):
    """The target of a path, and the strangers who can change it."""

    path: Path
    """The path without symbolic links; its last names may not exist."""
    strangers: tuple[Stranger, ...]
    is_shared: bool
    """Whether others can create files beside it, in a shared directory with the sticky bit."""

    @property
    def reason(self) -> str | None:
        """Why the path cannot be trusted, and the remedy; None if it can be trusted."""
        return self.strangers[0].reason if self.strangers else None

    def controller(self) -> int | None:
        """Return the uid of the stranger who controls the path; None if there are no strangers.

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
        """Whether no stranger can have created the existing file at the end of the path."""
        return not self.is_shared or (status.st_uid in {0, os.geteuid()} and status.st_nlink == 1)


def trace(path: Path, *, content: bool = False, trusted: Collection[int] = ()) -> Trail:
    """Follow ``path`` from / and return the strangers who control it.

    Every directory and symbolic link must belong to root, the effective user or a user of ``trusted``, and nobody else
    may write to it; with ``content``, the same holds for the file. Others may create files in a directory with the
    sticky bit, so links of strangers in it are refused. A group counts as others unless its only member is the owner.
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
                found = _owner(here / name, status)
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
    found = [_owner(path, status)] if status.st_uid not in own else []
    if stat.S_ISDIR(status.st_mode) and _is_shared(status):
        return found  # in a sticky directory, each entry has its own owner
    if status.st_mode & stat.S_IWOTH:
        who = "everybody"
    elif status.st_mode & stat.S_IWGRP and not _is_private_group(path, status, own):
        who = f"the group {_group_name(status.st_gid)}"
    else:
        return found
    owner = User.of(status.st_uid).name
    remedy = "remove that permission or use another path"
    return [*found, Stranger(path, None, f"{who} can write to {path}, which belongs to {owner}: {remedy}")]


def _owner(path: Path, status: os.stat_result) -> Stranger:
    remedy = "give it to root or use another path"
    return Stranger(
        path, status.st_uid, f"{path} belongs to {User.of(status.st_uid).name}, who can change it: {remedy}"
    )


def _is_private_group(path: Path, status: os.stat_result, own: Collection[int]) -> bool:
    """Whether the group of a file has no members but its owner and trusted users."""
    with suppress(OSError, AttributeError):  # no access control lists here
        if "system.posix_acl_access" in os.listxattr(path):
            return False  # the group permission is then the mask of the list
    try:
        group = grp.getgrgid(status.st_gid)
    except KeyError:
        return False
    members = {user.pw_name: user.pw_uid for user in pwd.getpwall() if user.pw_gid == status.st_gid}
    for name in group.gr_mem:
        with suppress(KeyError):
            members[name] = pwd.getpwnam(name).pw_uid
    # A directory service may list no users; a group with the name of the owner is then the owner's.
    is_owners = bool(members) or group.gr_name == User.of(status.st_uid).name
    return is_owners and {*members.values()} <= {status.st_uid, *own}


def _group_name(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


class User(NamedTuple):
    """A user's name, home directory, uid, gid and groups."""

    name: str
    home: str
    uid: int
    gid: int
    groups: tuple[int, ...]

    @classmethod
    def of(cls, uid: int) -> User:
        """Return the user with this uid; an unknown user is in no group."""
        try:
            entry = pwd.getpwuid(uid)
        except KeyError:
            return cls(f"user {uid}", "/", uid, _NOGROUP, (_NOGROUP,))
        groups = os.getgrouplist(entry.pw_name, entry.pw_gid)
        return cls(entry.pw_name, entry.pw_dir, uid, entry.pw_gid, tuple(groups))


@contextmanager
def rights_of(uid: int | None) -> Iterator[None]:
    """Set the effective uid, gid and groups to a user's until the end of this context; None changes nothing.

    Credentials belong to the whole process: other threads act with the same rights meanwhile.
    """
    if uid is None:
        yield
        return

    def restore() -> None:
        os.seteuid(before[0])
        os.setegid(before[1])
        os.setgroups(before[2])

    with _RIGHTS_LOCK:
        user = User.of(uid)
        before = os.geteuid(), os.getegid(), os.getgroups()
        try:
            os.setgroups(user.groups)
            os.setegid(user.gid)
            os.seteuid(user.uid)
            yield
        finally:
            try:
                restore()
            finally:
                restore()  # a signal may have interrupted the first call


@contextmanager
def with_rights_of(uid: int | None, context: AbstractContextManager[_T]) -> Iterator[_T]:
    """Enter and exit ``context`` with a user's rights; its body runs with this process's rights."""
    with ExitStack() as stack:
        with rights_of(uid):
            entered = stack.enter_context(context)
        try:
            yield entered
        finally:
            with rights_of(uid):
                stack.close()
