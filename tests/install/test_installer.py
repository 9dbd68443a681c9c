"""Many files: what is refused, what goes together, what runs at the end."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from ec2facts.errors import CheckError, CommandError, InstallError, UsageError
from ec2facts.install import File, install
from tests.install.conftest import Recorder, hidden, identity


@pytest.mark.parametrize("in_place", [False, True])
def test_file_that_the_live_check_refuses_comes_back(old: Path, tmp_path: Path, *, in_place: bool) -> None:
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


def test_new_file_that_the_live_check_refuses_is_gone(tmp_path: Path) -> None:
    file = tmp_path / "etc" / "new"
    file.parent.mkdir()

    with pytest.raises(CheckError):
        install([File(file, b"new", check_live="false")], state=tmp_path / "state")

    assert list(file.parent.iterdir()) == []


def test_live_check_is_not_run_in_a_dry_run(old: Path, tmp_path: Path) -> None:
    before = identity(old)

    changes = install([File(old, b"new", check_live="false")], state=tmp_path / "state", dry_run=True)

    assert [change.kind for change in changes] == ["changed"]
    assert identity(old) == before
    assert not (tmp_path / "state").exists()


def test_refused_fragment_of_nginx_comes_back(tmp_path: Path, program: Callable[..., str]) -> None:
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


def test_files_together_change_only_if_all_pass(old: Path, tmp_path: Path) -> None:
    before = identity(old)
    new = tmp_path / "etc" / "new"
    recorder = Recorder()

    with pytest.raises(CheckError, match="new stays as it was"):
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
    assert recorder.told == ["kept x.conf", "kept new", "changed alone"]


def test_files_together_are_put_back_if_one_cannot_be_replaced(
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


def test_files_together_stay_if_one_cannot_be_repaired(old: Path, tmp_path: Path, mount: Callable[..., None]) -> None:
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
    assert recorder.told == ["kept x.conf", "kept other", "kept bound"]
    assert [path.name for path in (tmp_path / "state").iterdir()] == ["lock"]


def test_further_failures_are_told_and_the_first_is_raised(old: Path, tmp_path: Path) -> None:
    recorder = Recorder()

    with pytest.raises(CheckError, match=r"x\.conf"):
        install([File(old, b"new", check="false {}"), File(tmp_path / "b", check="exit 3; {}")], observer=recorder)

    assert recorder.told[:2] == ["kept x.conf", "kept b"]
    assert "(exit status 3)" in recorder.told[2]


def test_command_runs_once_behind_all_files_and_knows_which_changed(old: Path, tmp_path: Path) -> None:
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


def test_command_runs_where_a_mode_is_repaired(old: Path, tmp_path: Path) -> None:
    install([File(old, b"old\n", mode=0o600, command=f"touch {tmp_path}/ran")], state=tmp_path / "state")

    assert (tmp_path / "ran").exists()


def test_failed_command_does_not_stop_the_others(old: Path, tmp_path: Path) -> None:
    with pytest.raises(CommandError):
        install(
            [File(old, b"new", command="false"), File(tmp_path / "b", b"new", command=f"touch {tmp_path}/ran")],
            state=tmp_path / "state",
        )

    assert (tmp_path / "ran").exists()


def test_dry_run_tells_what_would_be_done_and_touches_nothing(old: Path, tmp_path: Path) -> None:
    before = identity(old)
    recorder = Recorder()

    install(
        [File(old, b"new", command="touch ran", check="grep -q new {}"), File(tmp_path / "b", mode=0o600)],
        state=tmp_path / "state",
        dry_run=True,
        observer=recorder,
    )

    assert recorder.told == ["changed x.conf", "changed b", "running touch ran"]
    assert identity(old) == before
    assert [path.name for path in tmp_path.iterdir()] == ["etc"]


def test_what_needs_state_is_refused_without_a_directory_for_it(old: Path) -> None:
    with pytest.raises(UsageError, match="a state directory"):
        install([File(old, b"new", command="true")])
