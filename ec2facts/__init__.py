"""Every fact of an Amazon EC2 instance, from its metadata service.

``ec2_metadata`` reads attributes of this instance when they are asked for. ``crawl`` reads everything into a
Snapshot, and ``facts`` makes one nested dict of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ec2facts import imds
from ec2facts.crawl import crawl
from ec2facts.facts import facts
from ec2facts.imds.protocol import TOKEN_TTL_SECONDS
from ec2facts.imds.snapshot import Snapshot
from ec2facts.metadata import (
    EC2Metadata,
    InstanceTags,
    NetworkInterface,
    PublicKey,
    SpotInstanceAction,
    ec2_metadata,
)
from ec2facts.metadata.documents import (
    IamInfoDict,
    IamSecurityCredentialsDict,
    InstanceIdentityDocumentDict,
)

__version__ = "1.0.0"

if TYPE_CHECKING:
    from ec2facts.imds.client import IMDSClient

__all__ = [
    "TOKEN_TTL_SECONDS",
    "EC2Metadata",
    "IMDSClient",
    "IamInfoDict",
    "IamSecurityCredentialsDict",
    "InstanceIdentityDocumentDict",
    "InstanceTags",
    "NetworkInterface",
    "PublicKey",
    "Snapshot",
    "SpotInstanceAction",
    "crawl",
    "ec2_metadata",
    "facts",
]


if not TYPE_CHECKING:  # to a type checker, every misspelt name would be one that this finds

    def __getattr__(name: str) -> Any:
        if name == "IMDSClient":
            return imds.IMDSClient
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
