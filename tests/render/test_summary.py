"""The summary of an instance."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ec2facts import crawl, facts, instances
from ec2facts.render.summary import COLORED, render_fact, render_summary

WIDTHS = (40, 80, 200)


def everything(name: str) -> dict[str, Any]:
    return facts(crawl(instances.load(name)))


@pytest.mark.parametrize("name", instances.names())
@pytest.mark.parametrize("width", WIDTHS)
def test_no_line_is_wider_than_the_terminal(name: str, width: int) -> None:
    text = render_summary(everything(name), width=width)

    # A command to copy is not truncated.
    assert [line for line in text.splitlines() if len(line) > width and not line.startswith("    ")] == []


@pytest.mark.parametrize("name", instances.names())
def test_summary_fits_one_screen(name: str) -> None:
    assert len(render_summary(everything(name)).splitlines()) <= 50


@pytest.mark.parametrize("name", instances.names())
def test_summary_shows_identity_zone_addresses_and_role(name: str) -> None:
    known = everything(name)

    text = render_summary(known, width=200)

    wanted = [known["instance_id"], known["instance_type"], known["availability_zone"], known["account_id"]]
    wanted += [known[each] for each in ("private_ipv4", "public_ipv4") if each in known]
    assert [each for each in wanted if each not in text] == []
    assert known.get("iam_role_name", known.get("instance_profile_name", "Role        none")) in text


def test_wide_terminal_shows_a_row_for_each_interface() -> None:
    known = everything("busy")

    text = render_summary(known, width=200)

    assert re.findall(r"eni-\w+  (\S+)  subnet", text) == list(known["network_interfaces"])


def test_notices_come_first() -> None:
    first, *_ = render_summary(everything("busy")).splitlines()

    assert first == "! Spot Instance: terminate at 2026-01-15T10:02:00Z"


def test_summary_without_notices_begins_with_the_instance() -> None:
    first, *_ = render_summary(everything("plain")).splitlines()

    assert first == "Instance    i-1234567890abcdef0  web-1"


def test_unread_path_is_a_notice_with_its_reason() -> None:
    text = render_summary({"instance_id": "i-0abc", "collection": {"unread": {"meta-data/mac": "HTTP 503"}}})

    assert text.startswith("! Unread: meta-data/mac: HTTP 503\n")


def test_aws_tags_come_last() -> None:
    text = render_summary({"tags": {"aws:x": "1", "Name": "web"}})

    assert text.index("Name") < text.index("aws:x")


def test_tags_beyond_one_screen_are_counted() -> None:
    text = render_summary({"tags": {f"key-{number:02}": "" for number in range(12)}})

    assert text.endswith("  … and 2 more: ec2facts show tags\n")


def test_unread_tags_and_role_are_not_shown_as_absent() -> None:
    unread = {"meta-data/tags/instance/": "HTTP 503", "meta-data/iam/": "HTTP 503"}

    text = render_summary({"instance_id": "i-0abc", "collection": {"unread": unread}})

    assert "Tags could not be read." in text
    assert "Role        unread" in text
    assert "modify-instance-metadata-options" not in text


def test_absent_tags_are_shown_with_the_command_that_enables_them() -> None:
    text = render_summary({"instance_id": "i-0abc"}, width=200)

    assert "    aws ec2 modify-instance-metadata-options \\\n" in text
    assert "      --instance-id i-0abc --instance-metadata-tags enabled\n" in text


def test_control_characters_are_escaped() -> None:
    assert "\x1b" not in render_summary({"tags": {"Name": "\x1b[2J", "\r": "\n"}})
    assert render_fact("tags", {"Name": "\x1b[2J"}) == "tags\n  Name = \\x1b[2J\n"


@pytest.mark.parametrize("name", instances.names())
def test_colors_add_only_escape_sequences(name: str) -> None:
    colored = render_summary(everything(name), style=COLORED)

    assert re.sub("\x1b\\[[0-9;]*m", "", colored) == render_summary(everything(name))
    assert colored != render_summary(everything(name))


def test_fact_in_full_is_indented_by_depth() -> None:
    value = {"list": ["a", {"b": 1}], "empty": [], "ip": "2001:db8:0:0:0:0:0:1"}

    text = render_fact("x", value)

    assert text == "x\n  list\n    a\n    -\n      b = 1\n  empty = (empty)\n  ip = 2001:db8::1\n"
