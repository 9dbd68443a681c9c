"""Many files: failures, groups, dry runs, directories, removals, and commands at the end."""

from __future__ import annotations

import os
import stat
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ec2facts.errors import CheckError, CommandError, InstallError, UsageError
from ec2facts.install import File, install
from tests.install.conftest import Recorder, hidden, identity


@pytest.mark.parametrize("in_place", [False, True])
def test_failed_live_check_restores_the_old_file(old: Path, tmp_path: Path, *, in_place: bool) -> None:
    inode, _, mode, content = identity(old)
    command = f"touch {tmp_path}/ran"

    with pytest.raises(CheckError, match="no new things"):
        install(
            [
                File(
                    old,
                    b"new and longer",
                    mode=0o644,
                    in_place=in_place,
                    backup=True,
                    check_live="! grep new {} || { echo no new things; false; }",
                    command=command,
                )
            ],
            state=tmp_path / "state",
        )

    assert (identity(old)[0], *identity(old)[2:]) == (inode, mode, content)
    assert [path.name for path in old.parent.iterdir()] == ["x.conf"]
    assert not (tmp_path / "ran").exists()


def test_failed_live_check_removes_a_new_file(tmp_path: Path) -> None:
    file = tmp_path / "etc" / "new"
    file.parent.mkdir()

    with pytest.raises(CheckError):
        install([File(file, b"new", check_live="false")], state=tmp_path / "state")

    assert list(file.parent.iterdir()) == []


def test_dry_run_skips_live_checks(old: Path, tmp_path: Path) -> None:
    before = identity(old)

    changes = install([File(old, b"new", check_live="false")], state=tmp_path / "state", dry_run=True)

    assert [change.kind for change in changes] == ["changed"]
    assert identity(old) == before
    assert not (tmp_path / "state").exists()


def test_fragment_that_nginx_refuses_is_rolled_back(tmp_path: Path, program: Callable[..., str]) -> None:
    nginx = program("nginx", package="nginx-light")
    main = tmp_path / "nginx.conf"
    main.write_text(
        f"pid {tmp_path}/pid; error_log {tmp_path}/log; events {{}} "
        f"http {{ access_log off; include {tmp_path}/conf.d/*.conf; }}"
    )
    fragment = tmp_path / "conf.d" / "ec2.conf"
    fragment.parent.mkdir()
    check = f"{nginx} -t -e {tmp_path}/log -p {tmp_path} -c {main}"

    install([File(fragment, b"map_hash_max_size 4096;\n", check_live=check)], state=tmp_path / "state")
    before = identity(fragment)
    with pytest.raises(CheckError, match='unknown directive "map_hash"'):
        install([File(fragment, b"map_hash 4096;\n", check_live=check)], state=tmp_path / "state")

    assert identity(fragment) == before
    assert hidden(fragment.parent) == []


def test_group_changes_only_if_every_check_passes(old: Path, tmp_path: Path) -> None:
    before = identity(old)
    new = tmp_path / "etc" / "new"
    recorder = Recorder()

    with pytest.raises(CheckError, match=r"new: the check .* refused the change"):
        install(
            [
                File(old, b"new", together="pair"),
                File(tmp_path / "alone", b"new"),
                File(new, b"new", together="pair", check="false {}"),
            ],
            state=tmp_path / "state",
            observer=recorder,
        )

    assert identity(old) == before
    assert [path.name for path in old.parent.iterdir()] == ["x.conf"]
    assert recorder.events == ["kept x.conf", "kept new", "changed alone"]


def test_group_is_rolled_back_if_one_file_cannot_be_replaced(
    old: Path, tmp_path: Path, mount: Callable[..., None]
) -> None:
    bound = tmp_path / "etc" / "bound"
    bound.write_bytes(b"old\n")
    mount("--bind", bound, bound)
    before = identity(old)

    with pytest.raises(InstallError, match="bound"):
        install([File(old, b"new", together="pair"), File(bound, b"new", together="pair")], state=tmp_path / "state")

    assert identity(old) == before
    assert hidden(old.parent) == []


def test_group_is_rolled_back_if_a_repair_fails(old: Path, tmp_path: Path, mount: Callable[..., None]) -> None:
    bound, other = tmp_path / "etc" / "bound", tmp_path / "etc" / "other"
    for file in (bound, other):
        file.write_bytes(b"same")
        file.chmod(0o644)
    mount("--bind", bound, bound)
    subprocess.run(["mount", "-o", "remount,ro,bind", bound], check=True)
    before = [identity(file) for file in (old, other)]
    recorder = Recorder()

    with pytest.raises(InstallError, match="bound: Read-only file system"):
        install(
            [
                File(old, b"new", together="pair", command="false"),
                File(other, b"same", mode=0o600, together="pair", command="false"),
                File(bound, b"same", mode=0o600, together="pair", command="false"),
            ],
            state=tmp_path / "state",
            observer=recorder,
        )

    assert [identity(file) for file in (old, other)] == before
    assert recorder.events == ["kept x.conf", "kept other", "kept bound"]
    assert [path.name for path in (tmp_path / "state").iterdir()] == ["lock"]


def test_first_failure_is_raised_and_the_observer_receives_the_others(old: Path, tmp_path: Path) -> None:
    recorder = Recorder()

    with pytest.raises(CheckError, match=r"x\.conf"):
        install([File(old, b"new", check="false {}"), File(tmp_path / "b", check="exit 3; {}")], observer=recorder)

    assert recorder.events[:2] == ["kept x.conf", "kept b"]
    assert "(exit status 3)" in recorder.events[2]


def test_command_runs_once_after_all_files_with_the_changed_paths(old: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    command = f'cat {old} {tmp_path}/last >> {log}; echo "$EC2FACTS_CHANGED" >> {log}'
    unchanged = tmp_path / "unchanged"
    unchanged.write_bytes(b"same")

    install(
        [
            File(old, b"new\n", command=command),
            File(unchanged, b"same", command=command),
            File(tmp_path / "last", b"last\n", command=command),
        ],
        state=tmp_path / "state",
    )

    assert log.read_text() == f"new\nlast\n{old}\n{tmp_path}/last\n"


def test_command_does_not_run_if_nothing_changed(old: Path, tmp_path: Path) -> None:
    install([File(old, b"old\n", command=f"touch {tmp_path}/ran")], state=tmp_path / "state")

    assert not (tmp_path / "ran").exists()


def test_command_runs_after_a_mode_was_repaired(old: Path, tmp_path: Path) -> None:
    install([File(old, b"old\n", mode=0o600, command=f"touch {tmp_path}/ran")], state=tmp_path / "state")

    assert (tmp_path / "ran").exists()


def test_failed_command_does_not_stop_the_others(old: Path, tmp_path: Path) -> None:
    with pytest.raises(CommandError):
        install(
            [File(old, b"new", command="false"), File(tmp_path / "b", b"new", command=f"touch {tmp_path}/ran")],
            state=tmp_path / "state",
        )

    assert (tmp_path / "ran").exists()


def test_dry_run_reports_the_changes_and_makes_none(old: Path, tmp_path: Path) -> None:
    before = identity(old)
    recorder = Recorder()

    install(
        [File(old, b"new", command="touch ran", check="grep -q new {}"), File(tmp_path / "b", mode=0o600)],
        state=tmp_path / "state",
        dry_run=True,
        observer=recorder,
    )

    assert recorder.events == ["changed x.conf", "changed b", "running touch ran"]
    assert identity(old) == before
    assert [path.name for path in tmp_path.iterdir()] == ["etc"]


def test_command_without_a_state_directory_is_refused(old: Path) -> None:
    with pytest.raises(UsageError, match="a state directory"):
        install([File(old, b"new", command="true")])


# Dry runs


def dry_run_fails(file: File, reason: str) -> None:
    with pytest.raises(InstallError, match=reason):
        install([file], dry_run=True)
    with pytest.raises(InstallError):
        install([file])


@pytest.mark.parametrize("file", [File(Path("x"), b"new"), File(Path("x"), b"old\n", mode=0o600)])
def test_dry_run_fails_for_an_immutable_file(old: Path, program: Callable[..., str], file: File) -> None:
    chattr = program("chattr", package="e2fsprogs")
    if subprocess.run([chattr, "+i", old], stderr=subprocess.DEVNULL, check=False).returncode:
        pytest.skip("this file system has no immutable files, or the tests do not run as root")
    try:
        dry_run_fails(file._replace(path=old), "it is immutable or on a read-only mount")
    finally:
        subprocess.run([chattr, "-i", old], check=True)


@pytest.mark.parametrize("in_place", [False, True])
def test_dry_run_fails_on_a_read_only_mount(old: Path, mount: Callable[..., None], *, in_place: bool) -> None:
    mount("--bind", old.parent, old.parent)
    subprocess.run(["mount", "-o", "remount,ro,bind", old.parent], check=True)

    dry_run_fails(File(old, b"new", in_place=in_place), "or it is read-only")
    dry_run_fails(File(old.with_name("new"), b"new"), "or it is read-only")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become a user whom permissions bind")
def test_dry_run_fails_without_permission_for_the_directory() -> None:
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        os.seteuid(65534)
        try:
            dry_run_fails(File(Path(directory) / "x", b"new"), f"no permission to write to {directory}")
        finally:
            os.seteuid(0)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has rights to lose")
def test_dry_run_checks_the_rights_of_the_effective_user() -> None:
    with tempfile.TemporaryDirectory() as directory:
        os.chown(directory, 65534, 65534)
        os.seteuid(65534)
        try:
            install([File(Path(directory) / "x", b"secret", secret=True)])
        finally:
            os.seteuid(0)

        assert (Path(directory) / "x").stat().st_uid == 65534


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has rights to lose")
def test_dry_run_lets_the_owner_of_a_directory_replace_a_read_only_file(program: Callable[..., str]) -> None:
    chattr = program("chattr", package="e2fsprogs")
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "x"
        file.touch(0o644)
        os.chown(directory, 65534, 65534)
        os.seteuid(65534)
        try:
            install([File(file, b"new", owner="65534", group="0")], dry_run=True)
        finally:
            os.seteuid(0)
        os.chown(file, 65534, 65534)
        if subprocess.run([chattr, "+i", file], stderr=subprocess.DEVNULL, check=False).returncode:
            pytest.skip("this file system has no immutable files")
        os.seteuid(65534)
        try:
            dry_run_fails(File(file, b"new"), "it is immutable or on a read-only mount")
        finally:
            os.seteuid(0)
            subprocess.run([chattr, "-i", file], check=True)


# Directories


def test_missing_directories_are_created_with_the_owner_of_the_file(tmp_path: Path) -> None:
    umask = os.umask(0o077)

    install([File(tmp_path / "a" / "b" / "x", b"new", parents=True)])

    os.umask(umask)
    assert [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("a", "a/b")] == [0o755, 0o755]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can change the owner of a directory")
def test_missing_directories_get_the_given_owner(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)

    with tempfile.TemporaryDirectory() as base:
        Path(base).chmod(0o755)
        install([File(Path(base) / "a" / "b" / "x", b"new", parents=True, owner="nobody")])

        assert [(Path(base) / name).owner() for name in ("a", "a/b", "a/b/x")] == ["nobody"] * 3


def test_dry_run_creates_no_directories(tmp_path: Path) -> None:
    (change,) = install([File(tmp_path / "a" / "x", b"new", parents=True)], dry_run=True)

    assert change.kind == "changed"
    assert list(tmp_path.iterdir()) == []


def test_directories_of_a_refused_file_are_removed(tmp_path: Path) -> None:
    with pytest.raises(CheckError):
        install([File(tmp_path / "a" / "b" / "x", b"new", parents=True, check="false {}")])

    assert list(tmp_path.iterdir()) == []


# Removals


def test_file_is_removed_and_its_command_runs(old: Path, tmp_path: Path) -> None:
    file = File(old, remove=True, command=f"echo $EC2FACTS_CHANGED >> {tmp_path}/log")
    recorder = Recorder()

    install([file], state=tmp_path / "state", observer=recorder)
    (change,) = install([file], state=tmp_path / "state")

    assert not old.exists()
    assert (recorder.events[0], change.kind) == ("removed x.conf", "unchanged")
    assert (tmp_path / "log").read_text() == f"{old}\n"


def test_removed_file_is_restored_if_its_group_fails(old: Path, tmp_path: Path) -> None:
    inode = old.stat().st_ino

    with pytest.raises(CheckError):
        install(
            [
                File(old, remove=True, together="group"),
                File(tmp_path / "new", b"new", together="group", check_live="false"),
            ],
            state=tmp_path / "state",
        )

    assert (old.stat().st_ino, old.read_bytes()) == (inode, b"old\n")
    assert not (tmp_path / "new").exists()
    assert hidden(old.parent) == []


def install_prunable(directory: Path, *names: str, **settings: Any) -> list[str]:
    """Install a prunable file for each name; return the events."""
    recorder = Recorder()
    files = [File(directory / name, b"new", prune=True) for name in names]
    install(files, state=directory / "state", name="config", observer=recorder, **settings)
    return recorder.events


def test_file_that_a_run_no_longer_installs_is_pruned(tmp_path: Path) -> None:
    install_prunable(tmp_path, "a", "b")

    events = install_prunable(tmp_path, "b")

    assert events == ["unchanged b", "removed a"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b", "state"]
    assert install_prunable(tmp_path, "b") == ["unchanged b"]


def test_last_file_of_a_run_is_pruned(tmp_path: Path) -> None:
    install_prunable(tmp_path, "a")

    assert install_prunable(tmp_path) == ["removed a"]


def test_dry_run_reports_files_to_prune(tmp_path: Path) -> None:
    install_prunable(tmp_path, "a")

    assert install_prunable(tmp_path, dry_run=True) == ["removed a"]
    assert (tmp_path / "a").exists()


def test_prune_keeps_files_of_other_runs_and_changed_files(tmp_path: Path) -> None:
    install_prunable(tmp_path, "a", "b", "c")
    others = [File(tmp_path / "other", b"new", prune=True), File(tmp_path / "b", b"new")]
    install(others, state=tmp_path / "state", name="another config")
    (tmp_path / "c").write_bytes(b"by hand")

    events = install_prunable(tmp_path, unrendered=[tmp_path / "a"])

    assert events == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b", "c", "other", "state"]


def test_command_of_a_pruned_file_runs(tmp_path: Path) -> None:
    file = File(tmp_path / "a", b"new", prune=True, command=f"echo $EC2FACTS_CHANGED >> {tmp_path}/log")
    install([file], state=tmp_path / "state", name="config")

    install([], state=tmp_path / "state", name="config")

    assert (tmp_path / "log").read_text() == f"{tmp_path}/a\n" * 2


# State


def test_state_failure_is_reported_once(tmp_path: Path, mount: Callable[..., None]) -> None:
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    mount("-t", "tmpfs", "-o", "mode=700", "tmpfs", state)
    (state / "lock").touch()
    subprocess.run(["mount", "-o", "remount,ro", state], check=True)
    recorder = Recorder()

    with pytest.raises(InstallError, match="Read-only file system"):
        install([File(tmp_path / name, b"new", command="true") for name in ("a", "b")], state=state, observer=recorder)

    assert [event for event in recorder.events if "Read-only" in event] == []


def test_unusable_state_fails_only_the_files_that_need_it(old: Path, tmp_path: Path) -> None:
    (tmp_path / "state").write_bytes(b"not a directory")
    recorder = Recorder()
    files = [
        File(old, b"new", command="true"),
        File(tmp_path / "simple", b"new"),
        File(tmp_path / "secret", b"hunter2", secret=True),
    ]

    with pytest.raises(InstallError, match=r"state: .*; use another --state directory"):
        install(files, state=tmp_path / "state", observer=recorder)

    assert recorder.events == ["kept x.conf", "kept secret", "changed simple"]
    assert old.read_bytes() == b"old\n"


def test_file_without_state_settings_is_installed_if_the_state_is_unreadable(old: Path, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state").chmod(0o777)

    install([File(old, b"new")], state=tmp_path / "state")

    assert old.read_bytes() == b"new"
    assert list((tmp_path / "state").iterdir()) == []


@pytest.mark.parametrize(("existing", "mode"), [(0o644, 0o600), (0o600, 0o600), (0o640, 0o640)])
def test_backup_of_a_secret_file_has_the_narrower_mode(old: Path, tmp_path: Path, existing: int, mode: int) -> None:
    old.chmod(existing)
    wanted = 0o644 if existing == 0o640 else None

    install([File(old, b"new", secret=True, mode=wanted, backup=True)], state=tmp_path / "state")

    assert identity(old.with_name("x.conf~"))[2:] == (mode, b"old\n")


def test_backup_has_no_set_id_bits(old: Path, tmp_path: Path) -> None:
    old.chmod(0o4755)

    install([File(old, b"new", backup=True)], state=tmp_path / "state")

    assert identity(old.with_name("x.conf~"))[2] == 0o755
