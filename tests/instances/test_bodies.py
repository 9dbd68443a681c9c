"""Bodies made from facts decode to the same facts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from ec2facts import facts, instances
from ec2facts.collection.withholding import WITHHELD_NAMES
from ec2facts.errors import UsageError

ALL = instances.names()


def without_collection(everything: dict[str, Any], *, trees: bool) -> dict[str, Any]:
    left_out = {"collection"} if trees else {"collection", "meta_data", "dynamic"}
    return {name: value for name, value in everything.items() if name not in left_out}


@pytest.mark.parametrize("trees", [True, False], ids=["trees", "attributes alone"])
@pytest.mark.parametrize("include", [(), WITHHELD_NAMES], ids=["withheld", "included"])
@pytest.mark.parametrize("name", ALL)
def test_instance_made_from_facts_has_these_facts(name: str, include: Sequence[str], trees: bool) -> None:  # noqa: FBT001 - a parameter of the test
    given = without_collection(facts(instances.load(name), include=include), trees=trees)

    made = facts(instances.from_facts(given), include=include)

    assert without_collection(made, trees=trees) == given


def test_attribute_overrides_the_tree() -> None:
    plain = facts(instances.load("plain"))
    interface = {**plain["network_interfaces"]["02:00:5e:00:53:17"], "subnet_id": "subnet-2"}
    del interface["public_ipv4s"], interface["ipv4_associations"]
    changes = {
        "tags": {"Name": "db-1"},
        "region": "eu-west-1",
        "ami_launch_index": 7,
        "instance_profile_name": "db",
        "public_keys": {"a": {"openssh_key": "ssh-ed25519 A"}, "b": {"openssh_key": "ssh-ed25519 B"}},
        "maintenance_scheduled": [],
        "network_interfaces": {"02:00:5e:00:53:17": interface},
    }

    made = facts(instances.from_facts({**plain, **changes}))

    assert {name: made[name] for name in changes} == changes
    assert made["meta_data"]["tags"]["instance"] == {"Name": "db-1"}
    assert made["account_id"] == plain["account_id"]
    assert made["instance_profile_arn"] == "arn:aws:iam::123456789012:instance-profile/db"


@pytest.mark.parametrize("macs", [[], ["02:00:5e:00:53:99"]])
def test_network_interfaces_without_facts_are_dropped(macs: list[str]) -> None:
    plain = facts(instances.load("plain"))

    made = facts(instances.from_facts({**plain, "network_interfaces": {mac: {"device_number": 0} for mac in macs}}))

    assert {mac: each["device_number"] for mac, each in made["network_interfaces"].items()} == dict.fromkeys(macs, 0)


def test_role_can_be_renamed_with_and_without_its_credentials() -> None:
    for include in ((), ("iam_security_credentials",)):
        plain = facts(instances.load("plain"), include=include)

        made = facts(instances.from_facts({**plain, "iam_role_name": "db"}), include=include)

        assert made["iam_role_name"] == "db"
        assert made.get("iam_security_credentials") == plain.get("iam_security_credentials")


def test_unknown_name_in_facts_is_an_error_with_a_suggestion() -> None:
    with pytest.raises(UsageError, match=r"'instance_typ' is not a fact \(did you mean 'instance_type'"):
        instances.from_facts({"instance_typ": "t3.micro"})
