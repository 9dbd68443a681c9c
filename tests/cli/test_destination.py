from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.running import PROGRAM, Capture, call, execute, one_line

COMMANDS_WITH_FILE = [
    "dump --simulate",
    "env --simulate",
    "snapshot --simulate",
    "render motd --simulate",
    "templates",
    "templates show motd",
    "schema",
]


def mode(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


@pytest.fixture(autouse=True)
def usual_umask() -> Iterator[None]:
    """Set the umask of most systems."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def test_new_file_gets_the_mode_of_the_umask(tmp_path: Path, capfdbinary: Capture) -> None:
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
def test_file_with_a_withheld_fact_has_mode_0600(
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


def test_mode_overrides_the_mode_of_a_secret_file(tmp_path: Path, capfdbinary: Capture) -> None:
    file = tmp_path / "file"

    call(capfdbinary, "dump", "--simulate", "--include", "user_data", "-o", file, "--mode", "640")

    assert mode(file) == 0o640


@pytest.mark.parametrize("wrong", ["rw-r--r--", "999", "10000", "-1", ""])
def test_mode_that_is_not_octal_is_an_error(wrong: str, capfdbinary: Capture) -> None:
    outcome = call(capfdbinary, "schema", "-o", "/dev/null", f"--mode={wrong}")

    assert outcome.status == 2
    assert f"argument --mode: {wrong!r} is not " in outcome.errors


@pytest.mark.parametrize("option", ["-o", "--from"])
def test_empty_file_name_is_an_error(option: str, capfdbinary: Capture) -> None:
    outcome = call(capfdbinary, "dump", option, "")

    assert outcome.status == 2
    assert "the file name is empty" in outcome.errors


@pytest.mark.parametrize("name", ["-", "/dev/stdout"])
def test_dash_and_dev_stdout_mean_standard_output(name: str, tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("before\n")

    with log.open("ab") as stream:
        execute(PROGRAM, "get", "instance_id", "--simulate", stdout=stream)
        execute("sh", "-c", f"{PROGRAM} schema -o {name} | head -n 1", stdout=stream, cwd=tmp_path)
        execute(PROGRAM, "render", "motd", "-o", name, "--simulate", stdout=stream, cwd=tmp_path)

    assert log.read_text().startswith("before\ni-1234567890abcdef0\ninstance_id: str\nInstance  i-1234567890abcdef0 ")
    assert list(tmp_path.iterdir()) == [log]


def test_mode_without_a_file_is_a_usage_error(capfdbinary: Capture) -> None:
    outcome = call(capfdbinary, "schema", "--mode", "600")

    assert (outcome.status, outcome.output) == (2, b"")
    assert one_line(outcome.errors)
    assert "--mode" in outcome.errors
    assert "-o FILE" in outcome.errors


def test_file_is_replaced_instead_of_overwritten(tmp_path: Path, capfdbinary: Capture) -> None:
    file, reader = tmp_path / "file", tmp_path / "reader"
    file.write_text("before")
    os.link(file, reader)

    call(capfdbinary, "schema", "-o", file)

    assert reader.read_text() == "before"
    assert file.read_text().startswith("instance_id: str\n")
    assert sorted(tmp_path.iterdir()) == [file, reader]


def test_symlink_is_followed_and_kept(tmp_path: Path, capfdbinary: Capture) -> None:
    file, link = tmp_path / "file", tmp_path / "link"
    link.symlink_to("file")

    call(capfdbinary, "schema", "-o", link)

    assert link.is_symlink()
    assert file.read_text().startswith("instance_id: str\n")


@pytest.mark.parametrize(
    ("file", "status", "reason"),
    [
        ("{}/missing/file", 1, "{}/missing/file: there is no directory {}/missing"),
        ("{}", 2, "{} is a directory; name a file in it"),
        ("{}/", 2, "argument -o/--output: '{}/' is a directory; name a file in it"),
        ("{}/new/", 2, "argument -o/--output: '{}/new/' is a directory; name a file in it"),
        ("/dev/full", 1, "/dev/full: No space left on device"),
    ],
)
@pytest.mark.parametrize("command", COMMANDS_WITH_FILE)
def test_file_that_cannot_be_written_is_named(
    command: str, file: str, status: int, reason: str, tmp_path: Path, capfdbinary: Capture
) -> None:
    outcome = call(capfdbinary, *command.split(), "-o", file.replace("{}", str(tmp_path)))

    assert (outcome.status, outcome.output) == (status, b"")
    last = outcome.errors.splitlines()[-1]
    assert last.startswith(f"ec2facts: error: {reason.replace('{}', str(tmp_path))}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", COMMANDS_WITH_FILE)
def test_every_command_with_a_file_installs_it(command: str, tmp_path: Path, capfdbinary: Capture) -> None:
    file = tmp_path / "file"
    arguments = [*command.split(), "-o", file, "--check", "test -s {}", "--command", f"touch {tmp_path}/ran"]
    printed = call(capfdbinary, *command.split()).output

    planned = call(capfdbinary, *arguments, "--dry-run", "--exit-code")
    assert (planned.status, file.exists()) == (10, False)

    written = call(capfdbinary, *arguments)
    assert (written.status, written.output, file.read_bytes()) == (0, b"", printed)
    assert (tmp_path / "ran").exists()

    before = file.stat()
    again = call(capfdbinary, *arguments, "--exit-code")
    assert again == (0, b"", f"ec2facts: unchanged {file}\n")
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)

    file.write_bytes(b"old")
    refused = call(capfdbinary, *command.split(), "-o", file, "--check", "false {}", "--state", tmp_path / "state")
    assert (refused.status, file.read_bytes()) == (7, b"old")
