from __future__ import annotations

import json
from pathlib import Path

import pytest

from ec2facts import instances
from ec2facts.collection.facts import collect
from ec2facts.render import render_env
from ec2facts.render.env_formats import FORMATS
from tests.cli.running import Capture, call


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """Return a snapshot with a tag that docker's format cannot hold, and one that it can."""
    file = tmp_path / "hostile.json"
    tags = {"Secret": {"body": "first\nsecond"}, "Name": {"body": "web"}}
    file.write_text(json.dumps({f"meta-data/tags/instance/{key}": body for key, body in tags.items()}))
    return file


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_equals_the_output_of_the_library(form: str, capfdbinary: Capture) -> None:
    outcome = call(capfdbinary, "env", "--simulate", "--format", form)

    assert outcome == (0, render_env(collect(instances.load("plain")), form).encode(), "")


def test_options_equal_the_arguments_of_the_library(capfdbinary: Capture) -> None:
    command = "env --simulate --only region --only EC2__TAGS* --prefix EC2__ --separator __ --export"

    outcome = call(capfdbinary, *command.split())

    assert outcome.output.decode() == render_env(
        collect(instances.load("plain")),
        only=["region", "EC2__TAGS*"],
        prefix="EC2__",
        separator="__",
        export=True,
    )


def test_unrepresentable_value_is_named_and_never_shown(hostile: Path, capfdbinary: Capture) -> None:
    outcome = call(capfdbinary, "env", "-f", "docker", "--from", hostile)

    assert (outcome.status, outcome.output) == (6, b"")
    assert "EC2_TAGS_SECRET: " in outcome.errors
    assert "second" not in outcome.errors


def test_unrepresentable_value_is_skipped_with_a_warning_on_request(hostile: Path, capfdbinary: Capture) -> None:
    outcome = call(capfdbinary, "env", "-f", "docker", "--from", hostile, "--skip-unrepresentable")

    assert outcome.status == 0
    assert outcome.output == b"# left out: EC2_TAGS_SECRET\nEC2_TAGS_NAME=web\n"
    assert outcome.errors.startswith("ec2facts: warning: EC2_TAGS_SECRET is left out: ")


def test_help_describes_every_format(monkeypatch: pytest.MonkeyPatch, capfdbinary: Capture) -> None:
    monkeypatch.setenv("COLUMNS", "2000")

    text = call(capfdbinary, "env", "--help").output.decode()

    assert [name for name, each in FORMATS.items() if f"{name}: {each.description}" not in text] == []
