from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from ec2facts import instances
from ec2facts.facts import collect
from ec2facts.render import TREE_FORMATS
from tests.cli.running import Capture, call


def test_facts_are_written_as_json_by_default(capfdbinary: Capture) -> None:
    status, output, errors = call(capfdbinary, "dump", "--simulate", "busy")

    assert (status, errors) == (0, "")
    assert json.loads(output) == collect(instances.load("busy"))


def test_facts_are_written_as_yaml(capfdbinary: Capture) -> None:
    status, output, errors = call(capfdbinary, "dump", "--simulate", "busy", "-f", "yaml")

    assert (status, errors) == (0, "")
    assert yaml.safe_load(output) == collect(instances.load("busy"))


@pytest.mark.parametrize("form", TREE_FORMATS)
def test_file_gets_the_bytes_of_standard_output(form: str, tmp_path: Path, capfdbinary: Capture) -> None:
    printed = call(capfdbinary, "dump", "--simulate", "awkward", "--format", form)

    written = call(capfdbinary, "dump", "--simulate", "awkward", "--format", form, "-o", tmp_path / "facts")

    assert written == (0, b"", "")
    assert (tmp_path / "facts").read_bytes() == printed.output
