"""The names of amazon.aws.ec2_metadata_facts, against the real module."""

from __future__ import annotations

from pathlib import Path

import pytest

from ec2facts import facts, instances
from tests.integrations.engines.amazon_aws import Comparison, compare
from tests.integrations.engines.engine import Engine


@pytest.fixture(scope="module", params=["plain", "busy", "xen"])
def both(request: pytest.FixtureRequest, ansible: Engine, target_python: Path) -> tuple[str, Comparison]:
    """Return the name of an instance, and the results of both modules on it."""
    return request.param, compare(ansible, request.param, target_python)


def test_every_name_has_the_value_of_amazon_aws(both: tuple[str, Comparison]) -> None:
    instance, compared = both

    assert compared.different - {"ansible_ec2_instance_tags"} == set()
    assert compared.more == set()
    assert len(compared.ours) > 50, instance


def test_only_secrets_and_absent_facts_have_no_name(both: tuple[str, Comparison]) -> None:
    _, compared = both

    assert {name for name in compared.missing - compared.withheld if compared.theirs[name] != "None"} == set()
    assert "ansible_ec2_instance_identity_pkcs7" in compared.withheld


def test_every_tag_is_returned_and_amazon_aws_loses_some(both: tuple[str, Comparison]) -> None:
    instance, compared = both

    tags = facts(instances.load(instance)).get("tags", {})
    assert compared.ours["ansible_ec2_instance_tags"] == tags
    assert compared.theirs["ansible_ec2_instance_tags"].items() <= tags.items()
