from __future__ import annotations

from pathlib import Path

import pytest

from ec2facts.install import Observer, install
from ec2facts.install.change import compare
from ec2facts.install.diff import diff
from ec2facts.install.file import File


def test_diff_is_unified(tmp_path: Path) -> None:
    file = tmp_path / "x"
    file.write_bytes(b"a\nb\n")
    file.chmod(0o644)

    text = diff(compare(File(file, b"a\nc\n")))

    assert text == f"--- {file}\n+++ {file}\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n"


def test_diff_of_a_new_file_starts_from_dev_null(tmp_path: Path) -> None:
    file = tmp_path / "x"

    text = diff(compare(File(file, b"a", mode=0o644)))

    assert text == f"--- /dev/null\n+++ {file}\n@@ -0,0 +1 @@\n+a\n\\ No newline at end of file\n"


def test_diff_of_an_unchanged_file_is_empty(tmp_path: Path) -> None:
    file = tmp_path / "x"
    file.write_bytes(b"a")

    assert diff(compare(File(file, b"a", mode=0o600))) == ""


@pytest.mark.parametrize(
    ("before", "file"),
    [
        (0o644, File(Path("x"), b"secret", secret=True)),
        (0o644, File(Path("x"), b"secret", secret=True, mode=0o644)),
        (0o600, File(Path("x"), b"new")),
        (0o600, File(Path("x"), b"new", mode=0o644)),
        (0o644, File(Path("x"), b"secret", mode=0o600)),
    ],
)
def test_diff_of_a_secret_file_hides_its_content(tmp_path: Path, before: int, file: File) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"old secret")
    path.chmod(before)

    text = diff(compare(file._replace(path=path)))

    assert text == f"--- {path}\n+++ {path}\n(not shown: the file is private, or held a secret)\n"


def test_control_characters_in_a_diff_are_escaped(tmp_path: Path) -> None:
    text = diff(compare(File(tmp_path / "x", b"\x1b[2J\r\tb\xff\n\x0c\n", mode=0o644)))

    assert text.endswith("+\\x1b[2J\\r\tb\\xff\n+\\x0c\n")


def test_control_characters_in_the_name_of_a_diff_are_escaped(tmp_path: Path) -> None:
    text = diff(compare(File(tmp_path / "\x1b[2J\udcff", b"a\n", mode=0o644)))

    assert text.splitlines()[1] == f"+++ {tmp_path}/\\x1b[2J\\udcff"


@pytest.mark.parametrize("dry_run", [False, True])
def test_diff_hides_the_secret_of_an_earlier_run(tmp_path: Path, *, dry_run: bool) -> None:
    file, state = tmp_path / "x", tmp_path / "state"
    diffs: list[str] = []
    observer = Observer()
    observer.done = lambda change: diffs.append(diff(change))  # type: ignore[method-assign] # one event of one test
    install([File(file, b"hunter2\n", secret=True, mode=0o644)], state=state)

    install([File(file, b"new\n")], state=state, dry_run=dry_run, observer=observer)

    assert diffs == [f"--- {file}\n+++ {file}\n(not shown: the file is private, or held a secret)\n"]


def test_diff_is_shown_again_after_a_secret_is_replaced(tmp_path: Path) -> None:
    file, state = tmp_path / "x", tmp_path / "state"
    install([File(file, b"hunter2\n", secret=True, mode=0o644)], state=state)
    install([File(file, b"old\n", mode=0o644)], state=state)

    (change,) = install([File(file, b"new\n", mode=0o644)], state=state)

    assert "+new" in diff(change)
    assert [path.name for path in state.iterdir()] == ["lock"]


def test_diff_is_hidden_if_the_state_cannot_be_read(tmp_path: Path) -> None:
    file, state = tmp_path / "x", tmp_path / "state"
    file.write_bytes(b"old\n")
    file.chmod(0o644)
    state.mkdir()
    state.chmod(0o777)
    diffs: list[str] = []
    observer = Observer()
    observer.done = lambda change: diffs.append(diff(change))  # type: ignore[method-assign] # one event of one test

    install([File(file, b"new\n")], state=state, observer=observer)

    assert "(not shown" in diffs[0]


def test_diff_of_a_removed_file_ends_in_dev_null(tmp_path: Path) -> None:
    file = tmp_path / "x"
    file.write_bytes(b"old\n")
    file.chmod(0o644)

    text = diff(compare(File(file, remove=True)))

    assert text == f"--- {file}\n+++ /dev/null\n@@ -1 +0,0 @@\n-old\n"
