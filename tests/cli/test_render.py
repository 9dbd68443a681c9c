from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import pytest

from ec2facts.render.template.search import list_templates
from tests.cli.running import PROGRAM, Capture, call, execute, one_line


def give(content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put ``content`` on standard input."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))


def test_template_is_a_file(tmp_path: Path, capfdbinary: Capture) -> None:
    template = tmp_path / "motd"
    template.write_text("{{ instance_id }} in {{ region }}\n")

    outcome = call(capfdbinary, "render", template, "--simulate")

    assert outcome == (0, b"i-1234567890abcdef0 in us-east-1\n", "")


def test_template_is_found_in_the_search_directories(tmp_path: Path, capfdbinary: Capture) -> None:
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
    (tmp_path / "second/motd.j2").write_text("second")
    (tmp_path / "first/motd.j2").write_text("first")
    search = ["--search", tmp_path / "first", "--search", tmp_path / "second"]

    outcome = call(capfdbinary, "render", "motd", *search, "--simulate")

    assert outcome == (0, b"first", "")


@pytest.mark.parametrize("template", list_templates(), ids=lambda template: str(template.name))
def test_template_that_ships_is_found_by_name(
    template: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: Capture
) -> None:
    monkeypatch.chdir(tmp_path)

    outcome = call(capfdbinary, "render", getattr(template, "name"), "--simulate")  # noqa: B009

    assert (outcome.status, outcome.errors) == (0, "")


@pytest.mark.parametrize("content", [b"{{ region }} \xc3\xa9\n", b"\xef\xbb\xbf{{ region }} \xc3\xa9\n"])
def test_template_is_read_from_standard_input(
    content: bytes, monkeypatch: pytest.MonkeyPatch, capfdbinary: Capture
) -> None:
    give(content, monkeypatch)

    outcome = call(capfdbinary, "render", "-", "--simulate")

    assert outcome == (0, "us-east-1 é\n".encode(), "")


def test_standard_input_that_is_not_text_is_a_template_error(
    monkeypatch: pytest.MonkeyPatch, capfdbinary: Capture
) -> None:
    give(b"\xff", monkeypatch)

    outcome = call(capfdbinary, "render", "-", "--simulate")

    assert outcome == (5, b"", "ec2facts: error: standard input: is not UTF-8\n")


def test_standard_input_that_is_closed_is_a_template_error() -> None:
    outcome = execute("sh", "-c", 'exec "$0" render - --simulate <&-', PROGRAM)

    assert outcome == (5, b"", "ec2facts: error: standard input: is closed\n")


def test_error_names_the_line_of_standard_input(monkeypatch: pytest.MonkeyPatch, capfdbinary: Capture) -> None:
    give(b"\n{{ tags.Nmae }}\n", monkeypatch)

    outcome = call(capfdbinary, "render", "-", "--simulate")

    assert (outcome.status, outcome.output) == (5, b"")
    assert one_line(outcome.errors, "ec2facts: error: standard input:2: ")


def test_error_of_a_template_with_a_withheld_fact_names_include(
    monkeypatch: pytest.MonkeyPatch, capfdbinary: Capture
) -> None:
    give(b"{{ user_data }}", monkeypatch)

    outcome = call(capfdbinary, "render", "-", "--simulate", "busy")

    assert outcome.status == 5
    assert "--include user_data" in outcome.errors


def test_name_that_is_not_utf_8_is_a_template_error(capfdbinary: Capture) -> None:
    outcome = call(capfdbinary, "render", os.fsdecode(b"\xff"), "--simulate")

    assert outcome.status == 5


def test_variables_come_from_files_and_options(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: Capture
) -> None:
    (tmp_path / "vars.yaml").write_text("port: 80\nname: file")
    (tmp_path / "more.json").write_text('{"name": "more"}')
    give(b"{{ port + 1 }} {{ name }} {{ vars.color }} {{ region }}", monkeypatch)

    files = ["--vars", tmp_path / "vars.yaml", "--vars", tmp_path / "more.json"]
    outcome = call(capfdbinary, "render", "-", "--simulate", *files, "--var", "color=red=blue")

    assert outcome == (0, b"81 more red=blue us-east-1", "")


@pytest.mark.parametrize(
    ("option", "error"),
    [
        ("--var=port", "argument --var: 'port' is not NAME=VALUE"),
        ("--var=region=x", "argument --var: variable 'region': the name is reserved for a fact"),
        ("--var=a-b=x", "argument --var: variable 'a-b': a name has letters"),
        ("--vars=/nonexistent", "argument --vars: /nonexistent: No such file or directory"),
        ("--vars=/dev/null", "argument --vars: /dev/null: not a mapping of variables"),
    ],
)
def test_wrong_variable_is_a_usage_error(option: str, error: str, capfdbinary: Capture) -> None:
    outcome = call(capfdbinary, "render", "motd", "--simulate", option)

    assert (outcome.status, outcome.output) == (2, b"")
    assert outcome.errors.startswith(f"ec2facts: error: {error}")


def test_undefined_variable_suggests_one_of_the_variables(
    monkeypatch: pytest.MonkeyPatch, capfdbinary: Capture
) -> None:
    give(b"{{ prot }}", monkeypatch)

    outcome = call(capfdbinary, "render", "-", "--simulate", "--var", "port=80")

    assert outcome == (5, b"", "ec2facts: error: standard input:1: undefined 'prot' (did you mean 'port'?)\n")


def test_dry_run_shows_the_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: Capture) -> None:
    give(b"{{ port }}", monkeypatch)

    outcome = call(capfdbinary, "render", "-", "--simulate", "--var", "port=80", "-o", tmp_path / "x", "--dry-run")

    assert outcome.status == 0
    assert f"ec2facts: variables of {tmp_path}/x: port='80'\n" in outcome.errors
