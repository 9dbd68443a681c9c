"""``ec2facts templates`` lists the templates that ship, and prints one unchanged."""

from __future__ import annotations

from pathlib import Path

import pytest

from ec2facts.render.template.search import list_templates, packaged_templates
from tests.cli.running import Capture, call, one_line


def test_every_template_is_listed_with_its_purpose_and_its_check(capfdbinary: Capture) -> None:
    outcome = call(capfdbinary, "templates")

    assert (outcome.status, outcome.errors) == (0, "")
    paragraphs = [f"{each.name}\n    {each.sentence}\n    Checked by: {each.checked_by}\n" for each in list_templates()]
    assert outcome.output.decode() == "".join(paragraphs)


@pytest.mark.parametrize("name", [template.name for template in list_templates()])
def test_template_is_printed_unchanged(name: str, capfdbinary: Capture) -> None:
    outcome = call(capfdbinary, "templates", "show", name)

    assert outcome == (0, (packaged_templates() / name).read_bytes(), "")


def test_template_is_found_without_its_suffix(capfdbinary: Capture) -> None:
    assert call(capfdbinary, "templates", "show", "motd") == call(capfdbinary, "templates", "show", "motd.j2")


def test_template_is_written_to_a_file(tmp_path: Path, capfdbinary: Capture) -> None:
    file = tmp_path / "ec2facts.service"

    outcome = call(capfdbinary, "templates", "show", "ec2facts.service", "-o", file)

    assert (outcome.status, outcome.output) == (0, b"")
    assert file.read_bytes() == (packaged_templates() / "ec2facts.service").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "status", "reason"),
    [
        (["show"], 2, "name the template"),
        (["shwo", "motd"], 2, "there is no action 'shwo' (did you mean 'show'?)"),
        (["show", "mot"], 5, "no shipped template 'mot' (did you mean 'motd'?)"),
        (["show", "../README.md"], 5, "no shipped template '../README.md'"),
    ],
)
def test_unknown_template_is_a_one_line_error(
    arguments: list[str], status: int, reason: str, capfdbinary: Capture
) -> None:
    outcome = call(capfdbinary, "templates", *arguments)

    assert (outcome.status, outcome.output) == (status, b"")
    assert one_line(outcome.errors)
    assert reason in outcome.errors
