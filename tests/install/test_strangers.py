"""Root installs where another user, nobody, attacks: no file beyond that user's own rights changes."""

from __future__ import annotations

import ctypes
import os
import random
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from ec2facts.cli.signals import stoppable
from ec2facts.errors import EC2FactsError, InstallError
from ec2facts.install import File, install
from tests.install.conftest import hidden
from tests.install.moments import in_child, interrupted

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can lend rights: run the tests as root")

NOBODY = 65534
SECRET = b"AKIAIOSFODNN7EXAMPLE"


class Directories:
    """The directories ``app`` of the user nobody, ``shared`` like /tmp, and ``victim``, which only root can change."""

    def __init__(self, base: Path) -> None:
        base.chmod(0o755)
        self.app, self.shared, self.victim = base / "app", base / "shared", base / "victim"
        self.state = base / "state"
        for directory, mode in ((self.app, 0o755), (self.shared, 0o1777), (self.victim, 0o755), (self.state, 0o700)):
            directory.mkdir()
            directory.chmod(mode)
        os.chown(self.app, NOBODY, NOBODY)
        (self.victim / "x").write_bytes(b"precious\n")
        (self.victim / "key").write_bytes(b"private key\n")
        (self.victim / "key").chmod(0o600)

    def make(self, path: Path, content: bytes = b"old\n", mode: int = 0o644) -> Path:
        """Create a file that the user nobody owns."""
        path.write_bytes(content)
        os.chown(path, NOBODY, NOBODY)
        path.chmod(mode)
        return path

    def victims(self) -> list[tuple[str, int, int, int, int, bytes]]:
        """Return the state of the files that must not change."""
        found = []
        for path in sorted(self.victim.rglob("*")):
            status = path.stat()
            content = path.read_bytes() if path.is_file() else b""
            found.append((path.name, status.st_ino, status.st_mode, status.st_uid, status.st_gid, content))
        return found


@pytest.fixture
def directories() -> Iterator[Directories]:
    """Return directories below /tmp, where the user nobody can reach them."""
    with tempfile.TemporaryDirectory() as base:
        yield Directories(Path(base))


def owner(path: Path) -> int:
    return path.lstat().st_uid


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def at_event(event: str, path: Path, action: Callable[[], object]) -> None:
    """Run ``action`` once, right before the system call on ``path`` that an audit event announces."""
    armed = True

    def look(seen: str, arguments: tuple[object, ...]) -> None:
        nonlocal armed
        if armed and seen == event and str(arguments[0]) == str(path):
            armed = False
            action()

    sys.addaudithook(look)


# Attacks of the user who controls the directory that root installs in


def test_owner_of_a_set_id_copy_is_not_repaired(directories: Directories) -> None:
    copy = directories.make(directories.app / "sh", b"#!/bin/sh\n", 0o4755)

    with pytest.raises(InstallError, match="with the rights of nobody"):
        install([File(copy, b"#!/bin/sh\n", owner="root")])

    assert owner(copy) == NOBODY


def test_target_of_a_symlink_keeps_its_owner(directories: Directories) -> None:
    before = directories.victims()
    link = directories.app / "x"
    link.symlink_to(directories.victim / "x")
    os.chown(link, NOBODY, NOBODY, follow_symlinks=False)

    with pytest.raises(InstallError, match="with the rights of nobody"):
        install([File(link, b"precious\n", owner="nobody")])

    assert directories.victims() == before


def test_parent_that_is_swapped_during_a_check_is_not_followed(directories: Directories) -> None:
    before = directories.victims()
    parent = directories.app / "sub"
    parent.mkdir()
    os.chown(parent, NOBODY, NOBODY)
    swap = f"mv {parent} {parent}.old; ln -s {directories.victim} {parent}; true {{}}"

    with pytest.raises(InstallError):
        install([File(parent / "x", b"new\n", check=swap)])

    assert parent.is_symlink()
    assert directories.victims() == before


def test_rollback_refuses_a_target_that_became_a_symlink_during_a_live_check(directories: Directories) -> None:
    before = directories.victims()
    target = directories.make(directories.app / "x")
    swap = f"ln -sf {directories.victim}/x {target}; false"

    with pytest.raises(EC2FactsError):
        install([File(target, b"new\n", in_place=True, check_live=swap)], state=directories.state)

    assert target.is_symlink()
    assert directories.victims() == before


def test_repair_ignores_the_mode_of_an_exchanged_target(directories: Directories) -> None:
    before = directories.victims()
    target = directories.make(directories.app / "x")
    link = directories.app / "link"
    link.symlink_to(directories.victim / "key")
    at_event("os.chmod", target, lambda: link.replace(target))

    with pytest.raises(InstallError, match="with the rights of nobody"):
        install([File(target, b"old\n", mode=0o666)])

    assert target.is_symlink()
    assert directories.victims() == before


def test_rollback_of_a_killed_run_uses_the_rights_of_the_directory_owner(directories: Directories) -> None:
    before = directories.victims()
    parent = directories.app / "sub"
    parent.mkdir()
    os.chown(parent, NOBODY, NOBODY)
    file = directories.make(parent / "x")
    # The victim holds the new content, so that the rollback takes the victim for the file to restore.
    live = File(file, b"precious\n", check_live="true")

    def install_until_killed() -> None:
        at_event("subprocess.Popen", Path("/bin/sh"), lambda: os.kill(os.getpid(), signal.SIGKILL))
        install([live], state=directories.state)

    in_child(install_until_killed)
    assert len(hidden(parent)) == 1
    parent.rename(directories.app / "old")
    parent.symlink_to(directories.victim)
    (directories.app / "old" / hidden(directories.app / "old")[0]).rename(directories.app / "saved")

    with pytest.raises(InstallError, match="another user controls"):
        install([File(directories.state.parent / "other", b"new\n", command="true")], state=directories.state)

    assert directories.victims() == before


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_interruption_at_any_moment_leaves_the_old_or_new_file_and_restores_the_rights(
    directories: Directories, number: signal.Signals
) -> None:
    file = directories.make(directories.app / "x")

    def install_file() -> None:
        with stoppable():
            try:
                install([File(file, b"new\n", backup=True, check_live="true")], state=directories.state)
            finally:
                assert (os.geteuid(), os.getegid(), os.getgroups()) == (0, 0, groups)

    groups = os.getgroups()
    for _ in interrupted(install_file, number):
        assert file.read_bytes() in {b"old\n", b"new\n"}
        assert owner(file) == NOBODY
        install([File(file, b"old\n", command="true")], state=directories.state)
        assert (hidden(directories.app), hidden(directories.state)) == ([], [])


def test_parents_are_not_created_inside_a_strangers_directory(directories: Directories) -> None:
    before = directories.victims()
    theirs = directories.shared / "a"

    def create_first() -> None:
        theirs.mkdir()
        os.chown(theirs, NOBODY, NOBODY)

    at_event("os.mkdir", theirs, create_first)
    with pytest.raises(InstallError):
        install([File(theirs / "b" / "x", b"new\n", parents=True, owner="nobody")])

    assert names(theirs) == []
    assert directories.victims() == before


# What root still may do there


def test_file_below_a_users_directory_belongs_to_that_user(directories: Directories) -> None:
    install([File(directories.app / "x", b"new\n")])
    install(
        [File(directories.app / "x", b"newer\n", check="test $(id -u):$(id -g):$(id -G) = 65534:65534:65534; : {}")]
    )

    assert (owner(directories.app / "x"), (directories.app / "x").read_bytes()) == (NOBODY, b"newer\n")
    assert (os.geteuid(), os.getegid(), hidden(directories.app)) == (0, 0, [])


def test_check_with_the_rights_of_a_user_sees_no_variables_of_root(
    directories: Directories, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PASSWORD", SECRET.decode())

    install([File(directories.app / "x", b"new\n", check='test -z "$PASSWORD" && test "$USER" = nobody; : {}')])

    assert (directories.app / "x").exists()


def test_file_of_root_below_a_users_directory_changes_its_owner_to_that_user(directories: Directories) -> None:
    (directories.app / "x").write_bytes(b"old\n")
    (directories.app / "x").chmod(0o644)

    install([File(directories.app / "x", b"new\n")])

    assert owner(directories.app / "x") == NOBODY


def test_failed_live_check_restores_a_users_file(directories: Directories) -> None:
    file = directories.make(directories.app / "x")
    inode = file.stat().st_ino

    with pytest.raises(EC2FactsError):
        install([File(file, b"new\n", backup=True, check_live="false")], state=directories.state)

    assert (file.stat().st_ino, file.read_bytes(), names(directories.app)) == (inode, b"old\n", ["x"])


def test_secret_below_a_users_directory_needs_that_owner_by_name(directories: Directories) -> None:
    with pytest.raises(InstallError, match="belongs to nobody, who could read this secret; --owner nobody allows it"):
        install([File(directories.app / "x", SECRET, secret=True)])
    assert names(directories.app) == []

    install([File(directories.app / "x", SECRET, secret=True, owner="nobody")])

    assert stat.S_IMODE((directories.app / "x").stat().st_mode) == 0o600


def test_directory_of_several_users_is_refused(directories: Directories) -> None:
    inner = directories.app / "inner"
    inner.mkdir()
    os.chown(inner, 12345, 12345)

    with pytest.raises(InstallError, match=r"several users control this path: .*/app belongs to nobody.*12345"):
        install([File(inner / "x", b"new\n")])


@pytest.mark.parametrize(("mode", "who"), [(0o777, "everybody"), (0o775, "the group 12345")])
def test_directory_that_others_can_write_to_is_refused_with_its_owner_and_the_remedy(
    directories: Directories, mode: int, who: str
) -> None:
    os.chown(directories.app, 0, 12345)
    directories.app.chmod(mode)

    with pytest.raises(InstallError) as refusal:
        install([File(directories.app / "x", b"new\n")])

    remedy = "remove that permission or use another path"
    assert str(refusal.value).endswith(f": {who} can write to {directories.app}, which belongs to root: {remedy}")


def test_missing_capability_fails_only_the_file_that_needs_a_users_rights(
    directories: Directories, program: Callable[..., str]
) -> None:
    script = "import sys; from pathlib import Path; from ec2facts.install import File, install\n"
    script += "install([File(Path(name), b'new') for name in sys.argv[1:]])"
    setpriv = [program("setpriv", package="util-linux"), "--bounding-set=-setuid,-setgid"]
    files = [directories.app / "x", directories.victim / "new"]

    done = subprocess.run([*setpriv, sys.executable, "-c", script, *files], stderr=subprocess.PIPE, check=False)

    assert b"x: Operation not permitted; with the rights of nobody, who controls this path" in done.stderr
    assert [file.exists() for file in files] == [False, True]


# A directory with the sticky bit, such as /tmp


def test_descriptor_of_a_strangers_file_are_not_kept(directories: Directories) -> None:
    file = directories.make(directories.shared / "x", b"old\n", 0o4666)

    install([File(file, b"new\n")])

    assert (owner(file), stat.S_IMODE(file.stat().st_mode)) == (0, 0o644)


@pytest.mark.parametrize("content", [b"old\n", SECRET])
def test_strangers_file_never_receives_a_secret(directories: Directories, content: bytes) -> None:
    file = directories.make(directories.shared / "x", content, 0o666)
    with file.open("r+b") as opened_before:
        install([File(file, SECRET, secret=True)])
        opened_before.write(b"changed\n")

    assert (owner(file), stat.S_IMODE(file.stat().st_mode), file.read_bytes()) == (0, 0o600, SECRET)


def test_symlink_of_a_stranger_is_not_followed(directories: Directories) -> None:
    before = directories.victims()
    link = directories.shared / "x"
    link.symlink_to(directories.victim / "x")
    os.chown(link, NOBODY, NOBODY, follow_symlinks=False)

    with pytest.raises(InstallError, match="x belongs to nobody"):
        install([File(link, b"new\n")])

    assert directories.victims() == before


def test_file_that_others_may_have_created_is_not_written_into(directories: Directories) -> None:
    file = directories.make(directories.shared / "x")

    with pytest.raises(InstallError, match="others may have created this file"):
        install([File(file, b"new\n", in_place=True)])

    assert file.read_bytes() == b"old\n"


def test_secret_does_not_keep_the_owner_of_an_existing_file(directories: Directories) -> None:
    file = directories.make(directories.victim / "new")

    install([File(file, SECRET, secret=True)])

    assert (owner(file), stat.S_IMODE(file.stat().st_mode)) == (0, 0o600)


# Random attacks


def attack(directories: Directories, seed: int) -> None:
    """Rename, link and swap files with the rights of nobody until this process ends."""
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    chance = random.Random(seed)
    libc = ctypes.CDLL(None, use_errno=True)

    def exchange(one: Path, other: Path) -> None:
        libc.renameat2(-100, os.fsencode(one), -100, os.fsencode(other), 2)

    while True:
        directory = chance.choice([directories.app, directories.app / "sub", directories.shared])
        with suppress(OSError):
            paths = [*directory.iterdir(), directory / "x", directory / "sub"]
            one, other = chance.choice(paths), chance.choice(paths)
            act = chance.randrange(9)
            if act == 0:
                one.symlink_to(
                    chance.choice([directories.victim, directories.victim / "x", directories.victim / "key"])
                )
            elif act == 1:
                one.unlink()
            elif act == 2:
                one.rename(other)
            elif act in {3, 4}:
                exchange(one, other)
            elif act == 5:
                os.link(one, other)
            elif act == 6:
                one.mkdir()
            elif act == 7:
                one.chmod(chance.choice([0o4777, 0o666, 0o600, 0o755]))
            else:
                one.write_bytes(chance.choice([b"precious\n", b"private key\n", b"new\n", b""]))


@pytest.mark.parametrize("seed", range(3))
def test_no_attack_gains_more_than_the_attackers_permissions(directories: Directories, seed: int) -> None:
    before = directories.victims()
    chance = random.Random(seed)
    attacker = os.fork()
    if not attacker:
        try:
            attack(directories, seed)
        finally:
            os._exit(1)
    try:
        for turn in range(300):
            path = chance.choice([directories.app / "x", directories.app / "sub" / "x", directories.shared / "x"])
            secret = chance.random() < 0.3
            file = File(
                path,
                SECRET if secret else chance.choice([b"new\n", b"precious\n", b"private key\n", b"%d\n" % turn]),
                secret=secret,
                mode=None if secret else chance.choice([None, None, 0o666, 0o4755]),
                owner=None if secret else chance.choice([None, None, "nobody", "root"]),
                in_place=chance.random() < 0.3,
                backup=chance.random() < 0.2,
                check="true {}" if chance.random() < 0.1 else None,
                check_live=chance.choice(["true", "false"]) if chance.random() < 0.2 else None,
            )
            with suppress(EC2FactsError):
                install([file], state=directories.state)
    finally:
        os.kill(attacker, signal.SIGKILL)
        os.waitpid(attacker, 0)

    assert directories.victims() == before
    assert (os.geteuid(), os.getegid()) == (0, 0)
    for file_there in [*directories.app.rglob("*"), *directories.shared.rglob("*")]:
        if file_there.is_file() and not file_there.is_symlink() and file_there.read_bytes() == SECRET:
            status = file_there.stat()
            assert (status.st_uid, stat.S_IMODE(status.st_mode)) == (0, 0o600)
