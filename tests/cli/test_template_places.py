from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.running import Capture, call, require_checkout_that_others_can_read

NOBODY = 65534


@pytest.fixture
def foreign_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: Capture) -> Iterator[Path]:
    """Yield a home directory that the effective user has no permission to enter."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.chdir(home)
    call(capfdbinary, "render", "motd", "--simulate")  # import now: another user may not be allowed to
    before = os.geteuid()
    if before == 0:
        require_checkout_that_others_can_read()
        os.seteuid(NOBODY)
    else:
        home.chmod(0)
    yield home
    os.seteuid(before)
    home.chmod(0o700)


def test_template_directory_without_permission_is_skipped_with_a_warning(
    foreign_home: Path, capfdbinary: Capture
) -> None:
    outcome = call(capfdbinary, "render", "motd", "--simulate")

    assert (outcome.status, outcome.output[:29]) == (0, b"Instance  i-1234567890abcdef0")
    place = foreign_home / ".config/ec2facts/templates"
    assert f"ec2facts: warning: {place} is not searched for templates: Permission denied\n" in outcome.errors
