"""Filters for IPv4 and IPv6 addresses and networks; they refuse other values.

Every public function is a filter of that name; registry.py describes the form of the docstrings.
"""

from __future__ import annotations

import ipaddress
from typing import Any, Callable, TypeVar

from ec2facts.render.printable import printable

A = TypeVar("A")


def ip(value: Any) -> str:
    """Return an IP address in its canonical form.

    {{ '2001:DB8::0:1' | ip }} → 2001:db8::1
    """
    return str(_address(value))


def ip_version(value: Any) -> int:
    """Return the version of an IP address or network, 4 or 6.

    {{ 'fe80::1' | ip_version }} → 6
    """
    return _interface(value).version


def network(value: Any) -> str:
    """Return the network of an address with a prefix length, in its canonical form.

    {{ '10.0.1.7/24' | network }} → 10.0.1.0/24
    """
    return str(_interface(value).network)


def netmask(value: Any) -> str:
    """Return the mask of a network.

    {{ '10.0.1.0/20' | netmask }} → 255.255.240.0
    """
    return str(_interface(value).netmask)


def prefixlen(value: Any) -> int:
    """Return the prefix length of a network.

    {{ '10.0.1.0/255.255.255.0' | prefixlen }} → 24
    """
    return _interface(value).network.prefixlen


def cidr_host(value: Any, number: int) -> str:
    """Return the address at an index of a network; a negative index counts from the end.

    {{ '10.0.1.0/24' | cidr_host(1) }} → 10.0.1.1
    """
    try:
        return str(_interface(value).network[number])
    except IndexError:
        raise ValueError(f"the network has no address {number}") from None


def in_network(value: Any, network: Any) -> bool:
    """Return whether an address is in a network.

    {{ '10.0.1.7' | in_network('10.0.0.0/16') }} → True
    """
    return _address(value) in _interface(network).network


def reverse_ptr(value: Any) -> str:
    """Return the name of the PTR record of an address.

    {{ '10.0.1.7' | reverse_ptr }} → 7.1.0.10.in-addr.arpa
    """
    return _address(value).reverse_pointer


def _address(value: Any) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    return _parsed(value, ipaddress.ip_address, "an IP address")


def _interface(value: Any) -> ipaddress.IPv4Interface | ipaddress.IPv6Interface:
    return _parsed(value, ipaddress.ip_interface, "an IP network")


def _parsed(value: Any, parse: Callable[[str], A], what: str) -> A:
    text = printable(value)
    # ipaddress accepts any text after a % as the zone of an IPv6 address.
    if "%" in text:
        raise ValueError(f"not {what}: it has a zone")
    try:
        return parse(text)
    except ValueError:
        raise ValueError(f"not {what}") from None
