"""Third-party clients read a simulated instance at the service's own address, and agree with ec2facts."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ec2facts import Snapshot, facts, instances
from ec2facts.collection.withholding import WITHHELD_NAMES
from tests.cli.running import PROGRAM, Outcome, execute
from tests.imds.namespaces import require_namespaces

ROOT = Path(__file__).parents[3]
CLIENTS = Path(os.environ.get("EC2FACTS_CLIENTS") or ROOT / ".clients")
"""The directory in which ``install`` installs the clients."""

ROLES = "meta-data/iam/security-credentials/"

Run = Callable[..., Outcome]


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Return a function that runs a client's program on a simulated instance."""
    require_namespaces()
    home = tmp_path_factory.mktemp("home")

    def run(client: str, instance: str, *command: str | Path) -> Outcome:
        directory = CLIENTS / client
        if not directory.exists():
            missing = f"{client} is missing: tests/imds/clients/install {client}"
            if os.environ.get("CI") == "true":
                pytest.fail(missing)
            pytest.skip(missing)
        environ = {**os.environ, "HOME": str(home)}
        return execute(PROGRAM, "serve", instance, "--", *command, cwd=directory, env=environ, timeout=120)

    return run


@pytest.fixture(scope="session")
def read(run: Run) -> Callable[[str, str, str], Any]:
    """Return a function that runs a Python program with a client, and returns the JSON that it prints."""

    def read(client: str, instance: str, program: str) -> Any:
        outcome = run(client, instance, CLIENTS / client / "bin/python", "-c", program)
        assert outcome.status == 0, outcome.errors
        return json.loads(outcome.output)

    return read


def facts_of(instance: str) -> dict[str, Any]:
    return facts(instances.load(instance), include=WITHHELD_NAMES)


def credentials_of(snapshot: Snapshot) -> dict[str, str]:
    (role,) = snapshot.read(ROLES).decode().split("\n")
    credentials: dict[str, str] = json.loads(snapshot.read(ROLES + role))
    return credentials


CLOUD_INIT = """
import json
from cloudinit.sources.DataSourceEc2 import CloudNames, DataSourceEc2

class OnAWS(DataSourceEc2):
    cloud_name = CloudNames.AWS  # otherwise it reads the firmware

crawled = OnAWS({}, None, None).crawl_metadata()
print(json.dumps(crawled, default=lambda body: body.decode("latin-1")))
"""


def differences(theirs: Any, ours: Any, path: str = "") -> Iterator[str]:
    """Yield the paths at which the values of cloud-init and ec2facts differ."""
    if not isinstance(ours, dict):
        if not is_same(theirs, ours):
            yield path
        return
    for name in theirs.keys() | ours.keys():
        if name in theirs and name in ours:
            yield from differences(theirs[name], ours[name], f"{path}/{name}")
        else:
            yield f"{path}/{name}"


def is_same(theirs: Any, served: str) -> bool:
    """Whether cloud-init's value matches the served text: cloud-init parses JSON objects and splits lines."""
    if isinstance(theirs, dict):
        return bool(json.loads(served) == theirs)
    return bool(theirs == (served.splitlines() if "\n" in served else served))


@pytest.mark.parametrize("instance", ["plain", "busy", "xen"])
def test_cloud_init_reads_every_value(read: Callable[..., Any], instance: str) -> None:
    crawled = read("cloud-init", instance, CLOUD_INIT)

    ours = facts(instances.load(instance))
    ours["meta_data"].get("iam", {}).pop("security-credentials", None)  # cloud-init does not request credentials
    ours["meta_data"]["public-keys"] = {name: key["openssh_key"] for name, key in ours["public_keys"].items()}
    assert set(differences(crawled["meta-data"], ours["meta_data"])) == set()
    assert crawled["dynamic"]["instance-identity"]["document"] == ours["instance_identity_document"]
    assert crawled["user-data"].encode("latin-1") == (instances.load(instance).get("user-data") or b"")


def test_cloud_init_fails_if_a_listed_value_is_missing(read: Callable[..., Any]) -> None:
    crawled = read("cloud-init", "awkward", CLOUD_INIT)

    assert crawled["meta-data"] == {}  # cloud-init tries the listed metrics/vhostmd six times, then discards everything
    assert crawled["dynamic"]["instance-identity"]["document"]


EC2_METADATA = """
import base64, datetime, functools, json
from ec2_metadata import ec2_metadata

def attributes(resource):
    kinds = (property, functools.cached_property)
    return [name for name, value in vars(type(resource)).items() if isinstance(value, kinds)]

def plain(value):
    if isinstance(value, bytes):
        return value.decode() if value.isascii() else {"base64": base64.b64encode(value).decode()}
    if isinstance(value, datetime.datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    if hasattr(value, "action"):
        value = {"action": value.action, "time": value.time}
    if attributes(value):
        return read_all(value)
    if hasattr(value, "items"):
        return {name: plain(each) for name, each in value.items()}
    return value

def read_all(resource):
    read = {}
    for name in attributes(resource):
        try:
            read[name] = plain(getattr(resource, name))
        except Exception as error:
            read[name] = type(error).__name__
    return read

print(json.dumps(read_all(ec2_metadata)))
"""


def present(value: Any) -> Any:
    """Return a value without None and empty values, which mean absent."""
    if not isinstance(value, dict):
        return None if value == [] else value
    return {name: present(each) for name, each in value.items() if present(each) not in (None, {})}


KNOWN = {
    "plain": set(),
    "busy": {"iam_security_credentials"},  # requested by the name of the instance profile instead of the role
    "xen": {"instance_life_cycle", "tags"},  # ec2-metadata raises an error if they are absent
}
"""Attributes for which only ec2-metadata fails; version 2 also reads UTF-8 in tags as Latin-1."""


@pytest.mark.parametrize("instance", ["plain", "busy", "xen"])
@pytest.mark.parametrize("version", ["2", "3"])
def test_ec2_metadata_reads_the_same_attributes(read: Callable[..., Any], version: str, instance: str) -> None:
    theirs = read(f"ec2-metadata-{version}", instance, EC2_METADATA)

    ours = facts_of(instance)
    for mac, interface in theirs["network_interfaces"].items():
        ours["network_interfaces"][mac] = {name: ours["network_interfaces"][mac].get(name) for name in interface}
    different = {name for name, value in theirs.items() if present(ours.get(name)) != present(value)}
    assert different == KNOWN[instance] | ({"tags"} if (version, instance) == ("2", "busy") else set())


BOTOCORE = """
import json
import botocore.session
from botocore.utils import InstanceMetadataRegionFetcher

credentials = botocore.session.Session().get_credentials().get_frozen_credentials()
print(json.dumps({"region": InstanceMetadataRegionFetcher().retrieve_region(), "credentials": credentials}))
"""


@pytest.mark.parametrize("instance", ["plain", "busy"])
def test_botocore_reads_credentials_and_region(read: Callable[..., Any], instance: str) -> None:
    found = read("botocore", instance, BOTOCORE)

    document = credentials_of(instances.load(instance))
    assert found["region"] == facts_of(instance)["region"]
    assert found["credentials"][:3] == [document["AccessKeyId"], document["SecretAccessKey"], document["Token"]]


JAVASCRIPT = """
const { fromInstanceMetadata } = require("@aws-sdk/credential-provider-imds");
fromInstanceMetadata({ timeout: 5000 })().then((found) => console.log(JSON.stringify(found)));
"""


@pytest.mark.parametrize("instance", ["plain", "busy"])
def test_aws_sdk_for_javascript_reads_credentials(run: Run, program: Callable[..., str], instance: str) -> None:
    outcome = run("javascript", instance, program("node", package="nodejs"), "-e", JAVASCRIPT)

    assert outcome.status == 0, outcome.errors
    found = json.loads(outcome.output)
    document = credentials_of(instances.load(instance))
    assert (found["accessKeyId"], found["secretAccessKey"], found["sessionToken"]) == (
        document["AccessKeyId"],
        document["SecretAccessKey"],
        document["Token"],
    )


OPENTELEMETRY = """
import json
from opentelemetry.sdk.extension.aws.resource.ec2 import AwsEc2ResourceDetector

print(json.dumps(dict(AwsEc2ResourceDetector(raise_on_error=True).detect().attributes)))
"""


@pytest.mark.parametrize("instance", ["plain", "busy", "xen"])
def test_opentelemetry_detects_the_same_resource(read: Callable[..., Any], instance: str) -> None:
    detected = read("opentelemetry", instance, OPENTELEMETRY)

    ours = facts_of(instance)
    assert detected == {
        "cloud.provider": "aws",
        "cloud.platform": "aws_ec2",
        "cloud.account.id": ours["account_id"],
        "cloud.region": ours["region"],
        "cloud.availability_zone": ours["availability_zone"],
        "host.id": ours["instance_id"],
        "host.type": ours["instance_type"],
        "host.name": ours["hostname"],
    }
