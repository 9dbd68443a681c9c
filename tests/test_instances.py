from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ec2facts import crawl, instances
from ec2facts.collection.withholding import WITHHELD_NAMES
from ec2facts.errors import UsageError
from ec2facts.imds.client import IMDSClient
from ec2facts.imds.simulator.simulator import Simulator
from ec2facts.imds.snapshot import Snapshot
from ec2facts.imds.source import read_listing

ALL = instances.names()
FILES = sorted(Path(instances.__file__).parent.glob("*.json"))

MACS = "meta-data/network/interfaces/macs/"
TAGS = "meta-data/tags/instance/"
XML = b'<?xml version="1.0" encoding="UTF-8"?>'


def below(snapshot: Snapshot, directory: str) -> dict[str, str]:
    """Return the values directly below ``directory``, by name."""
    return {
        path[len(directory) :]: body.decode()
        for path, body in snapshot.bodies.items()
        if re.fullmatch(re.escape(directory) + "[^/]+", path)
    }


def walk(snapshot: Snapshot) -> Iterator[str]:
    """Yield every path that the listings reach, directories with a final slash, without use of the declarations."""
    waiting, seen = [""], set()
    while waiting:
        path = waiting.pop()
        if not path.endswith("/") and f"{path}/" in snapshot.bodies:
            path += "/"
        if path not in seen:
            seen.add(path)
            yield path
            if path.endswith("/") or not path:
                waiting.extend(read_listing(path, snapshot.read(path)).children)


def test_names_equal_the_names_of_the_files() -> None:
    assert [file.stem for file in FILES] == ALL
    assert {"awkward", "busy", "plain", "xen"} <= set(ALL)


@pytest.mark.parametrize("name", ["", "plane", "../instances/plain", "plain.json", "PLAIN"])
def test_error_of_an_unknown_name_lists_the_names(name: str) -> None:
    with pytest.raises(UsageError, match=", ".join(ALL)):
        instances.load(name)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_file_has_the_format_of_snapshots(file: Path) -> None:
    content = file.read_text(encoding="utf-8")

    assert content == json.dumps(json.loads(content), ensure_ascii=False, indent=1, sort_keys=True) + "\n"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_file_holds_only_listings_that_cannot_be_computed(file: Path) -> None:
    entries = json.loads(file.read_bytes())
    listings = {path: entry["listing"] for path, entry in entries.items() if "listing" in entry}

    rest = {path: entry for path, entry in entries.items() if path not in listings}
    computed = Snapshot.parse(json.dumps(rest).encode()).bodies

    assert [path for path, listing in listings.items() if computed.get(path) == listing.encode()] == []


@pytest.mark.parametrize("name", ALL)
def test_every_path_is_listed(name: str) -> None:
    snapshot = instances.load(name)

    assert set(snapshot.bodies) - set(walk(snapshot)) == set()


@pytest.mark.parametrize("name", ALL)
def test_instance_is_crawled_completely(name: str) -> None:
    snapshot = instances.load(name)

    with Simulator(snapshot) as url:
        crawled = crawl(IMDSClient(url, max_rate=0), include=WITHHELD_NAMES)

    assert {gap.detail for gap in crawled.gaps.values() if gap.kind == "unread"} == set()
    left = set(snapshot.bodies) - set(crawled.bodies) - {"", "meta-data/quantum/vault/lease"}
    assert {path for path in left if "security-credentials" not in path} == set()
    assert {path: snapshot.bodies[path] for path in crawled.bodies if path} == {
        path: body for path, body in crawled.bodies.items() if path
    }


@pytest.mark.parametrize("name", ALL)
def test_instance_holds_only_placeholder_values(name: str) -> None:
    text = "\n".join(body.decode("latin-1") for body in instances.load(name).bodies.values())

    assert set(re.findall(r"\b(?:A[KS]IA|AIPA)[A-Z0-9]{16}\b", text)) <= {
        "AKIAIOSFODNN7EXAMPLE",
        "ASIAIOSFODNN7EXAMPLE",
        "AKIAI44QH8DHBEXAMPLE",
        "ASIAI44QH8DHBEXAMPLE",
        "AIPAIOSFODNN7EXAMPLE",
    }
    for secret in re.findall(r'"SecretAccessKey" ?: "([^"]+)"', text):
        assert secret.endswith("EXAMPLEKEY")
    for address in re.findall(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])", text):
        assert address.startswith(("10.", "100.64.", "198.51.100.", "203.0.113."))
    for group in re.findall(r"\b2[0-9a-f]{3}:[0-9a-f:]+", text):
        assert group.startswith("2001:db8:")


@pytest.mark.parametrize("name", ALL)
def test_json_documents_agree_with_the_values(name: str) -> None:
    snapshot = instances.load(name)

    document = json.loads(snapshot.read("dynamic/instance-identity/document"))

    assert document["instanceId"] == snapshot.read("meta-data/instance-id").decode()
    assert document["imageId"] == snapshot.read("meta-data/ami-id").decode()
    assert document["instanceType"] == snapshot.read("meta-data/instance-type").decode()
    assert document["availabilityZone"] == snapshot.read("meta-data/placement/availability-zone").decode()
    assert (document["privateIp"] or "").encode() == (snapshot.get("meta-data/local-ipv4") or b"")
    for path, body in snapshot.bodies.items():
        if body.startswith((b"{\n", b"[{", b"[\n")):
            assert json.loads(body), path


@pytest.mark.parametrize("name", ALL)
def test_top_level_repeats_the_primary_interface(name: str) -> None:
    snapshot = instances.load(name)
    mac = snapshot.read("meta-data/mac").decode()
    interface = f"{MACS}{mac}/"

    assert snapshot.read(f"{interface}device-number") == b"0"
    assert snapshot.get(f"{interface}network-card") in {None, b"0"}
    for path in ("mac", "local-hostname", "public-hostname", "security-groups"):
        assert snapshot.get(f"meta-data/{path}") == snapshot.get(interface + path)
    for one, many in [("local-ipv4", "local-ipv4s"), ("public-ipv4", "public-ipv4s"), ("ipv6", "ipv6s")]:
        first = (snapshot.get(interface + many) or b"").split(b"\n")[0]
        assert (snapshot.get(f"meta-data/{one}") or b"") == first


@pytest.mark.parametrize("name", ALL)
def test_identity_signatures_come_in_76_column_lines(name: str) -> None:
    snapshot = instances.load(name)

    for form in ("pkcs7", "rsa2048", "signature"):
        *lines, last = snapshot.read(f"dynamic/instance-identity/{form}").split(b"\n")
        assert {len(line) for line in lines} == {76}
        assert base64.b64decode(b"".join([*lines, last]), validate=True)


def test_plain_instance_lists_user_data_and_has_none() -> None:
    snapshot = instances.load("plain")

    assert b"user-data" in snapshot.read("")
    assert snapshot.get("user-data") is None


@pytest.mark.parametrize(("name", "body"), [("awkward", None), ("busy", XML), ("plain", XML), ("xen", XML)])
def test_metrics_are_an_empty_xml_document_and_absent_only_on_the_awkward_instance(
    name: str, body: bytes | None
) -> None:
    snapshot = instances.load(name)

    assert b"vhostmd" in snapshot.read("meta-data/metrics/")
    assert snapshot.get("meta-data/metrics/vhostmd") == body


def test_plain_instance_has_a_role_of_the_same_name_as_its_profile() -> None:
    snapshot = instances.load("plain")

    profile = json.loads(snapshot.read("meta-data/iam/info"))["InstanceProfileArn"].rpartition("/")[2]

    assert snapshot.read("meta-data/iam/security-credentials/").decode() == profile == "web-server"


def test_busy_instance_has_4_interfaces_on_2_cards_in_another_order_than_their_addresses() -> None:
    snapshot = instances.load("busy")
    macs = read_listing(MACS, snapshot.read(MACS)).children

    places = [(int(snapshot.read(f"{mac}network-card")), int(snapshot.read(f"{mac}device-number"))) for mac in macs]

    assert sorted(places) == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert places[0] == (1, 1)


def test_busy_instance_has_50_tags_with_distinct_names_in_capitals() -> None:
    tags = below(instances.load("busy"), TAGS)

    assert len(tags) == 50
    assert len({re.sub("[^A-Z0-9]", "_", key.upper()) for key in tags}) == 50
    assert all(re.fullmatch(r"[0-9A-Za-z\-_+=,.@:]{1,128}", key) for key in tags)
    assert all(len(value) <= 256 and "\n" not in value for value in tags.values())


def test_busy_instance_has_a_role_of_another_name_than_its_profile() -> None:
    snapshot = instances.load("busy")

    profile = json.loads(snapshot.read("meta-data/iam/info"))["InstanceProfileArn"].rpartition("/")[2]

    assert snapshot.read("meta-data/iam/security-credentials/") == b"busy-role"
    assert profile == "busy-profile"


def test_busy_instance_has_compressed_user_data_with_a_secret() -> None:
    user_data = gzip.decompress(instances.load("busy").read("user-data"))

    assert user_data.startswith(b"#cloud-config\n")
    assert b"password: correct-horse-battery-staple-busy-user-data\n" in user_data


def test_awkward_instance_has_malformed_listings() -> None:
    top = instances.load("awkward").read("meta-data/").decode().split("\n")

    assert {"placement", "network", "iam", "tags", "services", "services/", "", ".", "..", "./", "../"} <= set(top)
    assert top.count("mac") == 2


def test_awkward_instance_has_a_body_that_is_not_text() -> None:
    snapshot = instances.load("awkward")

    for path in ("user-data", "meta-data/quantum/calibration/matrix"):
        with pytest.raises(UnicodeDecodeError):
            snapshot.read(path).decode()


def test_awkward_instance_has_tags_named_like_methods_and_variables() -> None:
    tags = below(instances.load("awkward"), TAGS)

    assert {"items", "keys", "values", "get", "a", "a.b", "LD_PRELOAD", "aws:x"} <= set(tags)
    assert tags["empty"] == ""
