from __future__ import annotations

import json
from pathlib import Path

import pytest

from ec2facts import facts, instances
from ec2facts.apply.outputs import EnvOptions, Output
from ec2facts.apply.paths import names_matching, paths_of, roots_of
from ec2facts.apply.run import apply
from ec2facts.collection.crawl import crawl
from ec2facts.collection.selection import select
from ec2facts.errors import UsageError
from ec2facts.imds.source import ROOTS
from ec2facts.install.file import File
from ec2facts.metadata.descriptor import attributes
from ec2facts.metadata.instance import EC2Metadata
from tests.apply.test_run import Counting

WITHHELD = [name for name, attribute in attributes(EC2Metadata).items() if attribute.withheld]


@pytest.mark.parametrize("instance", instances.names())
@pytest.mark.parametrize("name", attributes(EC2Metadata))
def test_fact_is_the_same_when_only_its_paths_are_read(instance: str, name: str) -> None:
    include = [name] if name in WITHHELD else []
    everything = facts(instances.load(instance), include=include)

    snapshot = crawl(instances.load(instance), include=include, roots=roots_of([name]))

    assert facts(snapshot, include=include).get(name) == everything.get(name)


@pytest.mark.parametrize(
    ("globs", "names"),
    [
        (["region"], {"region"}),
        (["tags.*"], {"tags"}),
        (["tags.Name", "local-ipv4"], {"tags", "private_ipv4"}),
        (["network_interfaces.0.subnet_id"], {"network_interfaces"}),
        (["placement/availability-zone"], {"availability_zone"}),
        (["nothing"], set()),
    ],
    ids=str,
)
def test_globs_select_the_facts_that_they_can_match(globs: list[str], names: set[str]) -> None:
    assert names_matching(globs) == names


def test_service_tree_needs_every_root() -> None:
    assert roots_of(["region", "meta_data"]) == ROOTS


@pytest.mark.parametrize(
    ("output", "paths"),
    [
        (Output(File(Path("x")), "sh", only=("region",)), paths_of("region")),
        (Output(File(Path("x")), "json", only=("instance-id",)), ("meta-data/instance-id",)),
        (
            Output(File(Path("x")), "sh", only=("MY__PARTITION",), env=EnvOptions("MY__", "__")),
            ("meta-data/services/partition",),
        ),
    ],
)
def test_output_reads_only_the_paths_of_its_facts(tmp_path: Path, output: Output, paths: tuple[str, ...]) -> None:
    source = Counting(instances.load("plain"))

    apply([output._replace(file=File(tmp_path / "x"))], source, state=tmp_path)

    assert sorted(source.reads) == sorted(paths)


def test_outputs_with_globs_read_only_the_facts_of_their_globs(tmp_path: Path) -> None:
    source = Counting(instances.load("busy"))
    outputs = [
        Output(File(tmp_path / "tags"), only=("tags",)),
        Output(File(tmp_path / "interfaces"), only=("network_interfaces",)),
    ]

    apply(outputs, source, state=tmp_path)

    everything = facts(instances.load("busy"))
    assert json.loads((tmp_path / "tags").read_bytes()) == select(everything, ["tags"])
    assert json.loads((tmp_path / "interfaces").read_bytes()) == select(everything, ["network_interfaces"])
    directories = ("meta-data/mac", "meta-data/network/interfaces/macs/", "meta-data/tags/instance/")
    assert [path for path in source.reads if not path.startswith(directories)] == []


def test_glob_without_a_match_fails_only_its_output(tmp_path: Path) -> None:
    outputs = [
        Output(File(tmp_path / "wrong"), only=("nothing",)),
        Output(File(tmp_path / "right"), only=("region",)),
    ]

    with pytest.raises(UsageError, match="no fact matches 'nothing'"):
        apply(outputs, instances.load("plain"), state=tmp_path)

    assert (tmp_path / "right").exists()
