"""The attributes of an instance, of its network interfaces and of its public keys, each declared once."""

from __future__ import annotations

import math
import sys
from collections.abc import ItemsView, Iterable, Iterator, KeysView, Mapping, ValuesView
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Callable, Generic, TypeVar

from ec2facts.errors import AbsentError, UnreadError
from ec2facts.imds.source import PUBLIC_KEYS, Source, read_listing
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
from ec2facts.metadata.descriptor import Resource, attribute
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
    # Looked up by the public name at each use, because users' tests replace ``ec2facts.ec2_metadata``.
    instance: EC2Metadata = getattr(sys.modules.get("ec2facts"), "ec2_metadata", ec2_metadata)
    return instance


class Leaves(Mapping[str, T]):
    """The values of one directory by name: ``names`` are its listing, and each value is read once, at its first use.

    An unlisted name raises KeyError without a request.
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
    """The tags of the instance. Each value is read at its first use."""

    def __init__(self, names: Iterable[str], parent: EC2Metadata) -> None:
        super().__init__("meta-data/tags/instance/", text, names, parent)


class NetworkInterface(Part[str]):
    """The network interface with the address ``mac`` of the instance ``parent`` (default: this instance)."""

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
        """MAC address."""
        return self.key

    @attribute("device-number", integer, changeable=True)
    def device_number(self) -> int:
        """Device number on the network card, from 0."""

    @attribute("network-card", when_absent=int)
    def network_card(self) -> int:
        """Index of the network card."""
        body = self.fetch("network-card", raw)
        if body == b"network-card-index":  # AWS's own mock (amazon-ec2-metadata-mock) has a directory here
            body = self.fetch("network-card/network-card-index", raw)
        return integer(body)

    @attribute("interface-id", text, never_empty=True)
    def interface_id(self) -> str:
        """ID of the network interface."""

    @attribute("owner-id", text, never_empty=True)
    def owner_id(self) -> str:
        """ID of the account that owns the interface, 12 digits."""

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
        """Private IPv4 addresses, by public IPv4 address."""
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
        """IDs of the security groups."""

    @attribute("subnet-id", text, never_empty=True)
    def subnet_id(self) -> str:
        """ID of the subnet."""

    @attribute("subnet-ipv4-cidr-block", text, when_absent=None)
    def subnet_ipv4_cidr_block(self) -> str | None:
        """IPv4 CIDR block of the subnet."""

    @attribute("subnet-ipv6-cidr-blocks", lines, when_absent=list, changeable=True)
    def subnet_ipv6_cidr_blocks(self) -> list[str]:
        """IPv6 CIDR blocks of the subnet."""

    @attribute("vpc-id", text, never_empty=True)
    def vpc_id(self) -> str:
        """ID of the VPC."""

    @attribute("vpc-ipv4-cidr-block", text, when_absent=None, changeable=True)
    def vpc_ipv4_cidr_block(self) -> str | None:
        """Primary IPv4 CIDR block of the VPC."""

    @attribute("vpc-ipv4-cidr-blocks", lines, when_absent=list, changeable=True)
    def vpc_ipv4_cidr_blocks(self) -> list[str]:
        """IPv4 CIDR blocks of the VPC."""

    @attribute("vpc-ipv6-cidr-blocks", lines, when_absent=list, changeable=True)
    def vpc_ipv6_cidr_blocks(self) -> list[str]:
        """IPv6 CIDR blocks of the VPC."""


class NetworkInterfaces(dict[str, NetworkInterface]):
    """The network interfaces of the instance ``parent`` by MAC address.

    Iteration yields the interface that ``mac`` names first, whatever its device number, then the others by card and
    device number. It reads only the values that decide the order: none for a single interface, and only ``mac`` for
    the first of several.
    """

    def __init__(self, interfaces: Mapping[str, NetworkInterface], parent: EC2Metadata) -> None:
        super().__init__(interfaces)
        self.parent = parent

    def __reduce__(self) -> tuple[Any, ...]:
        # Pickle as a plain dict: iteration over the items would sort them, which reads from the service.
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
    """The public key at ``index`` of the instance ``parent`` (default: this instance)."""

    pattern = "meta-data/public-keys/{index}/"
    within = "public_keys."

    def __init__(self, index: int, parent: EC2Metadata | None = None) -> None:
        super().__init__(index, parent)
        self.index = index

    @attribute("openssh-key", text, when_absent=None)
    def openssh_key(self) -> str | None:
        """Public key in OpenSSH format, with its newline."""


class EC2Metadata(Resource):
    """The attributes of one instance, each read at its first use.

    By default, they are read from the live service; ``session``, if given, sends every request and is never modified.
    ``source`` is another source, such as a Snapshot.
    """

    directory = ""

    def __init__(self, session: requests.Session | None = None, *, source: Source | None = None) -> None:
        super().__init__()
        self._session = session
        self._given_source = source
        self._source = source

    def __repr__(self) -> str:
        """Show the instance ID if it is cached, else the source; send no request."""
        known = self.__dict__.get("instance_id") or getattr(self._source, "name", None) or self._source
        return "<EC2Metadata of this instance>" if known is None else f"<EC2Metadata of {known}>"

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_source": self._given_source}  # a pickle holds no client and no token

    @property
    def source(self) -> Source:
        """The source of the attributes, created at its first use because creation reads the environment."""
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
        """ID of the instance."""

    @attribute("meta-data/instance-type", text, never_empty=True)
    def instance_type(self) -> str:
        """Type of the instance."""

    @attribute("meta-data/instance-life-cycle", text)
    def instance_life_cycle(self) -> str:
        """Purchasing option, such as on-demand or spot."""

    @attribute("meta-data/instance-action", text, cached=False, changeable=True)
    def instance_action(self) -> str:
        """Notice to reboot for bundling: none, shutdown or bundle-pending."""

    @attribute("meta-data/ami-id", text, never_empty=True)
    def ami_id(self) -> str:
        """ID of the AMI."""

    @attribute("meta-data/ami-launch-index", integer)
    def ami_launch_index(self) -> int:
        """Index of the instance in its launch request, from 0."""

    @attribute("meta-data/ami-manifest-path", text)
    def ami_manifest_path(self) -> str:
        """Path of the AMI manifest; (unknown) for an EBS-backed AMI."""

    @attribute("meta-data/ancestor-ami-ids", lines, when_absent=list)
    def ancestor_ami_ids(self) -> list[str]:
        """IDs of the AMIs that this AMI was built from."""

    @attribute("meta-data/reservation-id", text, never_empty=True)
    def reservation_id(self) -> str:
        """ID of the reservation."""

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
        """ID of the kernel (paravirtual only)."""

    @attribute("meta-data/ramdisk-id", text, when_absent=None, never_empty=True)
    def ramdisk_id(self) -> str | None:
        """ID of the RAM disk (paravirtual only)."""

    @attribute("dynamic/instance-identity/document", cached=False)
    def account_id(self) -> str:
        """ID of the account that launched the instance, 12 digits."""
        return optional_field(self.instance_identity_document, "accountId")

    @attribute("dynamic/instance-identity/document")
    def region(self) -> str:
        """Region, from the instance identity document, else from the placement."""
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
        """ID of the Availability Zone, the same in every account."""

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
        """Number of the partition in the placement group."""

    @attribute("meta-data/placement/host-id", text, when_absent=None, never_empty=True)
    def host_id(self) -> str | None:
        """ID of the Dedicated Host."""

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
        """Tags; absent unless tags in instance metadata are switched on."""
        return InstanceTags(self._names("meta-data/tags/instance/"), self)

    @attribute(PUBLIC_KEYS, when_absent=dict, document=True)
    def public_keys(self) -> dict[str, PublicKey]:
        """Public keys of the launch, by name of the key pair."""
        keys = {}
        for line in self.fetch(PUBLIC_KEYS, lines):
            # AWS's own mock lists 0/, without a name.
            index, _, name = line.partition("=") if "=" in line else (line.rstrip("/"), "", line.rstrip("/"))
            if index not in {".", ".."}:
                keys[name] = PublicKey(integer(index.encode()), self)
        return keys

    @attribute("meta-data/block-device-mapping/", when_absent=dict)
    def block_device_mapping(self) -> Mapping[str, str]:
        """Block devices by virtual name, such as ami, root, ebs1, ephemeral0 or swap."""
        return self._leaves("meta-data/block-device-mapping/", text)

    @attribute("meta-data/iam/info", document(IamInfoDict), when_absent=None, document=True, changeable=True)
    def iam_info(self) -> IamInfoDict | None:
        """Attached instance profile."""

    @attribute("meta-data/iam/info", needs=iam_info, cached=False, changeable=True)
    def instance_profile_arn(self) -> str | None:
        """ARN of the instance profile."""
        info = self.iam_info
        return None if info is None else optional_field(info, "InstanceProfileArn")

    @attribute("meta-data/iam/info", needs=iam_info, cached=False, changeable=True)
    def instance_profile_id(self) -> str | None:
        """ID of the instance profile."""
        info = self.iam_info
        return None if info is None else optional_field(info, "InstanceProfileId")

    @attribute("meta-data/iam/info", needs=iam_info, cached=False, changeable=True)
    def instance_profile_name(self) -> str | None:
        """Name of the instance profile."""
        arn = self.instance_profile_arn
        return None if arn is None else arn.rpartition("/")[2]

    @attribute("meta-data/iam/security-credentials/", when_absent=None, cached=False, changeable=True)
    def iam_role_name(self) -> str | None:
        """Name of the attached IAM role, which can differ from the instance profile's."""
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
        """Temporary credentials of the attached IAM role."""
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
        """Account of the instance identity role."""

    @attribute(
        "meta-data/identity-credentials/ec2/security-credentials/",
        when_absent=None,
        cached=False,
        withheld=True,
        document=True,
        changeable=True,
    )
    def identity_credentials(self) -> IamSecurityCredentialsDict | None:
        """Temporary credentials of the instance identity role, for AWS's own services on the instance."""
        path = "meta-data/identity-credentials/ec2/security-credentials/ec2-instance"
        return self.fetch(path, document(IamSecurityCredentialsDict))

    @attribute("dynamic/instance-identity/document", document(InstanceIdentityDocumentDict), document=True)
    def instance_identity_document(self) -> InstanceIdentityDocumentDict:
        """Instance identity document."""

    @attribute("dynamic/instance-identity/pkcs7", text, when_absent=None, withheld=True)
    def instance_identity_pkcs7(self) -> str | None:
        """Signed identity document (PKCS #7, DSA) in base64."""

    @attribute("dynamic/instance-identity/rsa2048", text, when_absent=None, withheld=True)
    def instance_identity_rsa2048(self) -> str | None:
        """Signed identity document (PKCS #7, RSA-2048) in base64."""

    @attribute("dynamic/instance-identity/dsa2048", text, when_absent=None, withheld=True)
    def instance_identity_dsa2048(self) -> str | None:
        """Signed identity document (PKCS #7, DSA-2048) in base64."""

    @attribute("dynamic/instance-identity/signature", text, when_absent=None, withheld=True)
    def instance_identity_signature(self) -> str | None:
        """Detached RSA signature of the identity document in base64."""

    @attribute("meta-data/autoscaling/target-lifecycle-state", text, when_absent=None, cached=False, changeable=True)
    def autoscaling_target_lifecycle_state(self) -> str | None:
        """Lifecycle state that Auto Scaling moves the instance to."""

    @attribute("meta-data/spot/instance-action", spot_action, when_absent=None, cached=False, changeable=True)
    def spot_instance_action(self) -> SpotInstanceAction | None:
        """Action and time of the Spot Instance interruption."""

    @attribute("meta-data/spot/termination-time", text, when_absent=None, cached=False, changeable=True)
    def spot_termination_time(self) -> str | None:
        """Termination time of the Spot Instance, as served: not always a time."""

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
        """Host metrics; no longer available."""

    @attribute(
        "meta-data/managed-ssh-keys/signer-cert", text, when_absent=None, cached=False, document=True, changeable=True
    )
    def managed_ssh_signer_cert(self) -> str | None:
        """Certificate chain of EC2 Instance Connect in PEM format."""

    @attribute(
        "meta-data/managed-ssh-keys/signer-ocsp/", when_absent=dict, cached=False, document=True, changeable=True
    )
    def managed_ssh_signer_ocsp(self) -> Mapping[str, str]:
        """OCSP responses (base64 DER), by certificate fingerprint."""
        return self._leaves("meta-data/managed-ssh-keys/signer-ocsp/", text)

    @attribute(
        "meta-data/managed-ssh-keys/active-keys/", when_absent=dict, cached=False, document=True, changeable=True
    )
    def managed_ssh_active_keys(self) -> Mapping[str, str]:
        """Signed keys that EC2 Instance Connect accepts at the moment, by user."""
        return self._leaves("meta-data/managed-ssh-keys/active-keys/", text)

    @attribute("meta-data/elastic-gpus/associations/", when_absent=dict, document=True)
    def elastic_gpus(self) -> Mapping[str, JSONDict]:
        """Elastic GPUs by ID; retired by AWS."""
        return self._leaves("meta-data/elastic-gpus/associations/", json_object)

    @attribute("meta-data/elastic-inference/associations/", when_absent=dict, document=True)
    def elastic_inference(self) -> Mapping[str, JSONDict]:
        """Elastic Inference accelerators by ID; retired by AWS."""
        return self._leaves("meta-data/elastic-inference/associations/", json_object)

    @attribute("user-data", when_absent=None, withheld=True)
    def user_data(self) -> bytes | None:
        """User data, unchanged: text, gzip or any other bytes."""
        return self.fetch("user-data/", raw)  # ec2-metadata requests it with the slash


ec2_metadata = EC2Metadata()
"""This instance. No request is sent before the first attribute is read."""
