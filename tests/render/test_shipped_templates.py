"""What holds for every template that ships; the programs that read them are in test_shipped_*.py."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from ec2facts.cli import make_parser
from ec2facts.render.catalog import list_templates, packaged_templates
from tests.cli.running import PROGRAM
from tests.fuzzing import examples
from tests.render.config_readers import Program
from tests.render.shipped import HOSTILE, every_facts, render, render_or_refuse, tags

NAMES = [template.name for template in list_templates()]
UNITS = [name for name in NAMES if not name.endswith(".j2")]

every_template = pytest.mark.parametrize("name", NAMES)


@every_facts
@every_template
def test_template_prints_whole_lines_whatever_is_absent(name: str, everything: dict[str, Any]) -> None:
    printed = render(name, everything)

    assert not printed or printed.endswith("\n")


@every_template
def test_template_prints_the_same_for_tags_in_another_order(name: str) -> None:
    backwards = {**HOSTILE, "tags": dict(reversed(HOSTILE["tags"].items()))}

    assert render(name, backwards) == render(name, HOSTILE)


@every_template
@examples(8)
@given(chosen=tags)
def test_template_renders_or_refuses_whatever_the_tags(name: str, chosen: dict[str, str]) -> None:
    printed = render_or_refuse(name, {**HOSTILE, "tags": chosen})

    assert printed is None or printed.endswith("\n")


@pytest.mark.parametrize("name", UNITS)
def test_unit_that_ships_has_nothing_to_fill_in(name: str) -> None:
    assert render(name, {}) == (packaged_templates() / name).read_text()


def test_systemd_verifies_the_units_without_a_word(program: Program, tmp_path: Path) -> None:
    files = [tmp_path / name for name in UNITS]
    for file in files:
        # A name without a slash is found where programs are installed, not where these tests run.
        file.write_text(render(file.name, {}).replace("ExecStart=ec2facts ", f"ExecStart={PROGRAM} "))

    done = subprocess.run(
        [program("systemd-analyze", package="systemd"), "verify", *files], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("name", [name for name in UNITS if name.endswith(".service")])
def test_unit_runs_a_command_that_there_is(name: str) -> None:
    lines = [line for line in render(name, {}).splitlines() if line.startswith("ExecStart=")]
    (command,) = (line.partition("=")[2] for line in lines)
    program, *arguments = shlex.split(command)

    options = make_parser().parse_args(arguments)

    assert program == "ec2facts"
    assert options.wait == 60
