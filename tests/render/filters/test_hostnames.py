"""A host name is returned unchanged or refused."""

from __future__ import annotations

import pytest

from ec2facts.render.filters.hostnames import dns_label, dns_name

HOSTILE = ["", "a; return 444", "a b", "-a", "a-", "a_b", "é", "a\n", "a" * 64, "a/b", "*", "\u0661"]


NUMBERS = ["2130706433", "127.1", "0x7f000001", "0X7F.1", "127.0x1", "a.0x", "017700000001"]
"""Names that the C library or a browser reads as an address."""


@pytest.mark.parametrize("name", ["a", "A-1", "0", "a" * 63])
def test_dns_label_returns_a_valid_label(name: str) -> None:
    assert dns_label(name) == name


@pytest.mark.parametrize("name", [*HOSTILE, "a.b"])
def test_dns_label_refuses_other_text(name: str) -> None:
    with pytest.raises(ValueError, match="not a label"):
        dns_label(name)


@pytest.mark.parametrize(
    "name",
    [
        "localhost",
        "ip-10-0-0-1.eu-west-1.compute.internal",
        "1.example",
        "0x7f.example",
        "0xyz",
        "1a",
        ".".join("a" * 127),
    ],
)
def test_dns_name_returns_a_valid_host_name(name: str) -> None:
    assert dns_name(name) == name


@pytest.mark.parametrize("name", [*HOSTILE, "a..b", ".a", "a.", "10.0.0.1", "a." * 126 + "ab", *NUMBERS])
def test_dns_name_refuses_other_text(name: str) -> None:
    with pytest.raises(ValueError, match="not a host name"):
        dns_name(name)
