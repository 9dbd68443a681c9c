from __future__ import annotations

import pytest

from ec2facts.collection.names import TREES, resolve, suggestion
from ec2facts.metadata.schema import schema


@pytest.mark.parametrize(
    ("name", "dotted"),
    [
        ("instance_id", "instance_id"),
        ("instance-id", "instance_id"),
        ("local-ipv4", "private_ipv4"),
        ("local_ipv4", "private_ipv4"),
        ("local-hostname", "private_hostname"),
        ("group-name", "placement_group_name"),
        ("target-lifecycle-state", "autoscaling_target_lifecycle_state"),
        ("region", "region"),
        ("user-data", "user_data"),
        ("vpc-id", "network_interfaces.0.vpc_id"),
        ("subnet_id", "network_interfaces.0.subnet_id"),
        ("local-ipv4s", "network_interfaces.0.private_ipv4s"),
        ("security-groups", "security_groups"),
        ("network_interfaces[0].mac", "network_interfaces.0.mac"),
        ("network-interfaces[1].local-ipv4s[0]", "network_interfaces.1.private_ipv4s.0"),
        ("network_interfaces.*.subnet-id", "network_interfaces.*.subnet_id"),
        ("tags.my-tag", "tags.my-tag"),
        ("tags.[ab]*", "tags.[ab]*"),
        ("tags.kubernetes.io/cluster/prod", "tags.kubernetes.io/cluster/prod"),
        ("meta-data.placement.group-name", "meta_data.placement.group-name"),
        ("nonsense", "nonsense"),
        ("*_id", "*_id"),
    ],
)
def test_name_resolves_to_a_dotted_name(name: str, dotted: str) -> None:
    assert resolve(name) == [dotted]


@pytest.mark.parametrize(
    ("path", "dotted"),
    [
        ("placement/region", ["placement_region"]),
        ("meta-data/placement/region", ["placement_region"]),
        ("/latest/meta-data/placement/region", ["placement_region"]),
        ("dynamic/instance-identity/document", ["instance_identity_document"]),
        ("iam/info", ["iam_info"]),
        ("tags/instance/", ["tags"]),
        ("tags/instance/Name", ["tags.Name"]),
        ("block-device-mapping/root", ["block_device_mapping.root"]),
        ("network/interfaces/macs/", ["network_interfaces"]),
        ("network/interfaces/macs/0a:00:5e:00:53:01/", ["network_interfaces.0a:00:5e:00:53:01"]),
        ("network/interfaces/macs/*/vpc-id", ["network_interfaces.*.vpc_id"]),
        ("public-keys/0/openssh-key", ["meta_data.public-keys.0.openssh-key"]),
        ("events/maintenance/*", ["maintenance_history", "maintenance_scheduled"]),
        ("quantum/spin", ["meta_data.quantum.spin"]),
        ("quantum/*", ["meta_data.quantum.*"]),
        ("dynamic/warp", ["dynamic.warp"]),
    ],
)
def test_path_resolves_to_the_attributes_read_from_it(path: str, dotted: list[str]) -> None:
    assert resolve(path) == dotted


@pytest.mark.parametrize("name", [*(entry.name for entry in schema()), *TREES])
def test_every_declared_name_resolves_to_itself(name: str) -> None:
    assert resolve(name) == [name]


@pytest.mark.parametrize("entry", schema(), ids=lambda entry: entry.name)
def test_path_of_every_attribute_resolves_to_an_attribute_read_from_it(entry: object) -> None:
    paths = {each.name: each.path for each in schema()}
    path = paths[entry.name].replace("{mac}", "*")  # type: ignore[attr-defined]  # parametrize passes an Entry

    resolved = resolve(path)

    assert [paths[name] for name in resolved if name in paths] == [
        path.replace("macs/*", "macs/{mac}") for _ in resolved if not path.startswith("meta-data/public-keys/{")
    ]


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("instance_idea", " (did you mean 'instance_id'?)"),
        ("Region", " (did you mean 'region'?)"),
        ("local-ipv", " (did you mean 'local-ipv4', which is private_ipv4?)"),
        ("vpcid", " (did you mean 'vpc_id', which is network_interfaces.0.vpc_id?)"),
        ("tag.Name", " (did you mean 'tags'?)"),
        ("qqqq", ""),
    ],
)
def test_suggestion_is_an_attribute_an_aws_name_or_an_interface_field(name: str, hint: str) -> None:
    assert suggestion(name) == hint
