from __future__ import annotations

import errno
import os
import resource
import signal
import stat
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ec2facts.atomic_replace import FileAttributes, put, sweep, uninterrupted, write_file
from tests.users import NOBODY, OTHER, as_root, without_privileges


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


@contextmanager
def files_limited_to(size: int) -> Iterator[None]:
    """Limit the size of files to ``size`` bytes, like a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def names(directory: Path) -> list[str]:
    return [file.name for file in directory.iterdir()]


def permissions(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


@pytest.mark.parametrize("content", [b"", b"new\n", bytes(range(256)), 1_000_000 * b"x"], ids=["0", "4", "256", "1 MB"])
def test_file_holds_the_written_content(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "file"

    write_file(file, content)

    assert file.read_bytes() == content
    assert names(tmp_path) == ["file"]


def test_open_file_is_replaced_and_not_written_into(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"old")

    with file.open("rb") as reader:
        write_file(file, b"new")
        old = reader.read()

    assert (old, file.read_bytes()) == (b"old", b"new")


def test_reader_sees_only_the_old_or_the_new_content(tmp_path: Path) -> None:
    file = tmp_path / "file"
    contents = [1000 * b"a", 2000 * b"b"]
    write_file(file, contents[0])
    done = threading.Event()
    seen: set[bytes] = set()

    def read() -> None:
        while not done.is_set():
            seen.add(file.read_bytes())

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(100):
        write_file(file, contents[number % 2])
    done.set()
    reader.join()

    assert seen <= set(contents)


# Permissions


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o000, 0o666)])
def test_new_file_has_the_permissions_of_the_umask(tmp_path: Path, mask: int, mode: int) -> None:
    with umask(mask):
        write_file(tmp_path / "file", b"")
        left = os.umask(mask)

    assert (permissions(tmp_path / "file"), left) == (mode, mask)


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644, 0o755, 0o444, 0o400])
def test_existing_file_keeps_its_permissions(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"old")
    file.chmod(mode)

    write_file(file, b"new")

    assert (permissions(file), file.read_bytes()) == (mode, b"new")


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o666, 0o750])
@pytest.mark.parametrize("existing", [None, 0o644, 0o600])
def test_mode_overrides_the_umask(tmp_path: Path, mode: int, existing: int | None) -> None:
    file = tmp_path / "file"
    if existing is not None:
        file.write_bytes(b"old")
        file.chmod(existing)

    with umask(0o027):
        write_file(file, b"new", mode=mode)

    assert permissions(file) == mode


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can change the owner of a file")
def test_existing_file_keeps_its_owner_and_group(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"old")
    os.chown(file, 1234, 5678)

    write_file(file, b"new")

    assert (file.stat().st_uid, file.stat().st_gid) == (1234, 5678)


# Symbolic links, pipes and devices


def test_target_of_a_symlink_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    target, link = tmp_path / "there/file", tmp_path / "link"
    target.write_bytes(b"old")
    link.symlink_to("there/file")

    write_file(link, b"new")

    assert link.is_symlink()
    assert (target.read_bytes(), target.is_symlink()) == (b"new", False)


def test_target_of_a_dangling_symlink_is_created(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to("new")

    write_file(link, b"new")

    assert (tmp_path / "new").read_bytes() == b"new"
    assert link.is_symlink()


def test_pipe_is_written_to(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)

    try:
        write_file(pipe, b"content")
        received = os.read(reader, 100)
    finally:
        os.close(reader)

    assert (received, stat.S_ISFIFO(pipe.stat().st_mode)) == (b"content", True)


def test_device_is_written_to() -> None:
    write_file(Path(os.devnull), b"content")

    assert stat.S_ISCHR(Path(os.devnull).stat().st_mode)


def test_dev_stdout_is_written_to() -> None:
    program = "from pathlib import Path; from ec2facts.atomic_replace import *; write_file(Path('/dev/stdout'), b'new')"

    done = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, check=True)

    assert done.stdout == b"new"


# Failures


def test_full_disk_leaves_only_the_old_file(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"old")

    with files_limited_to(10_000), pytest.raises(OSError, match="File too large") as caught:
        write_file(file, 20_000 * b"x")

    assert caught.value.filename == str(file)
    assert (file.read_bytes(), names(tmp_path)) == (b"old", ["file"])


def test_error_of_a_full_device_names_it() -> None:
    with pytest.raises(OSError, match="No space left on device") as caught:
        write_file(Path("/dev/full"), b"content")

    assert caught.value.filename == "/dev/full"


@pytest.mark.parametrize("name", ["nowhere/file", "file/below"])
def test_error_of_a_missing_directory_names_the_file(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_bytes(b"old")

    with pytest.raises(OSError) as caught:  # noqa: PT011 - asserted below
        write_file(tmp_path / name, b"new")

    assert isinstance(caught.value, (FileNotFoundError, NotADirectoryError))
    assert caught.value.filename == str(tmp_path / name)
    assert names(tmp_path) == ["file"]


def test_error_of_a_directory_names_it(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError) as caught:
        write_file(tmp_path, b"new")

    assert caught.value.filename == str(tmp_path)


def test_error_of_a_circular_link_names_it(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to("link")

    with pytest.raises(OSError, match="Too many levels of symbolic links") as caught:
        write_file(link, b"new")

    assert caught.value.filename == str(link)


def test_read_only_directory_leaves_the_old_file_unchanged() -> None:
    with without_privileges() as directory:
        file = directory / "file"
        file.write_bytes(b"old")
        directory.chmod(0o500)
        with pytest.raises(PermissionError) as caught:
            write_file(file, b"new")
        content = file.read_bytes()
        directory.chmod(0o700)

    assert (content, caught.value.filename) == (b"old", str(file))


def test_file_in_a_directory_that_cannot_be_listed_is_replaced() -> None:
    with without_privileges() as directory:
        file = directory / "file"
        file.write_bytes(b"old")
        directory.chmod(0o300)
        write_file(file, b"new")
        directory.chmod(0o700)
        content = file.read_bytes()

    assert content == b"new"


def test_interrupted_write_leaves_only_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"old")

    def interrupted(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_file(file, b"new")

    assert (file.read_bytes(), names(tmp_path)) == (b"old", ["file"])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can change the owner of a file")
def test_root_sweeps_staged_files_of_other_owners(tmp_path: Path) -> None:
    leftover = tmp_path / f".ec2facts-{'0f' * 8}"
    leftover.touch()
    os.chown(leftover, NOBODY, NOBODY)

    sweep(tmp_path)

    assert names(tmp_path) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a directory that the test cannot list")
def test_sweep_skips_a_directory_that_cannot_be_listed(tmp_path: Path) -> None:
    leftover = tmp_path / f".ec2facts-{'0f' * 8}"
    leftover.touch()
    tmp_path.chmod(0o700)

    with without_privileges():
        sweep(tmp_path)

    assert names(tmp_path) == [leftover.name]


def test_write_succeeds_if_the_directory_cannot_be_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fsync = os.fsync

    def of_files(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", of_files)
    write_file(tmp_path / "file", b"new")

    assert (tmp_path / "file").read_bytes() == b"new"


def test_signal_is_deferred_even_if_another_thread_could_receive_it() -> None:
    received: list[str] = []
    done = threading.Event()
    other = threading.Thread(target=done.wait)
    before = signal.signal(signal.SIGTERM, lambda number, frame: received.append("stop"))
    other.start()

    with uninterrupted():
        os.kill(os.getpid(), signal.SIGTERM)
        received.append("done")

    done.set()
    other.join()
    signal.signal(signal.SIGTERM, before)
    assert received == ["done", "stop"]


def test_sweep_keeps_other_files_with_a_similar_name(tmp_path: Path) -> None:
    notes = tmp_path / ".ec2facts-notes"
    notes.touch()
    leftover = tmp_path / f".ec2facts-{'0f' * 8}.conf"
    leftover.touch()

    sweep(tmp_path)

    assert names(tmp_path) == [notes.name]


@pytest.mark.skipif(sys.platform != "linux", reason="Linux keeps access control lists in extended attributes")
def test_replaced_file_does_not_get_the_default_acl_of_its_directory(tmp_path: Path) -> None:
    file, new = tmp_path / "file", tmp_path / "new"
    file.touch(0o640)
    entries = [(0x01, 7, -1), (0x02, 6, 12345), (0x04, 4, -1), (0x10, 6, -1), (0x20, 0, -1)]
    granted = struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *entry) for entry in entries)
    os.setxattr(tmp_path, "system.posix_acl_default", granted)

    write_file(file, b"new")
    write_file(new, b"new")

    assert "system.posix_acl_access" not in os.listxattr(file)
    assert permissions(file) == 0o640
    assert "system.posix_acl_access" in os.listxattr(new)


def test_file_that_replaces_the_staged_one_is_not_written_to(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    swapping = True

    def swap(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal swapping
        if swapping and event == "open" and arguments[2] == os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC:
            swapping = False
            (staged,) = tmp_path.glob(".ec2facts-*")
            staged.unlink()
            os.link(victim, staged)

    sys.addaudithook(swap)
    with pytest.raises(OSError, match="another file replaced the staged one"):
        write_file(tmp_path / "file", b"new")

    assert not swapping
    assert victim.read_bytes() == b"precious"
    assert names(tmp_path) == ["victim"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can drop its privileges")
def test_owner_that_cannot_be_set_is_an_error() -> None:
    with without_privileges() as directory:
        file = directory / "file"
        with pytest.raises(PermissionError, match="its owner and group cannot be set"):
            put(file, b"new", FileAttributes(0o600, 0, 0))

        assert names(directory) == []


@as_root
def test_file_below_a_users_directory_is_written_with_that_users_rights(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    with tempfile.TemporaryDirectory() as base:
        directory = Path(base)
        os.chown(directory, NOBODY, NOBODY)
        (directory / "link").symlink_to(victim)

        write_file(directory / "x", b"new")
        with pytest.raises(PermissionError):
            write_file(directory / "link", b"new")

        assert (directory / "x").stat().st_uid == NOBODY
    assert victim.read_bytes() == b"precious"


@as_root
def test_own_file_below_a_users_directory_keeps_its_mode() -> None:
    with tempfile.TemporaryDirectory() as base:
        file = Path(base) / "x"
        file.touch(0o600)
        for path in (Path(base), file):
            os.chown(path, NOBODY, NOBODY)

        write_file(file, b"new")

        assert (permissions(file), file.stat().st_uid) == (0o600, NOBODY)


@as_root
def test_sweep_keeps_files_of_other_users() -> None:
    with without_privileges() as directory:
        leftover = directory / f".ec2facts-{'0f' * 8}"
        leftover.touch(0o644)
        os.seteuid(0)
        os.chown(leftover, OTHER, OTHER)
        os.seteuid(NOBODY)

        sweep(directory)

        assert names(directory) == [leftover.name]


@as_root
def test_descriptor_of_a_strangers_file_are_not_kept(tmp_path: Path) -> None:
    tmp_path.chmod(0o1777)
    file = tmp_path / "file"
    file.touch()
    file.chmod(0o4666)
    os.chown(file, NOBODY, NOBODY)

    with umask(0o022):
        write_file(file, b"new")

    assert (file.stat().st_uid, permissions(file)) == (0, 0o644)


@as_root
def test_pipe_of_a_stranger_is_not_written_to(tmp_path: Path) -> None:
    tmp_path.chmod(0o1777)
    os.mkfifo(tmp_path / "pipe")
    os.chown(tmp_path / "pipe", NOBODY, NOBODY)

    with pytest.raises(PermissionError, match="another user created it"):
        write_file(tmp_path / "pipe", b"new")


def test_set_id_bits_are_not_kept(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    file.chmod(0o6755)

    write_file(file, b"new")

    assert permissions(file) == 0o755


def test_write_sweeps_the_directory(tmp_path: Path) -> None:
    (tmp_path / f".ec2facts-{'0f' * 8}").touch()

    write_file(tmp_path / "file", b"new")

    assert names(tmp_path) == ["file"]
