from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml

from ec2facts import instances
from ec2facts.collection.facts import collect
from ec2facts.imds.simulator.simulator import Simulator
from ec2facts.render.tree import TREE_FORMATS
from tests.cli.running import PROGRAM, Capture, call, started


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


def test_ten_processes_at_once_all_finish_against_a_service_that_throttles() -> None:
    with Simulator(instances.load("plain"), faults=["rate=200"]) as url, ExitStack() as running:
        processes = [running.enter_context(started(PROGRAM, "dump", "--endpoint", url)) for _ in range(10)]
        outputs = {process.communicate()[0] for process in processes}

    assert [process.returncode for process in processes] == 10 * [0]
    assert [json.loads(output) for output in outputs] == [collect(instances.load("plain"))]
