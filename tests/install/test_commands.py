"""Checks, which can refuse a file, commands, and their time limits."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest

from ec2facts.errors import CheckError, CommandError, InstallError, UsageError
from ec2facts.install import File, install
from tests.install.conftest import Recorder, hidden, identity


def test_check_gets_a_complete_hidden_copy_beside_the_old_file(old: Path, tmp_path: Path) -> None:
    seen = tmp_path / "seen"

    install([File(old, b"new", mode=0o604, check=f"stat -c %a:%s:%n {{}} > {seen}")])

    mode, size, name = seen.read_text().strip().split(":")
    assert (mode, size, Path(name).parent) == ("604", "3", old.parent)
    assert Path(name).name.startswith(".")
    assert Path(name).suffix != ".conf"


def test_name_of_the_checked_copy_ends_in_check_suffix(old: Path) -> None:
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


def test_name_with_blanks_and_quotes_is_one_argument_of_the_check(tmp_path: Path) -> None:
    directory = tmp_path / "a b'; touch executed; '$(touch executed)"
    directory.mkdir()

    install([File(directory / "x", b"new", check="grep -qx new {}")])

    assert (directory / "x").read_bytes() == b"new"
    assert not list(tmp_path.rglob("executed"))


@pytest.mark.parametrize("dry_run", [False, True])
def test_refused_file_is_unchanged_and_the_error_has_the_output_of_the_check(old: Path, *, dry_run: bool) -> None:
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


def test_check_without_placeholder_is_refused(old: Path) -> None:
    with pytest.raises(UsageError, match="live check"):
        install([File(old, b"new", check="nginx -t")])


def test_check_and_its_children_are_killed_after_the_time_limit(old: Path, tmp_path: Path) -> None:
    before = identity(old)
    started = time.monotonic()

    with pytest.raises(CheckError, match=r"killed after 0\.2 seconds"):
        install([File(old, b"new", check=f"(sleep 1; touch {tmp_path}/late) & : {{}}; sleep 60", time_limit=0.2)])

    assert time.monotonic() - started < 5
    time.sleep(1)
    assert not (tmp_path / "late").exists()
    assert identity(old) == before
    assert hidden(old.parent) == []


def test_command_is_killed_after_the_time_limit_and_retried_in_the_next_run(old: Path, tmp_path: Path) -> None:
    recorder = Recorder()
    with pytest.raises(CommandError, match=r"killed after 0\.2 seconds"):
        install([File(old, b"new", command="sleep 60", time_limit=0.2)], state=tmp_path / "state")

    install([File(old, b"new", command="true")], state=tmp_path / "state", observer=recorder)

    assert recorder.events == ["unchanged x.conf", "running true"]


def test_command_may_start_a_daemon(old: Path, tmp_path: Path) -> None:
    started = time.monotonic()

    install([File(old, b"new", command="sleep 3 &")], state=tmp_path / "state")

    assert time.monotonic() - started < 2


@pytest.mark.parametrize("meddling", ["echo more >> {}", "chmod 777 {}", "rm {}", "rm {}; mkdir {}; rmdir {}"])
def test_changes_that_a_check_makes_to_its_copy_are_not_installed(old: Path, meddling: str) -> None:
    install([File(old, b"new", check=meddling)])

    assert identity(old)[2:] == (0o640, b"new")
    assert hidden(old.parent) == []


def test_check_can_execute_the_file(old: Path) -> None:
    install([File(old, b"#!/bin/sh\nexit 0\n", mode=0o755, check="{}")])

    assert old.read_bytes().startswith(b"#!")


@pytest.mark.parametrize("kind", ["check", "check_live", "command"])
def test_output_of_a_command_is_hidden_if_the_file_is_secret(old: Path, tmp_path: Path, kind: str) -> None:
    command: dict[str, Any] = {kind: f"cat {old.parent}/* {old.parent}/.e*; false {{}}"}
    file = File(old, b"hunter2\n", secret=True, **command)

    with pytest.raises((CheckError, CommandError)) as failure:
        install([file], state=tmp_path / "state")

    assert "hunter2" not in str(failure.value)
    assert "this run writes a secret" in str(failure.value)


def test_command_that_cannot_be_started_is_retried_in_the_next_run(
    old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = File(old, b"new", command=f"touch {tmp_path}/ran")

    with monkeypatch.context() as without:
        without.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
        with pytest.raises(CommandError, match="not run: No such file or directory"):
            install([file], state=tmp_path / "state")
    install([file], state=tmp_path / "state")

    assert (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "check",
    [
        "grep -qx new {}",
        'grep -qx new "{}"',
        "sh -c 'grep -qx new \"{}\"'",
        "sh -c 'grep -qx new {}'",
        'test "$(cat {})" = new',
        'echo "\\"" && grep -qx new {}',
    ],
)
def test_name_of_the_checked_file_is_never_parsed_as_code(tmp_path: Path, check: str) -> None:
    directory = tmp_path / "$(id>pwned) `id>pwned` ;id>pwned; 'a  b' *"
    directory.mkdir()

    install([File(directory / "x", b"new\n", check=f"cd {tmp_path}; {check}")])

    assert (directory / "x").read_bytes() == b"new\n"
    assert not list(tmp_path.rglob("pwned"))


def test_checked_file_can_be_quoted(tmp_path: Path) -> None:
    install([File(tmp_path / "x.json", b"{}\n", check=f'{sys.executable} -m json.tool "{{}}"')])

    with pytest.raises(CheckError):
        install([File(tmp_path / "x.json", b"{\n", check=f'{sys.executable} -m json.tool "{{}}"')])


def test_check_that_cannot_be_started_refuses_nothing(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = identity(old)
    monkeypatch.setattr(tempfile, "tempdir", "/nonexistent")

    with pytest.raises(InstallError, match=r"the check `true {}` could not be started: No such file") as failure:
        install([File(old, b"new", check="true {}")])

    assert failure.value.exit_status == 1
    assert identity(old) == before


def test_output_of_every_command_is_hidden_if_one_file_of_the_run_is_secret(old: Path, tmp_path: Path) -> None:
    secret = File(tmp_path / "secret", b"hunter2\n", secret=True)

    with pytest.raises(CommandError) as failure:
        install(
            [File(old, b"new", command=f"cat {tmp_path}/secret; false"), secret],
            state=tmp_path / "state",
        )

    assert "hunter2" not in str(failure.value)


def test_output_of_a_check_is_hidden_if_the_old_file_was_secret(old: Path, tmp_path: Path) -> None:
    install([File(old, b"hunter2\n", secret=True, mode=0o644)], state=tmp_path / "state")

    with pytest.raises(CheckError) as failure:
        install([File(old, b"new\n", check=f"cat {old}; false {{}}")], state=tmp_path / "state")

    assert "hunter2" not in str(failure.value)
