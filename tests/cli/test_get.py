from __future__ import annotations

import json
from pathlib import Path

import pytest

from ec2facts import instances
from ec2facts.imds.simulator.simulator import Simulator
from tests.cli.running import Capture, call

BODIES = {
    "meta-data/ami-launch-index": {"body": "0"},
    "meta-data/hibernation/configured": {"body": "true"},
    "meta-data/security-groups": {"body": "one\ntwo é"},
    "meta-data/tags/instance/empty": {"body": ""},
    "meta-data/tags/instance/lines": {"body": "one\ntwo\n"},
    "meta-data/binary": {"body_b64": "/wA="},
}


@pytest.fixture
def snapshot(tmp_path: Path) -> Path:
    """Return a snapshot file with BODIES."""
    file = tmp_path / "snapshot.json"
    file.write_text(json.dumps(BODIES))
    return file


@pytest.mark.parametrize(
    ("name", "printed"),
    [
        ("ami_launch_index", b"0\n"),
        ("ami-launch-index", b"0\n"),
        ("hibernation_configured", b"true\n"),
        ("security_groups", '[\n  "one",\n  "two é"\n]\n'.encode()),
        ("security_groups.1", "two é\n".encode()),
        ("security-groups/", "one\ntwo é\n".encode()),
        ("tags.empty", b"\n"),
        ("tags.lines", b"one\ntwo\n"),
        ("tags/instance/", b"empty\nlines\n"),
        ("meta_data.binary", b'{\n  "base64": "/wA="\n}\n'),
        ("meta-data/binary", b"\xff\x00"),
    ],
)
def test_scalar_is_printed_bare_and_all_else_as_json(
    name: str, printed: bytes, snapshot: Path, capfdbinary: Capture
) -> None:
    outcome = call(capfdbinary, "get", name, "--from", snapshot)

    assert outcome == (0, printed, "")


def test_facts_are_printed_in_the_order_asked_for(snapshot: Path, capfdbinary: Capture) -> None:
    outcome = call(capfdbinary, "get", "hibernation/configured", "ami_launch_index", "--from", snapshot)

    assert outcome.output == b"true\n0\n"


def test_one_failure_prints_nothing(snapshot: Path, capfdbinary: Capture) -> None:
    outcome = call(capfdbinary, "get", "ami_launch_index", "mac", "--from", snapshot)

    assert outcome == (1, b"", "ec2facts: error: meta-data/mac is absent: the service answers 404\n")


def test_single_fact_is_one_token_and_one_request(capfdbinary: Capture) -> None:
    simulator = Simulator(instances.load("plain"))

    with simulator as url:
        call(capfdbinary, "get", "instance_id", "--endpoint", url)

    asked = [(request.method, request.path) for request in simulator.requests]
    assert asked == [("PUT", "api/token"), ("GET", "meta-data/instance-id")]


def test_withheld_fact_is_printed_when_it_is_included(capfdbinary: Capture) -> None:
    outcome = call(capfdbinary, "get", "user_data", "--include", "user_data", "--simulate", "awkward")

    assert outcome.output == instances.load("awkward").read("user-data")


def test_name_that_is_taken_for_an_instance_is_explained(capfdbinary: Capture) -> None:
    outcome = call(capfdbinary, "get", "--simulate", "instance_id")

    assert outcome.status == 2
    assert "no simulated instance 'instance_id'" in outcome.errors
    assert "put other arguments before --simulate" in outcome.errors


def test_name_that_is_not_utf_8_is_a_wrong_command_line(capfdbinary: Capture) -> None:
    outcome = call(capfdbinary, "get", "tags/\udcff", "--simulate")

    assert outcome.status == 2
    assert "'tags/\\udcff'" in outcome.errors
