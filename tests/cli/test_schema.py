from __future__ import annotations

import json

import yaml

from ec2facts.metadata.schema import schema
from tests.cli.running import Capture, call

ENTRIES = {entry.name: entry._asdict() for entry in schema()}


def test_every_attribute_is_listed_as_text(capfdbinary: Capture) -> None:
    outcome = call(capfdbinary, "schema")

    lines = outcome.output.decode().splitlines()
    assert [line for line in lines if not line.startswith(" ")] == [f"{e.name}: {e.type}" for e in schema()]
    assert lines[1::3] == [f"    {entry.path}" for entry in schema()]
    assert all(line.startswith(f"    {entry.description}") for line, entry in zip(lines[2::3], schema()))


def test_text_says_how_to_include_what_is_withheld(capfdbinary: Capture) -> None:
    output = call(capfdbinary, "schema").output.decode()

    assert [entry.name for entry in schema() if entry.withheld != (f"--include {entry.name}." in output)] == []


def test_every_attribute_is_an_object_of_json(capfdbinary: Capture) -> None:
    outcome = call(capfdbinary, "schema", "-f", "json")

    assert json.loads(outcome.output) == ENTRIES


def test_every_attribute_is_a_mapping_of_yaml(capfdbinary: Capture) -> None:
    outcome = call(capfdbinary, "schema", "-f", "yaml")

    assert yaml.safe_load(outcome.output) == ENTRIES
