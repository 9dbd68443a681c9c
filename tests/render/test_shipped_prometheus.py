"""The templates for Prometheus and its node_exporter, each read by promtool and by readers of their values."""

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
from tests.render.shipped import every_facts, identities, render, render_or_refuse, tags, texts


def samples(printed: str) -> dict[str, list[dict[str, str]]]:
    """Return the labels of every sample by the name of its metric, as Prometheus' Python client reads them."""
    return {
        family.name: [sample.labels for sample in family.samples] for family in text_string_to_metric_families(printed)
    }


@every_facts
def test_promtool_has_nothing_against_the_metrics(everything: dict[str, Any], program: Program) -> None:
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


def test_metrics_hold_what_is_about_to_happen() -> None:
    everything = {
        "maintenance_scheduled": [{"Code": "instance-stop", "EventId": "e", "State": "active"}],
        "spot_instance_action": {"action": "stop", "time": "2026-01-15T10:02:00Z"},
        "rebalance_recommendation": "2026-01-15T09:50:00Z",
    }

    read = samples(render("ec2_info.prom.j2", everything))

    assert read == {
        "ec2_maintenance_scheduled_info": [{"code": "instance-stop", "event_id": "e", "state": "active"}],
        "ec2_spot_instance_action_info": [{"action": "stop", "time": "2026-01-15T10:02:00Z"}],
        "ec2_rebalance_recommendation_info": [{"time": "2026-01-15T09:50:00Z"}],
    }


@examples(15)
@given(chosen=tags)
def test_metrics_hold_the_tags_as_they_were_and_nothing_else(chosen: dict[str, str]) -> None:
    read = samples(render("ec2_info.prom.j2", {"tags": chosen}))

    assert {labels["key"]: labels["value"] for labels in read.pop("ec2_tag_info", [])} == chosen
    assert read == {}


@examples(15)
@given(identity=identities)
def test_metrics_hold_what_the_service_says_as_it_was(identity: dict[str, str]) -> None:
    read = samples(render("ec2_info.prom.j2", identity))

    assert read == ({"ec2_instance_info": [identity]} if "instance_id" in identity else {})


@every_facts
def test_prometheus_takes_its_configuration(everything: dict[str, Any], program: Program, tmp_path: Path) -> None:
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
def test_external_labels_are_as_they_were_or_the_template_refuses_them(read: Any, environment: str) -> None:
    everything = {"account_id": "012345678901", "tags": {"Environment": environment}}

    printed = render_or_refuse("prometheus.yml.j2", everything)

    assert (printed is None) == ("$" in environment)
    if printed is not None:
        assert read(printed)["global"]["external_labels"] == {
            "account_id": "012345678901",
            "environment": environment,
        }
