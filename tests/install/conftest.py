"""Fixtures of install tests: an old file, a recording observer, mounts."""

from __future__ import annotations

import os
import stat
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from ec2facts.errors import EC2FactsError
from ec2facts.install import Change, File, Observer

Identity = tuple[int, int, int, bytes]


@pytest.fixture
def in_memory(tmp_path: Path) -> Iterator[Path]:
    """Return a directory in memory if possible: these tests install thousands of times, and fsync is slow."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else tmp_path) as directory:
        yield Path(directory)


@pytest.fixture
def mount() -> Iterator[Callable[..., None]]:
    """Return a function that mounts like mount(8) until the end of the test; skip without permission."""

    def mounted(*arguments: object) -> None:
        done = subprocess.run(["mount", *map(str, arguments)], stderr=subprocess.PIPE, check=False)
        if done.returncode:
            missing = f"no right to mount: {done.stderr.decode().strip()}; run the tests as root"
            if os.environ.get("CI") == "true":
                pytest.fail(missing)
            pytest.skip(missing)
        stack.callback(subprocess.run, ["umount", str(arguments[-1])], check=True)

    with ExitStack() as stack:
        yield mounted


def hidden(directory: Path) -> list[str]:
    """Return the hidden names in a directory, such as staged files."""
    return sorted(path.name for path in directory.glob(".*"))


def identity(file: Path) -> Identity:
    """Return the inode, time, mode and content of a file."""
    status = file.stat()
    return status.st_ino, status.st_mtime_ns, stat.S_IMODE(status.st_mode), file.read_bytes()


class Recorder(Observer):
    """Records events as text."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.on_waiting: Callable[[], object] = lambda: None

    def done(self, change: Change) -> None:
        self.events.append(f"{change.kind} {change.file.path.name}")

    def kept(self, file: File) -> None:
        self.events.append(f"kept {file.path.name}")

    def running(self, command: str) -> None:
        self.events.append(f"running {command}")

    def waiting(self, state: Path) -> None:
        self.events.append(f"waiting for {state}")
        self.on_waiting()

    def failed(self, error: EC2FactsError) -> None:
        self.events.append(str(error))


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """Return an existing file, the only one in its directory."""
    file = tmp_path / "etc" / "x.conf"
    file.parent.mkdir()
    file.write_bytes(b"old\n")
    file.chmod(0o640)
    return file
