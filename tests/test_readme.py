"""Every README.md is tested: its tables, console output and Python examples."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ec2facts import ec2_metadata
from tests.readme import README, READMES, ROOT, TABLES, tables, written

PYTHON = re.findall(r"^```python\n(.*?)^```$", README.read_text(), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("file", READMES, ids=lambda file: str(file.relative_to(ROOT)))
def test_tables_and_console_output_are_current(file: Path) -> None:
    text = file.read_text()

    again = written(text)

    assert again == text, "run `python -m tests.readme`"


def test_every_file_named_in_a_readme_exists() -> None:
    named = set(re.findall(r"[`(]((?:ec2facts|templates|tests)/[\w./-]+)", README.read_text()))

    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []
    assert len(named) > 10


def test_every_generated_table_has_one_place() -> None:
    placed = [name for file in READMES for name in tables(file.read_text())]

    assert sorted(placed) == sorted(TABLES)


def test_python_examples_run(
    ec2_metadata_simulator: Callable[[str], str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    ec2_metadata_simulator("busy")
    ec2_metadata.clear_all()
    monkeypatch.chdir(tmp_path)
    tests = []

    for example in PYTHON:
        namespace: dict[str, Any] = {}
        exec(example, namespace)
        tests += [value for name, value in namespace.items() if name.startswith("test_")]
    for test in tests:
        test(ec2_metadata_simulator)

    ec2_metadata.clear_all()
    assert "eu-central-1" in capsys.readouterr().out
    assert len(tests) == 1
