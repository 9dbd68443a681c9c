"""Third-party clients read the simulator; each has its endpoint before the first request."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import botocore.session
import botocore.utils
import ec2_metadata
import pytest
import requests

from ec2facts import instances
from ec2facts.imds.simulator.simulator import Simulator

ROLES = "meta-data/iam/security-credentials/"


@pytest.fixture
def make_client(ec2_metadata_simulator: Callable[..., str]) -> Iterator[Callable[[str], ec2_metadata.EC2Metadata]]:
    """Return a function that creates an EC2Metadata of the package ec2-metadata for a simulated instance."""
    with requests.Session() as session:

        def make(instance: str) -> ec2_metadata.EC2Metadata:
            url = ec2_metadata_simulator(instance)
            client = ec2_metadata.EC2Metadata(session)
            client.service_url = f"{url}/latest/"
            client.dynamic_url = f"{url}/latest/dynamic/"
            client.metadata_url = f"{url}/latest/meta-data/"
            client.userdata_url = f"{url}/latest/user-data/"
            assert "169.254" not in repr(vars(client))
            return client

        yield make


def attribute_names(kind: type) -> list[str]:
    return [name for name, value in vars(kind).items() if isinstance(value, (property, cached_property))]


def read_all(resource: object, *, without: str | None = None) -> dict[str, Any]:
    return {name: getattr(resource, name) for name in attribute_names(type(resource)) if name != without}


# The package requests the role's credentials by the name of the instance profile, which differs on this instance.
@pytest.mark.parametrize(("instance", "fault"), [("plain", None), ("busy", "iam_security_credentials")])
def test_ec2_metadata_reads_every_attribute(
    make_client: Callable[[str], ec2_metadata.EC2Metadata], instance: str, fault: str | None
) -> None:
    client = make_client(instance)

    values = read_all(client, without=fault)

    snapshot = instances.load(instance)
    assert values["instance_id"] == snapshot.read("meta-data/instance-id").decode()
    assert values["region"] == snapshot.read("meta-data/placement/region").decode()
    assert values["user_data"] == snapshot.get("user-data")
    assert values["private_ipv4"] in values["network_interfaces"][values["mac"]].private_ipv4s


@pytest.mark.parametrize("instance", ["plain", "busy"])
def test_ec2_metadata_reads_every_attribute_of_every_interface(
    make_client: Callable[[str], ec2_metadata.EC2Metadata], instance: str
) -> None:
    client = make_client(instance)

    interfaces = [read_all(interface) for interface in client.network_interfaces.values()]

    assert len(interfaces) == {"plain": 1, "busy": 4}[instance]
    assert {"203.0.113.25": ["10.0.1.23"]}.items() <= {
        public: private for interface in interfaces for public, private in interface["ipv4_associations"].items()
    }.items()


@pytest.mark.parametrize("instance", ["plain", "busy"])
def test_ec2_metadata_reads_every_tag_and_key(
    make_client: Callable[[str], ec2_metadata.EC2Metadata], instance: str
) -> None:
    client = make_client(instance)

    tags = dict(client.tags)
    keys = {name: key.openssh_key for name, key in client.public_keys.items()}

    snapshot = instances.load(instance)
    prefix = "meta-data/tags/instance/"
    assert tags == {
        path[len(prefix) :]: body.decode("latin-1")  # requests decodes text/plain without a charset as Latin-1
        for path, body in snapshot.bodies.items()
        if path.startswith(prefix) and path != prefix
    }
    assert all(key and key.startswith("ssh-ed25519 ") for key in keys.values())
    assert list(keys) == {"plain": ["my-key"], "busy": ["deploy key=2026", "ops@example.com"]}[instance]


def test_ec2_metadata_requests_credentials_by_the_name_of_the_profile(
    make_client: Callable[[str], ec2_metadata.EC2Metadata],
) -> None:
    client = make_client("busy")

    with pytest.raises(requests.HTTPError, match="iam/security-credentials/busy-profile"):
        _ = client.iam_security_credentials


@pytest.mark.parametrize("instance", ["plain", "busy"])
def test_botocore_finds_credentials(
    ec2_metadata_simulator: Callable[..., str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, instance: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))  # not the configuration of the user who runs the tests
    url = ec2_metadata_simulator(instance)
    session = botocore.session.Session()
    assert session.get_config_variable("ec2_metadata_service_endpoint") == url

    credentials = session.get_credentials()

    assert credentials.method == "iam-role"
    expected = instances.load(instance)
    (role,) = expected.read(ROLES).decode().split("\n")
    document = json.loads(expected.read(f"{ROLES}{role}"))
    assert credentials.access_key == document["AccessKeyId"]
    assert credentials.secret_key == document["SecretAccessKey"]
    assert credentials.token == document["Token"]


def test_botocore_finds_no_credentials_without_a_role(ec2_metadata_simulator: Callable[..., str]) -> None:
    fetcher = make_fetcher(botocore.utils.InstanceMetadataFetcher, ec2_metadata_simulator("xen"))

    assert fetcher.retrieve_iam_role_credentials() == {}


@pytest.mark.parametrize(("instance", "region"), [("plain", "us-east-1"), ("busy", "eu-central-1")])
def test_botocore_finds_the_region(ec2_metadata_simulator: Callable[..., str], instance: str, region: str) -> None:
    fetcher = make_fetcher(botocore.utils.InstanceMetadataRegionFetcher, ec2_metadata_simulator(instance))

    assert fetcher.retrieve_region() == region


def test_botocore_sends_a_token() -> None:
    simulator = Simulator(instances.load("busy"))

    with simulator as url:
        make_fetcher(botocore.utils.InstanceMetadataFetcher, url).retrieve_iam_role_credentials()

    assert simulator.requests == [
        ("PUT", "api/token", 200),
        ("GET", "meta-data/iam/security-credentials/", 200),
        ("GET", "meta-data/iam/security-credentials/busy-role", 200),
    ]


def make_fetcher(kind: Any, url: str) -> Any:
    fetcher = kind(config={"ec2_metadata_service_endpoint": url})
    assert fetcher.get_base_url() == url
    return fetcher


COMMANDS = """
token=$("$CURL" --silent --fail -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 21600' "$URL/latest/api/token")
"$CURL" --silent --fail -H "X-aws-ec2-metadata-token: $token" "$URL/latest/$WANTED"
"""


@pytest.mark.parametrize(
    "path", ["meta-data/instance-id", "meta-data/", "user-data", "dynamic/instance-identity/pkcs7"]
)
def test_curl_reads_bodies_unchanged(program: Callable[..., str], path: str) -> None:
    curl = program("curl")
    snapshot = instances.load("busy")

    with Simulator(snapshot) as url:
        environment = {"CURL": curl, "URL": url, "WANTED": path, "HOME": "/nonexistent"}
        read = subprocess.run(["sh", "-euc", COMMANDS], env=environment, stdout=subprocess.PIPE, check=True)

    assert read.stdout == snapshot.read(path)


def test_curl_without_a_token_reads_nothing(program: Callable[..., str]) -> None:
    command = [program("curl"), "--disable", "--silent", "--write-out", "%{http_code}", "--output", "/dev/null"]

    with Simulator(instances.load("plain")) as url:
        result = subprocess.run([*command, f"{url}/latest/meta-data/"], stdout=subprocess.PIPE, check=True)

    assert result.stdout == b"401"
