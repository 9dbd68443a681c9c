from __future__ import annotations

import os
import struct
import sys
from pathlib import Path
from typing import Any

import pytest

from ec2facts.trust import rights_of, trace
from tests.users import NOBODY, OTHER, as_root, without_privileges


def strangers(path: Path, **options: Any) -> list[tuple[str, int | None]]:
    """Return the names in a path that strangers can change, with the uid of each stranger."""
    return [(stranger.path.name, stranger.uid) for stranger in trace(path, **options).strangers]


def test_path_of_root_and_the_effective_user_is_trusted(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("a/../a")
    (tmp_path / "a").mkdir()

    trail = trace(tmp_path / "link" / "x")

    assert (trail.path, trail.strangers, trail.is_shared, trail.reason) == (tmp_path / "a" / "x", (), False, None)
    assert trail.controller() is None


def test_relative_path_starts_in_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    assert trace(Path("../x")).path == tmp_path.parent / "x"


def test_symlinks_resolve_like_realpath(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "up").symlink_to("../a/b/..")
    (tmp_path / "absolute").symlink_to(tmp_path / "c" / "up")

    for path in (tmp_path / "absolute" / ".." / "x", tmp_path / "c" / "up" / "missing" / "x"):
        assert trace(path).path == Path(os.path.realpath(path))


def test_circular_symlink_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("link")

    with pytest.raises(OSError, match="Too many levels"):
        trace(tmp_path / "link" / "x")


@as_root
def test_owner_of_any_directory_in_the_path_is_a_stranger(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    os.chown(tmp_path / "a", OTHER, OTHER)

    assert strangers(tmp_path / "a" / "b" / "x") == [("a", OTHER)]
    assert trace(tmp_path / "a" / "b" / "x").controller() == OTHER
    assert strangers(tmp_path / "a" / "b" / "x", trusted={OTHER}) == []


@as_root
def test_owner_of_any_symlink_in_the_path_is_a_stranger(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to("x")
    os.chown(link, OTHER, OTHER, follow_symlinks=False)

    assert strangers(link) == [("link", OTHER)]


@as_root
def test_owner_of_a_file_is_a_stranger_only_with_content(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    os.chown(file, OTHER, OTHER)

    assert (strangers(file), strangers(file, content=True)) == ([], [("file", OTHER)])


@as_root
@pytest.mark.parametrize(
    ("mode", "gid", "expected"),
    [
        (0o755, OTHER, []),
        (0o775, 0, []),  # root alone is in the group root
        (0o775, OTHER, [("a", None)]),
        (0o775, NOBODY, [("a", None)]),  # a group with members other than root
        (0o757, 0, [("a", None)]),
        (0o1777, OTHER, []),
        (0o1775, OTHER, []),
    ],
)
def test_others_who_can_write_to_a_directory_are_strangers(
    tmp_path: Path, mode: int, gid: int, expected: list[tuple[str, int | None]]
) -> None:
    (tmp_path / "a").mkdir()
    os.chown(tmp_path / "a", 0, gid)
    (tmp_path / "a").chmod(mode)

    trail = trace(tmp_path / "a" / "x")

    assert strangers(tmp_path / "a" / "x") == expected
    assert trail.is_shared == bool(mode & 0o1000)
    if expected:
        with pytest.raises(PermissionError, match=r"can write to .*/a, which belongs to root: remove"):
            trail.controller()


@as_root
@pytest.mark.skipif(sys.platform != "linux", reason="Linux keeps access control lists in extended attributes")
def test_user_of_an_access_control_list_is_a_stranger(tmp_path: Path) -> None:
    entries = [(0x01, 7, -1), (0x02, 7, OTHER), (0x04, 5, -1), (0x10, 7, -1), (0x20, 5, -1)]
    granted = struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *entry) for entry in entries)
    os.setxattr(tmp_path, "system.posix_acl_access", granted)

    assert strangers(tmp_path / "x") == [(tmp_path.name, None)]


@as_root
def test_symlink_of_another_user_in_a_shared_directory_is_not_followed(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    (shared / "link").symlink_to(tmp_path)
    os.chown(shared / "link", OTHER, OTHER, follow_symlinks=False)

    assert strangers(shared / "link" / "x") == [("link", None)]


@as_root
def test_only_root_acts_with_the_rights_of_another_user(tmp_path: Path) -> None:
    with without_privileges() as directory:
        directory.chmod(0o755)
        os.seteuid(0)
        os.chown(directory, OTHER, OTHER)
        os.seteuid(NOBODY)

        assert strangers(directory / "x") == [(directory.name, OTHER)]
        with pytest.raises(PermissionError, match=f"{directory} belongs to user 12345, who can change it: give it to"):
            trace(directory / "x").controller()


@as_root
def test_file_of_the_effective_user_in_a_shared_directory_is_trusted() -> None:
    with without_privileges() as directory:
        directory.chmod(0o1777)
        (directory / "x").touch()

        assert trace(directory / "x").trusts((directory / "x").stat())


@as_root
def test_own_rights_are_restored_after_an_exception(tmp_path: Path) -> None:
    before = os.geteuid(), os.getegid(), os.getgroups()

    def interrupted() -> None:
        raise KeyboardInterrupt

    with rights_of(NOBODY):
        inside = os.geteuid(), os.getegid(), os.getgroups(), os.getuid()
    with pytest.raises(KeyboardInterrupt), rights_of(NOBODY):
        interrupted()

    assert inside == (NOBODY, NOBODY, [NOBODY], 0)
    assert (os.geteuid(), os.getegid(), os.getgroups()) == before


@as_root
def test_unknown_user_is_in_no_group() -> None:
    with rights_of(OTHER):
        inside = os.geteuid(), os.getegid(), os.getgroups()

    assert inside == (OTHER, NOBODY, [NOBODY])


@as_root
def test_rights_of_the_effective_user_are_restored() -> None:
    os.setresuid(NOBODY, 0, 0)
    try:
        with rights_of(OTHER):
            pass
        restored = os.geteuid()
    finally:
        os.setresuid(0, 0, 0)

    assert restored == 0
