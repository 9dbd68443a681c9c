"""Checks, which may refuse a file, and commands, within their time limits."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import pytest

from ec2facts.errors import CheckError, CommandError, UsageError
from ec2facts.install import File, install
from tests.install.conftest import Recorder, hidden, identity


def test_check_sees_the_whole_new_file_under_a_hidden_name_beside_the_old_one(old: Path, tmp_path: Path) -> None:
    seen = tmp_path / "seen"

    install([File(old, b"new", mode=0o604, check=f"stat -c %a:%s:%n {{}} > {seen}")])

    mode, size, name = seen.read_text().strip().split(":")
    assert (mode, size, Path(name).parent) == ("604", "3", old.parent)
    assert Path(name).name.startswith(".")
    assert Path(name).suffix != ".conf"


def test_check_sees_the_suffix_that_it_wants(old: Path) -> None:
    install(
        [
            File(
                old,
                b"new",
                check='case {} in */.*.conf) ;; *) false; esac; test "$(echo {})" = {}',
                check_suffix=".conf",
            )
        ]
    )

    assert old.read_bytes() == b"new"


def test_name_of_the_checked_file_is_quoted(tmp_path: Path) -> None:
    directory = tmp_path / "a b'; touch executed; '$(touch executed)"
    directory.mkdir()

    install([File(directory / "x", b"new", check="grep -qx new {}")])

    assert (directory / "x").read_bytes() == b"new"
    assert not list(tmp_path.rglob("executed"))


@pytest.mark.parametrize("dry_run", [False, True])
def test_refused_file_stays_as_it_was_and_the_checkers_words_are_told(old: Path, *, dry_run: bool) -> None:
    before = identity(old)

    with pytest.raises(CheckError) as refusal:
        install([File(old, b"new", check="echo unknown directive; grep -q nothing {}")], dry_run=dry_run)

    assert refusal.value.exit_status == 7
    assert refusal.value.output == "unknown directive\n"
    assert "\n    unknown directive" in str(refusal.value)
    assert identity(old) == before
    assert hidden(old.parent) == []


def test_refused_file_leaves_no_backup(old: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckError):
        install([File(old, b"new", backup=True, check="false {}")], state=tmp_path / "state")

    assert [path.name for path in old.parent.iterdir()] == ["x.conf"]


def test_check_without_a_place_for_the_file_is_refused(old: Path) -> None:
    with pytest.raises(UsageError, match="live check"):
        install([File(old, b"new", check="nginx -t")])


def test_hanging_checker_ends_with_its_time_limit_and_all_that_it_started(old: Path, tmp_path: Path) -> None:
    before = identity(old)
    started = time.monotonic()

    with pytest.raises(CheckError, match=r"killed after 0\.2 seconds"):
        install([File(old, b"new", check=f"(sleep 1; touch {tmp_path}/late) & : {{}}; sleep 60", time_limit=0.2)])

    assert time.monotonic() - started < 5
    time.sleep(1)
    assert not (tmp_path / "late").exists()
    assert identity(old) == before
    assert hidden(old.parent) == []


def test_hanging_command_ends_with_its_time_limit_and_is_owed(old: Path, tmp_path: Path) -> None:
    recorder = Recorder()
    with pytest.raises(CommandError, match=r"killed after 0\.2 seconds"):
        install([File(old, b"new", command="sleep 60", time_limit=0.2)], state=tmp_path / "state")

    install([File(old, b"new", command="true")], state=tmp_path / "state", observer=recorder)

    assert recorder.told == ["unchanged x.conf", "running true"]


def test_command_may_leave_a_daemon_behind(old: Path, tmp_path: Path) -> None:
    started = time.monotonic()

    install([File(old, b"new", command="sleep 3 &")], state=tmp_path / "state")

    assert time.monotonic() - started < 2


@pytest.mark.parametrize("meddling", ["echo more >> {}", "chmod 777 {}", "rm {}", "rm {}; mkdir {}; rmdir {}"])
def test_what_a_check_does_to_the_file_it_is_given_is_not_installed(old: Path, meddling: str) -> None:
    install([File(old, b"new", check=meddling)])

    assert identity(old)[2:] == (0o640, b"new")
    assert hidden(old.parent) == []


def test_check_can_execute_the_file(old: Path) -> None:
    install([File(old, b"#!/bin/sh\nexit 0\n", mode=0o755, check="{}")])

    assert old.read_bytes().startswith(b"#!")


@pytest.mark.parametrize("kind", ["check", "check_live", "command"])
def test_what_a_program_says_of_a_secret_file_is_not_told(old: Path, tmp_path: Path, kind: str) -> None:
    command: dict[str, Any] = {kind: f"cat {old.parent}/* {old.parent}/.e*; false {{}}"}
    file = File(old, b"hunter2\n", secret=True, **command)

    with pytest.raises((CheckError, CommandError)) as failure:
        install([file], state=tmp_path / "state")

    assert "hunter2" not in str(failure.value)
    assert "this run writes a secret" in str(failure.value)


def test_command_that_cannot_be_started_is_owed(old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = File(old, b"new", command=f"touch {tmp_path}/ran")

    with monkeypatch.context() as without:
        without.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
        with pytest.raises(CommandError, match="not run: No such file or directory"):
            install([file], state=tmp_path / "state")
    install([file], state=tmp_path / "state")

    assert (tmp_path / "ran").exists()
