from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ec2facts import facts, instances
from ec2facts.collection.lookup import lookup
from ec2facts.collection.withholding import WITHHELD_NAMES
from ec2facts.errors import AbsentError, IncompleteError, UnreadError, UsageError, WithheldError
from ec2facts.imds.client import IMDSClient
from ec2facts.imds.simulator.simulator import Simulator
from ec2facts.imds.snapshot import Gap, Snapshot
from ec2facts.metadata.descriptor import attributes
from ec2facts.metadata.instance import EC2Metadata

ALL = instances.names()
MACS = "meta-data/network/interfaces/macs/"
TAGS = "meta-data/tags/instance/"
MAC = "12:00:5e:00:53:c4"
BUSY = instances.load("busy")
PRIMARY = BUSY.read("meta-data/mac").decode()
DEVICES = BUSY.listing("meta-data/block-device-mapping/").children
TAG_NAMES = BUSY.read(TAGS).decode().split()
KEY = instances.load("awkward").read("meta-data/public-keys/2/openssh-key").decode()


@pytest.fixture
def busy() -> Snapshot:
    return instances.load("busy")


# Requests


@pytest.mark.parametrize(
    ("name", "paths"),
    [
        ("instance_id", ["meta-data/instance-id"]),
        ("instance-id", ["meta-data/instance-id"]),
        ("region", ["dynamic/instance-identity/document"]),
        ("account_id", ["dynamic/instance-identity/document"]),
        ("instance_identity_document.architecture", ["dynamic/instance-identity/document"]),
        ("placement/region", ["meta-data/placement/region"]),
        ("placement/", ["meta-data/placement/"]),
        ("local-ipv4", ["meta-data/local-ipv4"]),
        ("iam_role_name", ["meta-data/iam/security-credentials/"]),
        ("meta_data.placement.region", ["meta-data/placement/region"]),
        (f"meta_data.network.interfaces.macs.{MAC}.subnet-id", [f"{MACS}{MAC}/subnet-id"]),
        ("meta_data.tags.instance.Name", ["meta-data/", "meta-data/tags/", TAGS, f"{TAGS}Name"]),
        ("meta_data.block-device-mapping", ["meta-data/", "meta-data/block-device-mapping/", *DEVICES]),
        ("tags.*", [TAGS, *(f"{TAGS}{name}" for name in TAG_NAMES)]),
        ("tags.M*", [TAGS, f"{TAGS}Mood"]),
        ("network_interfaces.0.mac", [MACS, "meta-data/mac"]),
        ("vpc-id", [MACS, "meta-data/mac", f"{MACS}{PRIMARY}/vpc-id"]),
        ("instance_profile_name", ["meta-data/iam/info"]),
        ("tags.Name", [TAGS, f"{TAGS}Name"]),
        ("tags.0", [TAGS, f"{TAGS}City"]),
        ("block_device_mapping.root", ["meta-data/block-device-mapping/", "meta-data/block-device-mapping/root"]),
        (f"network_interfaces.{MAC}.subnet_id", [MACS, f"{MACS}{MAC}/subnet-id"]),
        ("maintenance_scheduled.0.Code", ["meta-data/events/maintenance/scheduled"]),
    ],
)
def test_lookup_sends_one_token_request_and_only_the_requests_that_it_needs(
    busy: Snapshot, name: str, paths: list[str]
) -> None:
    simulator = Simulator(busy)

    with simulator as url:
        lookup(IMDSClient(url), name)

    probe = "meta-data/instance-id"  # the client's readiness check requests it
    asked = [request.path for request in simulator.requests if request.path != probe or probe in paths]
    assert sorted(asked) == sorted(["api/token", *paths])


def test_unknown_name_sends_no_request(busy: Snapshot) -> None:
    simulator = Simulator(busy)

    with simulator as url, pytest.raises(UsageError):
        lookup(IMDSClient(url), "instance_idea")

    assert simulator.requests == []


def test_unknown_tag_requests_only_the_listing_of_tags(busy: Snapshot) -> None:
    simulator = Simulator(busy)

    with simulator as url, pytest.raises(AbsentError):
        lookup(IMDSClient(url), "tags.Nam")

    assert [request.path for request in simulator.requests] == ["api/token", TAGS]


# Names


def dotted_names(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the dotted name of every fact within ``value``."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        within = f"{name}.{key}" if name else str(key)
        yield within, item
        yield from dotted_names(item, within)


@pytest.mark.parametrize("name", ALL)
def test_every_fact_is_found_under_its_dotted_name(name: str) -> None:
    snapshot = instances.load(name)
    everything = facts(snapshot, include=WITHHELD_NAMES)
    for key in ("meta_data", "dynamic", "collection", "user_data"):
        everything.pop(key, None)

    found = {dotted: lookup(snapshot, dotted, include=WITHHELD_NAMES) for dotted, _ in dotted_names(everything)}

    assert found == dict(dotted_names(everything))


@pytest.mark.parametrize("name", ALL)
def test_every_fact_of_the_trees_is_found_under_its_dotted_name(name: str) -> None:
    snapshot = instances.load(name)
    everything = facts(snapshot)
    trees = {key: everything[key] for key in ("meta_data", "dynamic", "collection")}

    some = list(dotted_names(trees))[::29]
    found = {dotted: lookup(snapshot, dotted) for dotted, _ in some}

    assert found == dict(some)


@pytest.mark.parametrize("name", ALL)
def test_lookup_keeps_the_order_of_the_facts(name: str) -> None:
    snapshot = instances.load(name)

    interfaces = lookup(snapshot, "network_interfaces")

    assert json.dumps(interfaces) == json.dumps(facts(snapshot)["network_interfaces"])


@pytest.mark.parametrize("name", attributes(EC2Metadata))
def test_dashes_and_underscores_are_equivalent(busy: Snapshot, name: str) -> None:
    dashed = answer(busy, name.replace("_", "-"))

    assert dashed == answer(busy, name)


def answer(snapshot: Snapshot, name: str) -> Any:
    try:
        return lookup(snapshot, name, include=WITHHELD_NAMES)
    except AbsentError as error:
        return str(error)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("tags.Name", "awkward 1"),
        ("tags.a", "one"),
        ("tags.a.b", "two"),
        ("tags.aws:x", "y"),
        ("tags.items", "not a method"),
        ("tags.-", "dash"),
        ("tags.0", "zero"),
        ("tags.empty", ""),
        ("tags.two-lines", "first\nsecond"),
        ("meta_data.tags.instance.a.b", "two"),
        ("meta-data.quantum.why? #1", "because"),
        ("meta_data.quantum.calibration.matrix.base64", "AID/IG1hdHJpeCDDKA=="),
        ("public_keys.team/deploy", {"openssh_key": KEY}),
        ("public_keys.2.openssh_key", KEY),
        ("instance_identity_document.kernelId", None),
        ("collection.unread", {}),
        ("hibernation_configured", False),
        ("maintenance_history", []),
        ("network_interfaces.1.ipv6s", []),
    ],
)
def test_name_returns_its_value(name: str, value: Any) -> None:
    assert lookup(instances.load("awkward"), name) == value


@pytest.mark.parametrize("position", [0, 1, 2, 3])
def test_positions_of_interfaces_match_the_facts(busy: Snapshot, position: int) -> None:
    expected = list(facts(busy)["network_interfaces"].values())[position]

    assert lookup(busy, f"network_interfaces.{position}") == expected
    assert lookup(busy, f"network-interfaces.{position}.subnet-id") == expected["subnet_id"]


def test_interface_without_a_device_number_is_last() -> None:
    late, early = "0a:00:5e:00:53:01", "0a:00:5e:00:53:02"
    snapshot = Snapshot({f"{MACS}{late}/subnet-id": b"subnet-late", f"{MACS}{early}/device-number": b"0"})

    assert list(facts(snapshot)["network_interfaces"]) == [early, late]
    assert lookup(snapshot, "network_interfaces.0.mac") == early
    assert lookup(snapshot, "network_interfaces.1.subnet_id") == "subnet-late"


def test_positions_of_tags_match_the_listing(busy: Snapshot) -> None:
    assert lookup(busy, "tags.1") == list(facts(busy)["tags"].values())[1]


def test_user_data_is_bytes(busy: Snapshot) -> None:
    assert lookup(busy, "user_data", include=["user_data"]) == busy.read("user-data")


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("placement/region", "meta-data/placement/region"),
        ("meta-data/placement/region", "meta-data/placement/region"),
        ("/meta-data/placement/region", "meta-data/placement/region"),
        ("/latest/meta-data/placement/region", "meta-data/placement/region"),
        ("latest/meta-data//placement//region", "meta-data/placement/region"),
        ("//latest//meta-data/placement/region", "meta-data/placement/region"),
        ("instance-id/", "meta-data/instance-id"),
        ("placement/", "meta-data/placement/"),
        ("meta-data/", "meta-data/"),
        ("dynamic/instance-identity/document", "dynamic/instance-identity/document"),
        ("/latest/dynamic/", "dynamic/"),
        ("tags/instance/Name", "meta-data/tags/instance/Name"),
    ],
)
def test_name_with_a_slash_is_a_path_and_returns_its_body(busy: Snapshot, name: str, path: str) -> None:
    assert lookup(busy, name) == busy.read(path)


@pytest.mark.parametrize(
    ("name", "same"),
    [
        ("local-ipv4", "private_ipv4"),
        ("local_ipv4", "private_ipv4"),
        ("availability-zone", "availability_zone"),
        ("vpc-id", "network_interfaces.0.vpc_id"),
        ("subnet_id", "network_interfaces.0.subnet_id"),
        ("network_interfaces[1].local-ipv4s[0]", "network_interfaces.1.private_ipv4s.0"),
        ("meta_data.security-groups", "meta-data.security-groups"),
    ],
)
def test_name_used_by_aws_returns_the_fact(busy: Snapshot, name: str, same: str) -> None:
    assert lookup(busy, name) == lookup(busy, same)


@pytest.mark.parametrize("glob", ["tags.*", "network_interfaces.*.subnet_id", "network_interfaces.*.local-ipv4s.*"])
def test_name_with_an_asterisk_returns_a_dict_of_all_matches(busy: Snapshot, glob: str) -> None:
    found = lookup(busy, glob)

    pattern = re.escape(glob.replace("local-ipv4s", "private_ipv4s")).replace(
        r"\*", ".+" if "tags" in glob else "[^.]+"
    )
    assert found == {name: value for name, value in dotted_names(facts(busy)) if re.fullmatch(pattern, name)}
    assert list(found) == [name for name, _ in dotted_names(facts(busy)) if name in found]


def test_path_with_an_asterisk_returns_a_dict_of_the_attributes_read_from_it(busy: Snapshot) -> None:
    everything = facts(busy)

    found = lookup(busy, "placement/*")

    assert found == {name: everything[name] for name in found}
    assert {"placement_region", "availability_zone"} <= found.keys()


def test_asterisk_skips_absent_and_withheld_facts(busy: Snapshot) -> None:
    assert lookup(busy, "*_id*").keys() == {name for name in facts(busy) if "_id" in name}


def test_asterisk_without_a_match_on_this_instance_is_absent(busy: Snapshot) -> None:
    with pytest.raises(AbsentError, match=r"^tags\.nothing\* is absent: nothing on this instance matches$"):
        lookup(busy, "tags.nothing*")


def test_asterisk_that_matches_an_unread_value_is_an_error_unless_allowed() -> None:
    snapshot = with_unread(f"{TAGS}City")
    told: dict[str, str] = {}

    with pytest.raises(IncompleteError):
        lookup(snapshot, "tags.*")
    found = lookup(snapshot, "tags.*", on_unread=told.__setitem__)

    assert told == {f"{TAGS}City": "HTTP 503"}
    assert found.keys() == {f"tags.{name}" for name in TAG_NAMES if name != "City"}


SLASH = Snapshot({TAGS: b"Name\nkubernetes.io/cluster/prod", f"{TAGS}Name": b"web"})


@pytest.mark.parametrize(
    "name",
    ["tags", "tags.kubernetes.io/cluster/prod", "tags.*", "meta_data.tags", "meta_data.tags.instance.kubernetes*"],
)
def test_unreachable_name_is_unread_as_in_a_dump(name: str) -> None:
    path = f"{TAGS}kubernetes.io/cluster/prod"

    with pytest.raises((IncompleteError, UnreadError)) as caught:
        lookup(SLASH, name)

    assert facts(SLASH)["collection"]["unread"] == {path: "its name holds a slash"}
    assert path in str(caught.value)


# Errors


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("instance_idea", "instance_id"),
        ("instanceid", "instance_id"),
        ("Region", "region"),
        ("tag.Name", "tags"),
        ("network_interfaces.0.subnet", "subnet_id"),
    ],
)
def test_misspelt_fact_is_an_error_with_a_suggestion(busy: Snapshot, name: str, meant: str) -> None:
    with pytest.raises(UsageError) as caught:
        lookup(busy, name)

    assert f"(did you mean {meant!r}?); `ec2facts schema` lists them" in str(caught.value)


@pytest.mark.parametrize("name", ["", ".", "nonsense", "instance_id_", "__class__", "parent", "clear_all", "source"])
def test_unknown_name_is_an_error(busy: Snapshot, name: str) -> None:
    with pytest.raises(UsageError, match=f"there is no fact {name.partition('.')[0]!r}"):
        lookup(busy, name)


@pytest.mark.parametrize(
    "name", ["instance_id.x", "region.0", "tags.City.x", "network_interfaces.0.mac.0", "security_groups.0.1"]
)
def test_name_below_a_single_value_is_an_error(busy: Snapshot, name: str) -> None:
    with pytest.raises(UsageError, match=f"no {name!r}: .* is a single value"):
        lookup(busy, name)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("tags.Citi", "tags.Citi is absent: there is no 'Citi' (did you mean 'City'?)"),
        ("tags.99", "tags.99 is absent: there is no '99'"),
        ("network_interfaces.4.mac", "network_interfaces.4.mac is absent: there are 4 interfaces: 0, 1, 2, 3"),
        ("network_interfaces.-1.mac", "network_interfaces.-1.mac is absent: there are 4 interfaces: 0, 1, 2, 3"),
        ("security_groups.9", "security_groups.9 is absent: there is no '9'"),
        ("instance_identity_document.Region", "there is no 'Region' (did you mean 'region'?)"),
        ("meta_data.placement.regio", "there is no 'regio' (did you mean 'region'?)"),
        ("kernel_id", "meta-data/kernel-id is absent: the service answers 404"),
        ("placement/nowhere", "meta-data/placement/nowhere is absent: the service answers 404"),
        ("placement/regoin", "the service answers 404 (did you mean 'meta-data/placement/region'?)"),
        ("tags/Name", "use tags.Name or the path tags/instance/Name"),
    ],
)
def test_missing_fact_is_absent(busy: Snapshot, name: str, told: str) -> None:
    with pytest.raises(AbsentError) as caught:
        lookup(busy, name)

    assert told in str(caught.value)


BARE = Snapshot({"meta-data/instance-id": b"i-1234567890abcdef0", f"{MACS}{MAC}/mac": MAC.encode()})


@pytest.mark.parametrize("name", ["tags", "tags.Name", "tags/instance/"])
def test_error_about_switched_off_tags_quotes_the_command_that_switches_them_on(name: str) -> None:
    with pytest.raises(AbsentError, match=r"switched off .* `aws ec2 modify-instance-metadata-options --instance-id "):
        lookup(BARE, name)


@pytest.mark.parametrize("name", ["iam_info", "iam_role_name", "instance_profile_name", "iam/info"])
def test_error_on_an_instance_without_a_role_names_the_cause(name: str) -> None:
    with pytest.raises(AbsentError, match=r"no role is attached to this instance$"):
        lookup(BARE, name)


def test_error_about_an_invalid_position_lists_the_valid_positions() -> None:
    with pytest.raises(AbsentError, match=r"^network_interfaces\.5\.mac is absent: there is 1 interface: 0$"):
        lookup(BARE, "network_interfaces.5.mac")


@pytest.mark.parametrize(("name", "path"), WITHHELD_NAMES.items())
def test_error_about_a_withheld_fact_says_how_to_include_it(name: str, path: str) -> None:
    snapshot = Snapshot({**instances.load("busy").bodies, "dynamic/instance-identity/dsa2048": b"MIAG"})

    path = f"{path}busy-role" if name == "iam_security_credentials" else path
    for asked in (name, f"/latest/{path}", f"latest//{path}"):
        with pytest.raises(WithheldError, match=f"ask for it with --include {name}$"):
            lookup(snapshot, asked)
    included = lookup(snapshot, name, include=[name])

    assert included not in (None, "", {})


@pytest.mark.parametrize(
    ("instance", "name", "included"),
    [
        ("busy", "meta-data.iam.security-credentials.busy-role", "iam_security_credentials"),
        ("busy", "meta_data.iam.security-credentials.busy-role.Token", "iam_security_credentials"),
        ("busy", "dynamic.instance-identity.pkcs7", "instance_identity_pkcs7"),
        ("awkward", "meta_data.quantum.vault.lease", "meta-data/quantum/vault/lease"),
    ],
)
def test_withheld_path_of_the_tree_is_not_absent(instance: str, name: str, included: str) -> None:
    with pytest.raises(WithheldError) as caught:
        lookup(instances.load(instance), name)

    assert caught.value.include == included


@pytest.mark.parametrize("name", ["meta_data.iam", "dynamic.instance-identity", "meta_data"])
def test_withheld_path_inside_a_fact_is_left_out(busy: Snapshot, name: str) -> None:
    value = lookup(busy, name)

    assert dict(dotted_names(facts(busy)))[name] == value if "." in name else facts(busy)[name] == value


@pytest.mark.parametrize("name", ["user-data/../user-data", "./placement/region", "meta-data/../user-data"])
def test_path_with_a_dot_segment_is_an_error(busy: Snapshot, name: str) -> None:
    with pytest.raises(UsageError):
        lookup(busy, name)


def test_unknown_include_is_an_error(busy: Snapshot) -> None:
    with pytest.raises(UsageError, match="'everything' is not a withheld fact"):
        lookup(busy, "instance_id", include=["everything"])


def with_unread(path: str, reason: str = "HTTP 503", status: int | None = 503) -> Snapshot:
    """Return a busy instance in which ``path`` is unread."""
    bodies = {other: body for other, body in instances.load("busy").bodies.items() if other != path}
    return Snapshot(bodies, {path: Gap("unread", reason, status)})


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("instance_id", "meta-data/instance-id"),
        ("instance-id/", "meta-data/instance-id"),
        ("region", "dynamic/instance-identity/document"),
        ("tags", TAGS),
        ("tags.City", f"{TAGS}City"),
        ("meta_data.tags.instance.City", f"{TAGS}City"),
        ("meta_data.tags.instance.City", TAGS),
        ("placement_region", "meta-data/placement/region"),
    ],
)
@pytest.mark.parametrize("on_unread", [None, print])
def test_unread_fact_is_an_error(name: str, path: str, on_unread: Callable[[str, str], object] | None) -> None:
    with pytest.raises(UnreadError) as caught:
        lookup(with_unread(path), name, on_unread=on_unread)

    assert (caught.value.path, caught.value.reason, caught.value.status) == (path, "HTTP 503", 503)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("tags", f"{TAGS}City"),
        ("network_interfaces", f"{MACS}{MAC}/subnet-id"),
        ("meta_data", f"{TAGS}City"),
        ("meta_data.tags", f"{TAGS}City"),
        ("meta-data.tags.instance", f"{TAGS}City"),
        ("dynamic", "dynamic/instance-identity/document"),
    ],
)
def test_fact_with_an_unread_part_is_an_error_without_on_unread(name: str, path: str) -> None:
    snapshot = with_unread(path)

    with pytest.raises(IncompleteError) as caught:
        lookup(snapshot, name)
    told: dict[str, str] = {}
    value = lookup(snapshot, name, on_unread=told.__setitem__)

    assert caught.value.unread == told == {path: "HTTP 503"}
    assert value
    assert value == dict(dotted_names(facts(snapshot)))[name.replace("-", "_")]


@pytest.mark.parametrize("name", ["meta_data.tags.instance.Mood", "meta_data.placement", "dynamic", "tags.Mood"])
def test_unread_path_outside_a_fact_is_ignored(name: str) -> None:
    snapshot = with_unread(f"{TAGS}City")

    assert lookup(snapshot, name) == dict(dotted_names(facts(snapshot)))[name]


def test_malformed_fact_is_an_error() -> None:
    snapshot = Snapshot({"meta-data/ami-launch-index": b"<html>PRIVATE</html>"})

    with pytest.raises(UnreadError, match=r"^meta-data/ami-launch-index could not be read: not a decimal number$"):
        lookup(snapshot, "ami_launch_index")


def test_path_withheld_from_a_snapshot_is_not_absent() -> None:
    path = "meta-data/identity-credentials/ec2/security-credentials/"
    capture = Snapshot({"meta-data/ami-id": b"ami-1"}, {path: Gap("withheld", "identity_credentials")})

    with pytest.raises(WithheldError):
        lookup(capture, "identity_credentials", include=["identity_credentials"])


def test_redirected_directory_is_read_with_its_slash() -> None:
    moved = UnreadError("meta-data/future", "HTTP 301", status=301)

    class Redirecting:
        def get(self, path: str, /) -> bytes | None:
            if path == "meta-data/future":
                raise moved
            return {"meta-data/": b"future", "meta-data/future/": b"x", "meta-data/future/x": b"1"}.get(path)

    assert lookup(Redirecting(), "meta_data.future.x") == "1"
    assert lookup(Redirecting(), "meta_data") == {"future": {"x": "1"}}
