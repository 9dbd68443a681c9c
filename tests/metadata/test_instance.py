from __future__ import annotations

import copy
import inspect
import pickle
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timezone
from typing import Any

import pytest

from ec2facts import instances
from ec2facts.errors import AbsentError, EC2FactsError, UnreadError
from ec2facts.imds.client import IMDSClient
from ec2facts.imds.simulator.simulator import Simulator
from ec2facts.imds.snapshot import Gap, Snapshot
from ec2facts.metadata.decoders import SpotInstanceAction
from ec2facts.metadata.descriptor import Resource, attributes
from ec2facts.metadata.instance import EC2Metadata
from tests.metadata.test_descriptor import Recorder

ROLES = "meta-data/iam/security-credentials/"

BUSY: dict[str, object] = {
    "account_id": "123456789012",
    "region": "eu-central-1",
    "placement_region": "eu-central-1",
    "placement_group_name": "busy-cluster",
    "placement_partition_number": 3,
    "host_id": "h-1234567890abcdef0",
    "hostname": "ip-10-0-1-23.eu-central-1.compute.internal",
    "ipv6": "2001:db8:1234:1a01:0:0:0:23",
    "ami_launch_index": 3,
    "ancestor_ami_ids": ["ami-0123456789abcdef0", "ami-1234567890abcdef0"],
    "product_codes": ["1abc2defghijklm3nopqrs4tu", "774F4FF8"],
    "profile": "default-hvm",
    "system": "nitro",
    "ramdisk_id": None,
    "hibernation_configured": True,
    "monitoring": "enabled",
    "vhostmd": '<?xml version="1.0" encoding="UTF-8"?>',
    "spot_instance_action": SpotInstanceAction("terminate", datetime(2026, 1, 15, 10, 2, tzinfo=timezone.utc)),
    "spot_termination_time": "2026-01-15T10:02:00Z",
    "rebalance_recommendation": datetime(2026, 1, 15, 9, 50, tzinfo=timezone.utc),
    "instance_profile_arn": "arn:aws:iam::123456789012:instance-profile/service/busy-profile",
    "instance_profile_id": "AIPAIOSFODNN7EXAMPLE",
    "instance_profile_name": "busy-profile",
    "elastic_gpus": {},
}


@pytest.fixture
def busy() -> EC2Metadata:
    return EC2Metadata(source=instances.load("busy"))


@pytest.fixture(scope="module")
def live() -> Iterator[dict[str, EC2Metadata]]:
    """Every simulated instance, read over HTTP."""
    simulators = {name: Simulator(instances.load(name)) for name in instances.names()}
    yield {name: EC2Metadata(source=IMDSClient(each.__enter__(), max_rate=0)) for name, each in simulators.items()}
    for each in simulators.values():
        each.__exit__()


def comparable(value: Any) -> Any:
    """Return a value and everything below it in comparable types."""
    if isinstance(value, Resource):
        return {name: value_of(value, name) for name in attributes(type(value))}
    if isinstance(value, Mapping):
        return {key: comparable(each) for key, each in value.items()}
    return value


def value_of(resource: Resource, name: str) -> Any:
    """Return the comparable value of an attribute, or the class and the path of its error."""
    try:
        return comparable(getattr(resource, name))
    except AbsentError as error:
        return AbsentError, error.path
    except UnreadError as error:
        return UnreadError, error.path


@pytest.mark.parametrize("instance", instances.names())
@pytest.mark.parametrize("name", attributes(EC2Metadata))
def test_snapshot_and_live_service_yield_the_same_values(
    live: dict[str, EC2Metadata], instance: str, name: str
) -> None:
    captured = EC2Metadata(source=instances.load(instance))

    assert value_of(captured, name) == value_of(live[instance], name)


@pytest.mark.parametrize("name", sorted(attributes(EC2Metadata).keys() - {"iam_security_credentials"}))
def test_attribute_is_read_with_one_request(name: str) -> None:
    recorder = Recorder(instances.load("busy").bodies)

    with suppress(AbsentError):
        getattr(EC2Metadata(source=recorder), name)

    assert len(recorder.asked) == 1


@pytest.mark.parametrize("name", BUSY)
def test_attribute_has_the_value_of_the_instance(busy: EC2Metadata, name: str) -> None:
    value = getattr(busy, name)

    assert (comparable(value), type(value) is bool) == (BUSY[name], type(BUSY[name]) is bool)


def test_placement_region_is_none_on_an_old_instance() -> None:
    xen = EC2Metadata(source=instances.load("xen"))

    assert (xen.region, xen.placement_region) == ("us-west-1", None)


def test_block_devices_are_keyed_by_virtual_name(busy: EC2Metadata) -> None:
    assert busy.block_device_mapping["ebs2"] == "sdg"
    assert list(busy.block_device_mapping) == ["ami", "ebs1", "ebs2", "ephemeral0", "ephemeral1", "root", "swap"]


def test_maintenance_events_are_documents(busy: EC2Metadata) -> None:
    assert [event["State"] for event in busy.maintenance_history] == ["completed", "canceled"]
    assert [event["Code"] for event in busy.maintenance_scheduled] == ["instance-retirement"]


def test_keys_of_instance_connect_are_keyed_by_user_and_fingerprint(busy: EC2Metadata) -> None:
    assert busy.managed_ssh_active_keys["ec2-user"].startswith("#Timestamp=1768464000\n")
    assert len(busy.managed_ssh_signer_ocsp) == 2
    assert (busy.managed_ssh_signer_cert or "").startswith("-----BEGIN CERTIFICATE-----\n")


def test_network_interfaces_are_keyed_by_mac_address(busy: EC2Metadata) -> None:
    assert {mac: interface.mac for mac, interface in busy.network_interfaces.items()} == {
        mac: mac for mac in busy.network_interfaces
    }
    assert {interface.parent for interface in busy.network_interfaces.values()} == {busy}


def test_public_keys_are_keyed_by_the_name_of_the_key_pair(busy: EC2Metadata) -> None:
    assert {name: key.index for name, key in busy.public_keys.items()} == {"deploy key=2026": 0, "ops@example.com": 1}
    assert {key.parent for key in busy.public_keys.values()} == {busy}


def test_name_of_a_key_pair_may_contain_a_slash() -> None:
    source = {"meta-data/public-keys/": b"0=team/deploy", "meta-data/public-keys/0/openssh-key": b"ssh-rsa AAAA\n"}

    keys = EC2Metadata(source=Snapshot(source)).public_keys

    assert {name: key.openssh_key for name, key in keys.items()} == {"team/deploy": "ssh-rsa AAAA\n"}


def test_credentials_belong_to_the_listed_role(busy: EC2Metadata) -> None:
    credentials = busy.iam_security_credentials

    assert credentials is not None
    assert (credentials["Type"], credentials["AccessKeyId"]) == ("AWS-HMAC", "AKIAIOSFODNN7EXAMPLE")


def test_instance_identity_role_has_its_own_credentials(busy: EC2Metadata) -> None:
    assert busy.identity_credentials is not None
    assert busy.identity_credentials["AccessKeyId"] == "ASIAIOSFODNN7EXAMPLE"
    assert busy.identity_credentials_info is not None
    assert busy.identity_credentials_info["AccountId"] == "123456789012"


@pytest.mark.parametrize(
    "name", ["iam_security_credentials", "instance_profile_arn", "instance_profile_id", "instance_profile_name"]
)
def test_iam_attributes_are_none_without_a_role_and_absent_if_required(name: str) -> None:
    xen = EC2Metadata(source=instances.load("xen"))

    assert getattr(xen, name) is None
    with pytest.raises(AbsentError):
        attributes(EC2Metadata)[name].require(xen)


def test_instance_without_a_listed_role_has_no_credentials() -> None:
    metadata = EC2Metadata(source=Snapshot({**instances.load("busy").bodies, ROLES: b""}))

    with pytest.raises(AbsentError, match="no role is listed"):
        _ = metadata.iam_security_credentials


ERROR_DOCUMENT = b'{"Code": "AssumeRoleUnauthorizedAccess", "Message": "EC2 cannot assume the role PRIVATE."}'


@pytest.mark.parametrize("name", ["iam_info", "instance_profile_arn", "instance_profile_id", "instance_profile_name"])
def test_iam_info_is_absent_if_the_body_is_an_error_document(name: str) -> None:
    bodies = {**instances.load("busy").bodies, "meta-data/iam/info": ERROR_DOCUMENT}
    metadata = EC2Metadata(source=Snapshot(bodies))

    assert getattr(metadata, name) is None
    with pytest.raises(AbsentError, match=r"^meta-data/iam/info is absent: the service returned an error document"):
        attributes(EC2Metadata)[name].require(metadata)


def test_credentials_are_absent_if_the_body_is_an_error_document() -> None:
    metadata = EC2Metadata(source=Snapshot({**instances.load("busy").bodies, f"{ROLES}busy-role": ERROR_DOCUMENT}))

    with pytest.raises(AbsentError, match=f"^{ROLES}busy-role is absent: the service returned an error document"):
        _ = metadata.iam_security_credentials


@pytest.mark.parametrize("document", [b"{}", b'{"region": null}'])
def test_region_falls_back_to_the_placement_if_the_document_has_no_region(document: bytes) -> None:
    bodies = {"dynamic/instance-identity/document": document, "meta-data/placement/region": b"us-east-1"}

    assert EC2Metadata(source=Snapshot(bodies)).region == "us-east-1"


def test_region_falls_back_to_the_placement_without_a_document() -> None:
    assert EC2Metadata(source=Snapshot({"meta-data/placement/region": b"us-east-1"})).region == "us-east-1"


def test_region_is_absent_without_document_and_placement() -> None:
    with pytest.raises(AbsentError, match=r"^dynamic/instance-identity/document is absent"):
        _ = EC2Metadata(source=Snapshot({})).region


def test_missing_field_of_the_document_is_absent() -> None:
    metadata = EC2Metadata(source=Snapshot({"dynamic/instance-identity/document": b'{"region": "us-east-1"}'}))

    with pytest.raises(AbsentError, match=r"document is absent: the document has no accountId$"):
        _ = metadata.account_id


@pytest.mark.parametrize("listing", [b"0/", b"0"])
def test_public_key_listed_without_a_name_is_keyed_by_its_index(listing: bytes) -> None:
    source = {"meta-data/public-keys/": listing, "meta-data/public-keys/0/openssh-key": b"ssh-rsa AAAA\n"}

    keys = EC2Metadata(source=Snapshot(source)).public_keys

    assert {name: key.openssh_key for name, key in keys.items()} == {"0": "ssh-rsa AAAA\n"}


def test_role_name_is_read_from_the_listing_alone() -> None:
    recorder = Recorder(instances.load("busy").bodies)

    role = EC2Metadata(source=recorder).iam_role_name

    assert (role, recorder.asked) == ("busy-role", [ROLES])


@pytest.mark.parametrize("bodies", [{}, {ROLES: b""}])
def test_role_name_is_none_without_a_role(bodies: dict[str, bytes]) -> None:
    assert EC2Metadata(source=Snapshot(bodies)).iam_role_name is None


def test_first_of_several_host_names_is_returned() -> None:
    several = b"ip-10-0-1-23.us-west-2.compute.internal corp.example.com eu.example.com"
    paths = ("meta-data/hostname", "meta-data/local-hostname", "meta-data/public-hostname")

    metadata = EC2Metadata(source=Snapshot(dict.fromkeys(paths, several)))

    names = {metadata.hostname, metadata.private_hostname, metadata.public_hostname}
    assert names == {"ip-10-0-1-23.us-west-2.compute.internal"}


NEVER_EMPTY = [name for name, each in attributes(EC2Metadata).items() if each.never_empty]


def test_ids_types_zone_and_mac_are_never_empty() -> None:
    assert {"instance_id", "instance_type", "ami_id", "availability_zone", "mac", "reservation_id"} <= {*NEVER_EMPTY}


@pytest.mark.parametrize("name", NEVER_EMPTY)
def test_empty_body_of_a_never_empty_attribute_is_unread(name: str) -> None:
    path = attributes(EC2Metadata)[name].path

    with pytest.raises(UnreadError, match=f"^{path} could not be read: its body is empty$"):
        getattr(EC2Metadata(source=Snapshot({path: b""})), name)


def test_empty_body_is_retried_by_a_source_that_can() -> None:
    class Retrying:
        def get(self, path: str, /) -> bytes | None:
            return b""

        def read_nonempty(self, path: str) -> bytes:
            return b"i-1234567890abcdef0"

    assert EC2Metadata(source=Retrying()).instance_id == "i-1234567890abcdef0"


@pytest.mark.parametrize("name", ["public_hostname", "hostname", "instance_action"])
def test_other_attributes_may_be_empty(name: str) -> None:
    assert getattr(EC2Metadata(source=Snapshot({attributes(EC2Metadata)[name].path: b""})), name) == ""


@pytest.mark.parametrize("name", attributes(EC2Metadata))
def test_unread_attribute_is_never_absent(name: str) -> None:
    class Broken:
        def get(self, path: str, /) -> bytes | None:
            raise UnreadError(path, "HTTP 503", status=503)

    with pytest.raises(UnreadError, match="HTTP 503"):
        getattr(EC2Metadata(source=Broken()), name)


def test_unread_path_of_a_snapshot_is_an_unread_error() -> None:
    metadata = EC2Metadata(source=Snapshot({}, {"meta-data/ipv6": Gap("unread", "no answer within 1 s")}))

    with pytest.raises(UnreadError, match="meta-data/ipv6 could not be read: no answer within 1 s"):
        _ = metadata.ipv6


def test_clear_all_keeps_a_given_source() -> None:
    source = Snapshot({"meta-data/mac": b"0e:00:5e:00:53:01"})
    metadata = EC2Metadata(source=source)

    metadata.clear_all()

    assert metadata.source is source


def test_live_source_is_created_at_the_first_use_and_again_after_clear_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    metadata = EC2Metadata()
    endpoints = []

    for url in ("http://127.0.0.1:2", "http://127.0.0.1:3"):
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", url)
        metadata.clear_all()
        assert metadata.source is metadata.source
        endpoints.append(metadata.source.endpoint if isinstance(metadata.source, IMDSClient) else None)

    assert endpoints == ["http://127.0.0.1:2", "http://127.0.0.1:3"]


def test_invalid_setting_is_an_error_at_the_first_read_and_not_at_creation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", "nowhere")
    metadata = EC2Metadata()

    with pytest.raises(EC2FactsError, match="AWS_EC2_METADATA_SERVICE_ENDPOINT"):
        _ = metadata.mac


def test_cleared_instance_creates_new_parts() -> None:
    metadata = EC2Metadata(source=instances.load("plain"))
    before = metadata.network_interfaces

    metadata.clear_all()

    assert metadata.network_interfaces is not before
    assert metadata.network_interfaces == before


def test_instance_equals_only_itself() -> None:
    source = instances.load("plain")
    metadata = EC2Metadata(source=source)

    assert metadata != EC2Metadata(source=source)
    assert len({metadata, metadata}) == 1


# repr and pickling


def test_repr_shows_the_source_then_the_instance_and_sends_no_request() -> None:
    recorder = Recorder({"meta-data/instance-id": b"i-1234567890abcdef0"})
    metadata = EC2Metadata(source=recorder)

    before = repr(metadata)
    assert (before, recorder.asked) == (f"<EC2Metadata of {recorder!r}>", [])

    _ = metadata.instance_id
    assert repr(metadata) == "<EC2Metadata of i-1234567890abcdef0>"


def test_repr_before_the_first_read_names_this_instance() -> None:
    assert repr(EC2Metadata()) == "<EC2Metadata of this instance>"


def test_repr_of_a_live_source_is_its_endpoint() -> None:
    metadata = EC2Metadata(source=IMDSClient("http://127.0.0.1:1"))

    assert repr(metadata) == "<EC2Metadata of http://127.0.0.1:1>"


def test_repr_contains_no_withheld_value() -> None:
    metadata = EC2Metadata(source=instances.load("busy"))
    _ = metadata.user_data, metadata.iam_security_credentials, list(metadata.tags.values())

    shown = repr([metadata, metadata.source, metadata.tags, metadata.network_interfaces, metadata.public_keys])

    assert "EXAMPLE" not in shown
    assert "busy-1" not in shown
    assert "<InstanceTags: 50 names, 50 values read>" in shown
    assert "<Snapshot of i-" in shown


def pickled(value: Any) -> Any:
    return pickle.loads(pickle.dumps(value))


@pytest.mark.parametrize("copied", [pickled, copy.deepcopy])
def test_instance_is_pickled_with_its_cached_values(copied: Callable[[Any], Any]) -> None:
    metadata = EC2Metadata(source=instances.load("busy"))
    read = [metadata.instance_id, metadata.kernel_id, dict(metadata.tags), dict(metadata.network_interfaces)]

    again = copied(metadata)

    assert [again.instance_id, again.kernel_id, dict(again.tags)] == read[:3]
    assert list(again.network_interfaces) == list(metadata.network_interfaces)
    assert again.region == metadata.region
    with pytest.raises(AbsentError, match=r"^meta-data/kernel-id is absent"):
        attributes(EC2Metadata)["kernel_id"].require(again)


@pytest.mark.parametrize("name", ["tags", "network_interfaces", "public_keys", "block_device_mapping"])
def test_part_of_an_instance_is_pickled_with_its_instance(name: str) -> None:
    value = getattr(EC2Metadata(source=instances.load("busy")), name)

    again = pickled(value)

    assert type(again) is type(value)
    assert comparable(again) == comparable(value)


def test_interface_is_pickled_with_its_instance() -> None:
    interface = next(iter(EC2Metadata(source=instances.load("busy")).network_interfaces.values()))

    assert pickled(interface).subnet_id == interface.subnet_id


def test_pickling_sends_no_request_and_drops_the_token() -> None:
    simulator = Simulator(instances.load("busy"))
    with simulator as url, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", url)
        metadata = EC2Metadata()
        _ = metadata.network_interfaces
        asked = len(simulator.requests)

        content = pickle.dumps(metadata)

        assert len(simulator.requests) == asked
        assert pickle.loads(content).instance_type == instances.load("busy").read("meta-data/instance-type").decode()


@pytest.mark.parametrize("name", attributes(EC2Metadata))
def test_help_shows_the_description_of_an_attribute(name: str) -> None:
    assert inspect.getdoc(getattr(EC2Metadata, name)) == attributes(EC2Metadata)[name].__doc__
