"""The types of the facts, for type checkers and editors; made from the declarations, not written by hand."""

from __future__ import annotations

from typing import Any, TypedDict

from ec2facts.metadata.documents import (
    IamInfoDict,
    IamSecurityCredentialsDict,
    IdentityCredentialsInfoDict,
    InstanceIdentityDocumentDict,
    JSONDict,
    MaintenanceEventDict,
)


class Base64Facts(TypedDict):
    """Bytes that are not UTF-8."""

    base64: str


class SpotInstanceActionFacts(TypedDict):
    """The action that interrupts a Spot Instance, and its ISO 8601 time."""

    action: str
    time: str


class CollectionFacts(TypedDict):
    """The withheld and the unread paths, each with the reason."""

    withheld: dict[str, str]
    unread: dict[str, str]


class NetworkInterfaceFacts(TypedDict, total=False):
    """One network interface in the facts."""

    mac: str
    """MAC address."""
    device_number: int
    """Device number on the network card, from 0."""
    network_card: int
    """Index of the network card."""
    interface_id: str
    """ID of the network interface."""
    owner_id: str
    """ID of the account that owns the interface, 12 digits."""
    private_hostname: str
    """Private DNS name."""
    private_ipv4s: list[str]
    """Private IPv4 addresses, the primary one first."""
    public_hostname: str
    """Public DNS name."""
    public_ipv4s: list[str]
    """Public IPv4 addresses."""
    ipv4_associations: dict[str, list[str]]
    """Private IPv4 addresses, by public IPv4 address."""
    ipv4_prefix: list[str]
    """IPv4 prefixes delegated to the interface."""
    ipv6s: list[str]
    """IPv6 addresses."""
    ipv6_prefix: list[str]
    """IPv6 prefixes delegated to the interface."""
    security_groups: list[str]
    """Names of the security groups."""
    security_group_ids: list[str]
    """IDs of the security groups."""
    subnet_id: str
    """ID of the subnet."""
    subnet_ipv4_cidr_block: str
    """IPv4 CIDR block of the subnet."""
    subnet_ipv6_cidr_blocks: list[str]
    """IPv6 CIDR blocks of the subnet."""
    vpc_id: str
    """ID of the VPC."""
    vpc_ipv4_cidr_block: str
    """Primary IPv4 CIDR block of the VPC."""
    vpc_ipv4_cidr_blocks: list[str]
    """IPv4 CIDR blocks of the VPC."""
    vpc_ipv6_cidr_blocks: list[str]
    """IPv6 CIDR blocks of the VPC."""


class PublicKeyFacts(TypedDict, total=False):
    """One public key in the facts."""

    openssh_key: str
    """Public key in OpenSSH format, with its newline."""


class FactsDict(TypedDict, total=False):
    """The facts of one instance. A value that the instance lacks has no key."""

    instance_id: str
    """ID of the instance."""
    instance_type: str
    """Type of the instance."""
    instance_life_cycle: str
    """Purchasing option, such as on-demand or spot."""
    instance_action: str
    """Notice to reboot for bundling: none, shutdown or bundle-pending."""
    ami_id: str
    """ID of the AMI."""
    ami_launch_index: int
    """Index of the instance in its launch request, from 0."""
    ami_manifest_path: str
    """Path of the AMI manifest; (unknown) for an EBS-backed AMI."""
    ancestor_ami_ids: list[str]
    """IDs of the AMIs that this AMI was built from."""
    reservation_id: str
    """ID of the reservation."""
    product_codes: list[str]
    """AWS Marketplace product codes."""
    profile: str
    """Virtualization profile, such as default-hvm."""
    system: str
    """Virtualization system, such as nitro."""
    kernel_id: str
    """ID of the kernel (paravirtual only)."""
    ramdisk_id: str
    """ID of the RAM disk (paravirtual only)."""
    account_id: str
    """ID of the account that launched the instance, 12 digits."""
    region: str
    """Region, from the instance identity document, else from the placement."""
    placement_region: str
    """Region, from the placement."""
    availability_zone: str
    """Availability Zone."""
    availability_zone_id: str
    """ID of the Availability Zone, the same in every account."""
    partition: str
    """AWS partition, such as aws-cn."""
    domain: str
    """Domain of AWS endpoints, such as amazonaws.com."""
    placement_group_name: str
    """Name of the placement group."""
    placement_partition_number: int
    """Number of the partition in the placement group."""
    host_id: str
    """ID of the Dedicated Host."""
    outpost_arn: str
    """ARN of the Outpost."""
    hostname: str
    """Host name, IP-based or resource-based."""
    private_hostname: str
    """Private DNS name."""
    private_ipv4: str
    """Primary private IPv4 address."""
    public_hostname: str
    """Public DNS name."""
    public_ipv4: str
    """Public IPv4 address."""
    ipv6: str
    """First IPv6 address."""
    mac: str
    """MAC address of the primary network interface."""
    network_interfaces: dict[str, NetworkInterfaceFacts]
    """Network interfaces by MAC address, the primary one first."""
    security_groups: list[str]
    """Names of the security groups of the primary network interface."""
    tags: dict[str, str]
    """Tags; absent unless tags in instance metadata are switched on."""
    public_keys: dict[str, PublicKeyFacts]
    """Public keys of the launch, by name of the key pair."""
    block_device_mapping: dict[str, str]
    """Block devices by virtual name, such as ami, root, ebs1, ephemeral0 or swap."""
    iam_info: IamInfoDict
    """Attached instance profile."""
    instance_profile_arn: str
    """ARN of the instance profile."""
    instance_profile_id: str
    """ID of the instance profile."""
    instance_profile_name: str
    """Name of the instance profile."""
    iam_role_name: str
    """Name of the attached IAM role, which can differ from the instance profile's."""
    iam_security_credentials: IamSecurityCredentialsDict
    """Temporary credentials of the attached IAM role."""
    identity_credentials_info: IdentityCredentialsInfoDict
    """Account of the instance identity role."""
    identity_credentials: IamSecurityCredentialsDict
    """Temporary credentials of the instance identity role, for AWS's own services on the instance."""
    instance_identity_document: InstanceIdentityDocumentDict
    """Instance identity document."""
    instance_identity_pkcs7: str
    """Signed identity document (PKCS #7, DSA) in base64."""
    instance_identity_rsa2048: str
    """Signed identity document (PKCS #7, RSA-2048) in base64."""
    instance_identity_dsa2048: str
    """Signed identity document (PKCS #7, DSA-2048) in base64."""
    instance_identity_signature: str
    """Detached RSA signature of the identity document in base64."""
    autoscaling_target_lifecycle_state: str
    """Lifecycle state that Auto Scaling moves the instance to."""
    spot_instance_action: SpotInstanceActionFacts
    """Action and time of the Spot Instance interruption."""
    spot_termination_time: str
    """Termination time of the Spot Instance, as served: not always a time."""
    rebalance_recommendation: str
    """Time of the rebalance recommendation."""
    maintenance_history: list[MaintenanceEventDict]
    """Completed and canceled maintenance events."""
    maintenance_scheduled: list[MaintenanceEventDict]
    """Scheduled maintenance events."""
    hibernation_configured: bool
    """Whether hibernation is configured."""
    monitoring: str
    """Detailed monitoring: enabled or disabled."""
    vhostmd: str
    """Host metrics; no longer available."""
    managed_ssh_signer_cert: str
    """Certificate chain of EC2 Instance Connect in PEM format."""
    managed_ssh_signer_ocsp: dict[str, str]
    """OCSP responses (base64 DER), by certificate fingerprint."""
    managed_ssh_active_keys: dict[str, str]
    """Signed keys that EC2 Instance Connect accepts at the moment, by user."""
    elastic_gpus: dict[str, JSONDict]
    """Elastic GPUs by ID; retired by AWS."""
    elastic_inference: dict[str, JSONDict]
    """Elastic Inference accelerators by ID; retired by AWS."""
    user_data: str | Base64Facts
    """User data, unchanged: text, gzip or any other bytes."""
    meta_data: dict[str, Any]
    """The service's own tree below ``meta-data/``, as served."""
    dynamic: dict[str, Any]
    """The service's own tree below ``dynamic/``, as served."""
    collection: CollectionFacts
    """The withheld and the unread paths."""
