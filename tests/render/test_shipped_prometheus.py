"""The templates for Prometheus and its node_exporter, read by promtool and by parsers."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from prometheus_client.parser import text_string_to_metric_families
from ruamel.yaml import YAML

from tests.fuzzing import examples
from tests.render.config_readers import Program
from tests.render.shipped import every_facts, identities, render, tags, texts

COMING = {
    "maintenance_scheduled": [
        {"Code": "instance-stop", "EventId": "e", "State": "active", "NotBefore": "21 Jan 2026 09:00:43 GMT"}
    ],
    "spot_instance_action": {"action": "stop", "time": "2026-01-15T10:02:00Z"},
    "rebalance_recommendation": "2026-01-15T09:50:00Z",
}


def samples(printed: str) -> dict[str, list[dict[str, str]]]:
    """Return the labels of every sample by metric name, read by Prometheus' Python client."""
    return {
        family.name: [sample.labels for sample in family.samples] for family in text_string_to_metric_families(printed)
    }


@every_facts
def test_promtool_accepts_the_metrics(everything: dict[str, Any], program: Program) -> None:
    printed = render("ec2_info.prom.j2", everything)

    done = subprocess.run(
        [program("promtool", package="prometheus"), "check", "metrics"],
        input=printed.encode(),
        capture_output=True,
        check=False,
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@every_facts
def test_metrics_hold_the_instance_and_its_tags(everything: dict[str, Any]) -> None:
    read = samples(render("ec2_info.prom.j2", everything))

    assert [labels["instance_id"] for labels in read.get("ec2_instance_info", [])] == list(
        filter(None, [everything.get("instance_id")])
    )
    assert len(read.get("ec2_network_interface_info", [])) == len(everything.get("network_interfaces", {}))
    assert {labels["key"]: labels["value"] for labels in read.get("ec2_tag_info", [])} == everything.get("tags", {})


def test_metrics_hold_scheduled_events() -> None:
    read = samples(render("ec2_info.prom.j2", COMING))

    assert read == {
        "ec2_maintenance_scheduled_info": [{"code": "instance-stop", "event_id": "e", "state": "active"}],
        "ec2_maintenance_not_before_timestamp_seconds": [{"code": "instance-stop", "event_id": "e"}],
        "ec2_spot_instance_action_info": [{"action": "stop"}],
        "ec2_spot_instance_action_timestamp_seconds": [{}],
        "ec2_rebalance_recommendation_timestamp_seconds": [{}],
    }


def test_metrics_hold_times_in_unix_seconds() -> None:
    printed = render("ec2_info.prom.j2", COMING)

    values = {
        family.name: family.samples[0].value
        for family in text_string_to_metric_families(printed)
        if family.name.endswith("_timestamp_seconds")
    }
    assert values == {
        "ec2_maintenance_not_before_timestamp_seconds": 1768986043,
        "ec2_spot_instance_action_timestamp_seconds": 1768471320,
        "ec2_rebalance_recommendation_timestamp_seconds": 1768470600,
    }


def test_event_without_a_time_has_no_timestamp_metric() -> None:
    printed = render("ec2_info.prom.j2", {"maintenance_scheduled": [{"Code": "x", "NotBefore": "soon"}]})

    assert "ec2_maintenance_scheduled_info" in printed
    assert "timestamp" not in printed


@examples(15)
@given(chosen=tags)
def test_metrics_hold_the_tags_unchanged_and_nothing_else(chosen: dict[str, str]) -> None:
    read = samples(render("ec2_info.prom.j2", {"tags": chosen}))

    assert {labels["key"]: labels["value"] for labels in read.pop("ec2_tag_info", [])} == chosen
    assert read == {}


@examples(15)
@given(identity=identities)
def test_metrics_hold_hostile_facts_unchanged(identity: dict[str, str]) -> None:
    read = samples(render("ec2_info.prom.j2", identity))

    assert read == ({"ec2_instance_info": [identity]} if "instance_id" in identity else {})


@every_facts
def test_promtool_accepts_the_configuration(everything: dict[str, Any], program: Program, tmp_path: Path) -> None:
    file = tmp_path / "prometheus.yml"
    file.write_text(render("prometheus.yml.j2", everything))

    done = subprocess.run(
        [program("promtool", package="prometheus"), "check", "config", file],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("read", [yaml.safe_load, YAML(typ="safe", pure=True).load], ids=["1.1", "1.2"])
@examples(15)
@given(environment=texts)
@example(environment="no\n  x: 1")
@example(environment="$HOME")
def test_external_labels_are_unchanged_or_left_out(read: Any, environment: str) -> None:
    everything = {"account_id": "012345678901", "tags": {"Environment": environment}}

    printed = render("prometheus.yml.j2", everything)

    labels = read(printed)["global"]["external_labels"]
    assert labels.pop("account_id") == "012345678901"
    assert labels == ({} if "$" in environment else {"environment": environment})
    assert ("# environment is left out" in printed) == ("$" in environment)


def test_targets_are_labelled_with_the_instance() -> None:
    jobs = yaml.safe_load(render("prometheus.yml.j2", {"instance_id": "i-0abc"}))["scrape_configs"]

    assert [job["static_configs"][0]["labels"] for job in jobs] == [{"instance": "i-0abc"}] * 2
