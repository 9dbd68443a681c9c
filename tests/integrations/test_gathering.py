from __future__ import annotations

import socket
from collections.abc import Callable

import pytest

from ec2facts import facts, instances
from ec2facts.collection.facts import TREE
from ec2facts.errors import IncompleteError, UnavailableError
from ec2facts.imds.simulator.simulator import Simulator
from ec2facts.integrations.gathering import gather

Simulate = Callable[..., str]


def test_facts_are_those_of_the_instance_without_its_tree(ec2_metadata_simulator: Simulate) -> None:
    gathered = gather(endpoint=ec2_metadata_simulator("busy"))

    expected = facts(instances.load("busy"))
    assert gathered.keys() == expected.keys() - set(TREE)
    assert {name: value for name, value in gathered.items() if name != "collection"} == {
        name: value for name, value in expected.items() if name in gathered and name != "collection"
    }


def test_tree_is_gathered_on_demand(ec2_metadata_simulator: Simulate) -> None:
    gathered = gather(endpoint=ec2_metadata_simulator("busy"), tree=True)

    assert gathered["meta_data"] == facts(instances.load("busy"))["meta_data"]


def test_only_selects_facts_and_keeps_what_is_missing(ec2_metadata_simulator: Simulate) -> None:
    gathered = gather(endpoint=ec2_metadata_simulator("busy"), only=["region", "tags.Name"])

    assert gathered.keys() == {"region", "tags", "collection"}
    assert gathered["tags"].keys() == {"Name"}


def test_withheld_path_has_the_name_that_includes_it(ec2_metadata_simulator: Simulate) -> None:
    url = ec2_metadata_simulator("busy")

    withheld = gather(endpoint=url)["collection"]["withheld"]

    assert withheld["user-data"] == "user_data"
    everything = gather(endpoint=url, include=sorted(set(withheld.values())))
    assert everything["collection"]["withheld"] == {}


def test_unread_fact_is_reported_or_an_error() -> None:
    with Simulator(instances.load("plain"), faults=["status=500@meta-data/ami-id"]) as url:
        gathered = gather(endpoint=url)
        with pytest.raises(IncompleteError) as caught:
            gather(endpoint=url, partial=False)

    assert gathered["collection"]["unread"] == caught.value.unread == {"meta-data/ami-id": "HTTP 500"}


def test_silent_endpoint_is_given_up_after_its_own_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_METADATA_SERVICE_TIMEOUT", "3600")  # only the limit of gather ends this
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        with pytest.raises(UnavailableError):
            gather(endpoint=f"http://127.0.0.1:{listening.getsockname()[1]}")
