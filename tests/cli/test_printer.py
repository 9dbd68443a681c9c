"""The messages of an install."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ec2facts.cli.install_options import PlanOptions
from ec2facts.cli.printer import Printer
from ec2facts.errors import CheckError, InstallError
from ec2facts.install import File, install
from ec2facts.install.change import compare


class FullDisk(io.TextIOBase):
    """A standard output on a full disk, which counts the attempts to write to it."""

    def __init__(self, descriptor: int) -> None:
        self.attempts = 0
        self._descriptor = descriptor

    @property
    def buffer(self) -> FullDisk:
        return self

    def write(self, content: Any) -> int:
        self.attempts += 1
        raise OSError(28, "No space left on device")

    def fileno(self) -> int:
        return self._descriptor


@pytest.fixture
def full(tmp_path: Path) -> Iterator[FullDisk]:
    with (tmp_path / "stdout").open("wb") as file:
        yield FullDisk(file.fileno())


def printer(**options: bool) -> Printer:
    return Printer(PlanOptions(**{"dry_run": False, "diff": False, "quiet": False, **options}))


def two(directory: Path) -> list[File]:
    return [File(directory / name, b"new\n", mode=0o644) for name in ("a", "b")]


def test_failed_write_of_a_diff_is_raised_after_the_install(
    tmp_path: Path, full: FullDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdout", full)

    with pytest.raises(OSError, match="No space left") as failure, printer(diff=True) as observer:
        install(two(tmp_path), observer=observer)

    assert failure.value.filename == "standard output"
    assert [(tmp_path / name).read_bytes() for name in ("a", "b")] == [b"new\n"] * 2


def test_no_diff_is_written_after_a_failed_write(
    tmp_path: Path, full: FullDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdout", full)
    observer = printer(diff=True)

    for file in two(tmp_path):
        observer.done(compare(file))

    assert full.attempts == 1


def test_failed_install_is_raised_instead_of_a_failed_write(
    tmp_path: Path, full: FullDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdout", full)
    refused = File(tmp_path / "c", b"new", check="false {}")

    with pytest.raises(CheckError), printer(diff=True) as observer:
        install([*two(tmp_path), refused], observer=observer)

    assert full.attempts == 1


@pytest.mark.parametrize(
    ("file", "message"),
    [
        (File(Path("new"), b"x"), "change"),
        (File(Path("old"), b"old", mode=0o600), "repair"),
        (File(Path("old"), remove=True), "remove"),
    ],
)
def test_dry_run_prints_the_changes_it_would_make(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], file: File, message: str
) -> None:
    (tmp_path / "old").write_bytes(b"old")
    (tmp_path / "old").chmod(0o644)

    printer(dry_run=True).done(compare(file._replace(path=tmp_path / file.path)))

    assert capsys.readouterr().err.startswith(f"ec2facts: would {message} {tmp_path}/")


def test_quiet_printer_prints_only_failures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    observer = printer(quiet=True)

    observer.done(compare(File(tmp_path / "x")))
    observer.kept(File(tmp_path / "x"))
    observer.running("true")
    observer.waiting(tmp_path)
    observer.failed(InstallError("x", "reason"))

    assert capsys.readouterr().err == "ec2facts: error: x: reason\n"


def test_printer_names_the_state_directory_whose_lock_it_waits_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    printer().waiting(tmp_path)

    assert capsys.readouterr().err == f"ec2facts: waiting for another run to release {tmp_path}\n"
