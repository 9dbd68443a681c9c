"""The install options of ``ec2facts render``."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from tests.cli.running import PROGRAM, Capture, call, execute, require_checkout_that_others_can_read


@pytest.fixture
def template(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a template; state is beside it."""
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    file = tmp_path / "t.j2"
    file.write_text("id={{ instance_id }}\n")
    return file


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """Return an existing file, alone in its directory."""
    file = tmp_path / "etc" / "x.conf"
    file.parent.mkdir()
    file.write_text("id=old\n")
    file.chmod(0o644)
    return file


def test_render_installs_a_checked_file_and_then_runs_the_command(
    template: Path, old: Path, capfdbinary: Capture
) -> None:
    options = ["--check", "grep -q ^id= {}", "--command", f"cp {old} {old}.copy"]

    outcome = call(capfdbinary, "render", template, "--simulate", "-o", old, *options)

    assert outcome.status == 0
    assert outcome.errors == f"ec2facts: changed {old}\nec2facts: running cp {old} {old}.copy\n"
    assert Path(f"{old}.copy").read_text() == "id=i-1234567890abcdef0\n"


@pytest.mark.parametrize("option", ["--check=echo no; false {}", "--check-live=echo no; false"])
@pytest.mark.parametrize("dry_run", [[], ["--dry-run"]])
def test_failed_check_leaves_the_old_file(
    template: Path, old: Path, option: str, dry_run: list[str], capfdbinary: Capture
) -> None:
    before = (old.read_bytes(), old.stat().st_ino, old.stat().st_mtime_ns)

    outcome = call(capfdbinary, "render", template, "--simulate", "-o", old, option, *dry_run)

    live_in_dry_run = bool(dry_run) and "live" in option
    assert outcome.status == (0 if live_in_dry_run else 7)
    assert (old.read_bytes(), old.stat().st_ino, old.stat().st_mtime_ns) == before
    assert [path.name for path in old.parent.iterdir()] == ["x.conf"]


def test_failed_command_is_retried_without_a_change(template: Path, old: Path, capfdbinary: Capture) -> None:
    failed = call(capfdbinary, "render", template, "--simulate", "-o", old, "--command", "false")

    again = call(capfdbinary, "render", template, "--simulate", "-o", old, "--command", "echo mended >&2")

    assert (failed.status, again.status) == (8, 0)
    assert again.errors == f"ec2facts: unchanged {old}\nec2facts: running echo mended >&2\n"


def test_diff_is_printed_to_standard_output(template: Path, old: Path, capfdbinary: Capture) -> None:
    outcome = call(capfdbinary, "render", template, "--simulate", "-o", old, "--diff", "--dry-run", "--exit-code")

    assert outcome.status == 10
    assert outcome.output.decode().splitlines()[2:] == ["@@ -1 +1 @@", "-id=old", "+id=i-1234567890abcdef0"]
    assert old.read_text() == "id=old\n"


def test_mode_owner_backup_and_symlink_options_apply(
    template: Path, old: Path, tmp_path: Path, capfdbinary: Capture
) -> None:
    link = tmp_path / "link"
    link.symlink_to(old)

    refused = call(capfdbinary, "render", template, "--simulate", "-o", link, "--no-follow")
    owner = ["--owner", os.geteuid(), "--group", os.getegid()]
    done = call(capfdbinary, "render", template, "--simulate", "-o", link, "--backup", "--mode", "0604", *owner)

    assert (refused.status, done.status) == (1, 0)
    assert "symbolic link" in refused.errors
    assert (old.stat().st_mode & 0o777, link.is_symlink()) == (0o604, True)
    assert Path(f"{old}~").read_text() == "id=old\n"


def test_in_place_option_keeps_the_inode(template: Path, old: Path, capfdbinary: Capture) -> None:
    inode = old.stat().st_ino

    call(capfdbinary, "render", template, "--simulate", "-o", old, "--in-place")

    assert (old.stat().st_ino, old.read_text()) == (inode, "id=i-1234567890abcdef0\n")


@pytest.mark.parametrize(
    "option", ["--check=true {}", "--command=true", "--diff", "--dry-run", "--backup", "--no-follow", "--owner=root"]
)
def test_file_options_need_an_output_file(template: Path, option: str, capfdbinary: Capture) -> None:
    outcome = call(capfdbinary, "render", template, "--simulate", option)

    assert (outcome.status, outcome.output) == (2, b"")
    assert "-o FILE" in outcome.errors


def test_state_directory_that_others_can_write_to_is_refused(
    template: Path, old: Path, tmp_path: Path, capfdbinary: Capture
) -> None:
    state = tmp_path / "open"
    state.mkdir()
    state.chmod(0o777)

    outcome = call(capfdbinary, "render", template, "--simulate", "-o", old, "--command", "true", "--state", state)

    assert outcome.status == 1
    assert "others can change this state directory: everybody can write" in outcome.errors
    assert old.read_text() == "id=old\n"


def test_file_without_a_command_needs_no_state_directory(
    template: Path, old: Path, tmp_path: Path, capfdbinary: Capture
) -> None:
    call(capfdbinary, "render", template, "--simulate", "-o", old, "--check", "test -s {}")

    assert not (tmp_path / "state").exists()


def test_device_is_written_to_directly(template: Path) -> None:
    outcome = execute(PROGRAM, "render", template, "--simulate", "-o", "/dev/stdout")

    assert outcome == (0, b"id=i-1234567890abcdef0\n", "")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can change its uid")
def test_state_and_templates_belong_to_the_effective_user(
    template: Path, old: Path, capfdbinary: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    require_checkout_that_others_can_read()
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        (home / "templates").mkdir()
        (home / "templates" / "mine.j2").write_text("mine")
        os.chown(home, 65534, 65534)
        monkeypatch.setenv("HOME", name)
        monkeypatch.delenv("STATE_DIRECTORY")
        monkeypatch.chdir(home)
        os.seteuid(65534)
        try:
            outcome = call(
                capfdbinary, "render", "mine", "--simulate", "-o", home / "x", "--command", "true", "--mode", "644"
            )
        finally:
            os.seteuid(0)

        assert outcome.errors == f"ec2facts: changed {home}/x\nec2facts: running true\n"
        assert (home / ".local/state/ec2facts/lock").stat().st_uid == 65534
