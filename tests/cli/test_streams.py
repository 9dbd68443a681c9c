from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.running import PROGRAM, Capture, call, execute


def mode(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


@pytest.fixture(autouse=True)
def usual_umask() -> Iterator[None]:
    """Give new files the permissions that most systems give them."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def test_new_file_has_what_the_umask_leaves(tmp_path: Path, capfdbinary: Capture) -> None:
    call(capfdbinary, "schema", "-o", tmp_path / "file")

    assert mode(tmp_path / "file") == 0o644


def test_existing_file_keeps_its_permissions(tmp_path: Path, capfdbinary: Capture) -> None:
    file = tmp_path / "file"
    file.touch()
    file.chmod(0o640)

    call(capfdbinary, "schema", "-o", file)

    assert mode(file) == 0o640


def test_mode_sets_the_permissions(tmp_path: Path, capfdbinary: Capture) -> None:
    call(capfdbinary, "schema", "-o", tmp_path / "file", "--mode", "0400")

    assert mode(tmp_path / "file") == 0o400


@pytest.mark.parametrize("command", ["dump", "env", "render {}"])
def test_file_that_may_hold_a_secret_is_for_its_owner_alone(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: Capture
) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    template, file = tmp_path / "template", tmp_path / "file"
    template.write_text("{{ user_data }}")
    file.touch(0o666)
    include = ["--simulate", "xen", "--include", "user_data", "-o", file]

    outcome = call(capfdbinary, *command.replace("{}", str(template)).split(), *include)

    assert (outcome.status, outcome.output) == (0, b"")
    assert mode(file) == 0o600


def test_mode_goes_before_what_a_secret_would_get(tmp_path: Path, capfdbinary: Capture) -> None:
    file = tmp_path / "file"

    call(capfdbinary, "dump", "--simulate", "--include", "user_data", "-o", file, "--mode", "640")

    assert mode(file) == 0o640


@pytest.mark.parametrize("wrong", ["rw-r--r--", "999", "10000", "-1", ""])
def test_mode_is_octal(wrong: str, capfdbinary: Capture) -> None:
    outcome = call(capfdbinary, "schema", "-o", "/dev/null", f"--mode={wrong}")

    assert outcome.status == 2
    assert f"octal mode value: {wrong!r}" in outcome.errors


@pytest.mark.parametrize("option", ["-o", "--from"])
def test_variable_that_is_not_set_is_no_file(option: str, capfdbinary: Capture) -> None:
    outcome = call(capfdbinary, "dump", option, "")

    assert outcome.status == 2
    assert "the name of the file is empty" in outcome.errors


@pytest.mark.parametrize("name", ["-", "/dev/stdout"])
def test_standard_output_has_names_of_its_own(name: str, tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("before\n")

    with log.open("ab") as stream:
        execute(PROGRAM, "get", "instance_id", "--simulate", stdout=stream)
        execute("sh", "-c", f"{PROGRAM} schema -o {name} | head -n 1", stdout=stream, cwd=tmp_path)
        execute(PROGRAM, "render", "motd", "-o", name, "--simulate", stdout=stream, cwd=tmp_path)

    assert log.read_text().startswith("before\ni-1234567890abcdef0\ninstance_id: str\nInstance  i-1234567890abcdef0 ")
    assert list(tmp_path.iterdir()) == [log]


def test_mode_without_a_file_is_a_wrong_command_line(capfdbinary: Capture) -> None:
    outcome = call(capfdbinary, "schema", "--mode", "600")

    assert outcome == (2, b"", "ec2facts: error: --mode is for a file; name it with -o FILE\n")


def test_file_is_replaced_and_not_written_over(tmp_path: Path, capfdbinary: Capture) -> None:
    file, reader = tmp_path / "file", tmp_path / "reader"
    file.write_text("before")
    os.link(file, reader)

    call(capfdbinary, "schema", "-o", file)

    assert reader.read_text() == "before"
    assert file.read_text().startswith("instance_id: str\n")
    assert sorted(tmp_path.iterdir()) == [file, reader]


def test_link_stays_a_link(tmp_path: Path, capfdbinary: Capture) -> None:
    file, link = tmp_path / "file", tmp_path / "link"
    link.symlink_to("file")

    call(capfdbinary, "schema", "-o", link)

    assert link.is_symlink()
    assert file.read_text().startswith("instance_id: str\n")


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        ("{}/missing/file", "No such file or directory"),
        ("{}", "Is a directory"),
        ("/dev/full", "No space left on device"),
    ],
)
def test_file_that_cannot_be_written_is_named(file: str, reason: str, tmp_path: Path, capfdbinary: Capture) -> None:
    file = file.replace("{}", str(tmp_path))

    outcome = call(capfdbinary, "schema", "-o", file)

    assert outcome == (1, b"", f"ec2facts: error: {file}: {reason}\n")
    assert list(tmp_path.iterdir()) == []
