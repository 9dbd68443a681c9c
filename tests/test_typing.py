"""A user's script type-checks: editors and mypy know the types of the attributes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import datetime as dt
from collections.abc import Mapping
from typing import Any, Dict, List, Literal, Optional

import requests
from typing_extensions import assert_type

import ec2facts
from ec2facts import (
    TOKEN_TTL_SECONDS,
    EC2Metadata,
    IamInfoDict,
    IamSecurityCredentialsDict,
    IMDSClient,
    InstanceIdentityDocumentDict,
    InstanceTags,
    NetworkInterface,
    PublicKey,
    Snapshot,
    SpotInstanceAction,
    crawl,
    ec2_metadata,
    facts,
)
from ec2facts.errors import EC2FactsError

assert_type(ec2_metadata, EC2Metadata)
assert_type(ec2_metadata.account_id, str)
assert_type(ec2_metadata.ami_id, str)
assert_type(ec2_metadata.ami_launch_index, int)
assert_type(ec2_metadata.autoscaling_target_lifecycle_state, Optional[str])
assert_type(ec2_metadata.availability_zone_id, Optional[str])
assert_type(ec2_metadata.block_device_mapping, Mapping[str, str])
assert_type(ec2_metadata.hibernation_configured, Optional[bool])
assert_type(ec2_metadata.iam_info, Optional[IamInfoDict])
assert_type(ec2_metadata.iam_security_credentials, Optional[IamSecurityCredentialsDict])
assert_type(ec2_metadata.instance_identity_document, InstanceIdentityDocumentDict)
assert_type(ec2_metadata.instance_profile_name, Optional[str])
assert_type(ec2_metadata.network_interfaces, Dict[str, NetworkInterface])
assert_type(ec2_metadata.placement_partition_number, Optional[int])
assert_type(ec2_metadata.public_keys, Dict[str, PublicKey])
assert_type(ec2_metadata.rebalance_recommendation, Optional[dt.datetime])
assert_type(ec2_metadata.region, str)
assert_type(ec2_metadata.security_groups, List[str])
assert_type(ec2_metadata.spot_instance_action, Optional[SpotInstanceAction])
assert_type(ec2_metadata.tags, InstanceTags)
assert_type(ec2_metadata.tags["Name"], str)
assert_type(ec2_metadata.tags.get("Name"), Optional[str])
assert_type(ec2_metadata.user_data, Optional[bytes])

document = ec2_metadata.instance_identity_document
assert_type(document["architecture"], Literal["i386", "x86_64", "arm64"])
assert_type(document["billingProducts"], Optional[List[str]])
assert_type(document["kernelId"], Optional[str])

credentials = ec2_metadata.iam_security_credentials
if credentials is not None:
    assert_type(credentials["SecretAccessKey"], str)

for mac, interface in ec2_metadata.network_interfaces.items():
    assert_type(interface.device_number, int)
    assert_type(interface.interface_id, str)
    assert_type(interface.ipv4_associations, Dict[str, List[str]])
    assert_type(interface.mac, str)
    assert_type(interface.network_card, int)
    assert_type(interface.parent, EC2Metadata)
    assert_type(interface.private_ipv4s, List[str])
    assert_type(interface.public_hostname, Optional[str])
    interface.clear_all()
assert_type(NetworkInterface("0e:00:5e:00:53:01").vpc_id, str)
assert_type(PublicKey(0, ec2_metadata).openssh_key, Optional[str])
assert_type(PublicKey(index=0, parent=None).index, int)

action = ec2_metadata.spot_instance_action
if action is not None:
    assert_type(action.action, Literal["hibernate", "stop", "terminate"])
    assert_type(action.time, dt.datetime)
SpotInstanceAction("stop", dt.datetime.now(dt.timezone.utc))

try:
    EC2Metadata(session=requests.Session()).kernel_id
except (EC2FactsError, requests.exceptions.HTTPError) as error:
    print(error)

del ec2_metadata.ami_id
ec2_metadata.region = "eu-central-1"
ec2_metadata.clear_all()

snapshot = crawl(IMDSClient(endpoint=None, timeout=1.0, attempts=3, max_rate=128), concurrency=8, include=())
assert_type(snapshot, Snapshot)
assert_type(facts(snapshot), Dict[str, Any])
assert_type(EC2Metadata(source=snapshot).region, str)
assert_type(TOKEN_TTL_SECONDS, int)
"""

MISTAKES = {
    "ec2_metadata.instance_idd": 'has no attribute "instance_idd"; maybe "instance_id"?',
    "ec2facts.ec2_metdata": 'Module has no attribute "ec2_metdata"',
    "ec2_metadata.public_ipv4.upper()": 'Item "None" of',
    "ec2_metadata.ami_launch_index.upper()": '"int" has no attribute "upper"',
    "ec2_metadata.region = 3": 'expression has type "int", variable has type "str"',
    'document["accountID"]': 'has no key "accountID"',
    "EC2Metadata(requests.Session(), snapshot)": "Too many positional arguments",
    "NetworkInterface(0)": 'expected "str"',
}
"""Wrong lines, each with the error of the type checker."""


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> dict[int, str]:
    """The errors of ``mypy --strict``, by line, in the script followed by the mistakes."""
    script = tmp_path_factory.mktemp("typing") / "script.py"
    script.write_text(SCRIPT + "\n".join(MISTAKES) + "\n")
    options = ["--strict", "--config-file=", "--no-incremental", "--cache-dir", str(script.parent), "--no-pretty"]

    # Run in a new process: in this one, mypy would raise the recursion limit for later tests.
    done = subprocess.run([sys.executable, "-m", "mypy", *options, script], capture_output=True, text=True, check=False)

    assert done.stderr == ""
    reports: dict[int, str] = {}
    for line in done.stdout.splitlines()[:-1]:
        _, _, place = line.partition("script.py:")
        number, _, report = place.partition(":")
        reports[int(number)] = reports.get(int(number), "") + report
    return reports


def test_users_script_type_checks(reported: dict[int, str]) -> None:
    end = len(SCRIPT.splitlines())

    assert {number: report for number, report in reported.items() if number <= end} == {}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_is_reported(reported: dict[int, str], mistake: str) -> None:
    number = (SCRIPT.splitlines() + list(MISTAKES)).index(mistake) + 1

    assert MISTAKES[mistake] in reported.get(number, "nothing")


def test_package_has_the_typed_marker() -> None:
    import ec2facts

    assert (Path(ec2facts.__file__).parent / "py.typed").is_file()
