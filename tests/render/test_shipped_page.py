"""The page instance.html, read by an HTML parser and by Chromium."""

from __future__ import annotations

import functools
import re
import struct
from ipaddress import IPv6Address
from itertools import combinations, product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given

from ec2facts.metadata.descriptor import attributes
from ec2facts.metadata.instance import EC2Metadata
from ec2facts.render.filters.times import utc_time
from ec2facts.render.template.environment import render_text
from tests.fuzzing import examples
from tests.render.browser import Element, Page, chromium, laid_out, screenshot
from tests.render.config_readers import Program
from tests.render.shipped import EVERY_FACTS, HOSTILE, IDENTITY, NAMES, VALUES, every_facts, identities, render, tags

BUSY = EVERY_FACTS["busy"]
CHARACTER = 12 * 0.61
"""An upper bound for the width of a character in the picture: monospace fonts are 0.6 wide, the largest size is 12."""


def page_of(everything: dict[str, Any]) -> Page:
    return Page(render("instance.html.j2", everything))


def shown(text: str) -> str:
    """Return a text as the page shows it, with control characters escaped."""
    return Page(render_text({"text": text}, "<p>{{ text | html }}</p>")).text


@every_facts
def test_page_closes_every_element_and_loads_nothing(everything: dict[str, Any]) -> None:
    page = page_of(everything)

    assert page.open == []
    names = {name for element in page.elements for name, _ in element.attributes}
    assert not names & {"href", "src", "srcset", "style", "action", "data", "onload", "onclick", "onerror"}
    assert not {element.name for element in page.elements} & {"script", "img", "link", "iframe", "object", "base"}
    assert "url(" not in page.text
    assert "@import" not in page.text


@every_facts
def test_boxes_in_the_picture_hold_their_texts_and_do_not_overlap(everything: dict[str, Any]) -> None:
    page = page_of(everything)

    assert len(page.pictures) == (2 if everything.get("network_interfaces") else 0)
    for size, boxes in page.pictures:
        for one, other in combinations([box for box, _ in boxes], 2):
            assert not one.overlaps(other)
        for box, texts in boxes:
            assert size.holds(box.x, box.y)
            assert size.holds(box.x + box.width, box.y + box.height)
            assert all(box.holds(text.x + CHARACTER * len(text.text), text.y) for text in texts), texts


@pytest.mark.parametrize("many", [1, 2, 15])
def test_picture_has_one_box_for_each_interface_subnet_and_vpc(many: int) -> None:
    interfaces = {
        f"{number}": {
            "interface_id": f"eni-{number}",
            "subnet_id": f"subnet-{number % 2}",
            "vpc_id": "vpc-0",
            "private_ipv4s": [f"10.0.{number}.{host}" for host in range(50)],
            "subnet_ipv6_cidr_blocks": [f"2001:db8:0:{number % 2}{block}::/64" for block in range(5)],
            "vpc_ipv4_cidr_blocks": [f"10.{block}.0.0/16" for block in range(9)],
        }
        for number in range(many)
    }

    page = page_of({"instance_id": "i-0", "network_interfaces": interfaces})

    expected = ["i-0", "vpc-0", *(f"subnet-{n}" for n in range(min(many, 2))), *(f"eni-{n}" for n in range(many))]
    for picture in page.pictures:
        assert sorted(texts[1].text for _, texts in picture.boxes) == sorted(expected)
        lasts = {texts[0].text: texts[-1].text for _, texts in picture.boxes}
        assert [lasts[kind] for kind in ("Interface", "Subnet", "VPC")] == ["and 43 more", "and 2 more", "and 3 more"]


@pytest.mark.parametrize("name", ["plain", "busy", "awkward", "xen"])
def test_page_shows_every_known_fact(name: str) -> None:
    everything = EVERY_FACTS[name]
    names = ("instance_id", "instance_type", "ami_id", "account_id", "region", "availability_zone")
    expected = [everything[fact] for fact in names]
    for interface in everything["network_interfaces"].values():
        expected += [interface[fact] for fact in ("interface_id", "mac", "subnet_id", "vpc_id")]
    for event in everything.get("maintenance_scheduled", []) + everything.get("maintenance_history", []):
        expected += [event["Description"], utc_time(event["NotBefore"])]
    expected += [
        utc_time(everything[notice])
        for notice in ("spot_termination_time", "rebalance_recommendation")
        if notice in everything
    ]
    expected += everything["block_device_mapping"].values()

    page = page_of(everything)

    assert [text for text in expected if text not in page.text] == []


@examples(6)
@given(chosen=tags)
@example(chosen=dict(zip(NAMES, VALUES)))
def test_tags_are_shown_unchanged_and_add_no_markup(chosen: dict[str, str]) -> None:
    harmless = {key if key == "Name" else str(number): like(chosen[key]) for number, key in enumerate(chosen)}

    page = page_of({**HOSTILE, "tags": chosen})

    assert sorted(page.elements) == sorted(page_of({**HOSTILE, "tags": harmless}).elements)
    rows = [(shown(key), shown(value) or "empty") for key, value in sorted(chosen.items())]
    assert [tuple(row) for row in page.rows[len(page.rows) - len(chosen) :]] == rows


@examples(6)
@given(identity=identities)
@example(identity=dict(zip(IDENTITY, VALUES[4:])))
def test_hostile_facts_add_no_markup(identity: dict[str, str]) -> None:
    everything = {fact: steer(value, identity) for fact, value in BUSY.items()}

    page = page_of({**everything, **identity})

    assert page.open == []
    assert kinds(page) <= kinds(page_without_markup())


def test_ipv6_addresses_are_compressed_wherever_their_zeros_are() -> None:
    # The service writes all eight groups.
    written = [":".join(groups) for groups in product(("0", "db8"), repeat=8)]
    everything = {
        "ipv6": "2001:db8:0:0:1:0:0:1",
        "network_interfaces": {
            "mac": {
                "vpc_id": "vpc-0",
                "subnet_id": "subnet-0",
                "ipv6s": written,
                "ipv6_prefix": [f"{address}/80" for address in written],
                "subnet_ipv6_cidr_blocks": ["2001:db8:0:1:0:0:0:0/64"],
                "vpc_ipv6_cidr_blocks": ["2001:db8:0:0:0:0:0:0/56"],
            }
        },
    }

    page = page_of(everything)

    addresses = [str(IPv6Address(address)) for address in written]
    assert ["IPv6", "2001:db8::1:0:0:1"] in page.rows
    assert ["IPv6", "\n".join(addresses)] in page.rows
    assert ["Prefixes", "\n".join(f"{address}/80" for address in addresses)] in page.rows
    for _, boxes in page.pictures:
        lines = {texts[0].text: [text.text for text in texts[2:]] for _, texts in boxes}
        assert lines["Interface"][1:8] == addresses[:7]
        assert (lines["Subnet"], lines["VPC"]) == (["2001:db8:0:1::/64"], ["2001:db8::/56"])


def test_addresses_in_another_form_are_shown_unchanged() -> None:
    written = ["2001:db8::1", "::1/128", "0:0:0:0:0:0:0", "0:0:0:0:0:0:0:0:0", "10.0.0.0/8", "x/y/z"]

    page = page_of({"network_interfaces": {"mac": {"ipv6s": written}}})

    assert ["IPv6", "\n".join(written)] in page.rows


def test_page_does_not_call_unread_tags_absent() -> None:
    unread = {"meta-data/tags/instance/<b>": "HTTP 503"}

    page = render("instance.html.j2", {"collection": {"withheld": {}, "unread": unread}})

    assert "meta-data/tags/instance/&lt;b&gt;</code> HTTP 503" in page
    assert "does not allow tags" not in page
    assert "No tag could be read." in page


# A page shows only one of the two notices.
@pytest.mark.parametrize("notice", ["spot_instance_action", "spot_termination_time"])
def test_no_fact_adds_an_element(notice: str) -> None:
    everything = {fact: value for fact, value in WHOLE.items() if not fact.startswith("spot_") or fact == notice}

    page, harmless = (page_of(marked(everything, mark)) for mark in ("<b>", "|b|"))

    assert [element.name for element in page.elements] == [element.name for element in harmless.elements]


WHOLE = {
    **{name: name for name in attributes(EC2Metadata)},
    **BUSY,
    "collection": {"withheld": {"user-data": "x"}, "unread": {"meta-data/x": "HTTP 503"}},
    # An event without a description is shown by its code.
    "maintenance_history": [*BUSY["maintenance_history"], {"Code": "system-reboot"}],
}
"""Facts that fill every part of the page."""

CHOSEN = {
    *("tags", "block_device_mapping", "public_keys", "network_interfaces", "ipv4_associations", "withheld", "unread"),
}
"""Mappings whose keys are chosen by users or hardware."""


def marked(value: Any, mark: str, *, keys: bool = False) -> Any:
    """Return a fact with a mark before each text, each number, and each key in CHOSEN mappings."""
    if isinstance(value, dict):
        return {mark * keys + key: marked(item, mark, keys=key in CHOSEN) for key, item in value.items()}
    if isinstance(value, list):
        return [marked(item, mark) for item in value]
    return value if isinstance(value, bool) else f"{mark}{value}"


@functools.cache
def page_without_markup() -> Page:
    return page_of({fact: steer(value, {"region": ""}) for fact, value in BUSY.items()})


def kinds(page: Page) -> set[tuple[str, ...]]:
    """Return the names of the page's elements, each with the names of its attributes."""
    return {(element.name, *(name for name, _ in element.attributes)) for element in page.elements}


def steer(value: Any, identity: dict[str, str]) -> Any:
    """Return a fact with each text, but no key, replaced by one of the identity's values."""
    texts = [*identity.values(), "x"]
    if isinstance(value, dict):
        return {key: steer(item, identity) for key, item in value.items()}
    if isinstance(value, list):
        return [steer(item, identity) for item in value]
    return texts[len(str(value)) % len(texts)] if isinstance(value, str) else value


def like(value: str) -> str:
    """Return a harmless value; it is blank or empty if ``value`` is, because the page shows these differently."""
    return "x" if value.strip() else value and " "


def test_chromium_shows_hostile_tags_as_text(program: Program) -> None:
    written = render("instance.html.j2", HOSTILE)

    dumped = chromium(program, written, "--dump-dom").decode()

    assert sorted(Page(dumped).elements) == sorted(Page(written).elements)
    assert Page(dumped).rows == Page(written).rows
    assert "owned" not in dumped.partition("</title>")[0]


def test_chromium_shows_one_legible_picture_at_any_width(program: Program) -> None:
    written = render("instance.html.j2", BUSY)
    breaks = [int(width) for width in re.findall(r"\(max-width: (\d+)px\)", written)]
    # A phone, and the widths on both sides of each breakpoint.
    widths = [375, *breaks, *(width + 1 for width in breaks), 1200]

    layouts = laid_out(program, written, widths)

    assert [layout.excess for layout in layouts] == [0] * len(widths)
    assert [len(layout.sizes) for layout in layouts] == [1] * len(widths)
    assert min(size for layout in layouts for sizes in layout.sizes for size in sizes) >= 10


def test_chromium_paints_the_page(program: Program) -> None:
    picture = screenshot(program, render("instance.html.j2", BUSY), 1200, 1500)

    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">II", picture[16:24])[1] == 1500
    # A blank page of that size takes a tenth of this.
    assert len(picture) > 60_000


def test_content_security_policy_forbids_everything_but_inline_styles() -> None:
    page = page_of({})

    policies = [dict(element.attributes) for element in page.elements if element.name == "meta"]
    assert {"http-equiv": "Content-Security-Policy", "content": POLICY} in policies
    assert Element("html", (("lang", "en"),)) in page.elements


POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def test_page_with_one_interface_prints_on_two_sheets(program: Program, tmp_path: Path) -> None:
    file = tmp_path / "page.pdf"

    chromium(
        program, render("instance.html.j2", EVERY_FACTS["plain"]), "--no-pdf-header-footer", f"--print-to-pdf={file}"
    )

    # If text broke after every letter, the interface alone would fill more sheets.
    assert len(re.findall(rb"/Type\s*/Page\b(?!s)", file.read_bytes())) == 2
