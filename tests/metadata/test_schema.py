from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from typing import Any

import jedi
import pytest

from ec2facts import instances
from ec2facts.errors import AbsentError
from ec2facts.metadata import documents
from ec2facts.metadata.decoders import SpotInstanceAction
from ec2facts.metadata.descriptor import Resource, attributes
from ec2facts.metadata.instance import EC2Metadata, InstanceTags, NetworkInterface, Part, PublicKey
from ec2facts.metadata.schema import DOCUMENTS, RESOURCES, Entry, is_directory, is_value, never_empty, schema

MACS = "meta-data/network/interfaces/macs/{mac}/"

CATEGORIES = [
    "meta-data/ami-id",
    "meta-data/ami-launch-index",
    "meta-data/ami-manifest-path",
    "meta-data/ancestor-ami-ids",
    "meta-data/autoscaling/target-lifecycle-state",
    "meta-data/block-device-mapping/ami",
    "meta-data/block-device-mapping/ebs1",
    "meta-data/block-device-mapping/ephemeral0",
    "meta-data/block-device-mapping/root",
    "meta-data/block-device-mapping/swap",
    "meta-data/elastic-gpus/associations/egpu-1234567890abcdef0",
    "meta-data/elastic-inference/associations/eia-1234567890abcdef0",
    "meta-data/events/maintenance/history",
    "meta-data/events/maintenance/scheduled",
    "meta-data/events/recommendations/rebalance",
    "meta-data/hibernation/configured",
    "meta-data/hostname",
    "meta-data/iam/info",
    "meta-data/iam/security-credentials/role",
    "meta-data/identity-credentials/ec2/info",
    "meta-data/identity-credentials/ec2/security-credentials/ec2-instance",
    "meta-data/instance-action",
    "meta-data/instance-id",
    "meta-data/instance-life-cycle",
    "meta-data/instance-type",
    "meta-data/ipv6",
    "meta-data/kernel-id",
    "meta-data/local-hostname",
    "meta-data/local-ipv4",
    "meta-data/mac",
    "meta-data/managed-ssh-keys/active-keys/ec2-user",
    "meta-data/managed-ssh-keys/signer-cert",
    "meta-data/managed-ssh-keys/signer-ocsp/98798241748EFACCB230386437B7873A478F5BD4",
    "meta-data/metrics/vhostmd",
    f"{MACS}device-number",
    f"{MACS}interface-id",
    f"{MACS}ipv4-associations/203.0.113.25",
    f"{MACS}ipv4-prefix",
    f"{MACS}ipv6-prefix",
    f"{MACS}ipv6s",
    f"{MACS}local-hostname",
    f"{MACS}local-ipv4s",
    f"{MACS}mac",
    f"{MACS}network-card",
    f"{MACS}owner-id",
    f"{MACS}public-hostname",
    f"{MACS}public-ipv4s",
    f"{MACS}security-group-ids",
    f"{MACS}security-groups",
    f"{MACS}subnet-id",
    f"{MACS}subnet-ipv4-cidr-block",
    f"{MACS}subnet-ipv6-cidr-blocks",
    f"{MACS}vpc-id",
    f"{MACS}vpc-ipv4-cidr-block",
    f"{MACS}vpc-ipv4-cidr-blocks",
    f"{MACS}vpc-ipv6-cidr-blocks",
    "meta-data/outpost-arn",
    "meta-data/placement/availability-zone",
    "meta-data/placement/availability-zone-id",
    "meta-data/placement/group-name",
    "meta-data/placement/host-id",
    "meta-data/placement/partition-number",
    "meta-data/placement/region",
    "meta-data/product-codes",
    "meta-data/profile",
    "meta-data/public-hostname",
    "meta-data/public-ipv4",
    "meta-data/public-keys/{index}/openssh-key",
    "meta-data/ramdisk-id",
    "meta-data/reservation-id",
    "meta-data/security-groups",
    "meta-data/services/domain",
    "meta-data/services/partition",
    "meta-data/spot/instance-action",
    "meta-data/spot/termination-time",
    "meta-data/system",
    "meta-data/tags/instance/Name",
    "dynamic/fws/instance-monitoring",
    "dynamic/instance-identity/document",
    "dynamic/instance-identity/dsa2048",
    "dynamic/instance-identity/pkcs7",
    "dynamic/instance-identity/rsa2048",
    "dynamic/instance-identity/signature",
    "user-data",
]
"""The instance metadata categories of AWS's table, and those that only the service lists."""

TYPES: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "bool": (bool,),
    "bytes": (bytes,),
    "None": (type(None),),
    "datetime": (datetime,),
    "InstanceTags": (InstanceTags,),
    "NetworkInterface": (NetworkInterface,),
    "PublicKey": (PublicKey,),
    "SpotInstanceAction": (SpotInstanceAction,),
}


def conforms(value: Any, type_name: str) -> bool:
    """Whether a value conforms to the type in an annotation."""
    if " | " in type_name:
        return any(conforms(value, name) for name in type_name.split(" | "))
    if type_name in TYPES:
        return type(value) in TYPES[type_name]
    generic = re.fullmatch(r"(list|dict|Mapping|Literal)\[(.+)\]", type_name)
    if generic is None:
        return conforms_to_document(value, type_name)
    name, arguments = generic.group(1), generic.group(2).split(", ")
    if name == "Literal":
        return repr(value) in arguments
    if name == "list":
        return type(value) is list and all(conforms(item, arguments[0]) for item in value)
    if not isinstance(value, dict if name == "dict" else Mapping):
        return False
    return all(conforms(key, arguments[0]) and conforms(value[key], arguments[1]) for key in value)


def conforms_to_document(value: Any, name: str) -> bool:
    if not isinstance(value, dict):
        return False
    if name == "JSONDict":
        return True
    kind = getattr(documents, name)
    fields = {key: reference.__forward_arg__ for key, reference in kind.__annotations__.items()}
    fields["privateIp"] = "str | None"  # ec2-metadata's type is str, but the value is null on an IPv6-only instance
    return kind.__required_keys__ <= value.keys() and all(
        conforms(value[key], type_name) for key, type_name in fields.items() if key in value
    )


def resources(instance: str) -> list[Resource]:
    metadata = EC2Metadata(source=instances.load(instance))
    return [metadata, *metadata.network_interfaces.values(), *metadata.public_keys.values()]


def by_name() -> dict[str, Entry]:
    return {entry.name: entry for entry in schema()}


@pytest.mark.parametrize("category", CATEGORIES)
def test_every_category_is_an_attribute_or_in_the_directory_of_an_attribute(category: str) -> None:
    declared = {entry.path for entry in schema()}

    directories = {category[: index + 1] for index, letter in enumerate(category) if letter == "/"}

    assert declared & {category, *directories}


def test_every_attribute_belongs_to_a_category() -> None:
    assert [
        entry.path
        for entry in schema()
        if not any(category == entry.path or category.startswith(entry.path) for category in CATEGORIES)
        and entry.path not in {"meta-data/network/interfaces/macs/", "meta-data/public-keys/"}
    ] == []


def test_schema_lists_every_declared_attribute_in_order() -> None:
    assert [entry.name for entry in schema()] == [
        *attributes(EC2Metadata),
        *(f"network_interfaces.*.{name}" for name in attributes(NetworkInterface)),
        *(f"public_keys.*.{name}" for name in attributes(PublicKey)),
    ]


def test_names_are_unique_and_in_snake_case() -> None:
    counts = Counter(entry.name for entry in schema())

    assert [name for name, count in counts.items() if count > 1] == []
    assert [name for name in counts if not re.fullmatch(r"([a-z_]+\.\*\.)?[a-z][a-z0-9_]*", name)] == []


@pytest.mark.parametrize("entry", schema(), ids=lambda entry: entry.name)
def test_description_is_one_sentence(entry: Entry) -> None:
    assert re.fullmatch(r"[A-Z][^\n]*[^.…\s]\.", entry.description)


@pytest.mark.parametrize("entry", schema(), ids=lambda entry: entry.name)
def test_path_is_below_a_root(entry: Entry) -> None:
    assert re.fullmatch(r"(meta-data|dynamic)/.+|user-data", entry.path)
    assert "//" not in entry.path


@pytest.mark.parametrize("instance", instances.names())
@pytest.mark.parametrize("entry", schema(), ids=lambda entry: entry.name)
def test_value_has_the_declared_type(instance: str, entry: Entry) -> None:
    name = entry.name.rpartition(".")[2]

    for resource in resources(instance):
        if entry in entries_of(resource):
            try:
                value = getattr(resource, name)
            except AbsentError:
                continue
            assert conforms(value, entry.type), (resource, value)


def entries_of(resource: Resource) -> list[Entry]:
    """Return the schema entries of the class of ``resource``."""
    return [
        entry
        for entry in schema()
        if entry.name.startswith(resource.within) and entry.name.count(".") == resource.within.count(".") * 2
    ]


@pytest.mark.parametrize(
    ("value", "type_name", "expected"),
    [
        (True, "int", False),
        (1, "bool", False),
        (None, "str", False),
        (None, "str | None", True),
        (["a", 1], "list[str]", False),
        ({"a": ["b"]}, "dict[str, list[str]]", True),
        ({"a": "b"}, "dict[str, int]", False),
        ({"AccountId": "123456789012"}, "IdentityCredentialsInfoDict", False),
        ({"AccountId": "123456789012", "LastUpdated": "2026-01-15T08:00:00Z"}, "IdentityCredentialsInfoDict", True),
        (datetime(2026, 1, 15, tzinfo=timezone.utc), "datetime", True),
    ],
)
def test_conforms_compares_the_value_with_the_type(value: object, type_name: str, expected: bool) -> None:  # noqa: FBT001
    assert conforms(value, type_name) is expected


@pytest.mark.parametrize("entry", schema(), ids=lambda entry: entry.name)
def test_declared_type_is_the_decoder_s_and_optional_if_the_default_is_none(entry: Entry) -> None:
    kind = next(kind for kind in reversed(RESOURCES) if entry.name.startswith(kind.within))
    attribute = attributes(kind)[entry.name.rpartition(".")[2]]

    if attribute.decode is not None:
        decoded = attribute.decode.__annotations__["return"]
        assert entry.type == (f"{decoded} | None" if attribute.when_absent is None else decoded)


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[jedi.api.environment.Environment]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jedi.settings, "cache_directory", str(tmp_path_factory.mktemp("jedi")))
        yield jedi.create_environment(sys.executable, safe=False)


@pytest.mark.parametrize("entry", schema(), ids=lambda entry: entry.name)
def test_editor_shows_the_description(entry: Entry, environment: jedi.api.environment.Environment) -> None:
    expression = "ec2_metadata." + entry.name.replace(".*", "[key]")
    script = jedi.Script(f"from ec2facts import ec2_metadata\n{expression}", environment=environment)

    names = script.help(2, len(expression))

    assert [name.docstring(raw=True) for name in names] == [entry.description]


def test_credentials_proofs_of_identity_and_user_data_are_withheld() -> None:
    assert {entry.name for entry in schema() if entry.withheld} == {
        "iam_security_credentials",
        "identity_credentials",
        "instance_identity_dsa2048",
        "instance_identity_pkcs7",
        "instance_identity_rsa2048",
        "instance_identity_signature",
        "user_data",
    }


def test_json_texts_keys_and_certificates_are_documents() -> None:
    types = {name: attributes(EC2Metadata)[name].type_name for name in attributes(EC2Metadata)}

    assert {name for name, type_name in types.items() if "Dict" in type_name} <= DOCUMENTS
    assert {"public_keys", "managed_ssh_signer_cert"} <= DOCUMENTS
    assert DOCUMENTS.isdisjoint({"instance_id", "tags", "security_groups", "network_interfaces"})


@pytest.mark.parametrize(
    "path",
    [
        "meta-data/",
        "meta-data/network/",
        "meta-data/network/interfaces/macs/",
        "meta-data/network/interfaces/macs/0e:00:5e:00:53:2b/",
        "meta-data/network/interfaces/macs/0e:00:5e:00:53:2b/ipv4-associations/",
        "meta-data/public-keys/0/",
        "meta-data/tags/instance/",
        "dynamic/instance-identity/",
        "meta-data/managed-ssh-keys/active-keys/",
    ],
)
def test_declared_directory_is_recognised(path: str) -> None:
    assert is_directory(path)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "meta-data",
        "user-data/",
        "meta-data/instance-id/",
        "meta-data/tags/instance/Name/",
        "meta-data/network/interfaces/macs/0e:00:5e:00:53:2b/mac/",
        "meta-data/public-keys/0/openssh-key/",
        "meta-data/iam/info/",
        "meta-dataX/",
    ],
)
def test_other_path_is_not_recognised_as_a_directory(path: str) -> None:
    assert not is_directory(path)


def test_every_class_that_declares_attributes_is_listed() -> None:
    kinds = {kind: kind.__subclasses__() for kind in (Resource, Part)}

    assert {kind for below in kinds.values() for kind in below if kind.__module__.startswith("ec2facts.")} == {
        *RESOURCES,
        Part,
    }


@pytest.mark.parametrize(
    "name",
    [
        *("tags", "spot_instance_action", "maintenance_scheduled", "autoscaling_target_lifecycle_state"),
        *("network_interfaces", "network_interfaces.*.private_ipv4s", "iam_role_name", "iam_security_credentials"),
    ],
)
def test_tags_notices_interfaces_and_credentials_are_changeable(name: str) -> None:
    assert by_name()[name].changeable


@pytest.mark.parametrize("name", ["instance_id", "region", "ami_id", "network_interfaces.*.mac", "user_data"])
def test_attribute_that_is_constant_while_the_instance_runs_is_not_changeable(name: str) -> None:
    assert not by_name()[name].changeable


def test_uncached_attribute_is_changeable_or_derived_from_a_cached_one() -> None:
    uncached = {name for name, each in attributes(EC2Metadata).items() if not each.cached}

    assert {name for name in uncached if not by_name()[name].changeable} == {"account_id"}


@pytest.mark.parametrize(
    ("path", "answers"),
    [
        ("meta-data/instance-id", (True, True)),
        ("meta-data/network/interfaces/macs/0e:00:5e:00:53:2b/subnet-id", (True, True)),
        ("meta-data/hostname", (True, False)),
        ("meta-data/tags/instance/", (False, False)),
        ("meta-data/tags/instance/Name", (False, False)),
        ("meta-data/future", (False, False)),
    ],
)
def test_declarations_mark_values_and_never_empty_paths(path: str, answers: tuple[bool, bool]) -> None:
    assert (is_value(path), never_empty(path)) == answers
