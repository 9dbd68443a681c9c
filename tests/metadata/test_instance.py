from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timezone
from typing import Any

import pytest

from ec2facts import instances
from ec2facts.errors import AbsentError, DecodeError, EC2FactsError, UnreadError
from ec2facts.imds.client import IMDSClient
from ec2facts.imds.simulator.simulator import Simulator
from ec2facts.imds.snapshot import Gap, Snapshot
from ec2facts.metadata.attributes import Resource, attributes
from ec2facts.metadata.decoders import SpotInstanceAction
from ec2facts.metadata.instance import EC2Metadata
from tests.metadata.test_attributes import Recorder

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


def whole(value: Any) -> Any:
    """Return a value with all that is below it, in types that compare."""
    if isinstance(value, Resource):
        return {name: value_of(value, name) for name in attributes(type(value))}
    if isinstance(value, Mapping):
        return {key: whole(each) for key, each in value.items()}
    return value


def value_of(resource: Resource, name: str) -> Any:
    """Return the whole value of an attribute; for one that cannot be had, the kind of its error and the path."""
    try:
        return whole(getattr(resource, name))
    except AbsentError as error:
        return AbsentError, error.path
    except UnreadError as error:
        return UnreadError, error.path


@pytest.mark.parametrize("instance", instances.names())
@pytest.mark.parametrize("name", attributes(EC2Metadata))
def test_snapshot_is_read_as_the_live_service_is(live: dict[str, EC2Metadata], instance: str, name: str) -> None:
    captured = EC2Metadata(source=instances.load(instance))

    assert value_of(captured, name) == value_of(live[instance], name)


@pytest.mark.parametrize("name", sorted(attributes(EC2Metadata).keys() - {"iam_security_credentials"}))
def test_attribute_is_one_request(name: str) -> None:
    recorder = Recorder(instances.load("busy").bodies)

    with suppress(AbsentError):
        getattr(EC2Metadata(source=recorder), name)

    assert len(recorder.asked) == 1


@pytest.mark.parametrize("name", BUSY)
def test_attribute_has_the_value_that_the_instance_says(busy: EC2Metadata, name: str) -> None:
    value = getattr(busy, name)

    assert (whole(value), type(value) is bool) == (BUSY[name], type(BUSY[name]) is bool)


def test_region_of_the_placement_is_absent_where_the_instance_is_old() -> None:
    xen = EC2Metadata(source=instances.load("xen"))

    assert (xen.region, xen.placement_region) == ("us-west-1", None)


def test_block_devices_are_named(busy: EC2Metadata) -> None:
    assert busy.block_device_mapping["ebs2"] == "sdg"
    assert list(busy.block_device_mapping) == ["ami", "ebs1", "ebs2", "ephemeral0", "ephemeral1", "root", "swap"]


def test_maintenance_events_are_documents(busy: EC2Metadata) -> None:
    assert [event["State"] for event in busy.maintenance_history] == ["completed", "canceled"]
    assert [event["Code"] for event in busy.maintenance_scheduled] == ["instance-retirement"]


def test_keys_of_instance_connect_are_by_user_and_fingerprint(busy: EC2Metadata) -> None:
    assert busy.managed_ssh_active_keys["ec2-user"].startswith("#Timestamp=1768464000\n")
    assert len(busy.managed_ssh_signer_ocsp) == 2
    assert (busy.managed_ssh_signer_cert or "").startswith("-----BEGIN CERTIFICATE-----\n")


def test_network_interfaces_are_by_address(busy: EC2Metadata) -> None:
    assert {mac: interface.mac for mac, interface in busy.network_interfaces.items()} == {
        mac: mac for mac in busy.network_interfaces
    }
    assert {interface.parent for interface in busy.network_interfaces.values()} == {busy}


def test_public_keys_are_by_the_name_of_the_key_pair(busy: EC2Metadata) -> None:
    assert {name: key.index for name, key in busy.public_keys.items()} == {"deploy key=2026": 0, "ops@example.com": 1}
    assert {key.parent for key in busy.public_keys.values()} == {busy}


def test_name_of_a_key_pair_may_hold_a_slash() -> None:
    source = {"meta-data/public-keys/": b"0=team/deploy", "meta-data/public-keys/0/openssh-key": b"ssh-rsa AAAA\n"}

    keys = EC2Metadata(source=Snapshot(source)).public_keys

    assert {name: key.openssh_key for name, key in keys.items()} == {"team/deploy": "ssh-rsa AAAA\n"}


def test_credentials_are_those_of_the_role_that_is_listed(busy: EC2Metadata) -> None:
    credentials = busy.iam_security_credentials

    assert credentials is not None
    assert (credentials["Type"], credentials["AccessKeyId"]) == ("AWS-HMAC", "AKIAIOSFODNN7EXAMPLE")


def test_credentials_of_the_instance_identity_are_others(busy: EC2Metadata) -> None:
    assert busy.identity_credentials is not None
    assert busy.identity_credentials["AccessKeyId"] == "ASIAIOSFODNN7EXAMPLE"
    assert busy.identity_credentials_info is not None
    assert busy.identity_credentials_info["AccountId"] == "123456789012"


@pytest.mark.parametrize(
    "name", ["iam_security_credentials", "instance_profile_arn", "instance_profile_id", "instance_profile_name"]
)
def test_instance_without_a_role_has_none_and_required_it_is_absent(name: str) -> None:
    xen = EC2Metadata(source=instances.load("xen"))

    assert getattr(xen, name) is None
    with pytest.raises(AbsentError):
        attributes(EC2Metadata)[name].require(xen)


def test_instance_whose_role_is_not_listed_has_no_credentials() -> None:
    metadata = EC2Metadata(source=Snapshot({**instances.load("busy").bodies, ROLES: b""}))

    with pytest.raises(AbsentError, match="no role is listed"):
        _ = metadata.iam_security_credentials


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("meta-data/iam/info", "iam_info"),
        ("meta-data/iam/info", "instance_profile_name"),
        (f"{ROLES}busy-role", "iam_security_credentials"),
    ],
)
def test_error_that_the_service_answers_as_a_document_is_none(path: str, name: str) -> None:
    body = b'{"Code": "AssumeRoleUnauthorizedAccess", "Message": "EC2 cannot assume the role busy-role."}'
    metadata = EC2Metadata(source=Snapshot({**instances.load("busy").bodies, path: body}))

    with pytest.raises(DecodeError, match=f"{path} could not be read: .*'AssumeRoleUnauthorizedAccess'"):
        getattr(metadata, name)


@pytest.mark.parametrize("name", attributes(EC2Metadata))
def test_what_could_not_be_read_is_never_taken_for_absent(name: str) -> None:
    class Broken:
        def get(self, path: str, /) -> bytes | None:
            raise UnreadError(path, "HTTP 503", status=503)

    with pytest.raises(UnreadError, match="HTTP 503"):
        getattr(EC2Metadata(source=Broken()), name)


def test_gap_of_a_snapshot_is_the_error_of_its_attribute() -> None:
    metadata = EC2Metadata(source=Snapshot({}, {"meta-data/ipv6": Gap("unread", "no answer within 1 s")}))

    with pytest.raises(UnreadError, match="meta-data/ipv6 could not be read: no answer within 1 s"):
        _ = metadata.ipv6


def test_source_is_the_one_that_is_given_and_stays_it() -> None:
    source = Snapshot({"meta-data/mac": b"0e:00:5e:00:53:01"})
    metadata = EC2Metadata(source=source)

    metadata.clear_all()

    assert metadata.source is source


def test_live_source_is_made_when_it_is_needed_and_anew_when_everything_is_cleared(
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


def test_setting_that_means_nothing_is_an_error_of_the_first_read_and_not_of_the_instance(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", "nowhere")
    metadata = EC2Metadata()

    with pytest.raises(EC2FactsError, match="AWS_EC2_METADATA_SERVICE_ENDPOINT"):
        _ = metadata.mac


def test_cleared_instance_makes_new_parts() -> None:
    metadata = EC2Metadata(source=instances.load("plain"))
    before = metadata.network_interfaces

    metadata.clear_all()

    assert metadata.network_interfaces is not before
    assert metadata.network_interfaces == before


def test_instances_are_equal_to_themselves_alone() -> None:
    source = instances.load("plain")
    metadata = EC2Metadata(source=source)

    assert metadata != EC2Metadata(source=source)
    assert len({metadata, metadata}) == 1
