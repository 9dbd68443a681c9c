"""State between runs: retried commands, and the rollback of killed runs."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from ec2facts.cli.signals import stoppable
from ec2facts.errors import CheckError, CommandError, EC2FactsError, InstallError
from ec2facts.install import File, install
from ec2facts.install.journal import default_state_directory
from tests.install.conftest import Recorder, hidden, identity
from tests.install.moments import in_child, interrupted


@pytest.mark.parametrize("content", [b"old\n", b"new\n"], ids=["repaired", "changed"])
def test_failed_command_is_retried_in_each_run_until_it_succeeds(old: Path, tmp_path: Path, content: bytes) -> None:
    file = File(old, content, mode=0o600, command=f"echo ran >> {tmp_path}/log; test -e {tmp_path}/up")
    state = tmp_path / "state"

    with pytest.raises(CommandError) as failure:
        install([file], state=state)
    with pytest.raises(CommandError):
        install([file], state=state)
    (tmp_path / "up").touch()
    changes = install([file], state=state)
    install([file], state=state)

    assert failure.value.exit_status == 8
    assert [change.kind for change in changes] == ["unchanged"]
    assert (tmp_path / "log").read_text() == "ran\n" * 3
    assert [path.name for path in state.iterdir()] == ["lock"]


def test_retry_runs_the_current_command_of_the_file(old: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"

    with pytest.raises(CommandError):
        install([File(old, b"new", command="false")], state=state)
    install([File(old, b"new", command=f"touch {tmp_path}/mended")], state=state)

    assert (tmp_path / "mended").exists()


def test_failed_command_is_retried_only_in_a_run_with_its_file(old: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    with pytest.raises(CommandError):
        install([File(old, b"new", command="false")], state=state)

    install([File(tmp_path / "other", b"new", command="true")], state=state)
    recorder = Recorder()
    install([File(old, b"new", command="true")], state=state, observer=recorder)

    assert recorder.events == ["unchanged x.conf", "running true"]


def test_failed_command_is_retried_even_if_the_next_content_is_refused(old: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    with pytest.raises(CommandError):
        install([File(old, b"new", command="false")], state=state)

    with pytest.raises(CheckError):
        install([File(old, b"newer", check="false {}", command=f"cp {old} {tmp_path}/loaded")], state=state)
    install([File(old, b"new", command=f"touch {tmp_path}/again")], state=state)

    assert (tmp_path / "loaded").read_bytes() == b"new"
    assert not (tmp_path / "again").exists()


def test_state_disk_full_during_the_run_restores_the_old_file(
    old: Path, tmp_path: Path, mount: Callable[..., None]
) -> None:
    state = tmp_path / "state"
    state.mkdir()
    mount("-t", "tmpfs", "-o", "size=4k,mode=700", "tmpfs", state)  # room for one journal, not for the next one
    before = identity(old)

    with pytest.raises(InstallError, match=r"journal\.json: No space left"):
        install([File(old, b"new", command=f"touch {tmp_path}/ran")], state=state)

    assert identity(old) == before
    assert hidden(old.parent) == []
    assert [path.name for path in state.iterdir()] == ["lock"]
    assert not (tmp_path / "ran").exists()


def test_file_in_a_read_only_directory_is_written_in_place(tmp_path: Path, mount: Callable[..., None]) -> None:
    directory, file = tmp_path / "directory", tmp_path / "file"
    directory.mkdir()
    file.write_bytes(b"old")
    bound = directory / "x"
    bound.touch()
    mount("--bind", directory, directory)
    mount("--bind", file, bound)
    subprocess.run(["mount", "-o", "remount,ro,bind", directory], check=True)
    written = File(bound, b"new", in_place=True, command=f"touch {tmp_path}/ran")

    with pytest.raises(CheckError):
        install([written._replace(check_live="false")], state=tmp_path / "state")
    refused = bound.read_bytes()
    install([written], state=tmp_path / "state")

    assert (refused, bound.read_bytes()) == (b"old", b"new")
    assert (tmp_path / "ran").exists()
    assert [path.name for path in (tmp_path / "state").iterdir()] == ["lock"]


def test_failed_rollback_is_retried_and_other_files_are_installed(in_memory: Path, mount: Callable[..., None]) -> None:
    group = Group(in_memory)
    other = File(in_memory / "other", b"new", command=f"touch {in_memory}/ran")
    mount("--bind", group.directory, group.directory)
    in_child(lambda: group.install(check_live="kill -9 $PPID"))
    subprocess.run(["mount", "-o", "remount,ro,bind", group.directory], check=True)

    with pytest.raises(InstallError, match=f"^{group.files[0]}: Read-only file system"):
        install([other], state=group.state)
    ran = (in_memory / "ran").exists()
    subprocess.run(["mount", "-o", "remount,rw,bind", group.directory], check=True)
    install([other], state=group.state)

    assert ran
    assert group.contents() == [b"old"] * 3
    assert hidden(group.directory) == []
    assert [path.name for path in group.state.iterdir()] == ["lock"]


def test_run_without_state_settings_rolls_back_a_killed_run(in_memory: Path) -> None:
    group = Group(in_memory)
    in_child(lambda: group.install(check_live="kill -9 $PPID"))

    install([File(in_memory / "other", b"new")], state=group.state)

    assert group.contents() == [b"old"] * 3
    assert hidden(group.directory) == []


def test_rollback_leaves_files_that_changed_since_the_run_was_killed(in_memory: Path) -> None:
    group = Group(in_memory)
    in_child(lambda: group.install(check_live="kill -9 $PPID"))
    for file in (group.files[0], group.directory / "c"):
        file.write_bytes(b"by hand")

    install([File(in_memory / "other", b"new", command="true")], state=group.state)

    assert group.contents()[:2] == [b"by hand"] * 2
    assert hidden(group.directory) == []


@pytest.mark.parametrize("content", ["[]", "{", '{"owed": 1}', '{"owed": [], "undo": [[1]], "discard": []}'])
def test_error_of_a_malformed_journal_has_the_remedy(old: Path, tmp_path: Path, content: str) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "journal.json").write_text(content)

    with pytest.raises(InstallError, match=r"journal\.json: malformed; remove it"):
        install([File(old, b"new", command="true")], state=tmp_path / "state")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can set any group")
def test_state_directory_that_a_group_can_write_is_refused(old: Path, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    os.chown(tmp_path / "state", 0, 12345)
    (tmp_path / "state").chmod(0o770)

    with pytest.raises(InstallError, match="others can change this state directory: the group 12345 can write to"):
        install([File(old, b"new", command="true")], state=tmp_path / "state")


def test_command_that_needs_the_lock_of_its_own_run_fails_with_the_reason(old: Path, tmp_path: Path) -> None:
    again = "from pathlib import Path; from ec2facts.install import *; "
    again += f"install([File(Path('{tmp_path}/y'), command='true')], state=Path('{tmp_path}/state'))"

    with pytest.raises(CommandError, match="locked by the run that started this command"):
        install([File(old, b"new", command=f'{sys.executable} -c "{again}"')], state=tmp_path / "state")


def test_daemon_of_a_command_can_install_after_the_run(
    old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = tmp_path / "state"
    install([File(old, b"new", command=f"env > {tmp_path}/environment")], state=state)
    for line in (tmp_path / "environment").read_text().splitlines():
        if line.startswith("EC2FACTS_"):
            monkeypatch.setenv(*line.split("=", 1))

    install([File(old, b"newer", command="true")], state=state)

    assert old.read_bytes() == b"newer"


def test_error_of_a_file_system_without_locks_names_the_state_option(
    old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(InstallError, match="state: No locks available; use another --state directory"):
        install([File(old, b"new", command="true")], state=tmp_path / "state")


def test_error_of_a_failed_rollback_has_the_cause_of_the_rollback(
    old: Path, tmp_path: Path, mount: Callable[..., None]
) -> None:
    mount("--bind", old.parent, old.parent)
    live = File(old, b"new", check_live=f"mount -o remount,ro,bind {old.parent}; echo no new things; false")

    with pytest.raises(InstallError) as failure:
        install([live], state=tmp_path / "state")
    subprocess.run(["mount", "-o", "remount,rw,bind", old.parent], check=True)
    install([File(tmp_path / "other", b"new")], state=tmp_path / "state")

    assert "it is not restored; the next run tries again" in str(failure.value)
    assert "no new things" in str(failure.value)
    assert old.read_bytes() == b"old\n"
    assert hidden(old.parent) == []


def test_file_with_a_pending_rollback_is_not_installed(in_memory: Path, mount: Callable[..., None]) -> None:
    group = Group(in_memory)
    mount("--bind", group.directory, group.directory)
    in_child(lambda: group.install(check_live="kill -9 $PPID"))
    subprocess.run(["mount", "-o", "remount,ro,bind", group.directory], check=True)
    recorder = Recorder()

    with pytest.raises(InstallError):
        install([File(group.files[0], b"new", command="false")], state=group.state, observer=recorder)

    assert recorder.events[0] == "kept a"
    assert recorder.events[-1].endswith("a: an earlier run left it half changed, and it is not restored yet")
    subprocess.run(["mount", "-o", "remount,rw,bind", group.directory], check=True)


def test_full_state_disk_leaves_the_old_file_unchanged(old: Path, tmp_path: Path, mount: Callable[..., None]) -> None:
    state = tmp_path / "state"
    state.mkdir()
    mount("-t", "tmpfs", "-o", "size=64k,mode=700", "tmpfs", state)
    before = identity(old)
    (state / "lock").touch()
    with suppress(OSError):
        (state / "filler").write_bytes(b"x" * 100_000)

    with pytest.raises(InstallError, match=r"journal\.json: No space left"):
        install([File(old, b"new", command="true")], state=state)

    assert identity(old) == before
    assert hidden(old.parent) == []


class Group:
    """A group of an existing file, a new file and a file to repair, with a command."""

    def __init__(self, directory: Path, *, in_place: bool = False) -> None:
        self.directory = directory / "etc"
        self.state = directory / "state"
        self.files = [self.directory / "a"]
        self.log = directory / "log"
        self.in_place = in_place
        self.directory.mkdir()
        self.reset()

    def reset(self) -> None:
        for file in self.files:
            file.write_bytes(b"old")
        (self.directory / "c").unlink(missing_ok=True)
        (self.directory / "d").write_bytes(b"new")
        (self.directory / "d").chmod(0o644)
        self.log.unlink(missing_ok=True)

    def contents(self) -> list[bytes]:
        """Return the content of the existing file and the new file, and "new" for the third one if it is repaired."""
        new, repaired = self.directory / "c", self.directory / "d"
        return [
            *(file.read_bytes() for file in self.files),
            new.read_bytes() if new.exists() else b"old",
            b"new" if repaired.stat().st_mode & 0o777 == 0o600 else b"old",
        ]

    def install(self, **settings: Any) -> None:
        install(
            [
                File(
                    file,
                    b"new",
                    in_place=self.in_place,
                    backup=True,
                    together="group",
                    check="grep -q new {}",
                    check_live="true",
                    command=f"echo ran >> {self.log}",
                    mode=0o600 if file.name == "d" else None,
                )._replace(**settings)
                for file in [*self.files, self.directory / "c", self.directory / "d"]
            ],
            state=self.state,
        )


@pytest.mark.parametrize("in_place", [False, True])
def test_run_after_a_kill_at_any_moment_completes_the_install(in_memory: Path, *, in_place: bool) -> None:
    group = Group(in_memory, in_place=in_place)
    moments = 0

    for _ in interrupted(group.install, signal.SIGKILL):
        moments += 1
        group.install()
        assert group.contents() == [b"new"] * 3
        assert group.log.exists()
        assert hidden(group.directory) == []
        assert hidden(group.state) == []
        assert not (group.state / "journal.json").exists()
        group.reset()

    assert moments > 30


@pytest.mark.parametrize("in_place", [False, True])
def test_group_is_old_or_new_after_a_kill_at_any_moment(in_memory: Path, *, in_place: bool) -> None:
    group = Group(in_memory, in_place=in_place)
    seen = set()

    for _ in interrupted(group.install, signal.SIGKILL):
        if not in_place:
            assert set(group.contents()) <= {b"old", b"new"}
        try:
            group.install(check="false {}")
        except CheckError:
            assert group.contents() == [b"old"] * 3
        else:
            assert group.contents() == [b"new"] * 3
        seen.add(group.contents()[0])
        assert hidden(group.directory) == []
        group.reset()

    assert seen == {b"old", b"new"}


@pytest.mark.parametrize(("number", "live"), [(signal.SIGTERM, "true"), (signal.SIGHUP, "false")])
def test_signal_at_any_moment_leaves_the_group_old_or_new_without_leftovers(
    in_memory: Path, number: signal.Signals, live: str
) -> None:
    group = Group(in_memory)

    def stopped() -> None:
        try:
            with stoppable():
                group.install(check_live=live)
        except CheckError:
            if live == "true":
                raise

    inodes = [file.stat().st_ino for file in group.files]
    for _ in interrupted(stopped, number):
        assert group.contents() in ([b"old"] * 3, [b"new"] * 3)
        if group.contents()[0] == b"old":
            assert [file.stat().st_ino for file in group.files] == inodes
        assert hidden(group.directory) == []
        assert hidden(group.state) == []
        group.reset()
        inodes = [file.stat().st_ino for file in group.files]


def test_single_file_is_old_or_new_after_a_kill_and_the_next_run_sweeps(in_memory: Path) -> None:
    old = in_memory / "x"
    old.write_bytes(b"old\n")

    def single() -> None:
        install([File(old, b"new")])

    for _ in interrupted(single, signal.SIGKILL):
        assert old.read_bytes() in {b"old\n", b"new"}
        install([File(old, b"new")])
        assert hidden(old.parent) == []
        old.write_bytes(b"old\n")


def test_rollback_skips_a_directory_that_a_reboot_removed(in_memory: Path) -> None:
    group = Group(in_memory)
    in_child(lambda: group.install(check_live="kill -9 $PPID"))
    shutil.rmtree(group.directory)

    changes = install([File(in_memory / "other", b"new", command="true")], state=group.state)

    assert [change.kind for change in changes] == ["changed"]
    assert not (group.state / "journal.json").exists()


@pytest.mark.parametrize("in_place", [False, True])
def test_rollback_restores_a_file_that_was_removed_after_a_kill(
    in_memory: Path, mount: Callable[..., None], *, in_place: bool
) -> None:
    group = Group(in_memory, in_place=in_place)
    group.state.mkdir()
    mount("-t", "tmpfs", "-o", "mode=700", "tmpfs", group.state)
    in_child(lambda: group.install(check_live="kill -9 $PPID"))
    group.files[0].unlink()

    with pytest.raises(CheckError):
        group.install(check="false {}")

    assert group.contents() == [b"old"] * 3


def test_concurrent_runs_wait_for_each_other(tmp_path: Path) -> None:
    log = tmp_path / "log"
    check = f"echo start >> {log}; sleep 0.1; echo end >> {log}; : {{}}"
    failures: list[EC2FactsError] = []

    def run(number: int) -> None:
        try:
            install(
                [File(tmp_path / "x", b"%d" % number, check=check, command="true")],
                state=tmp_path / "state",
            )
        except EC2FactsError as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert log.read_text() == "start\nend\n" * 4
    assert hidden(tmp_path) == []


def test_concurrent_runs_do_not_sweep_each_others_files(tmp_path: Path) -> None:
    failures: list[EC2FactsError] = []

    def run(number: int) -> None:
        try:
            for turn in range(20):
                install([File(tmp_path / "x", b"%d %d" % (number, turn))])
        except EC2FactsError as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert hidden(tmp_path) == []


def test_observer_receives_the_wait_for_a_lock(old: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    recorder = Recorder()
    with (state / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        recorder.on_waiting = lock.close

        install([File(old, b"new", command="true")], state=state, observer=recorder)

    assert recorder.events == [f"waiting for {state}", "changed x.conf", "running true"]


def test_state_of_root_is_in_run_where_var_is_read_only() -> None:
    read_only = Path("/proc")  # this root has no var/lib

    assert default_state_directory({}, uid=0, root=read_only) == read_only / "run/ec2facts-state"
