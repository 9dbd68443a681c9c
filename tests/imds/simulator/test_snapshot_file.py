from __future__ import annotations

import json
import logging
import os
from pathlib import Path

import pytest

from ec2facts import instances
from ec2facts.errors import SnapshotError
from ec2facts.imds.simulator import Simulator, SnapshotFile
from ec2facts.imds.snapshot import Snapshot
from tests.imds.simulator.test_simulator import get


def write(file: Path, **bodies: str) -> None:
    file.write_text(json.dumps({f"meta-data/{name}": {"body": body} for name, body in bodies.items()}))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "snapshot.json"
    write(file, mac="before")
    return file


def messages(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def test_edited_file_is_reloaded(file: Path) -> None:
    source = SnapshotFile(file)
    before = source.get("meta-data/mac")

    write(file, mac="afterwards")

    assert (before, source.get("meta-data/mac")) == (b"before", b"afterwards")


def test_replaced_file_of_the_same_size_and_time_is_reloaded(file: Path) -> None:
    source = SnapshotFile(file)
    new = file.with_name("new")
    write(new, mac="second")
    times = file.stat()
    os.utime(new, ns=(times.st_atime_ns, times.st_mtime_ns))

    new.replace(file)

    assert source.get("meta-data/mac") == b"second"


def test_unchanged_file_is_not_reloaded(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = SnapshotFile(file)
    monkeypatch.setattr(Snapshot, "load", None)

    assert [source.get("meta-data/mac") for _ in range(3)] == [b"before"] * 3


def test_file_that_becomes_invalid_keeps_the_last_snapshot_with_one_warning(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = SnapshotFile(file)

    file.write_text('{"meta-data/mac": {"bo')
    during = [source.get("meta-data/mac") for _ in range(3)]
    write(file, mac="mended")

    assert during == [b"before"] * 3
    assert source.get("meta-data/mac") == b"mended"
    (message,) = messages(caplog)
    assert message.startswith(f"serving the last valid snapshot of {file}: {file}: not JSON: ")


def test_deleted_file_keeps_the_last_snapshot(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    source = SnapshotFile(file)

    file.unlink()

    assert source.get("meta-data/mac") == b"before"
    assert messages(caplog) == [f"serving the last valid snapshot of {file}: No such file or directory"]


def test_reason_cannot_forge_a_line_of_the_log(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    source = SnapshotFile(file)

    file.write_text(json.dumps({"a\nec2facts: error: forged\x1b[2J": 1}))
    source.get("meta-data/mac")

    (message,) = messages(caplog)
    assert message.isprintable()


@pytest.mark.parametrize("content", [None, "", "[]"])
def test_file_that_is_invalid_at_first_is_an_error(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "snapshot.json"
    if content is not None:
        file.write_text(content)

    with pytest.raises((SnapshotError, FileNotFoundError)):
        SnapshotFile(file)


def test_simulator_serves_the_reloaded_file(file: Path) -> None:
    with Simulator(SnapshotFile(file)) as url:
        before = get(url, "/latest/meta-data/mac").body
        write(file, mac="afterwards", hostname="new")
        after = get(url, "/latest/meta-data/mac").body
        listing = get(url, "/latest/meta-data/").body

    assert (before, after, listing) == (b"before", b"afterwards", b"hostname\nmac")


SECRETS = [
    "meta-data/iam/security-credentials/web-server",
    "meta-data/identity-credentials/ec2/security-credentials/ec2-instance",
    "dynamic/instance-identity/pkcs7",
    "dynamic/instance-identity/signature",
    "user-data",
]


@pytest.fixture
def open_directory(tmp_path: Path) -> Path:
    """Return a directory that every user can enter, unlike those of pytest."""
    for directory in (tmp_path, *tmp_path.parents):
        if directory.stat().st_mode & 0o001 == 0:
            directory.chmod(directory.stat().st_mode | 0o011)
    return tmp_path


@pytest.mark.parametrize("path", SECRETS)
@pytest.mark.parametrize("load", [Snapshot.load, SnapshotFile])
def test_simulator_warns_about_secrets_that_other_users_can_read(
    open_directory: Path, caplog: pytest.LogCaptureFixture, load: type[SnapshotFile], path: str
) -> None:
    file = open_directory / "snapshot.json"
    file.write_text(json.dumps({path: {"body": "open sesame"}}))
    file.chmod(0o644)

    with Simulator(load(file)):
        pass

    assert messages(caplog) == [f"other users can read {file}, which holds {path}: chmod 600 {file}"]


@pytest.mark.parametrize(
    ("path", "mode", "directory_mode"),
    [
        ("meta-data/iam/info", 0o644, 0o755),
        ("meta-data/identity-credentials/ec2/info", 0o644, 0o755),
        ("dynamic/instance-identity/document", 0o644, 0o755),
        ("meta-data/iam/security-credentials/", 0o644, 0o755),
        ("user-data", 0o600, 0o755),
        ("user-data", 0o644, 0o700),
    ],
)
def test_simulator_does_not_warn_about_files_without_exposed_secrets(
    open_directory: Path, caplog: pytest.LogCaptureFixture, path: str, mode: int, directory_mode: int
) -> None:
    file = open_directory / "snapshot.json"
    file.write_text(json.dumps({path: {"listing" if path.endswith("/") else "body": "open sesame"}}))
    file.chmod(mode)
    open_directory.chmod(directory_mode)

    with Simulator(Snapshot.load(file)):
        pass

    assert messages(caplog) == []


@pytest.mark.parametrize("name", instances.names())
def test_simulated_instance_is_served_without_a_warning(name: str, caplog: pytest.LogCaptureFixture) -> None:
    with Simulator(instances.load(name)):
        pass

    assert messages(caplog) == []
