from __future__ import annotations

import base64
import gzip
import json
import random
import time
import traceback
import zlib
from collections.abc import Iterator
from typing import Any

import pytest

from ec2facts import EC2Metadata, Snapshot, crawl, facts, instances
from ec2facts.collection.facts import collect, collected
from ec2facts.collection.unread import Unread, without_unread
from ec2facts.collection.withholding import WITHHELD_NAMES
from ec2facts.errors import DecodeError, EC2FactsError, IncompleteError, UnavailableError, UnreadError, UsageError
from ec2facts.imds.client import IMDSClient
from ec2facts.imds.simulator.simulator import Simulator
from ec2facts.imds.snapshot import Gap
from ec2facts.imds.source import PUBLIC_KEYS
from ec2facts.metadata.descriptor import attributes
from ec2facts.metadata.schema import DOCUMENTS

ALL = instances.names()
EVERYTHING = ("meta-data/", "dynamic/", "user_data")
INCLUDES = pytest.mark.parametrize("include", [(), EVERYTHING], ids=["plain", "with everything"])
MACS = "meta-data/network/interfaces/macs/"
DOCUMENT = "dynamic/instance-identity/document"
OF_DOCUMENT = {"instance_identity_document", "account_id", "region"}
INFO = "meta-data/iam/info"
ROLES = "meta-data/iam/security-credentials/"
OF_INFO = {"iam_info", "instance_profile_arn", "instance_profile_id", "instance_profile_name"}
SPOT = "meta-data/spot/instance-action"
SCHEDULED = "meta-data/events/maintenance/scheduled"
HTML = b"<html><body>Please log in, PRIVATE</body></html>"


def altered(bodies: dict[str, bytes], *, name: str = "plain") -> Snapshot:
    """Return a simulated instance with ``bodies`` replaced or added, and listed in their directories."""
    snapshot = instances.load(name)
    listings = {path[: path.rindex("/", 0, -1) + 1] for path in bodies if "/" in path[:-1]}
    kept = {path: body for path, body in snapshot.bodies.items() if path not in listings | {"meta-data/"}}
    return Snapshot({**kept, **bodies}, snapshot.gaps)


def text(body: bytes) -> Any:
    try:
        return body.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(body).decode()}


# The dict


@INCLUDES
@pytest.mark.parametrize("name", ALL)
def test_facts_are_the_same_from_every_source(name: str, include: tuple[str, ...]) -> None:
    snapshot = instances.load(name)

    direct = facts(snapshot, include=include)
    with Simulator(snapshot) as url:
        live = crawl(IMDSClient(url, max_rate=0), include=include)
    captured = Snapshot.parse(live.dump())
    with Simulator(captured) as url:
        replayed = crawl(IMDSClient(url, max_rate=0), include=include)

    expected = json.dumps(direct)
    assert json.dumps(facts(live, include=include)) == expected
    assert json.dumps(facts(captured, include=include)) == expected
    if include:  # a simulator answers 404 for a path that its snapshot withholds
        assert json.dumps(facts(replayed, include=include)) == expected


@INCLUDES
@pytest.mark.parametrize("name", ALL)
def test_order_of_the_replies_does_not_change_the_facts(name: str, include: tuple[str, ...]) -> None:
    class Shuffling:
        def __init__(self, seed: int) -> None:
            self._random = random.Random(seed)
            self._snapshot = instances.load(name)

        def get(self, path: str, /) -> bytes | None:
            time.sleep(self._random.random() / 5000)
            return self._snapshot.get(path)

    written = {json.dumps(collect(Shuffling(seed), include=include)) for seed in range(3)}

    assert len(written) == 1


def test_arguments_are_not_mutated() -> None:
    snapshot = instances.load("busy")
    before = snapshot.dump()

    facts(snapshot)

    assert snapshot.dump() == before


# The attributes


@pytest.mark.parametrize("name", ALL)
def test_facts_are_in_the_order_of_the_declarations(name: str) -> None:
    names = list(facts(instances.load(name), include=EVERYTHING))

    declared = [attribute for attribute in attributes(EC2Metadata) if attribute in names]
    assert names == [*declared, "meta_data", "dynamic", "collection"]


@pytest.mark.parametrize("name", ALL)
def test_absent_attribute_is_not_a_key(name: str) -> None:
    snapshot = instances.load(name)

    everything = facts(snapshot, include=EVERYTHING)

    absent = {
        attribute_name
        for attribute_name, attribute in attributes(EC2Metadata).items()
        if snapshot.get(attribute.path) is None
    }
    assert absent & everything.keys() == set()
    assert absent | everything.keys() >= attributes(EC2Metadata).keys()


@pytest.mark.parametrize("name", ALL)
def test_only_documents_contain_null(name: str) -> None:
    everything = facts(instances.load(name), include=EVERYTHING)

    for key in DOCUMENTS & everything.keys():
        del everything[key]

    assert [path for path, value in walk(everything) if value is None] == []


def walk(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every value within ``value``, with its keys."""
    yield path, value
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from walk(item, f"{path}/{key}")


@pytest.mark.parametrize("name", ALL)
def test_only_an_empty_body_yields_empty_text(name: str) -> None:
    snapshot = instances.load(name)

    everything = facts(snapshot, include=EVERYTHING)

    empty = [attribute.path for key, attribute in attributes(EC2Metadata).items() if everything.get(key) == ""]
    assert {snapshot.get(path) for path in empty} <= {b""}


def test_types_depend_on_the_declarations_and_not_on_the_bytes() -> None:
    document = json.dumps({"accountId": "012345678901", "region": "us-east-1"}).encode()
    tags = {f"meta-data/tags/instance/{key}": key.encode() for key in ("1e3", "no", "0o17", "12:34:56", "null", "[]")}

    everything = facts(
        altered(
            {DOCUMENT: document, "meta-data/ami-launch-index": b"007", "meta-data/product-codes": b"774F4FF8", **tags}
        )
    )

    assert everything["account_id"] == "012345678901"
    assert everything["ami_launch_index"] == 7
    assert everything["product_codes"] == ["774F4FF8"]
    assert {everything["tags"][key] for key in ("1e3", "no", "0o17", "12:34:56", "null", "[]")} == {
        "1e3",
        "no",
        "0o17",
        "12:34:56",
        "null",
        "[]",
    }


def test_times_are_iso_8601_text() -> None:
    notice = b'{"action": "terminate", "time": "2026-01-15T08:22:00Z"}'

    everything = facts(altered({"meta-data/spot/instance-action": notice}))

    assert everything["spot_instance_action"] == {"action": "terminate", "time": "2026-01-15T08:22:00Z"}


def test_bytes_that_are_not_utf_8_are_base64() -> None:
    everything = facts(altered({"user-data": b"\x1f\x8b\x00", "meta-data/future": b"\xff"}), include=["user_data"])

    assert everything["user_data"] == {"base64": "H4sA"}
    assert everything["meta_data"]["future"] == {"base64": "/w=="}


def test_switched_off_tags_have_no_key_and_an_instance_without_tags_has_an_empty_mapping() -> None:
    snapshot = instances.load("plain")
    bodies = {path: body for path, body in snapshot.bodies.items() if "/tags/" not in path}

    off = facts(Snapshot({**bodies, "meta-data/": snapshot.bodies["meta-data/"]}))
    empty = facts(Snapshot({**bodies, "meta-data/tags/instance/": b""}))

    assert "tags" not in off
    assert empty["tags"] == {}


# Network interfaces


@pytest.mark.parametrize("name", ALL)
def test_network_interfaces_are_sorted_by_card_and_device_with_the_primary_first(name: str) -> None:
    snapshot = instances.load(name)

    everything = facts(snapshot)

    interfaces = list(everything["network_interfaces"].values())
    places = [(interface.get("network_card", 0), interface["device_number"]) for interface in interfaces]
    assert places == sorted(places)
    assert interfaces[0]["mac"] == everything["mac"]


def test_interface_without_a_card_is_sorted_as_card_0_and_without_a_device_number_last() -> None:
    numbers = {
        "0a:00:5e:00:53:01/": {"device-number": b"1", "network-card": b"1"},
        "0a:00:5e:00:53:02/": {"network-card": b"0"},
        "0a:00:5e:00:53:03/": {"device-number": b"10"},
        "0a:00:5e:00:53:04/": {"device-number": b"2"},
        "0a:00:5e:00:53:05/": {"device-number": b"0", "network-card": b"1"},
    }
    bodies = {MACS + mac + path: body for mac, paths in numbers.items() for path, body in paths.items()}

    interfaces = facts(Snapshot(bodies))["network_interfaces"]

    assert [mac[-1] for mac in interfaces] == ["4", "3", "2", "5", "1"]


def test_network_interfaces_with_equal_positions_keep_the_order_of_the_listing() -> None:
    macs = ["0a:00:5e:00:53:0c", "0a:00:5e:00:53:0a", "0a:00:5e:00:53:0b"]
    bodies = {f"{MACS}{mac}/device-number": b"1" for mac in macs}

    interfaces = facts(Snapshot({**bodies, MACS: "\n".join(f"{mac}/" for mac in macs).encode()}))["network_interfaces"]

    assert list(interfaces) == macs


def test_interface_that_mac_names_is_first_regardless_of_device_numbers() -> None:
    hot_plugged, primary = "02:00:5e:00:53:11", "02:00:5e:00:53:22"
    bodies = {f"{MACS}{mac}/device-number": b"0" for mac in (hot_plugged, primary)}

    interfaces = facts(Snapshot({**bodies, "meta-data/mac": primary.encode()}))["network_interfaces"]

    assert list(interfaces) == [primary, hot_plugged]


def test_directory_in_place_of_the_network_card_is_ignored() -> None:
    interface = f"{MACS}02:00:5e:00:53:11/"

    everything = facts(
        Snapshot({f"{interface}device-number": b"0", f"{interface}network-card/network-card-index": b"1"})
    )

    assert everything["network_interfaces"]["02:00:5e:00:53:11"]["network_card"] == 1
    assert everything["collection"]["unread"] == {}


# The tree as served


@pytest.mark.parametrize("name", ALL)
def test_tree_contains_every_body_and_nothing_else(name: str) -> None:
    snapshot = instances.load(name)

    everything = facts(snapshot, include=EVERYTHING)

    leaves = {path: body for path, body in snapshot.bodies.items() if path and not path.endswith("/")}
    served = {
        **dict(leaves_of(everything["meta_data"], "meta-data/", leaves)),
        **dict(leaves_of(everything["dynamic"], "dynamic/", leaves)),
    }
    assert served == {path: text(body) for path, body in leaves.items() if path != "user-data"}


def leaves_of(tree: dict[str, Any], directory: str, leaves: dict[str, bytes]) -> Iterator[tuple[str, Any]]:
    """Yield the path and the value of each leaf of a tree."""
    for name, value in tree.items():
        if isinstance(value, dict) and directory + name not in leaves:
            yield from leaves_of(value, f"{directory}{name}/", leaves)
        else:
            yield directory + name, value


def test_unknown_category_is_in_the_facts() -> None:
    snapshot = altered({"meta-data/quantum/spin": b"up\n", "dynamic/warp": b"9"})

    everything = facts(snapshot)

    assert everything["meta_data"]["quantum"] == {"spin": "up\n"}
    assert everything["dynamic"]["warp"] == "9"


def test_names_from_the_service_are_not_rewritten() -> None:
    everything = facts(instances.load("awkward"))

    quantum = everything["meta_data"]["quantum"]
    assert {"50% entangled", "größe", "why? #1", "like-a-listing", "nothing"} <= quantum.keys()
    assert everything["tags"]["a.b"] == everything["meta_data"]["tags"]["instance"]["a.b"] == "two"


def test_empty_directory_is_an_empty_mapping() -> None:
    snapshot = Snapshot(
        {"meta-data/metrics/": b"vhostmd", "dynamic/": b""}, {"meta-data/metrics/vhostmd": Gap("absent")}
    )

    everything = facts(snapshot)

    assert (everything["meta_data"], everything["dynamic"]) == ({"metrics": {}}, {})


def test_empty_snapshot_has_no_facts() -> None:
    gaps = dict.fromkeys(["meta-data/", "dynamic/", "user-data"], Gap("absent"))

    assert facts(Snapshot({}, gaps)) == {"collection": {"withheld": {}, "unread": {}}}


# Gaps


@pytest.mark.parametrize("name", ALL)
def test_collection_names_withheld_paths_and_how_to_include_them(name: str) -> None:
    snapshot = instances.load(name)

    collection = facts(snapshot)["collection"]

    declared = {path: key for key, path in WITHHELD_NAMES.items() if snapshot.get(path) is not None}
    lease = {"meta-data/quantum/vault/lease": "meta-data/quantum/vault/lease"} if name == "awkward" else {}
    assert collection == {
        "withheld": {
            path: f"included only with --include {key}" for path, key in sorted({**declared, **lease}.items())
        },
        "unread": {},
    }


@pytest.mark.parametrize("name", ALL)
def test_facts_with_every_name_included_withhold_nothing(name: str) -> None:
    assert facts(instances.load(name), include=EVERYTHING)["collection"] == {"withheld": {}, "unread": {}}


@pytest.mark.parametrize(("name", "path"), WITHHELD_NAMES.items())
def test_only_the_included_name_becomes_a_fact(name: str, path: str) -> None:
    snapshot = altered({"dynamic/instance-identity/dsa2048": b"MIAG"}, name="busy")

    everything = facts(snapshot, include=[name])

    assert name in everything
    assert everything.keys() & WITHHELD_NAMES.keys() == {name}
    assert everything["collection"]["withheld"].keys() == {*WITHHELD_NAMES.values()} - {path}


def test_unread_path_is_reported_with_its_reason_and_its_siblings_are_read() -> None:
    snapshot = instances.load("plain")
    whole = facts(snapshot)
    gaps = {"meta-data/placement/region": Gap("unread", "no answer within 1 s"), "user-data": Gap("unread", "HTTP 503")}
    bodies = {path: body for path, body in snapshot.bodies.items() if path not in gaps}

    partial = facts(Snapshot(bodies, {**snapshot.gaps, **gaps}))

    assert partial["collection"]["unread"] == {path: gap.detail for path, gap in sorted(gaps.items())}
    del whole["placement_region"], whole["meta_data"]["placement"]["region"]
    whole["collection"]["withheld"].pop("user-data", None)
    assert {**partial, "collection": None} == {**whole, "collection": None}


def test_unread_directory_is_reported_and_its_attributes_have_no_key() -> None:
    snapshot = instances.load("plain")
    bodies = {path: body for path, body in snapshot.bodies.items() if not path.startswith("meta-data/placement/")}

    everything = facts(Snapshot(bodies, {"meta-data/placement/": Gap("unread", "HTTP 503", 503)}))

    assert everything["collection"]["unread"] == {"meta-data/placement/": "HTTP 503"}
    assert everything.keys() & {"placement_region", "availability_zone"} == set()


def test_unreachable_name_is_unread() -> None:
    everything = facts(altered({"meta-data/quantum/": b"caf\xe9\nspin", "meta-data/quantum/spin": b"up"}))

    assert everything["collection"]["unread"] == {"meta-data/quantum/caf\\xe9": "its name is not UTF-8"}
    assert everything["meta_data"]["quantum"] == {"spin": "up"}


# Markers


def with_unread(path: str, *, name: str = "busy") -> Snapshot:
    """Return a simulated instance in which ``path``, or everything below the directory ``path``, is unread."""
    bodies = instances.load(name).bodies
    kept = {each: body for each, body in bodies.items() if not each.startswith(path)}
    return Snapshot(kept, {path: Gap("unread", "HTTP 503", 503)})


def test_unread_value_is_a_marker_at_its_key_in_the_attributes_and_the_tree() -> None:
    everything = collected(with_unread("meta-data/instance-id"))

    marker = Unread("meta-data/instance-id", "HTTP 503")
    assert everything["instance_id"] == everything["meta_data"]["instance-id"] == marker
    assert everything["collection"]["unread"] == {"meta-data/instance-id": "HTTP 503"}


def test_mapping_with_an_unread_child_holds_the_marker_under_its_key() -> None:
    path = "meta-data/tags/instance/City"

    everything = collected(with_unread(path))

    assert everything["tags"]["City"] == Unread(path, "HTTP 503")
    assert everything["tags"]["Mood"] == facts(instances.load("busy"))["tags"]["Mood"]
    assert list(everything["tags"]) == list(facts(instances.load("busy"))["tags"])


def test_unread_directory_is_one_marker_for_each_fact_that_reads_it() -> None:
    path = "meta-data/tags/instance/"

    everything = collected(with_unread(path))

    assert everything["tags"] == everything["meta_data"]["tags"]["instance"] == Unread(path, "HTTP 503")


def test_unread_document_marks_every_attribute_that_needs_it() -> None:
    everything = collected(with_unread(DOCUMENT))

    assert {everything[name] for name in OF_DOCUMENT} == {Unread(DOCUMENT, "HTTP 503")}


def test_malformed_value_is_a_marker_and_the_tree_has_the_body_as_served() -> None:
    everything = collected(altered({"meta-data/ami-launch-index": HTML}))

    assert everything["ami_launch_index"] == Unread("meta-data/ami-launch-index", "not a decimal number")
    assert everything["meta_data"]["ami-launch-index"] == HTML.decode()


@pytest.mark.parametrize("name", ALL)
def test_reading_continues_after_unread_paths(name: str) -> None:
    bodies = instances.load(name).bodies
    lost = [path for path in sorted(bodies) if path and not path.endswith("/")][::5]
    kept = {path: body for path, body in bodies.items() if path not in lost}

    everything = collected(Snapshot(kept, dict.fromkeys(lost, Gap("unread", "HTTP 503", 503))))

    markers = {value.path for _, value in walk(everything) if isinstance(value, Unread)}
    assert set(lost) >= markers
    assert everything["collection"]["unread"].keys() == markers


@pytest.mark.parametrize("name", ALL)
def test_facts_are_the_collected_tree_without_markers(name: str) -> None:
    bodies = instances.load(name).bodies
    lost = [path for path in sorted(bodies) if path][::5]
    kept = {path: body for path, body in bodies.items() if path not in lost}
    snapshot = Snapshot(kept, dict.fromkeys(lost, Gap("unread", "HTTP 503", 503)))

    everything = collected(snapshot)

    assert facts(snapshot) == without_unread(everything) != everything
    assert not any(isinstance(value, Unread) for _, value in walk(facts(snapshot)))


def test_collected_is_facts_where_nothing_is_unread() -> None:
    assert collected(instances.load("busy")) == facts(instances.load("busy"))


def test_stripping_markers_does_not_mutate_the_argument_or_change_the_order() -> None:
    marker = Unread("meta-data/x", "HTTP 503")
    tree = {"c": 1, "b": [marker, {"y": marker, "x": 2}], "a": marker}

    stripped = without_unread(tree)

    assert json.dumps(stripped) == '{"c": 1, "b": [{"x": 2}]}'
    assert tree == {"c": 1, "b": [marker, {"y": marker, "x": 2}], "a": marker}


def test_unreachable_name_is_a_marker_in_the_attribute_and_the_tree() -> None:
    directory = "meta-data/tags/instance/"
    snapshot = altered({directory: b"Name\nkubernetes.io/cluster/prod", f"{directory}Name": b"web"})

    everything = collected(snapshot)

    marker = Unread(f"{directory}kubernetes.io/cluster/prod", "its name holds a slash")
    assert everything["tags"] == {"Name": "web", "kubernetes.io/cluster/prod": marker}
    assert everything["meta_data"]["tags"]["instance"] == everything["tags"]


# Malformed values


@pytest.mark.parametrize(
    ("path", "body", "reason", "lost"),
    [
        ("meta-data/ami-launch-index", HTML, "not a decimal number", {"ami_launch_index"}),
        ("meta-data/ami-launch-index", b"", "not a decimal number", {"ami_launch_index"}),
        ("meta-data/instance-id", b"\xffPRIVATE", "not UTF-8", {"instance_id"}),
        (DOCUMENT, HTML, "not JSON", OF_DOCUMENT),
        (DOCUMENT, b'["PRIVATE"]', "not a JSON object", OF_DOCUMENT),
        (DOCUMENT, b'{"accountId": "123456789012", "PRI', "not JSON", OF_DOCUMENT),
        (DOCUMENT, b'{"accountId": 1, "region": "x"}', "its accountId is missing or not text", {"account_id"}),
        (INFO, b'{"InstanceProfileId": 1e999}', "not JSON", OF_INFO),
        (INFO, b'{"InstanceProfileId": "\\ud800"}', "not JSON", OF_INFO),
        (INFO, b'{"a":' * 64 + b"{}" + b"}" * 64, "more than 64 levels of JSON", OF_INFO),
        (INFO, HTML, "not JSON", OF_INFO),
        (SPOT, b'{"action": "stop"}', "its time is missing or not text", {"spot_instance_action"}),
        (SPOT, b'{"action": "stop", "time": "PRIVATE"}', "not a time", {"spot_instance_action"}),
        (SCHEDULED, b'["PRIVATE"]', "not a JSON array of objects", {"maintenance_scheduled"}),
        ("meta-data/hibernation/configured", b"PRIVATE", "neither true nor false", {"hibernation_configured"}),
    ],
)
def test_malformed_value_is_unread_and_its_siblings_are_decoded(
    path: str, body: bytes, reason: str, lost: set[str]
) -> None:
    whole = facts(instances.load("busy"))
    others = whole.keys() - lost - {"instance_identity_document", "region", "meta_data", "dynamic", "collection"}

    everything = facts(altered({path: body}, name="busy"))

    assert everything["collection"]["unread"] == {path: reason}
    assert everything.keys() == whole.keys() - lost
    assert {name: everything[name] for name in others} == {name: whole[name] for name in others}


def test_error_document_is_absent_and_in_the_tree_as_served() -> None:
    body = b'{"Code": "InstanceProfileNotFound", "Message": "Instance Profile could not be found"}'
    whole = facts(instances.load("busy"))

    everything = facts(altered({INFO: body}, name="busy"))

    assert everything["collection"]["unread"] == {}
    assert everything["meta_data"]["iam"]["info"] == body.decode()
    assert everything.keys() == whole.keys() - OF_INFO


def test_missing_field_of_a_document_affects_only_its_attribute() -> None:
    whole = facts(instances.load("plain"))

    everything = facts(altered({DOCUMENT: b'{"instanceId": "i-1234567890abcdef0"}'}))

    assert everything["collection"]["unread"] == {}
    assert everything.keys() == whole.keys() - {"account_id"}
    assert everything["region"] == whole["placement_region"]


def test_absent_association_does_not_affect_the_others() -> None:
    interface = f"{MACS}0a:00:5e:00:53:01/"
    bodies = {"public-ipv4s": b"203.0.113.25\n203.0.113.26", "ipv4-associations/203.0.113.26": b"10.0.0.1"}

    everything = facts(Snapshot({interface + name: body for name, body in bodies.items()}))

    interfaces = everything["network_interfaces"]
    assert interfaces["0a:00:5e:00:53:01"]["ipv4_associations"] == {"203.0.113.26": ["10.0.0.1"]}


def test_line_that_is_not_a_path_segment_is_unread() -> None:
    interface = f"{MACS}0a:00:5e:00:53:01/"

    everything = facts(Snapshot({f"{interface}public-ipv4s": b".."}))

    assert everything["collection"]["unread"] == {
        f"{interface}ipv4-associations/": "a line is not a valid segment of a path"
    }


def test_empty_body_of_a_never_empty_attribute_is_unread() -> None:
    everything = facts(altered({"meta-data/instance-id": b"", "meta-data/tags/instance/none": b""}))

    assert everything["collection"]["unread"] == {"meta-data/instance-id": "its body is empty"}
    assert "instance_id" not in everything
    assert everything["tags"]["none"] == ""


def test_role_name_is_a_fact_and_its_credentials_are_withheld() -> None:
    everything = facts(instances.load("busy"))

    assert everything["iam_role_name"] == "busy-role"
    assert everything["meta_data"]["iam"]["security-credentials"] == {}
    assert everything["collection"]["withheld"][ROLES] == "included only with --include iam_security_credentials"


def test_malformed_value_is_in_the_tree_as_served() -> None:
    everything = facts(altered({"meta-data/ami-launch-index": HTML}))

    assert everything["meta_data"]["ami-launch-index"] == HTML.decode()


def test_malformed_value_of_an_interface_affects_only_its_attribute() -> None:
    path = f"{MACS}0a:00:5e:00:53:01/device-number"

    everything = facts(Snapshot({path: HTML, f"{MACS}0a:00:5e:00:53:01/subnet-id": b"subnet-1"}))

    assert everything["network_interfaces"] == {
        "0a:00:5e:00:53:01": {"mac": "0a:00:5e:00:53:01", "subnet_id": "subnet-1"}
    }
    assert everything["collection"]["unread"] == {path: "not a decimal number"}


def test_public_key_without_a_number_is_unread_and_its_siblings_are_read() -> None:
    everything = facts(altered({PUBLIC_KEYS: b"my-key"}))

    assert everything["collection"]["unread"] == {PUBLIC_KEYS: "not a decimal number"}
    assert everything["instance_id"] == "i-1234567890abcdef0"


GARBAGE = [b"\xffPRIVATE", b"PRIVATE", b'{"PRIVATE": ', b'"PRIVATE"', b'["PRIVATE"]', b'{"Message": "PRIVATE"}']


@pytest.mark.parametrize("body", GARBAGE, ids=repr)
@pytest.mark.parametrize("name", attributes(EC2Metadata))
def test_error_about_a_malformed_value_does_not_quote_it(name: str, body: bytes) -> None:
    attribute = attributes(EC2Metadata)[name]
    snapshot = instances.load("busy")
    values = [path for path in snapshot.bodies if path.startswith(attribute.path) and not path.endswith("/")]
    instance = EC2Metadata(source=Snapshot({**snapshot.bodies, **dict.fromkeys(values, body)}))

    printed = ""
    try:
        attribute.require(instance)
    except EC2FactsError as error:
        printed = "".join(traceback.format_exception(type(error), error, error.__traceback__))

    assert "PRIVATE" not in printed


def test_traceback_of_malformed_credentials_does_not_quote_them() -> None:
    path = "meta-data/iam/security-credentials/busy-role"
    instance = EC2Metadata(source=altered({path: b'{"SecretAccessKey": "PRIVATE'}, name="busy"))

    with pytest.raises(DecodeError, match=f"^{path} could not be read: not JSON$") as caught:
        _ = instance.iam_security_credentials

    printed = "".join(traceback.format_exception(type(caught.value), caught.value, caught.value.__traceback__))
    assert "DecodeError" in printed
    assert "PRIVATE" not in printed


# Leaks of withheld values


def secrets_of(snapshot: Snapshot) -> Iterator[bytes]:
    """Yield each secret of an instance, whole and in parts that an attacker could use."""
    for path, body in snapshot.bodies.items():
        if path.endswith("/") or not path:
            continue
        if "security-credentials/" in path or b"SecretAccessKey" in body:
            yield body
            document = json.loads(body)
            yield from (
                document[key].encode() for key in ("AccessKeyId", "SecretAccessKey", "Token") if key in document
            )
        elif path in WITHHELD_NAMES.values():
            yield body
            yield from unpacked(body).split(b"\n")


def unpacked(body: bytes) -> bytes:
    try:
        return gzip.decompress(body)
    except (OSError, EOFError, zlib.error):
        return body


def encodings_of(needle: bytes) -> Iterator[str]:
    """Yield the forms of a leaked secret: plain, in JSON, in base64."""
    for encoding in ("utf-8", "latin-1"):
        plain = needle.decode(encoding, errors="replace")
        yield plain
        yield json.dumps(plain)[1:-1]
        yield json.dumps(plain, ensure_ascii=False)[1:-1]
    # The base64 of a substring depends on its offset within a group of three bytes.
    for offset in range(3):
        yield base64.b64encode(bytes(offset) + needle)[4 if offset else 0 : -4].decode()


@pytest.mark.parametrize("name", ALL)
def test_no_output_contains_a_secret_that_is_not_included(name: str) -> None:
    snapshot = instances.load(name)
    with Simulator(snapshot) as url:
        live = crawl(IMDSClient(url, max_rate=0))
    outputs = [
        json.dumps(facts(snapshot)),
        json.dumps(facts(live), ensure_ascii=False),
        live.dump().decode(),
        repr(vars(live)),
        str(IncompleteError(facts(snapshot)["collection"]["withheld"])),
    ]

    secrets = {
        form for needle in secrets_of(snapshot) if len(needle) >= 8 for form in encodings_of(needle) if len(form) >= 8
    }

    assert len(secrets) > 20
    assert [secret for secret in secrets for output in outputs if secret in output] == []


@pytest.mark.parametrize("name", ALL)
def test_every_included_secret_is_in_the_output(name: str) -> None:
    snapshot = instances.load(name)
    with Simulator(snapshot) as url:
        live = crawl(IMDSClient(url, max_rate=0), include=EVERYTHING)

    outputs = [json.dumps(facts(live, include=EVERYTHING), ensure_ascii=False), live.dump().decode()]

    whole = [
        body for path, body in snapshot.bodies.items() if path in WITHHELD_NAMES.values() and not path.endswith("/")
    ]
    for body in whole:
        assert all(any(form in output for form in encodings_of(body)) for output in outputs)
    for needle in secrets_of(snapshot):
        if b"EXAMPLEKEY" in needle:
            assert all(any(form in output for form in encodings_of(needle)) for output in outputs)


# Collecting


def test_collect_returns_the_facts_of_a_crawl() -> None:
    snapshot = instances.load("busy")

    assert collect(snapshot, include=["user_data"]) == facts(snapshot, include=["user_data"])


def test_incomplete_collection_is_an_error_that_names_unread_paths() -> None:
    gapped = Snapshot({"meta-data/ami-id": b"ami-1"}, {"meta-data/mac": Gap("unread", "HTTP 503", 503)})

    with pytest.raises(IncompleteError) as caught:
        collect(gapped)

    assert caught.value.unread == {"meta-data/mac": "HTTP 503"}
    assert str(caught.value) == "1 path unread: meta-data/mac: HTTP 503; use --allow-partial to leave them out"


def test_malformed_value_makes_a_collection_incomplete() -> None:
    with pytest.raises(IncompleteError, match="meta-data/ami-launch-index: not a decimal number"):
        collect(altered({"meta-data/ami-launch-index": HTML}))


def test_incomplete_collection_is_returned_with_allow_partial() -> None:
    gapped = Snapshot({"meta-data/ami-id": b"ami-1"}, {"meta-data/mac": Gap("unread", "HTTP 503", 503)})

    everything = collect(gapped, allow_partial=True)

    assert everything["ami_id"] == "ami-1"
    assert everything["collection"]["unread"] == {"meta-data/mac": "HTTP 503"}


def test_absent_values_do_not_make_a_collection_incomplete() -> None:
    assert collect({"meta-data/": b"ami-id"})["collection"] == {"withheld": {}, "unread": {}}


def test_unavailable_service_is_an_error_even_with_allow_partial() -> None:
    class Gone:
        def get(self, path: str, /) -> bytes | None:
            raise UnavailableError("http://127.0.0.1:1", "connection refused")

    with pytest.raises(UnavailableError):
        collect(Gone(), allow_partial=True)


def test_unknown_include_is_an_error() -> None:
    with pytest.raises(UsageError):
        facts(Snapshot({}), include=["everything"])


def test_unread_path_of_any_source_is_reported() -> None:
    class Half:
        def get(self, path: str, /) -> bytes | None:
            if path == "meta-data/":
                raise UnreadError(path, "HTTP 500", status=500)
            return None

    assert collect(Half(), allow_partial=True) == {"collection": {"withheld": {}, "unread": {"meta-data/": "HTTP 500"}}}
