"""The JSON documents of the service, with the service's own keys."""

from __future__ import annotations

from typing import Any, Literal, TypedDict

JSONDict = dict[str, Any]


class IamInfoDict(TypedDict):
    """The instance profile: ``iam/info``."""

    InstanceProfileArn: str
    InstanceProfileId: str
    LastUpdated: str


class IamSecurityCredentialsDict(TypedDict):
    """Temporary credentials; ``Expiration`` and ``LastUpdated`` are ISO 8601 times."""

    LastUpdated: str
    Type: str
    AccessKeyId: str
    SecretAccessKey: str
    Token: str
    Expiration: str


class IdentityCredentialsInfoDict(TypedDict):
    """The account behind the instance identity role: ``identity-credentials/ec2/info``."""

    AccountId: str
    LastUpdated: str


class InstanceIdentityDocumentDict(TypedDict):
    """The instance identity document, as signed. ``pendingTime`` is an ISO 8601 time."""

    accountId: str
    architecture: Literal["i386", "x86_64", "arm64"]
    availabilityZone: str
    billingProducts: list[str] | None
    marketplaceProductCodes: list[str] | None
    imageId: str
    instanceId: str
    instanceType: str
    kernelId: str | None
    pendingTime: str
    privateIp: str
    ramdiskId: str | None
    region: str
    version: str


class MaintenanceEventDict(TypedDict, total=False):
    """A maintenance event. Times look like ``21 Jan 2019 09:00:43 GMT``; ``State`` is active, completed or canceled."""

    NotBefore: str
    NotAfter: str
    NotBeforeDeadline: str
    Code: str
    Description: str
    EventId: str
    State: str
