from __future__ import annotations

from typing import Any

import pytest

from ec2facts import facts, instances
from ec2facts.imds.snapshot import Snapshot
from ec2facts.integrations.amazon_names import amazon_names


def named(bodies: dict[str, bytes]) -> dict[str, Any]:
    return amazon_names(facts(Snapshot(bodies)))


@pytest.mark.parametrize(
    ("path", "body", "name", "value"),
    [
        ("meta-data/ami-id", b"ami-1", "ansible_ec2_ami_id", "ami-1"),
        ("meta-data/placement/region", b"r", "ansible_ec2_placement_region", "r"),
        ("meta-data/security-groups", b"a\nb", "ansible_ec2_security_groups", "a,b"),
        (
            "meta-data/network/interfaces/macs/02:00:00:00:00:01/security-group-ids",
            b"sg-1\nsg-2",
            "ansible_ec2_network_interfaces_macs_02_00_00_00_00_01_security_group_ids",
            "sg-1,sg-2",
        ),
        ("meta-data/iam/info", b'{"Code": "Success"}', "ansible_ec2_iam_info", '{"Code": "Success"}'),
        ("meta-data/iam/info", b'{"Code": "Success"}', "ansible_ec2_iam_info_code", "Success"),
        ("dynamic/fws/instance-monitoring", b"enabled", "ansible_ec2_fws_instance_monitoring", "enabled"),
        ("meta-data/public-keys/0/openssh-key", b"ssh-ed25519 A", "ansible_ec2_public_key", "ssh-ed25519 A"),
        ("meta-data/tags/instance/a-b", b"v", "ansible_ec2_tags_instance_a_b", "v"),
        ("meta-data/tags/instance/a-b", b"v", "ansible_ec2_instance_tags", {"a-b": "v"}),
        ("meta-data/tags/instance/a-b", b"v", "ansible_ec2_instance_tags_keys", ["a-b"]),
    ],
)
def test_fact_has_the_name_and_the_value_of_the_module(path: str, body: bytes, name: str, value: object) -> None:
    assert named({path: body})[name] == value


def test_absent_fact_has_no_name() -> None:
    names = named({"meta-data/ami-id": b"ami-1"})

    assert names == {
        "ansible_ec2_ami_id": "ami-1",
        "ansible_ec2_instance_tags": {},
        "ansible_ec2_instance_tags_keys": [],
    }


def test_withheld_fact_has_a_name_only_if_included() -> None:
    snapshot = instances.load("busy")

    assert "ansible_ec2_user_data" not in amazon_names(facts(snapshot))
    assert "ansible_ec2_user_data" in amazon_names(facts(snapshot, include=["user_data"]))


def test_empty_facts_have_no_names() -> None:
    assert amazon_names({}) == {}
