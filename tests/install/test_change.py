"""One file: replaced atomically, repaired, written in place, or unchanged."""

from __future__ import annotations

import os
import stat
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from ec2facts.errors import InstallError
from ec2facts.install import File, install
from tests.install.conftest import hidden, identity

linux_only = pytest.mark.skipif(
    sys.platform != "linux", reason="Linux keeps access control lists in extended attributes"
)


def test_new_file_has_the_permissions_of_the_umask(tmp_path: Path) -> None:
    file = tmp_path / "new"
    umask = os.umask(0o027)

    changes = install([File(file, b"content")])

    os.umask(umask)
    assert [change.kind for change in changes] == ["changed"]
    assert identity(file)[2:] == (0o640, b"content")


def test_changed_file_is_replaced_and_keeps_its_attributes(old: Path) -> None:
    inode = old.stat().st_ino

    install([File(old, b"new")])

    assert old.stat().st_ino != inode
    assert identity(old)[2:] == (0o640, b"new")
    assert hidden(old.parent) == []


def test_unchanged_file_is_not_touched(old: Path) -> None:
    before = identity(old)

    changes = install([File(old, b"old\n", mode=0o640, check="false {}")])

    assert [change.kind for change in changes] == ["unchanged"]
    assert identity(old) == before


def test_wrong_mode_is_repaired_without_rewriting_the_file(old: Path) -> None:
    inode, modified, _, content = identity(old)

    changes = install([File(old, b"old\n", mode=0o600)])

    assert [change.kind for change in changes] == ["repaired"]
    assert identity(old) == (inode, modified, 0o600, content)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can change the owner of a file")
@pytest.mark.parametrize("content", [b"old\n", b"new\n"], ids=["repaired", "changed"])
def test_owner_and_group_are_set_by_name_and_number(old: Path, content: bytes) -> None:
    install([File(old, content, owner="nobody", group="12345")])

    assert (old.owner(), old.stat().st_gid) == ("nobody", 12345)
    assert stat.S_IMODE(old.stat().st_mode) == 0o640


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can change the owner of a file")
def test_owner_of_an_existing_file_is_kept(old: Path) -> None:
    os.chown(old, 12345, 12345)

    install([File(old, b"new")])

    assert (old.stat().st_uid, old.stat().st_gid) == (12345, 12345)


def test_secret_file_is_0600_unless_a_mode_is_given(old: Path, tmp_path: Path) -> None:
    given = tmp_path / "given"

    install([File(old, b"secret", secret=True), File(given, b"secret", secret=True, mode=0o644)])

    assert [identity(file)[2] for file in (old, given)] == [0o600, 0o644]


def test_target_of_a_symbolic_link_is_replaced(old: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to("etc/x.conf")

    install([File(link, b"new")])

    assert (link.is_symlink(), old.read_bytes()) == (True, b"new")


def test_symbolic_link_is_refused_without_follow(old: Path, tmp_path: Path) -> None:
    before = identity(old)
    link = tmp_path / "link"
    link.symlink_to("etc/x.conf")

    with pytest.raises(InstallError, match="symbolic link"):
        install([File(link, b"new", follow=False)])

    assert identity(old) == before


def test_directory_is_refused_with_the_advice_to_name_a_file(tmp_path: Path) -> None:
    with pytest.raises(InstallError, match="it is a directory; name a file in it"):
        install([File(tmp_path, b"new")])


def test_pipe_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(InstallError, match="not a regular file"):
        install([File(tmp_path / "pipe", b"new")])


def test_missing_directory_is_an_error_with_the_path_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(InstallError, match=f"^{tmp_path}/missing/x: there is no directory {tmp_path}/missing$"):
        install([File(tmp_path / "missing" / "x", b"new")])


def test_backup_is_the_old_file(old: Path, tmp_path: Path) -> None:
    install([File(old, b"new", backup=True)], state=tmp_path / "state")

    assert identity(old.with_name("x.conf~"))[2:] == (0o640, b"old\n")
    assert hidden(old.parent) == []


@linux_only
def test_backup_keeps_the_access_control_list(old: Path, tmp_path: Path) -> None:
    entries = [(0x01, 6, -1), (0x02, 4, 12345), (0x04, 0, -1), (0x10, 4, -1), (0x20, 0, -1)]
    granted = struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *entry) for entry in entries)
    os.setxattr(old, "system.posix_acl_access", granted)

    install([File(old, b"new", backup=True)], state=tmp_path / "state")

    assert os.getxattr(old.with_name("x.conf~"), "system.posix_acl_access") == granted


def test_failed_backup_restores_the_old_file_and_other_files_are_installed(old: Path, tmp_path: Path) -> None:
    before = identity(old)
    old.with_name("x.conf~").mkdir()

    with pytest.raises(InstallError, match=f"^{old}~: Is a directory$"):
        install(
            [File(old, b"new", backup=True), File(tmp_path / "b", b"new", command=f"touch {tmp_path}/ran")],
            state=tmp_path / "state",
        )

    assert identity(old) == before
    assert hidden(old.parent) == []
    assert (tmp_path / "ran").exists()


def test_full_disk_leaves_the_old_file_unchanged(tmp_path: Path, mount: Callable[..., None]) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mount("-t", "tmpfs", "-o", "size=64k", "tmpfs", small)
    file = small / "x"
    file.write_bytes(b"old")
    before = identity(file)

    with pytest.raises(InstallError, match=f"^{file}: No space left on device$"):
        install([File(file, b"new" * 100_000)])

    assert identity(file) == before
    assert hidden(small) == []


def test_full_disk_restores_a_file_that_is_written_in_place(tmp_path: Path, mount: Callable[..., None]) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mount("-t", "tmpfs", "-o", "size=64k", "tmpfs", small)
    file = small / "x"
    file.write_bytes(b"old" * 10_000)

    with pytest.raises(InstallError, match="No space left"):
        install([File(file, b"new" * 100_000, in_place=True)])

    assert file.read_bytes() == b"old" * 10_000


@pytest.mark.parametrize("in_place", [False, True])
def test_read_only_directory_leaves_the_old_file_unchanged(
    tmp_path: Path, mount: Callable[..., None], *, in_place: bool
) -> None:
    directory = tmp_path / "directory"
    directory.mkdir()
    mount("-t", "tmpfs", "tmpfs", directory)
    file = directory / "x"
    file.write_bytes(b"old")
    subprocess.run(["mount", "-o", "remount,ro", str(directory)], check=True)

    with pytest.raises(InstallError, match=f"^{file}: Read-only file system$"):
        install([File(file, b"new", in_place=in_place)])

    assert file.read_bytes() == b"old"


def test_error_of_a_bind_mounted_file_names_in_place(tmp_path: Path, mount: Callable[..., None]) -> None:
    file = tmp_path / "x"
    file.write_bytes(b"old")
    mount("--bind", file, file)
    before = identity(file)

    with pytest.raises(InstallError, match=r"mount point.*--in-place"):
        install([File(file, b"new", backup=True)], state=tmp_path / "state")

    assert identity(file) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["state", "x"]


def test_bind_mounted_file_is_written_in_place(tmp_path: Path, mount: Callable[..., None]) -> None:
    file = tmp_path / "x"
    file.write_bytes(b"old and longer")
    mount("--bind", file, file)
    inode = file.stat().st_ino

    install([File(file, b"new", in_place=True, mode=0o600, check="grep -qx new {}")])

    assert (file.stat().st_ino, *identity(file)[2:]) == (inode, 0o600, b"new")
    assert hidden(tmp_path) == []


def test_secret_is_not_written_into_a_file_that_others_may_have_open(old: Path) -> None:
    old.chmod(0o644)
    before = identity(old)

    with pytest.raises(InstallError, match="other users may have this file open"):
        install([File(old, b"secret", secret=True, in_place=True)])

    assert identity(old) == before


def test_secret_is_written_into_a_private_file(old: Path) -> None:
    old.chmod(0o600)
    inode = old.stat().st_ino

    install([File(old, b"secret", secret=True, in_place=True)])

    assert (old.stat().st_ino, *identity(old)[2:]) == (inode, 0o600, b"secret")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes files whose mode others cannot change")
@pytest.mark.parametrize(("uid", "wanted"), [(0, File(Path("x"), mode=0o600)), (65534, File(Path("x"), owner="0"))])
def test_file_is_not_written_into_if_its_mode_or_owner_cannot_be_set(uid: int, wanted: File) -> None:
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        file = Path(directory) / "x"
        file.write_bytes(b"old")
        file.chmod(0o666)
        os.chown(file, uid, 0)
        before = identity(file)[2:]
        os.seteuid(65534)
        try:
            with pytest.raises(InstallError, match="Operation not permitted"):
                install([wanted._replace(path=file, content=b"new", in_place=True)])
        finally:
            os.seteuid(0)

        assert identity(file)[2:] == before


def test_staged_file_is_private_until_complete_and_final_before_the_rename(old: Path) -> None:
    old.chmod(0o644)
    moments: list[tuple[str, int, int]] = []

    def look(event: str, _: object) -> None:
        if watching and event in {"os.chown", "os.chmod", "os.rename"}:
            for name in hidden(old.parent):
                status = (old.parent / name).stat()
                moments.append((event, stat.S_IMODE(status.st_mode), status.st_size))

    watching = True
    umask = os.umask(0)
    sys.addaudithook(look)
    install([File(old, b"secret", mode=0o664)])

    watching = False
    os.umask(umask)
    assert moments == [("os.chown", 0o600, 6), ("os.chmod", 0o600, 6), ("os.rename", 0o664, 6)]


def test_file_is_synced_before_the_rename_and_the_directory_after_it(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[tuple[bool, bytes]] = []
    fsync = os.fsync

    def spy(descriptor: int) -> None:
        synced.append((stat.S_ISDIR(os.fstat(descriptor).st_mode), old.read_bytes()))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", spy)
    install([File(old, b"new")])
    install([File(old, b"new")])

    assert synced == [(False, b"old\n"), (True, b"new")]


@linux_only
def test_access_control_list_of_an_existing_file_is_kept(old: Path) -> None:
    entries = [(0x01, 6, -1), (0x02, 4, 12345), (0x04, 4, -1), (0x10, 4, -1), (0x20, 0, -1)]
    granted = struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *entry) for entry in entries)
    os.setxattr(old, "system.posix_acl_access", granted)

    install([File(old, b"new")])

    assert os.getxattr(old, "system.posix_acl_access") == granted


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can change the owner of a file")
@pytest.mark.parametrize("given", [File(Path("x"), owner="nobody"), File(Path("x"), group="12345")])
def test_change_of_owner_replaces_the_file(old: Path, given: File) -> None:
    inode = old.stat().st_ino

    with old.open("r+b") as opened_before:
        changes = install([given._replace(path=old, content=b"old\n")])
        opened_before.write(b"new\n")

    assert [change.kind for change in changes] == ["repaired"]
    assert old.stat().st_ino != inode
    assert identity(old)[2:] == (0o640, b"old\n")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can change the owner of a file")
def test_no_permission_is_gained_while_a_file_is_repaired_in_place(old: Path) -> None:
    old.chmod(0o660)
    modes: list[int] = []

    def look(event: str, _: object) -> None:
        if watching and event == "os.chown":
            modes.append(stat.S_IMODE(old.stat().st_mode))

    watching = True
    sys.addaudithook(look)
    install([File(old, b"old\n", mode=0o646, group="12345", in_place=True)])

    watching = False
    assert modes == [0o640]
    assert identity(old)[2] == 0o646


@pytest.mark.parametrize("bits", [0o4000, 0o2000, 0o1000])
@pytest.mark.parametrize("content", [b"old\n", b"new\n"], ids=["repaired", "changed"])
def test_set_id_and_sticky_bits_come_only_from_a_mode(old: Path, tmp_path: Path, content: bytes, bits: int) -> None:
    asked = tmp_path / "asked"
    for file in (old, asked):
        file.write_bytes(b"old\n")
        file.chmod(0o750 | bits)

    install([File(old, content), File(asked, content, mode=0o750 | bits)])

    assert [identity(file)[2] for file in (old, asked)] == [0o750, 0o750 | bits]
