"""What an instance says: every attribute of the instance and of its parts, each declared once."""

from __future__ import annotations

import math
import sys
from collections.abc import ItemsView, Iterable, Iterator, KeysView, Mapping, ValuesView
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Callable, Generic, TypeVar

from ec2facts.errors import AbsentError, UnreadError
from ec2facts.imds.source import PUBLIC_KEYS, Source, read_listing
from ec2facts.metadata.attributes import Resource, attribute
from ec2facts.metadata.decoders import (
    AbsentValueError,
    SpotInstanceAction,
    boolean,
    document,
    documents,
    host_name,
    integer,
    json_object,
    lines,
    notice_time,
    optional_field,
    raw,
    segment,
    spot_action,
    text,
)
from ec2facts.metadata.documents import (
    IamInfoDict,
    IamSecurityCredentialsDict,
    IdentityCredentialsInfoDict,
    InstanceIdentityDocumentDict,
    JSONDict,
    MaintenanceEventDict,
)

if TYPE_CHECKING:
    from datetime import datetime

    import requests

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
    # Looked up at each use, under the public name, because users' tests replace ``ec2facts.ec2_metadata``.
    instance: EC2Metadata = getattr(sys.modules.get("ec2facts"), "ec2_metadata", ec2_metadata)
    return instance


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

    @attribute("mac")
    def mac(self) -> str:
        """The MAC address."""
        return self.key

    @attribute("device-number", integer, changeable=True)
    def device_number(self) -> int:
        """Position among the card's attachments; 0 is the primary."""

    @attribute("network-card", when_absent=int)
    def network_card(self) -> int:
        """Index of the network card."""
        body = self.fetch("network-card", raw)
        if body == b"network-card-index":  # AWS's own mock of the service has a directory here
            body = self.fetch("network-card/network-card-index", raw)
        return integer(body)

    @attribute("interface-id", text, never_empty=True)
    def interface_id(self) -> str:
        """Id of the network interface."""

    @attribute("owner-id", text, never_empty=True)
    def owner_id(self) -> str:
        """Account that owns the interface, 12 digits."""

    @attribute("local-hostname", host_name)
    def private_hostname(self) -> str:
        """Private DNS name."""

    @attribute("local-ipv4s", lines, changeable=True)
    def private_ipv4s(self) -> list[str]:
        """Private IPv4 addresses, the primary one first."""

    @attribute("public-hostname", host_name, when_absent=None, changeable=True)
    def public_hostname(self) -> str | None:
        """Public DNS name."""

    @attribute("public-ipv4s", lines, when_absent=list, changeable=True)
    def public_ipv4s(self) -> list[str]:
        """Public IPv4 addresses."""

    @attribute("ipv4-associations/", needs=public_ipv4s, changeable=True)
    def ipv4_associations(self) -> dict[str, list[str]]:
        """The private IPv4 addresses behind each public one."""
        associations = {}
        for address in self.public_ipv4s:
            with suppress(AbsentError):
                associations[address] = self.fetch(f"ipv4-associations/{segment(address)}", lines)
        return associations

    @attribute("ipv4-prefix", lines, when_absent=list, changeable=True)
    def ipv4_prefix(self) -> list[str]:
        """IPv4 prefixes delegated to the interface."""

    @attribute("ipv6s", lines, when_absent=list, changeable=True)
    def ipv6s(self) -> list[str]:
        """IPv6 addresses."""

    @attribute("ipv6-prefix", lines, when_absent=list, changeable=True)
    def ipv6_prefix(self) -> list[str]:
        """IPv6 prefixes delegated to the interface."""

    @attribute("security-groups", lines, changeable=True)
    def security_groups(self) -> list[str]:
        """Names of the security groups."""

    @attribute("security-group-ids", lines, changeable=True)
    def security_group_ids(self) -> list[str]:
        """Ids of the security groups."""

    @attribute("subnet-id", text, never_empty=True)
    def subnet_id(self) -> str:
        """Id of the subnet."""

    @attribute("subnet-ipv4-cidr-block", text, when_absent=None)
    def subnet_ipv4_cidr_block(self) -> str | None:
        """IPv4 block of the subnet."""

    @attribute("subnet-ipv6-cidr-blocks", lines, when_absent=list, changeable=True)
    def subnet_ipv6_cidr_blocks(self) -> list[str]:
        """IPv6 blocks of the subnet."""

    @attribute("vpc-id", text, never_empty=True)
    def vpc_id(self) -> str:
        """Id of the VPC."""

    @attribute("vpc-ipv4-cidr-block", text, when_absent=None, changeable=True)
    def vpc_ipv4_cidr_block(self) -> str | None:
        """Primary IPv4 block of the VPC."""

    @attribute("vpc-ipv4-cidr-blocks", lines, when_absent=list, changeable=True)
    def vpc_ipv4_cidr_blocks(self) -> list[str]:
        """IPv4 blocks of the VPC."""

    @attribute("vpc-ipv6-cidr-blocks", lines, when_absent=list, changeable=True)
    def vpc_ipv6_cidr_blocks(self) -> list[str]:
        """IPv6 blocks of the VPC."""


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

    @attribute("openssh-key", text, when_absent=None)
    def openssh_key(self) -> str | None:
        """Key in OpenSSH's format, its newline kept."""


class EC2Metadata(Resource):
    """The attributes of one instance, each read at its first use.

    By default it reads the live service; ``session``, which is never modified, sends every request. ``source`` is
    another source to read from, such as a Snapshot.
    """

    directory = ""

    def __init__(self, session: requests.Session | None = None, *, source: Source | None = None) -> None:
        super().__init__()
        self._session = session
        self._given_source = source
        self._source = source

    def __repr__(self) -> str:
        """Name the instance if its id is known without a request."""
        known = self.__dict__.get("instance_id") or getattr(self._source, "name", None) or self._source
        return "<EC2Metadata of this instance>" if known is None else f"<EC2Metadata of {known}>"

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_source": self._given_source}  # a client and its token stay in this process

    @property
    def source(self) -> Source:
        """The source of the attributes, created at its first use, because that reads the environment."""
        with self.lock:
            if self._source is None:
                from ec2facts.imds.client import IMDSClient
                from ec2facts.imds.session import plain_session

                self._source = IMDSClient(session=self._session or plain_session(), check_ready=False)
            return self._source

    def clear_all(self) -> None:
        """Forget every cached value, and the token."""
        with self.lock:
            super().clear_all()
            self._source = self._given_source

    def _names(self, directory: str) -> list[str]:
        children, unreachable = read_listing(directory, self.fetch(directory, raw))
        self.unreachable.update(unreachable)
        return [path[len(directory) :].rstrip("/") for path in children]

    def _leaves(self, directory: str, decode: Callable[[bytes], T]) -> Leaves[T]:
        return Leaves(directory, decode, self._names(directory), self)

    @attribute("meta-data/instance-id", text, never_empty=True)
    def instance_id(self) -> str:
        """Id of the instance."""

    @attribute("meta-data/instance-type", text, never_empty=True)
    def instance_type(self) -> str:
        """Type of the instance."""

    @attribute("meta-data/instance-life-cycle", text)
    def instance_life_cycle(self) -> str:
        """Purchasing option, such as on-demand or spot."""

    @attribute("meta-data/instance-action", text, cached=False, changeable=True)
    def instance_action(self) -> str:
        """Notice of a reboot for bundling, such as none or shutdown."""

    @attribute("meta-data/ami-id", text, never_empty=True)
    def ami_id(self) -> str:
        """Id of the AMI."""

    @attribute("meta-data/ami-launch-index", integer)
    def ami_launch_index(self) -> int:
        """Position among the instances of one launch."""

    @attribute("meta-data/ami-manifest-path", text)
    def ami_manifest_path(self) -> str:
        """Path of the AMI's manifest; (unknown) for EBS."""

    @attribute("meta-data/ancestor-ami-ids", lines, when_absent=list)
    def ancestor_ami_ids(self) -> list[str]:
        """Ids of the AMIs from which this AMI was made."""

    @attribute("meta-data/reservation-id", text, never_empty=True)
    def reservation_id(self) -> str:
        """Id of the reservation."""

    @attribute("meta-data/product-codes", lines, when_absent=list)
    def product_codes(self) -> list[str]:
        """AWS Marketplace product codes."""

    @attribute("meta-data/profile", text, when_absent=None)
    def profile(self) -> str | None:
        """Virtualization profile, such as default-hvm."""

    @attribute("meta-data/system", text, when_absent=None)
    def system(self) -> str | None:
        """Virtualization system, such as nitro."""

    @attribute("meta-data/kernel-id", text, when_absent=None, never_empty=True)
    def kernel_id(self) -> str | None:
        """Id of the kernel (paravirtual only)."""

    @attribute("meta-data/ramdisk-id", text, when_absent=None, never_empty=True)
    def ramdisk_id(self) -> str | None:
        """Id of the RAM disk (paravirtual only)."""

    @attribute("dynamic/instance-identity/document", cached=False)
    def account_id(self) -> str:
        """Account that launched the instance, 12 digits."""
        return optional_field(self.instance_identity_document, "accountId")

    @attribute("dynamic/instance-identity/document")
    def region(self) -> str:
        """Region, from the instance identity document, or else from the placement."""
        try:
            return optional_field(self.instance_identity_document, "region")
        except (AbsentError, AbsentValueError):
            region = self.placement_region
            if region is None:
                raise
            return region

    @attribute("meta-data/placement/region", text, when_absent=None, never_empty=True)
    def placement_region(self) -> str | None:
        """Region, from the placement."""

    @attribute("meta-data/placement/availability-zone", text, never_empty=True)
    def availability_zone(self) -> str:
        """Availability Zone."""

    @attribute("meta-data/placement/availability-zone-id", text, when_absent=None, never_empty=True)
    def availability_zone_id(self) -> str | None:
        """Id of the Availability Zone, the same in all accounts."""

    @attribute("meta-data/services/partition", text)
    def partition(self) -> str:
        """AWS partition, such as aws-cn."""

    @attribute("meta-data/services/domain", text)
    def domain(self) -> str:
        """Domain of AWS endpoints, such as amazonaws.com."""

    @attribute("meta-data/placement/group-name", text, when_absent=None)
    def placement_group_name(self) -> str | None:
        """Name of the placement group."""

    @attribute("meta-data/placement/partition-number", integer, when_absent=None)
    def placement_partition_number(self) -> int | None:
        """Partition in the placement group."""

    @attribute("meta-data/placement/host-id", text, when_absent=None, never_empty=True)
    def host_id(self) -> str | None:
        """Id of the Dedicated Host."""

    @attribute("meta-data/outpost-arn", text, when_absent=None)
    def outpost_arn(self) -> str | None:
        """ARN of the Outpost."""

    @attribute("meta-data/hostname", host_name, when_absent=None)
    def hostname(self) -> str | None:
        """Host name, IP-based or resource-based."""

    @attribute("meta-data/local-hostname", host_name)
    def private_hostname(self) -> str:
        """Private DNS name."""

    @attribute("meta-data/local-ipv4", text)
    def private_ipv4(self) -> str:
        """Primary private IPv4 address."""

    @attribute("meta-data/public-hostname", host_name, when_absent=None, changeable=True)
    def public_hostname(self) -> str | None:
        """Public DNS name."""

    @attribute("meta-data/public-ipv4", text, when_absent=None, changeable=True)
    def public_ipv4(self) -> str | None:
        """Public IPv4 address."""

    @attribute("meta-data/ipv6", text, when_absent=None, changeable=True)
    def ipv6(self) -> str | None:
        """First IPv6 address."""

    @attribute("meta-data/mac", text, never_empty=True)
    def mac(self) -> str:
        """MAC address of the primary network interface."""

    @attribute("meta-data/network/interfaces/macs/", changeable=True)
    def network_interfaces(self) -> dict[str, NetworkInterface]:
        """Network interfaces by MAC address, the primary one first."""
        macs = self._names("meta-data/network/interfaces/macs/")
        return NetworkInterfaces({mac: NetworkInterface(mac, self) for mac in macs}, self)

    @attribute("meta-data/security-groups", lines, changeable=True)
    def security_groups(self) -> list[str]:
        """Names of the security groups of the primary network interface."""

    @attribute("meta-data/tags/instance/", changeable=True)
    def tags(self) -> InstanceTags:
        """Tags. Absent unless the instance allows tags in its metadata."""
        return InstanceTags(self._names("meta-data/tags/instance/"), self)

    @attribute(PUBLIC_KEYS, when_absent=dict, document=True)
    def public_keys(self) -> dict[str, PublicKey]:
        """Public keys that the instance was launched with, by the key pair's name."""
        keys = {}
        for line in self.fetch(PUBLIC_KEYS, lines):
            # AWS's own mock of the service lists 0/, without a name.
            index, _, name = line.partition("=") if "=" in line else (line.rstrip("/"), "", line.rstrip("/"))
            if index not in {".", ".."}:
                keys[name] = PublicKey(integer(index.encode()), self)
        return keys

    @attribute("meta-data/block-device-mapping/", when_absent=dict)
    def block_device_mapping(self) -> Mapping[str, str]:
        """Devices by virtual name, such as ami, root, ebs1, ephemeral0 or swap."""
        return self._leaves("meta-data/block-device-mapping/", text)

    @attribute("meta-data/iam/info", document(IamInfoDict), when_absent=None, document=True, changeable=True)
    def iam_info(self) -> IamInfoDict | None:
        """Instance profile."""

    @attribute("meta-data/iam/info", needs=iam_info, cached=False, changeable=True)
    def instance_profile_arn(self) -> str | None:
        """ARN of the instance profile."""
        info = self.iam_info
        return None if info is None else optional_field(info, "InstanceProfileArn")

    @attribute("meta-data/iam/info", needs=iam_info, cached=False, changeable=True)
    def instance_profile_id(self) -> str | None:
        """Id of the instance profile."""
        info = self.iam_info
        return None if info is None else optional_field(info, "InstanceProfileId")

    @attribute("meta-data/iam/info", needs=iam_info, cached=False, changeable=True)
    def instance_profile_name(self) -> str | None:
        """Name of the instance profile."""
        arn = self.instance_profile_arn
        return None if arn is None else arn.rpartition("/")[2]

    @attribute("meta-data/iam/security-credentials/", when_absent=None, cached=False, changeable=True)
    def iam_role_name(self) -> str | None:
        """Name of the role whose credentials the instance receives."""
        for role in self._names("meta-data/iam/security-credentials/"):
            return role
        raise AbsentValueError("no role is listed")

    @attribute(
        "meta-data/iam/security-credentials/",
        needs=iam_info,
        cached=False,
        withheld=True,
        document=True,
        changeable=True,
    )
    def iam_security_credentials(self) -> IamSecurityCredentialsDict | None:
        """Temporary credentials of the role; its name can differ from the instance profile's."""
        if self.iam_info is None:
            return None
        directory = "meta-data/iam/security-credentials/"
        for role in self._names(directory):
            return self.fetch(directory + role, document(IamSecurityCredentialsDict))
        raise AbsentError(directory, "no role is listed")

    @attribute(
        "meta-data/identity-credentials/ec2/info",
        document(IdentityCredentialsInfoDict),
        when_absent=None,
        document=True,
        changeable=True,
    )
    def identity_credentials_info(self) -> IdentityCredentialsInfoDict | None:
        """Account behind the instance identity role."""

    @attribute(
        "meta-data/identity-credentials/ec2/security-credentials/",
        when_absent=None,
        cached=False,
        withheld=True,
        document=True,
        changeable=True,
    )
    def identity_credentials(self) -> IamSecurityCredentialsDict | None:
        """Credentials of the instance identity role, which AWS's own services on the instance use."""
        path = "meta-data/identity-credentials/ec2/security-credentials/ec2-instance"
        return self.fetch(path, document(IamSecurityCredentialsDict))

    @attribute("dynamic/instance-identity/document", document(InstanceIdentityDocumentDict), document=True)
    def instance_identity_document(self) -> InstanceIdentityDocumentDict:
        """Instance identity document."""

    @attribute("dynamic/instance-identity/pkcs7", text, when_absent=None, withheld=True)
    def instance_identity_pkcs7(self) -> str | None:
        """Signed identity document, PKCS #7 with DSA, base64."""

    @attribute("dynamic/instance-identity/rsa2048", text, when_absent=None, withheld=True)
    def instance_identity_rsa2048(self) -> str | None:
        """Signed identity document, PKCS #7 with RSA-2048, base64."""

    @attribute("dynamic/instance-identity/dsa2048", text, when_absent=None, withheld=True)
    def instance_identity_dsa2048(self) -> str | None:
        """Signed identity document, PKCS #7 with DSA-2048, base64."""

    @attribute("dynamic/instance-identity/signature", text, when_absent=None, withheld=True)
    def instance_identity_signature(self) -> str | None:
        """Detached RSA signature of the identity document, base64."""

    @attribute("meta-data/autoscaling/target-lifecycle-state", text, when_absent=None, cached=False, changeable=True)
    def autoscaling_target_lifecycle_state(self) -> str | None:
        """Lifecycle state to which Auto Scaling moves the instance."""

    @attribute("meta-data/spot/instance-action", spot_action, when_absent=None, cached=False, changeable=True)
    def spot_instance_action(self) -> SpotInstanceAction | None:
        """Action that interrupts the Spot Instance, and its time."""

    @attribute("meta-data/spot/termination-time", text, when_absent=None, cached=False, changeable=True)
    def spot_termination_time(self) -> str | None:
        """When the Spot Instance ends. It may be a text that is not a time."""

    @attribute(
        "meta-data/events/recommendations/rebalance", notice_time, when_absent=None, cached=False, changeable=True
    )
    def rebalance_recommendation(self) -> datetime | None:
        """Time of the rebalance recommendation."""

    @attribute(
        "meta-data/events/maintenance/history",
        documents(MaintenanceEventDict),
        when_absent=list,
        cached=False,
        document=True,
        changeable=True,
    )
    def maintenance_history(self) -> list[MaintenanceEventDict]:
        """Completed and canceled maintenance events."""

    @attribute(
        "meta-data/events/maintenance/scheduled",
        documents(MaintenanceEventDict),
        when_absent=list,
        cached=False,
        document=True,
        changeable=True,
    )
    def maintenance_scheduled(self) -> list[MaintenanceEventDict]:
        """Scheduled maintenance events."""

    @attribute("meta-data/hibernation/configured", boolean, when_absent=None)
    def hibernation_configured(self) -> bool | None:
        """Whether hibernation is configured."""

    @attribute("dynamic/fws/instance-monitoring", text, when_absent=None, changeable=True)
    def monitoring(self) -> str | None:
        """Detailed monitoring: enabled or disabled."""

    @attribute("meta-data/metrics/vhostmd", text, when_absent=None, document=True)
    def vhostmd(self) -> str | None:
        """Host metrics; no longer filled."""

    @attribute(
        "meta-data/managed-ssh-keys/signer-cert", text, when_absent=None, cached=False, document=True, changeable=True
    )
    def managed_ssh_signer_cert(self) -> str | None:
        """Certificate chain of EC2 Instance Connect, PEM."""

    @attribute(
        "meta-data/managed-ssh-keys/signer-ocsp/", when_absent=dict, cached=False, document=True, changeable=True
    )
    def managed_ssh_signer_ocsp(self) -> Mapping[str, str]:
        """OCSP answers, DER in base64, by the fingerprint of the certificate."""
        return self._leaves("meta-data/managed-ssh-keys/signer-ocsp/", text)

    @attribute(
        "meta-data/managed-ssh-keys/active-keys/", when_absent=dict, cached=False, document=True, changeable=True
    )
    def managed_ssh_active_keys(self) -> Mapping[str, str]:
        """Keys that EC2 Instance Connect accepts right now, signed, by user."""
        return self._leaves("meta-data/managed-ssh-keys/active-keys/", text)

    @attribute("meta-data/elastic-gpus/associations/", when_absent=dict, document=True)
    def elastic_gpus(self) -> Mapping[str, JSONDict]:
        """Elastic GPUs by id; retired by AWS."""
        return self._leaves("meta-data/elastic-gpus/associations/", json_object)

    @attribute("meta-data/elastic-inference/associations/", when_absent=dict, document=True)
    def elastic_inference(self) -> Mapping[str, JSONDict]:
        """Elastic Inference accelerators by id; retired by AWS."""
        return self._leaves("meta-data/elastic-inference/associations/", json_object)

    @attribute("user-data", when_absent=None, withheld=True)
    def user_data(self) -> bytes | None:
        """User data of the launch, unchanged: text, gzip, anything."""
        return self.fetch("user-data/", raw)  # ec2-metadata requests it with the slash


ec2_metadata = EC2Metadata()
"""This instance. Reading the first attribute sends the first request."""
