from __future__ import annotations

import stat
from pathlib import Path

import pytest

from ec2facts import crawl, instances
from ec2facts.imds.snapshot import Snapshot
from tests.cli.running import Capture, call


def mode(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


@pytest.mark.parametrize("name", instances.names())
def test_captured_snapshot_replays_the_same_facts(name: str, tmp_path: Path, capfdbinary: Capture) -> None:
    file = tmp_path / "captured.json"

    captured = call(capfdbinary, "snapshot", "--simulate", name, "-o", file)

    assert captured == (0, b"", f"ec2facts: changed {file}\n")
    replayed = call(capfdbinary, "dump", "--from", file)
    assert replayed == call(capfdbinary, "dump", "--simulate", name)


def test_snapshot_equals_that_of_the_library(capfdbinary: Capture) -> None:
    outcome = call(capfdbinary, "snapshot", "--simulate", "awkward")

    assert Snapshot.parse(outcome.output).bodies == crawl(instances.load("awkward")).bodies


def test_snapshot_has_mode_0600(tmp_path: Path, capfdbinary: Capture) -> None:
    file = tmp_path / "captured.json"
    file.touch(0o644)

    call(capfdbinary, "snapshot", "--simulate", "-o", file)

    assert mode(file) == 0o600


def test_mode_option_overrides_the_default_mode(tmp_path: Path, capfdbinary: Capture) -> None:
    file = tmp_path / "captured.json"

    call(capfdbinary, "snapshot", "--simulate", "-o", file, "--mode", "0640")

    assert mode(file) == 0o640


def test_partial_snapshot_is_written_only_with_allow_partial(tmp_path: Path, capfdbinary: Capture) -> None:
    source, file = tmp_path / "source.json", tmp_path / "captured.json"
    source.write_text('{"meta-data/mac": {"status": 500}, "meta-data/hostname": {"body": "here"}}')

    refused = call(capfdbinary, "snapshot", "--from", source, "-o", file)
    assert (refused.status, file.exists()) == (4, False)

    allowed = call(capfdbinary, "snapshot", "--from", source, "-o", file, "--allow-partial")
    assert (allowed.status, Snapshot.load(file).unread) == (0, {"meta-data/mac": "HTTP 500"})
