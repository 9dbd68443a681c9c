"""The templates for the CloudWatch agent (by its documentation) and for OpenTelemetry (read by its SDK)."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from opentelemetry.sdk.resources import OTELResourceDetector

from ec2facts.errors import TemplateError
from tests.fuzzing import examples
from tests.render.config_readers import Program, systemd_environment
from tests.render.shipped import VALUES, every_facts, identities, render, render_or_refuse, texts


def keys(value: Any) -> Any:
    """Return the shape of a JSON value: its keys and the types of its values."""
    if isinstance(value, Mapping):
        return {key: keys(item) for key, item in value.items()}
    return [keys(item) for item in value] if isinstance(value, list) else type(value)


# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-Agent-Configuration-File-Details.html
@every_facts
def test_cloudwatch_configuration_has_the_documented_fields(everything: dict[str, Any]) -> None:
    known = {
        "InstanceId": "instance_id",
        "InstanceType": "instance_type",
        "ImageId": "ami_id",
        "AvailabilityZone": "availability_zone",
    }

    configuration = json.loads(render("amazon-cloudwatch-agent.json.j2", everything))

    dimensions = {name: everything[fact] for name, fact in known.items() if fact in everything}
    if "aws:autoscaling:groupName" in everything.get("tags", {}):
        dimensions["AutoScalingGroupName"] = everything["tags"]["aws:autoscaling:groupName"]
    collected = configuration["metrics"]["metrics_collected"]
    logs = configuration["logs"]["logs_collected"]["files"]["collect_list"]
    own = everything.get("instance_id")
    region = {"region": everything["region"]} if "region" in everything else {}
    # The agent's schema forbids empty lists.
    aggregated = [[name, *path] for name in ("InstanceId", "AutoScalingGroupName") for path in ([], ["path"])]
    known_of = [names for names in aggregated if names[0] in dimensions]
    assert configuration["metrics"].pop("aggregation_dimensions", None) == (known_of or None)
    assert [collected[name].pop("append_dimensions") for name in ("mem", "swap", "disk")] == [dimensions] * 3
    assert logs == [
        {
            "file_path": f"/var/log/{file}",
            "log_group_name": "/ec2/instances",
            "retention_in_days": 30,
            **({"log_stream_name": f"{own}/{file}"} if own else {}),
        }
        for file in ("cloud-init-output.log", "syslog", "messages")
    ]
    assert configuration.pop("agent") == {"metrics_collection_interval": 60, "omit_hostname": True, **region}
    assert keys(configuration) == {
        "metrics": {
            "namespace": str,
            "metrics_collected": {
                "mem": {"measurement": [str]},
                "swap": {"measurement": [str]},
                "disk": {
                    "measurement": [str, str],
                    "resources": [str],
                    "drop_device": bool,
                    "ignore_file_system_types": [str] * len(collected["disk"]["ignore_file_system_types"]),
                },
            },
        },
        "logs": {"logs_collected": {"files": {"collect_list": keys(logs)}}},
    }


def test_cloudwatch_agent_ignores_file_systems_that_are_not_on_disks() -> None:
    configuration = json.loads(render("amazon-cloudwatch-agent.json.j2", {}))

    ignored = set(configuration["metrics"]["metrics_collected"]["disk"]["ignore_file_system_types"])
    assert ignored >= {"devtmpfs", "efivarfs", "overlay", "squashfs", "sysfs", "tmpfs", "vfat"}
    assert not ignored & {"ext4", "xfs", "btrfs", "nfs4"}


@examples(15)
@given(group=texts)
@example(group="web & co (1)")
def test_cloudwatch_dimension_is_unchanged_or_refused(group: str) -> None:
    printed = render_or_refuse("amazon-cloudwatch-agent.json.j2", {"tags": {"aws:autoscaling:groupName": group}})

    if printed is not None:
        dimensions = json.loads(printed)["metrics"]["metrics_collected"]["mem"]["append_dimensions"]
        assert dimensions == {"AutoScalingGroupName": group}


@pytest.mark.parametrize(
    ("fact", "named"),
    [
        ("instance_id", "InstanceId is not a valid dimension"),
        ("instance_type", "InstanceType is not a valid dimension"),
        ("ami_id", "ImageId is not a valid dimension"),
        ("availability_zone", "AvailabilityZone is not a valid dimension"),
        ("region", "region is not a valid name"),
    ],
)
@pytest.mark.parametrize("value", ["${aws:InstanceId}", "{hostname}", "été", "a\n"])
def test_cloudwatch_template_refuses_a_placeholder_from_the_service(fact: str, named: str, value: str) -> None:
    with pytest.raises(TemplateError, match=named):
        render("amazon-cloudwatch-agent.json.j2", {fact: value})


@pytest.mark.parametrize(
    ("fact", "refusal"),
    [("instance_id", "instance_id is not a valid log stream name"), ("region", "region is not a valid name")],
)
def test_cloudwatch_template_refuses_an_invalid_id(fact: str, refusal: str) -> None:
    with pytest.raises(TemplateError, match=refusal):
        render("amazon-cloudwatch-agent.json.j2", {fact: "a/b"})


@pytest.mark.parametrize("group", ["${aws:InstanceId}", "{instance_id}", "$HOME", "été", "", " x", "x" * 256, "a\nb"])
def test_cloudwatch_template_refuses_an_invalid_dimension(group: str) -> None:
    with pytest.raises(TemplateError, match="AutoScalingGroupName is not a valid dimension"):
        render("amazon-cloudwatch-agent.json.j2", {"tags": {"aws:autoscaling:groupName": group}})


# https://opentelemetry.io/docs/specs/semconv/registry/attributes/cloud/ and …/host/
CONVENTIONS = {
    "cloud.region": "region",
    "cloud.availability_zone": "availability_zone",
    "cloud.account.id": "account_id",
    "host.id": "instance_id",
    "host.type": "instance_type",
    "host.name": "hostname",
    "host.image.id": "ami_id",
}


def resource(value: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return the attributes that OpenTelemetry's SDK reads from a value of OTEL_RESOURCE_ATTRIBUTES."""
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", value)
    monkeypatch.delenv("OTEL_SERVICE_NAME", raising=False)
    return dict(OTELResourceDetector().detect().attributes)


def arch(everything: dict[str, Any]) -> dict[str, str]:
    """Return the attribute host.arch with its conventional value."""
    architecture = everything.get("instance_identity_document", {}).get("architecture")
    return {"host.arch": {"x86_64": "amd64", "i386": "x86"}[architecture]} if architecture else {}


@every_facts
def test_opentelemetry_reads_the_resource(everything: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    environment = everything.get("tags", {}).get("Environment")

    attributes = resource(render("otel-resource.env.j2", everything).rstrip("\n").partition("=")[2], monkeypatch)

    assert attributes == {
        "cloud.provider": "aws",
        "cloud.platform": "aws_ec2",
        **{name: everything[fact] for name, fact in CONVENTIONS.items() if fact in everything},
        **arch(everything),
        **({} if environment is None else {"deployment.environment.name": environment}),
    }


@examples(15)
@given(identity=identities)
def test_opentelemetry_reads_hostile_facts_unchanged(identity: dict[str, str]) -> None:
    printed = render("otel-resource.env.j2", identity)

    with pytest.MonkeyPatch.context() as monkeypatch:
        attributes = resource(printed.rstrip("\n").partition("=")[2], monkeypatch)

    assert attributes == {
        "cloud.provider": "aws",
        "cloud.platform": "aws_ec2",
        **{name: identity[fact] for name, fact in CONVENTIONS.items() if fact in identity},
    }


@examples(15)
@given(environment=texts)
@example(environment="a,cloud.provider=b")
@example(environment="~/x %41")
def test_opentelemetry_reads_a_hostile_tag_unchanged(environment: str) -> None:
    printed = render("otel-resource.env.j2", {"tags": {"Environment": environment}})

    with pytest.MonkeyPatch.context() as monkeypatch:
        attributes = resource(printed.rstrip("\n").partition("=")[2], monkeypatch)

    assert attributes.pop("deployment.environment.name") == environment
    assert attributes == {"cloud.provider": "aws", "cloud.platform": "aws_ec2"}


def test_host_name_is_the_first_of_several() -> None:
    printed = render("otel-resource.env.j2", {"hostname": "ip-10-0-1-23.ec2.internal example.com"})

    assert printed.rstrip("\n").endswith(",host.name=ip-10-0-1-23.ec2.internal")


def test_shell_and_systemd_read_the_same_attributes(program: Program, tmp_path: Path) -> None:
    lines = [render("otel-resource.env.j2", {"tags": {"Environment": value}}) for value in [*VALUES, "~", "a/b:~"]]
    file = tmp_path / "otel.env"
    written = []
    read = []

    for line in lines:
        file.write_text(line)
        done = subprocess.run(
            [program("sh"), "-c", '. "$0"; printf %s "$OTEL_RESOURCE_ATTRIBUTES"', file],
            capture_output=True,
            text=True,
            check=True,
        )
        written.append(line)
        read.append(f"OTEL_RESOURCE_ATTRIBUTES={done.stdout}\n")

    assert read == written
    # Environment= in a unit reads an unquoted word like an env file, except for %.
    words = "".join(
        "Environment=" + line.replace("%", "%%").replace("ATTRIBUTES", f"{n}") for n, line in enumerate(lines)
    )
    assert systemd_environment(program, "[Service]\n" + words) == [
        line.rstrip("\n").replace("ATTRIBUTES", f"{n}") for n, line in enumerate(lines)
    ]
