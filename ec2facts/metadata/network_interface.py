"""A network interface of the instance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ec2facts.metadata.attributes import Attribute, derived
from ec2facts.metadata.decoders import integer, lines, text
from ec2facts.metadata.part import Part

if TYPE_CHECKING:
    from ec2facts.metadata.instance import EC2Metadata


class NetworkInterface(Part[str]):
    """The network interface with the address ``mac``, of the instance ``parent``, by default of this one."""

    pattern = "meta-data/network/interfaces/macs/{mac}/"
    within = "network_interfaces."

    def __init__(self, mac: str, parent: EC2Metadata | None = None) -> None:
        super().__init__(mac, parent)

    @derived("mac")
    def mac(self) -> str:
        """The MAC address."""
        return self.key

    device_number = Attribute("device-number", integer, "Position among the card's attachments; 0 is the primary.")
    network_card = Attribute("network-card", integer, "Index of the network card.", when_absent=int)
    interface_id = Attribute("interface-id", text, "Id of the network interface.")
    owner_id = Attribute("owner-id", text, "Account that owns the interface, 12 digits.")
    private_hostname = Attribute("local-hostname", text, "Private DNS name.")
    private_ipv4s = Attribute("local-ipv4s", lines, "Private IPv4 addresses, the primary one first.")
    public_hostname = Attribute("public-hostname", text, "Public DNS name.", when_absent=None)
    public_ipv4s = Attribute("public-ipv4s", lines, "Public IPv4 addresses.", when_absent=list)

    @derived("ipv4-associations/", needs=public_ipv4s)
    def ipv4_associations(self) -> dict[str, list[str]]:
        """The private IPv4 addresses behind each public one."""
        return {address: self.fetch(f"ipv4-associations/{address}", lines) for address in self.public_ipv4s}

    ipv4_prefix = Attribute("ipv4-prefix", lines, "IPv4 prefixes delegated to the interface.", when_absent=list)
    ipv6s = Attribute("ipv6s", lines, "IPv6 addresses.", when_absent=list)
    ipv6_prefix = Attribute("ipv6-prefix", lines, "IPv6 prefixes delegated to the interface.", when_absent=list)
    security_groups = Attribute("security-groups", lines, "Names of the security groups.")
    security_group_ids = Attribute("security-group-ids", lines, "Ids of the security groups.")
    subnet_id = Attribute("subnet-id", text, "Id of the subnet.")
    subnet_ipv4_cidr_block = Attribute("subnet-ipv4-cidr-block", text, "IPv4 block of the subnet.", when_absent=None)
    subnet_ipv6_cidr_blocks = Attribute(
        "subnet-ipv6-cidr-blocks", lines, "IPv6 blocks of the subnet.", when_absent=list
    )
    vpc_id = Attribute("vpc-id", text, "Id of the VPC.")
    vpc_ipv4_cidr_block = Attribute("vpc-ipv4-cidr-block", text, "Primary IPv4 block of the VPC.", when_absent=None)
    vpc_ipv4_cidr_blocks = Attribute("vpc-ipv4-cidr-blocks", lines, "IPv4 blocks of the VPC.", when_absent=list)
    vpc_ipv6_cidr_blocks = Attribute("vpc-ipv6-cidr-blocks", lines, "IPv6 blocks of the VPC.", when_absent=list)
