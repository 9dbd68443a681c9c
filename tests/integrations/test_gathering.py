from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from ec2facts import facts, instances
from ec2facts.collection.facts import TREE
from ec2facts.errors import EC2FactsError, IncompleteError, UnavailableError, UnreadError, WithheldError
from ec2facts.imds.simulator.simulator import Simulator
from ec2facts.integrations.gathering import FRESH, boot_facts, gather, message_of, read
from ec2facts.render import render_json

Simulate = Callable[..., str]


def test_facts_have_no_tree_by_default(ec2_metadata_simulator: Simulate) -> None:
    gathered = gather(endpoint=ec2_metadata_simulator("busy"))

    expected = facts(instances.load("busy"))
    assert gathered.keys() == expected.keys() - set(TREE)
    assert {name: value for name, value in gathered.items() if name != "collection"} == {
        name: value for name, value in expected.items() if name in gathered and name != "collection"
    }


def test_tree_is_gathered_on_demand(ec2_metadata_simulator: Simulate) -> None:
    gathered = gather(endpoint=ec2_metadata_simulator("busy"), tree=True)

    assert gathered["meta_data"] == facts(instances.load("busy"))["meta_data"]


def test_only_selects_facts_and_keeps_the_collection(ec2_metadata_simulator: Simulate) -> None:
    gathered = gather(endpoint=ec2_metadata_simulator("busy"), only=["region", "tags.Name"])

    assert gathered.keys() == {"region", "tags", "collection"}
    assert gathered["tags"].keys() == {"Name"}


def test_only_sends_no_requests_for_other_facts() -> None:
    simulator = Simulator(instances.load("busy"))

    with simulator as url:
        gather(endpoint=url, only=["instance_type"])

    asked = {request.path for request in simulator.requests if request.method == "GET"}
    assert asked == {"meta-data/instance-id", "meta-data/instance-type"}


def test_withheld_path_maps_to_the_name_that_includes_it(ec2_metadata_simulator: Simulate) -> None:
    url = ec2_metadata_simulator("busy")

    withheld = gather(endpoint=url)["collection"]["withheld"]

    assert withheld["user-data"] == "user_data"
    everything = gather(endpoint=url, include=sorted(set(withheld.values())))
    assert everything["collection"]["withheld"] == {}


def test_unread_fact_is_reported_or_an_error_without_partial() -> None:
    with Simulator(instances.load("plain"), faults=["status=500@meta-data/ami-id"]) as url:
        gathered = gather(endpoint=url)
        with pytest.raises(IncompleteError) as caught:
            gather(endpoint=url, partial=False)

    assert gathered["collection"]["unread"] == caught.value.unread == {"meta-data/ami-id": "HTTP 500"}


def test_silent_endpoint_times_out_after_the_limit_of_gather(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_METADATA_SERVICE_TIMEOUT", "3600")  # only the limit of gather ends this
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        with pytest.raises(UnavailableError):
            gather(endpoint=f"http://127.0.0.1:{listening.getsockname()[1]}")


def test_single_facts_are_read_with_few_requests() -> None:
    simulator = Simulator(instances.load("busy"))

    with simulator as url:
        values = read(["region", "placement/region", "tags.Name"], endpoint=url)

    assert values == {"region": "eu-central-1", "placement/region": "eu-central-1", "tags.Name": "busy-1"}
    assert len(simulator.requests) < 10


NOW = 1_800_000_000


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """Return the file that the boot wrote at NOW."""
    file = tmp_path / "facts.json"
    file.write_text(render_json(facts(instances.load("plain"))))
    file.chmod(0o644)
    os.utime(file, (NOW, NOW))
    return file


def test_boot_facts_equal_the_facts_of_the_service(written: Path, ec2_metadata_simulator: Simulate) -> None:
    assert boot_facts(written, clock=lambda: NOW) == gather(endpoint=ec2_metadata_simulator("plain"))


@pytest.mark.parametrize("age", [-1, FRESH + 1])
def test_old_boot_facts_are_not_used(written: Path, age: float) -> None:
    assert boot_facts(written, clock=lambda: NOW + age) is None


@pytest.mark.parametrize("mode", [0o664, 0o646])
def test_boot_facts_that_others_can_write_are_not_used(written: Path, mode: int) -> None:
    written.chmod(mode)

    assert boot_facts(written, clock=lambda: NOW) is None


@pytest.mark.skipif(os.getuid() != 0, reason="only root can change the owner of a file")
def test_boot_facts_of_another_owner_are_not_used(written: Path) -> None:
    os.chown(written, 65534, -1)

    assert boot_facts(written, clock=lambda: NOW) is None


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"collection": {"unread": {"meta-data/x": "HTTP 500"}}}', "\udc80"]
)
def test_incomplete_boot_facts_are_not_used(written: Path, content: str) -> None:
    written.write_bytes(content.encode(errors="surrogateescape"))
    os.utime(written, (NOW, NOW))

    assert boot_facts(written, clock=lambda: NOW) is None


def test_boot_facts_may_be_absent(tmp_path: Path) -> None:
    assert boot_facts(tmp_path / "absent") is None


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (WithheldError("user-data", "user_data"), "user-data is withheld"),
        (IncompleteError({"meta-data/a": "HTTP 500"}), "could not be read: meta-data/a (HTTP 500)"),
        (UnreadError("meta-data/a", "HTTP 500"), "meta-data/a could not be read: HTTP 500"),
    ],
)
def test_explained_error_names_no_option_of_the_command_line(error: EC2FactsError, message: str) -> None:
    assert message_of(error) == message
