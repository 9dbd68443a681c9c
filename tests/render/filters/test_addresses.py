"""The address filters accept valid addresses and refuse other values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ec2facts.render.filters.addresses import (
    cidr_host,
    in_network,
    ip,
    ip_version,
    netmask,
    network,
    prefixlen,
    reverse_ptr,
)


@pytest.mark.parametrize(
    ("calculate", "value", "result"),
    [
        (ip, "10.0.0.1", "10.0.0.1"),
        (ip, "2001:DB8:0::1", "2001:db8::1"),
        (ip_version, "10.0.0.0/8", 4),
        (ip_version, "::1", 6),
        (network, "2001:db8::7/64", "2001:db8::/64"),
        (network, "10.0.1.7", "10.0.1.7/32"),
        (netmask, "10.0.0.0/20", "255.255.240.0"),
        (netmask, "2001:db8::/32", "ffff:ffff::"),
        (prefixlen, "2001:db8::/56", 56),
        (reverse_ptr, "2001:db8::1", "1" + ".0" * 23 + ".8.b.d.0.1.0.0.2.ip6.arpa"),
    ],
)
def test_address_filters_handle_both_versions(calculate: Callable[[Any], Any], value: str, result: Any) -> None:
    assert calculate(value) == result


@pytest.mark.parametrize(
    ("number", "address"), [(0, "10.0.1.0"), (1, "10.0.1.1"), (255, "10.0.1.255"), (-1, "10.0.1.255")]
)
def test_cidr_host_counts_from_either_end(number: int, address: str) -> None:
    assert cidr_host("10.0.1.7/24", number) == address


def test_cidr_host_refuses_an_index_beyond_the_network() -> None:
    with pytest.raises(ValueError, match="no address 256"):
        cidr_host("10.0.1.0/24", 256)


@pytest.mark.parametrize(
    ("address", "block", "result"),
    [
        ("10.0.1.7", "10.0.0.0/16", True),
        ("10.1.1.7", "10.0.0.0/16", False),
        ("2001:db8::1", "2001:db8::/32", True),
        ("::1", "0.0.0.0/0", False),
    ],
)
def test_in_network_compares_an_address_with_a_network(address: str, block: str, result: object) -> None:
    assert in_network(address, block) is result


@pytest.mark.parametrize("refusing", [ip, ip_version, network, netmask, prefixlen, reverse_ptr])
@pytest.mark.parametrize("value", ["", "x", "10.0.0.256", "fe80::1%eth0; return 444", "::%x; y/128", "10.0.0.1 ", None])
def test_invalid_address_is_refused(refusing: Callable[[Any], Any], value: object) -> None:
    with pytest.raises(ValueError, match=r"not an IP|cannot be printed"):
        refusing(value)
