from __future__ import annotations

import json

import pytest
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


def test_text_names_the_option_that_includes_a_withheld_fact(capfdbinary: Capture) -> None:
    output = call(capfdbinary, "schema").output.decode()

    assert [entry.name for entry in schema() if entry.withheld != (f"--include {entry.name}." in output)] == []


def test_every_attribute_is_an_object_of_json(capfdbinary: Capture) -> None:
    outcome = call(capfdbinary, "schema", "-f", "json")

    assert json.loads(outcome.output) == ENTRIES


def test_every_attribute_is_a_mapping_of_yaml(capfdbinary: Capture) -> None:
    outcome = call(capfdbinary, "schema", "-f", "yaml")

    assert yaml.safe_load(outcome.output) == ENTRIES


@pytest.mark.parametrize(
    ("names", "described"),
    [
        (["instance_id"], ["instance_id"]),
        (["local-ipv4"], ["private_ipv4"]),
        (["placement/region"], ["placement_region"]),
        (["vpc-id"], ["network_interfaces.*.vpc_id"]),
        (["network_interfaces.*.mac"], ["network_interfaces.*.mac"]),
        (["network_interfaces.1.local-ipv4s"], ["network_interfaces.*.private_ipv4s"]),
        (["tags.Name", "region"], ["region", "tags"]),
    ],
    ids=str,
)
def test_only_the_named_attributes_are_described(names: list[str], described: list[str], capfdbinary: Capture) -> None:
    outcome = call(capfdbinary, "schema", "-f", "json", *names)

    assert json.loads(outcome.output) == {name: ENTRIES[name] for name in described}


def test_unknown_name_suggests_the_closest_name(capfdbinary: Capture) -> None:
    outcome = call(capfdbinary, "schema", "vpcid")

    assert (outcome.status, outcome.output) == (2, b"")
    assert "no attribute 'vpcid' (did you mean 'vpc_id', which is network_interfaces.0.vpc_id?)" in outcome.errors


@pytest.mark.parametrize(("word", "found"), [("outpost", "outpost_arn"), ("SPOT", "spot_instance_action")])
def test_search_finds_names_paths_and_sentences(word: str, found: str, capfdbinary: Capture) -> None:
    outcome = call(capfdbinary, "schema", "--search", word, "-f", "json")

    entries = json.loads(outcome.output)
    assert found in entries
    assert len(entries) < len(ENTRIES)
    assert all(word.casefold() in json.dumps(entry).casefold() for entry in entries.values())


def test_search_for_a_word_that_nothing_mentions_is_an_error(capfdbinary: Capture) -> None:
    outcome = call(capfdbinary, "schema", "--search", "quokka")

    assert (outcome.status, outcome.output) == (2, b"")


def test_text_marks_attributes_that_may_change_while_the_instance_runs(capfdbinary: Capture) -> None:
    assert b"May change while the instance runs." in call(capfdbinary, "schema", "tags").output
    assert b"May change" not in call(capfdbinary, "schema", "instance_id").output
