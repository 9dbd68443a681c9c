"""The parts of an instance that occur several times: network interfaces, public keys, tags."""

from __future__ import annotations

import math
from collections.abc import ItemsView, Iterable, Iterator, KeysView, Mapping, ValuesView
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Callable, Generic, TypeVar

from ec2facts.errors import AbsentError, UnreadError
from ec2facts.imds.source import Source
from ec2facts.metadata.attributes import Attribute, Resource, derived
from ec2facts.metadata.decoders import host_name, integer, lines, raw, segment, text

if TYPE_CHECKING:
    from ec2facts.metadata.instance import EC2Metadata

K = TypeVar("K")
T = TypeVar("T")


class Part(Resource, Generic[K]):
    """A resource of the instance ``parent``, identified by ``key``."""

    def __init__(self, key: K, parent: EC2Metadata | None) -> None:
        super().__init__()
        self.parent = _this_instance() if parent is None else parent
        self.key = key
        start, _, end = self.pattern.partition("{")
        self.directory = f"{start}{key}{end.partition('}')[2]}"

    @property
    def source(self) -> Source:
        """The source of the parent."""
        return self.parent.source

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.key!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self)) and (self.key, self.parent) == (other.key, other.parent)

    def __hash__(self) -> int:
        return hash((type(self), self.key))


def _this_instance() -> EC2Metadata:
    # Looked up at each use, because tests replace ``ec2facts.ec2_metadata``.
    import ec2facts

    return ec2facts.ec2_metadata


class Leaves(Mapping[str, T]):
    """The values of one directory by name: the names are known at once, and each value is read once, at its first use.

    A name that the directory does not list is a KeyError without a request.
    """

    def __init__(self, directory: str, decode: Callable[[bytes], T], names: Iterable[str], parent: EC2Metadata) -> None:
        self._directory = directory
        self._decode = decode
        self._names = dict.fromkeys(names)
        self._values: dict[str, T] = {}
        self.parent = parent

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {len(self._names)} names, {len(self._values)} values read>"

    def __getitem__(self, name: str) -> T:
        if name not in self._names:
            raise KeyError(name)
        if name not in self._values:
            with self.parent.lock:
                if name not in self._values:
                    self._values[name] = self.parent.fetch(self._directory + name, self._decode)
        return self._values[name]

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


class InstanceTags(Leaves[str]):
    """The instance's tags. Each value is read at its first use."""

    def __init__(self, names: Iterable[str], parent: EC2Metadata) -> None:
        super().__init__("meta-data/tags/instance/", text, names, parent)


class NetworkInterface(Part[str]):
    """The network interface with the address ``mac`` of the instance ``parent``, this instance by default."""

    pattern = "meta-data/network/interfaces/macs/{mac}/"
    within = "network_interfaces."

    def __init__(self, mac: str, parent: EC2Metadata | None = None) -> None:
        super().__init__(mac, parent)

    def attachment(self) -> tuple[float, float]:
        """Return the sort key of interfaces: the card and the device number; an unknown number sorts last."""
        card, device = 0, math.inf
        with suppress(AbsentError, UnreadError):
            device = self.device_number
        with suppress(AbsentError, UnreadError):
            card = self.network_card
        return card, device

    @derived("mac")
    def mac(self) -> str:
        """The MAC address."""
        return self.key

    device_number = Attribute(
        "device-number", integer, "Position among the card's attachments; 0 is the primary.", changeable=True
    )

    @derived("network-card", when_absent=int)
    def network_card(self) -> int:
        """Index of the network card."""
        body = self.fetch("network-card", raw)
        if body == b"network-card-index":  # AWS's own mock of the service has a directory here
            body = self.fetch("network-card/network-card-index", raw)
        return integer(body)

    interface_id = Attribute("interface-id", text, "Id of the network interface.", never_empty=True)
    owner_id = Attribute("owner-id", text, "Account that owns the interface, 12 digits.", never_empty=True)
    private_hostname = Attribute("local-hostname", host_name, "Private DNS name.")
    private_ipv4s = Attribute("local-ipv4s", lines, "Private IPv4 addresses, the primary one first.", changeable=True)
    public_hostname = Attribute("public-hostname", host_name, "Public DNS name.", when_absent=None, changeable=True)
    public_ipv4s = Attribute("public-ipv4s", lines, "Public IPv4 addresses.", when_absent=list, changeable=True)

    @derived("ipv4-associations/", needs=public_ipv4s, changeable=True)
    def ipv4_associations(self) -> dict[str, list[str]]:
        """The private IPv4 addresses behind each public one."""
        associations = {}
        for address in self.public_ipv4s:
            with suppress(AbsentError):
                associations[address] = self.fetch(f"ipv4-associations/{segment(address)}", lines)
        return associations

    ipv4_prefix = Attribute(
        "ipv4-prefix", lines, "IPv4 prefixes delegated to the interface.", when_absent=list, changeable=True
    )
    ipv6s = Attribute("ipv6s", lines, "IPv6 addresses.", when_absent=list, changeable=True)
    ipv6_prefix = Attribute(
        "ipv6-prefix", lines, "IPv6 prefixes delegated to the interface.", when_absent=list, changeable=True
    )
    security_groups = Attribute("security-groups", lines, "Names of the security groups.", changeable=True)
    security_group_ids = Attribute("security-group-ids", lines, "Ids of the security groups.", changeable=True)
    subnet_id = Attribute("subnet-id", text, "Id of the subnet.", never_empty=True)
    subnet_ipv4_cidr_block = Attribute("subnet-ipv4-cidr-block", text, "IPv4 block of the subnet.", when_absent=None)
    subnet_ipv6_cidr_blocks = Attribute(
        "subnet-ipv6-cidr-blocks", lines, "IPv6 blocks of the subnet.", when_absent=list, changeable=True
    )
    vpc_id = Attribute("vpc-id", text, "Id of the VPC.", never_empty=True)
    vpc_ipv4_cidr_block = Attribute(
        "vpc-ipv4-cidr-block", text, "Primary IPv4 block of the VPC.", when_absent=None, changeable=True
    )
    vpc_ipv4_cidr_blocks = Attribute(
        "vpc-ipv4-cidr-blocks", lines, "IPv4 blocks of the VPC.", when_absent=list, changeable=True
    )
    vpc_ipv6_cidr_blocks = Attribute(
        "vpc-ipv6-cidr-blocks", lines, "IPv6 blocks of the VPC.", when_absent=list, changeable=True
    )


class NetworkInterfaces(dict[str, NetworkInterface]):
    """The network interfaces of the instance ``parent`` by MAC address.

    A loop yields the interface that ``mac`` names first, regardless of device numbers, then the others by card and
    device number. The loop reads only the values that decide the order: none for a single interface, and only ``mac``
    for the first of several.
    """

    def __init__(self, interfaces: Mapping[str, NetworkInterface], parent: EC2Metadata) -> None:
        super().__init__(interfaces)
        self.parent = parent

    def __reduce__(self) -> tuple[Any, ...]:
        # Pickle like a plain dict: iterating over its own items would sort them, which reads from the service.
        return type(self).__new__, (type(self),), {"parent": self.parent}, None, iter(dict.items(self))

    def __iter__(self) -> Iterator[str]:
        others = list(super().__iter__())
        if len(others) > 1:
            with suppress(AbsentError, UnreadError, ValueError):
                others.remove(self.parent.mac)
                yield self.parent.mac
        if len(others) > 1:
            others.sort(key=lambda mac: self[mac].attachment())
        yield from others

    def __reversed__(self) -> Iterator[str]:
        return reversed(list(self))

    def keys(self) -> KeysView[str]:  # type: ignore[override]  # a dict's own view ignores __iter__
        """Return the MAC addresses in order."""
        return KeysView(self)

    def values(self) -> ValuesView[NetworkInterface]:  # type: ignore[override]  # as above
        """Return the interfaces in order."""
        return ValuesView(self)

    def items(self) -> ItemsView[str, NetworkInterface]:  # type: ignore[override]  # as above
        """Return the MAC addresses and interfaces in order."""
        return ItemsView(self)


class PublicKey(Part[int]):
    """The public key at ``index`` of the instance ``parent``, this instance by default."""

    pattern = "meta-data/public-keys/{index}/"
    within = "public_keys."

    def __init__(self, index: int, parent: EC2Metadata | None = None) -> None:
        super().__init__(index, parent)
        self.index = index

    openssh_key = Attribute("openssh-key", text, "Key in OpenSSH's format, its newline kept.", when_absent=None)
