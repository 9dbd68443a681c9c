"""Network interfaces, public keys and tags."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import pytest

from ec2facts import instances
from ec2facts.errors import AbsentError, DecodeError
from ec2facts.imds.snapshot import Gap, Snapshot
from ec2facts.metadata.decoders import integer
from ec2facts.metadata.descriptor import attributes
from ec2facts.metadata.instance import EC2Metadata, InstanceTags, Leaves, NetworkInterface, PublicKey
from tests.metadata.test_descriptor import Recorder

TAGS = "meta-data/tags/instance/"
MACS = "meta-data/network/interfaces/macs/"


@pytest.fixture
def recorder() -> Recorder:
    return Recorder({f"{TAGS}Name": b"web 1", f"{TAGS}a.b": b"", f"{TAGS}aws:x": b" y\n", f"{TAGS}binary": b"\xff"})


@pytest.fixture
def tags(recorder: Recorder) -> InstanceTags:
    return InstanceTags(["Name", "aws:x", "a.b", "gone", "binary"], EC2Metadata(source=recorder))


def test_names_are_known_without_a_request(tags: InstanceTags, recorder: Recorder) -> None:
    assert list(tags) == ["Name", "aws:x", "a.b", "gone", "binary"]
    assert list(tags.keys()) == list(tags)
    assert len(tags) == 5
    assert "gone" in tags
    assert "Nobody" not in tags
    assert recorder.asked == []


def test_value_is_read_once_at_its_first_use(tags: InstanceTags, recorder: Recorder) -> None:
    values = tags["Name"], tags.get("Name"), tags["aws:x"], tags["a.b"]

    assert values == ("web 1", "web 1", " y\n", "")
    assert recorder.asked == [f"{TAGS}Name", f"{TAGS}aws:x", f"{TAGS}a.b"]


def test_unlisted_name_is_a_key_error_without_a_request(tags: InstanceTags, recorder: Recorder) -> None:
    with pytest.raises(KeyError, match=r"^'Nobody'$"):
        tags["Nobody"]

    assert tags.get("Nobody", "default") == "default"
    assert recorder.asked == []


def test_listed_value_that_answers_404_is_absent(tags: InstanceTags) -> None:
    with pytest.raises(AbsentError, match=f"{TAGS}gone is absent"):
        tags["gone"]


def test_value_that_cannot_be_decoded_names_its_path(tags: InstanceTags) -> None:
    with pytest.raises(DecodeError, match=f"{TAGS}binary could not be read: not UTF-8"):
        tags["binary"]


def test_value_that_failed_is_read_again(tags: InstanceTags, recorder: Recorder) -> None:
    with pytest.raises(AbsentError):
        tags["gone"]

    recorder.bodies[f"{TAGS}gone"] = b"back"

    assert tags["gone"] == "back"


def test_tags_equal_a_dict_with_the_same_items(recorder: Recorder) -> None:
    tags = InstanceTags(["Name", "a.b"], EC2Metadata(source=recorder))

    assert isinstance(tags, Mapping)
    assert tags == {"Name": "web 1", "a.b": ""}
    assert {**tags} == {"Name": "web 1", "a.b": ""}


def test_name_listed_twice_is_one_key(recorder: Recorder) -> None:
    assert list(InstanceTags(["Name", "a.b", "Name"], EC2Metadata(source=recorder))) == ["Name", "a.b"]


def test_tag_with_the_name_of_a_method_is_a_key() -> None:
    recorder = Recorder({f"{TAGS}{name}": name.encode() for name in ("items", "keys", "get", "parent")})

    tags = InstanceTags(["items", "keys", "get", "parent"], EC2Metadata(source=recorder))

    assert dict(tags) == {name: name for name in tags}


def test_values_of_other_directories_use_their_own_decoder() -> None:
    parent = EC2Metadata(source=Recorder({"depths/Bocca": b"200"}))

    assert dict(Leaves("depths/", integer, ["Bocca"], parent)) == {"Bocca": 200}


def test_cached_value_is_returned_while_another_thread_reads(tags: InstanceTags) -> None:
    _ = tags["Name"]
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with tags.parent.lock:
            held.set()
            done.wait(5)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(5)
    value, still_held = tags["Name"], holder.is_alive()
    done.set()
    holder.join()

    assert (value, still_held) == ("web 1", True)


MAC = "0e:00:5e:00:53:2b"
DIRECTORY = f"meta-data/network/interfaces/macs/{MAC}/"

BUSY: dict[str, object] = {
    "mac": MAC,
    "device_number": 0,
    "network_card": 0,
    "interface_id": "eni-01234567890abcdef",
    "owner_id": "123456789012",
    "private_hostname": "ip-10-0-1-23.eu-central-1.compute.internal",
    "private_ipv4s": ["10.0.1.23", "10.0.1.24", "10.0.1.25"],
    "public_hostname": "ec2-203-0-113-25.eu-central-1.compute.amazonaws.com",
    "public_ipv4s": ["203.0.113.25", "198.51.100.17"],
    "ipv4_associations": {"203.0.113.25": ["10.0.1.23"], "198.51.100.17": ["10.0.1.24"]},
    "ipv4_prefix": ["10.0.1.64/28", "10.0.1.80/28"],
    "ipv6s": ["2001:db8:1234:1a01:0:0:0:23", "2001:db8:1234:1a01:0:0:0:24"],
    "ipv6_prefix": ["2001:db8:1234:1a01:1:0:0:0/80", "2001:db8:1234:1a01:2:0:0:0/80"],
    "security_groups": ["web", "ssh from the office"],
    "security_group_ids": ["sg-01234567890abcdef", "sg-11234567890abcdef"],
    "subnet_id": "subnet-11234567890abcdef",
    "subnet_ipv4_cidr_block": "10.0.1.0/24",
    "subnet_ipv6_cidr_blocks": ["2001:db8:1234:1a01:0:0:0:0/64"],
    "vpc_id": "vpc-1234567890abcdef0",
    "vpc_ipv4_cidr_block": "10.0.0.0/16",
    "vpc_ipv4_cidr_blocks": ["10.0.0.0/16", "10.1.0.0/16", "100.64.0.0/16"],
    "vpc_ipv6_cidr_blocks": ["2001:db8:1234:1a00:0:0:0:0/56", "2001:db8:5678:1a00:0:0:0:0/56"],
}


def interface(**bodies: bytes) -> NetworkInterface:
    """Return an interface with only these bodies; underscores in names become dashes."""
    source = {DIRECTORY + name.replace("_", "-"): body for name, body in bodies.items()}
    return NetworkInterface(MAC, EC2Metadata(source=Snapshot(source)))


@pytest.mark.parametrize("name", attributes(NetworkInterface))
def test_attribute_has_the_value_of_the_instance(name: str) -> None:
    busy = EC2Metadata(source=instances.load("busy"))

    assert getattr(busy.network_interfaces[MAC], name) == BUSY[name]


def test_address_is_known_without_a_request() -> None:
    assert interface().mac == MAC


def test_network_card_defaults_to_0() -> None:
    assert interface().network_card == 0


def test_public_address_without_an_association_does_not_affect_the_others() -> None:
    both = {"public_ipv4s": b"203.0.113.25\n203.0.113.26", "ipv4_associations/203.0.113.26": b"10.0.0.1"}

    assert interface(**both).ipv4_associations == {"203.0.113.26": ["10.0.0.1"]}


@pytest.mark.parametrize("line", ["..", ".", "../../../../../user-data", "a/b"])
def test_line_that_is_not_a_path_segment_is_unread_without_a_request(line: str) -> None:
    recorder = Recorder(Snapshot({f"{MACS}{MAC}/public-ipv4s": line.encode()}).bodies)

    with pytest.raises(DecodeError, match=r"ipv4-associations/ could not be read: a line is not a valid segment of"):
        _ = NetworkInterface(MAC, EC2Metadata(source=recorder)).ipv4_associations

    assert recorder.asked == [f"{MACS}{MAC}/public-ipv4s"]


def test_associations_without_a_public_address_are_empty_and_absent_if_required() -> None:
    bare = interface(device_number=b"0")

    assert bare.ipv4_associations == {}
    with pytest.raises(AbsentError, match="public-ipv4s is absent"):
        NetworkInterface.ipv4_associations.require(bare)


@pytest.mark.parametrize("body", [b"", b"zero", b"0x1"])
def test_malformed_number_is_an_error(body: bytes) -> None:
    with pytest.raises(DecodeError, match=f"{DIRECTORY}device-number could not be read"):
        _ = interface(device_number=body).device_number


def test_repr_of_an_interface_is_its_constructor_call() -> None:
    assert repr(interface()) == "NetworkInterface('0e:00:5e:00:53:2b')"


def test_interfaces_are_equal_if_address_and_parent_are_equal() -> None:
    first, second = EC2Metadata(source=Snapshot({})), EC2Metadata(source=Snapshot({}))
    one: list[Any] = [NetworkInterface("0e:00:5e:00:53:01", first), NetworkInterface("0e:00:5e:00:53:01", first)]
    others: list[Any] = [
        NetworkInterface("0e:00:5e:00:53:02", first),
        NetworkInterface("0e:00:5e:00:53:01", second),
        PublicKey(0, first),
        "0e:00:5e:00:53:01",
    ]

    assert one[0] == one[1]
    assert hash(one[0]) == hash(one[1])
    assert [other for other in others if one[0] == other or other == one[0]] == []


def test_falsy_parent_is_kept() -> None:
    class Empty(EC2Metadata):
        def __len__(self) -> int:
            return 0

    parent = Empty(source=Snapshot({}))

    assert NetworkInterface(MAC, parent).parent is parent


def test_source_is_the_current_source_of_the_parent() -> None:
    parent = EC2Metadata(source=Snapshot({DIRECTORY + "vpc-id": b"vpc-1234567890abcdef0"}))

    assert NetworkInterface(MAC, parent).source is parent.source


def test_cleared_interface_reads_everything_again() -> None:
    bodies = {DIRECTORY + "vpc-id": b"vpc-1234567890abcdef0"}

    class Changing:
        def get(self, path: str, /) -> bytes | None:
            return bodies.get(path)

    one = NetworkInterface(MAC, EC2Metadata(source=Changing()))
    values = [one.vpc_id]
    bodies[DIRECTORY + "vpc-id"] = b"vpc-0abcdef1234567890"
    values.append(one.vpc_id)
    one.clear_all()
    values.append(one.vpc_id)

    assert values == ["vpc-1234567890abcdef0", "vpc-1234567890abcdef0", "vpc-0abcdef1234567890"]


def instance(**bodies: bytes) -> EC2Metadata:
    return EC2Metadata(source=Snapshot({f"meta-data/public-keys/0/{name}": body for name, body in bodies.items()}))


@pytest.mark.parametrize("key", ["ssh-ed25519 AAAA my-key\n", "ssh-ed25519 AAAA my-key", ""])
def test_key_is_returned_as_served_with_its_newline(key: str) -> None:
    parent = EC2Metadata(source=Snapshot({"meta-data/public-keys/0/openssh-key": key.encode()}))

    assert PublicKey(0, parent).openssh_key == key


def test_listed_key_that_answers_404_is_none() -> None:
    parent = EC2Metadata(source=Snapshot({"meta-data/public-keys/": b"0=my-key"}))

    assert parent.public_keys["my-key"].openssh_key is None


def test_repr_of_a_key_is_its_constructor_call() -> None:
    assert repr(PublicKey(0, EC2Metadata(source=Snapshot({})))) == "PublicKey(0)"


def test_keys_are_equal_if_index_and_parent_are_equal() -> None:
    first, second = EC2Metadata(source=Snapshot({})), EC2Metadata(source=Snapshot({}))

    assert PublicKey(0, first) == PublicKey(0, first)
    assert len({PublicKey(0, first), PublicKey(0, first)}) == 1
    assert PublicKey(0, first) != PublicKey(1, first)
    assert PublicKey(0, first) != PublicKey(0, second)


def test_index_is_known_without_a_request() -> None:
    assert PublicKey(3, EC2Metadata(source=Snapshot({}))).index == 3


# The order of network interfaces


def places(*numbers: tuple[int, int]) -> dict[str, bytes]:
    """Return network interfaces ``02:…:0N`` with the given cards and device numbers."""
    return {
        f"{MACS}02:00:5e:00:53:0{index}/{name}": str(value).encode()
        for index, (card, device) in enumerate(numbers)
        for name, value in (("network-card", card), ("device-number", device))
    }


@pytest.mark.parametrize("primary", range(4))
def test_primary_interface_is_first_and_the_others_are_sorted_by_card_and_device_number(primary: int) -> None:
    bodies = {**places((1, 1), (0, 1), (0, 0), (1, 0)), "meta-data/mac": f"02:00:5e:00:53:0{primary}".encode()}

    interfaces = EC2Metadata(source=Snapshot(bodies)).network_interfaces

    order = [int(mac[-1]) for mac in interfaces]
    assert order == [primary, *(index for index in (2, 1, 3, 0) if index != primary)]
    assert [mac for mac, _ in interfaces.items()] == list(interfaces) == list(interfaces.keys())
    assert [each.key for each in interfaces.values()] == list(interfaces)
    assert list(reversed(interfaces)) == list(interfaces)[::-1]
    assert list(dict(interfaces)) == list(interfaces)


def test_interfaces_are_read_in_one_request_and_a_loop_reads_only_the_values_that_decide_the_order() -> None:
    recorder = Recorder({**Snapshot(places((0, 0), (0, 2), (0, 1))).bodies, "meta-data/mac": b"02:00:5e:00:53:00"})

    interfaces = EC2Metadata(source=recorder).network_interfaces
    assert recorder.asked == [MACS]

    next(iter(interfaces))
    assert recorder.asked == [MACS, "meta-data/mac"]

    assert [mac[-1] for mac in interfaces] == ["0", "2", "1"]
    numbers = [
        f"{MACS}02:00:5e:00:53:0{index}/{name}" for index in (1, 2) for name in ("device-number", "network-card")
    ]
    assert recorder.asked == [MACS, "meta-data/mac", *numbers]


@pytest.mark.parametrize("count", [1, 2])
def test_two_interfaces_are_ordered_without_their_numbers(count: int) -> None:
    bodies = {**Snapshot(places(*[(0, 0)] * count)).bodies, "meta-data/mac": b"02:00:5e:00:53:00"}
    recorder = Recorder(bodies)

    list(EC2Metadata(source=recorder).network_interfaces)

    assert recorder.asked == [MACS, *["meta-data/mac"] * (count - 1)]


def test_interface_with_an_unread_number_is_last() -> None:
    lost = f"{MACS}02:00:5e:00:53:00/device-number"
    bodies = {path: body for path, body in places((0, 1), (0, 2)).items() if path != lost}

    interfaces = EC2Metadata(source=Snapshot(bodies, {lost: Gap("unread", "HTTP 503", 503)})).network_interfaces

    assert [mac[-1] for mac in interfaces] == ["1", "0"]
