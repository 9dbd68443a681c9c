from __future__ import annotations

import json
import socket
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

    assert written == (0, b"", f"ec2facts: changed {tmp_path}/facts\n")
    assert (tmp_path / "facts").read_bytes() == printed.output


def test_facts_are_written_under_a_key(capfdbinary: Capture) -> None:
    status, output, errors = call(capfdbinary, "dump", "--simulate", "--under", "ec2")

    assert (status, errors) == (0, "")
    assert json.loads(output) == {"ec2": collect(instances.load("plain"))}


def test_no_tree_leaves_out_the_service_tree(capfdbinary: Capture) -> None:
    _, output, _ = call(capfdbinary, "dump", "--simulate", "--no-tree")

    everything = collect(instances.load("plain"))
    assert everything.keys() - json.loads(output).keys() == {"meta_data", "dynamic"}


@pytest.mark.parametrize("under", [[], ["--under", "ec2"]])
def test_missing_service_yields_an_empty_mapping_with_or_empty(under: list[str], capfdbinary: Capture) -> None:
    outcome = call(capfdbinary, "dump", "--or-empty", *under)

    assert outcome == (0, b"{}\n", "")


def test_disabled_service_yields_an_empty_mapping_with_or_empty(
    monkeypatch: pytest.MonkeyPatch, capfdbinary: Capture
) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

    assert call(capfdbinary, "dump", "--or-empty") == (0, b"{}\n", "")


def test_booting_instance_is_not_a_missing_service(capfdbinary: Capture) -> None:
    with Simulator({"meta-data/ami-id": b"ami-1234567890abcdef0"}) as url:
        outcome = call(capfdbinary, "dump", "--or-empty", "--endpoint", url)

    assert (outcome.status, outcome.output) == (3, b"")
    assert "is not ready" in outcome.errors


def test_or_empty_overrides_the_timeout_of_a_silent_service(
    silent_service: socket.socket, capfdbinary: Capture
) -> None:
    url = f"http://127.0.0.1:{silent_service.getsockname()[1]}"

    # One hour for each attempt: only the limit of --or-empty ends this.
    outcome = call(capfdbinary, "dump", "--or-empty", "--endpoint", url, "--timeout", "3600")

    assert outcome == (0, b"{}\n", "")


def test_service_that_answers_is_read_with_or_empty(capfdbinary: Capture) -> None:
    with Simulator(instances.load("plain")) as url:
        outcome = call(capfdbinary, "dump", "--or-empty", "--endpoint", url)

    assert json.loads(outcome.output) == collect(instances.load("plain"))


def test_missing_snapshot_is_an_error_with_or_empty(tmp_path: Path, capfdbinary: Capture) -> None:
    outcome = call(capfdbinary, "dump", "--or-empty", "--from", tmp_path / "missing")

    assert (outcome.status, outcome.output) == (1, b"")


def test_ten_concurrent_processes_finish_with_a_service_that_throttles() -> None:
    with Simulator(instances.load("plain"), faults=["rate=200"]) as url, ExitStack() as running:
        processes = [running.enter_context(started(PROGRAM, "dump", "--endpoint", url)) for _ in range(10)]
        outputs = {process.communicate()[0] for process in processes}

    assert [process.returncode for process in processes] == 10 * [0]
    assert [json.loads(output) for output in outputs] == [collect(instances.load("plain"))]


def test_only_selects_facts(capfdbinary: Capture) -> None:
    with Simulator(instances.load("busy")) as simulated:
        outcome = call(capfdbinary, "dump", "--only", "region", "--only", "tags.Name", "--endpoint", simulated)

    everything = collect(instances.load("busy"))
    assert outcome.errors == ""
    assert json.loads(outcome.output) == {"region": everything["region"], "tags": {"Name": everything["tags"]["Name"]}}


def test_only_reads_just_the_selected_facts(tmp_path: Path, capfdbinary: Capture) -> None:
    file = tmp_path / "snapshot.json"
    file.write_text('{"meta-data/mac": {"status": 500}, "meta-data/hostname": {"body": "here"}}')

    named = call(capfdbinary, "dump", "--from", file, "--only", "mac")
    other = call(capfdbinary, "dump", "--from", file, "--only", "hostname")

    assert (named.status, named.output) == (4, b"")
    assert (other.status, json.loads(other.output)) == (0, {"hostname": "here"})
