from __future__ import annotations

from typing import Any

import pytest

from ec2facts import facts, instances
from ec2facts.collection.selection import matching, select
from ec2facts.collection.unread import Unread
from ec2facts.errors import UsageError
from ec2facts.imds.snapshot import Snapshot

FACTS: dict[str, Any] = {
    "instance_id": "i-1234567890abcdef0",
    "placement_region": "us-east-1",
    "private_ipv4": "10.0.0.1",
    "network_interfaces": {
        "0e:01": {"mac": "0e:01", "subnet_id": "subnet-1", "private_ipv4s": ["10.0.0.1", "10.0.0.2"]},
        "0a:02": {"mac": "0a:02", "subnet_id": "subnet-2", "private_ipv4s": ["10.0.0.3"]},
    },
    "security_groups": ["web", "db"],
    "tags": {"Name": "web", "a.b": "two", "my-tag": "x"},
    "meta_data": {"ami-id": "ami-1", "quantum": {"spin": "up"}},
    "collection": {"withheld": {"user-data": "included only with --include user_data"}, "unread": {}},
}


@pytest.mark.parametrize(
    ("globs", "chosen"),
    [
        (["instance_id"], {"instance_id": "i-1234567890abcdef0"}),
        (["instance-id"], {"instance_id": "i-1234567890abcdef0"}),
        (["local-ipv4"], {"private_ipv4": "10.0.0.1"}),
        (["placement/region"], {"placement_region": "us-east-1"}),
        (["quantum/spin"], {"meta_data": {"quantum": {"spin": "up"}}}),
        (["tags"], {"tags": FACTS["tags"]}),
        (["tags.*"], {"tags": FACTS["tags"]}),
        (["tags.a.b"], {"tags": {"a.b": "two"}}),
        (["tags/instance/my-tag"], {"tags": {"my-tag": "x"}}),
        (["subnet-id"], {"network_interfaces": {"0e:01": {"subnet_id": "subnet-1"}}}),
        (["network_interfaces[1].subnet-id"], {"network_interfaces": {"0a:02": {"subnet_id": "subnet-2"}}}),
        (["network_interfaces.0a:02.mac"], {"network_interfaces": {"0a:02": {"mac": "0a:02"}}}),
        (
            ["network_interfaces.*.subnet_id"],
            {"network_interfaces": {"0e:01": {"subnet_id": "subnet-1"}, "0a:02": {"subnet_id": "subnet-2"}}},
        ),
        (["local-ipv4s[1]"], {"network_interfaces": {"0e:01": {"private_ipv4s": ["10.0.0.2"]}}}),
        (["security_groups.1"], {"security_groups": ["db"]}),
        (["tags.Name", "instance_id"], {"instance_id": "i-1234567890abcdef0", "tags": {"Name": "web"}}),
        (["tags", "tags.Name"], {"tags": FACTS["tags"]}),
        (["*"], FACTS),
        ([], {}),
    ],
    ids=str,
)
def test_globs_select_facts_and_keep_their_nesting_and_order(globs: list[str], chosen: dict[str, Any]) -> None:
    selected = select(FACTS, globs)

    assert selected == chosen
    assert list(selected) == [key for key in FACTS if key in chosen]


@pytest.mark.parametrize("name", instances.names())
def test_every_attribute_is_selected_by_its_name(name: str) -> None:
    everything = facts(instances.load(name))

    for key, value in everything.items():
        assert select(everything, [key]) == {key: value}


def test_select_does_not_mutate_the_facts() -> None:
    before = repr(FACTS)

    select(FACTS, ["tags.Name", "network_interfaces.0"])

    assert repr(FACTS) == before


def test_glob_that_matches_no_fact_of_any_instance_is_an_error_with_a_suggestion() -> None:
    with pytest.raises(UsageError, match=r"^no fact matches 'instance_idea' \(did you mean 'instance_id'\?\); "):
        select(FACTS, ["instance_idea"])


def test_error_names_every_glob_that_matches_no_fact_of_any_instance() -> None:
    with pytest.raises(UsageError, match=r"^no fact matches 'tag\.Name', 'EC2_X\*'; "):
        select(FACTS, ["tag.Name", "instance_id", "EC2_X*"])


@pytest.mark.parametrize("glob", ["user_data", "user-data", "user_*"])
def test_glob_for_a_withheld_fact_says_how_to_include_it(glob: str) -> None:
    with pytest.raises(UsageError, match=r"^user_data is withheld, .*: included only with --include user_data$"):
        select(FACTS, [glob])


def test_glob_for_a_withheld_tag_says_how_to_include_it() -> None:
    path = "meta-data/tags/instance/db"
    everything = facts(Snapshot({path: b"AKIAIOSFODNN7EXAMPLE"}))

    with pytest.raises(UsageError, match=rf"^tags\.db is withheld, .*: included only with --include {path}$"):
        select(everything, ["tags.db"])


@pytest.mark.parametrize(
    ("glob", "reason"),
    [
        ("host_id", "it is absent on this instance"),
        ("tags.name", "it is absent on this instance"),
        ("network_interfaces.7.mac", "there are 2 interfaces: 0, 1"),
        ("network_interfaces.0.ipv6s", "it is absent on this interface"),
        ("iam_info", "no role is attached to this instance"),
        ("iam/info", "no role is attached to this instance"),
    ],
)
def test_glob_without_a_match_on_this_instance_is_reported_with_the_reason(glob: str, reason: str) -> None:
    told: list[tuple[str, str]] = []

    selected = select(FACTS, [glob, "instance_id"], on_absent=lambda *each: told.append(each))

    assert selected == {"instance_id": "i-1234567890abcdef0"}
    assert told == [(glob, reason)]


def test_switched_off_tags_are_reported_with_the_command_that_switches_them_on() -> None:
    told: dict[str, str] = {}

    select({"instance_id": "i-1234567890abcdef0"}, ["tags.Name"], on_absent=told.__setitem__)

    assert told["tags.Name"].endswith(
        "switch them on with `aws ec2 modify-instance-metadata-options --instance-id i-1234567890abcdef0 "
        "--instance-metadata-tags enabled`"
    )


TAGS = Unread("meta-data/tags/instance/", "HTTP 503")
TYPE = Unread("meta-data/instance-type", "HTTP 503")


@pytest.mark.parametrize("glob", ["tags", "tags.Name", "tags.*", "*.Name", "t*"])
def test_glob_for_a_fact_in_an_unread_directory_selects_its_marker(glob: str) -> None:
    assert select({"instance_type": TYPE, "tags": TAGS}, [glob]) == {"tags": TAGS}


@pytest.mark.parametrize("glob", ["instance_id", "instance_*"])
def test_unread_value_that_no_glob_matches_is_not_selected(glob: str) -> None:
    everything = {"instance_id": "i-1", "instance_type": TYPE, "tags": TAGS}

    expected = {"instance_id": "i-1"} if glob == "instance_id" else {"instance_id": "i-1", "instance_type": TYPE}
    assert select(everything, [glob]) == expected


def spell(parts: Any) -> str:
    return "EC2_" + "_".join(parts).upper()


@pytest.mark.parametrize(
    ("glob", "keys"),
    [
        ("EC2_TAGS_*", [("tags", "Name"), ("tags", "a.b"), ("tags", "my-tag")]),
        ("EC2_TAGS", [("tags",)]),
        ("EC2_NETWORK_INTERFACES_1_MAC", [("network_interfaces", "0a:02", "mac")]),
        ("EC2_SECURITY_GROUPS_1", [("security_groups", 1)]),
        ("vpc-id", []),
    ],
)
def test_glob_may_match_another_spelling_of_a_name(glob: str, keys: list[tuple[Any, ...]]) -> None:
    assert matching(FACTS, [glob], spell=spell) == keys


def test_glob_for_a_variable_in_an_unread_directory_selects_its_marker() -> None:
    assert matching({"tags": TAGS}, ["EC2_TAGS_NAME"], spell=spell) == [("tags",)]


def test_error_about_an_open_bracket_has_the_remedy() -> None:
    with pytest.raises(UsageError, match=r"'tags\[' has an open bracket: close it, or write \[\[\] for a literal \["):
        select({"tags": {}}, ["tags["])
