"""Every fact of an Amazon EC2 instance, from its metadata service.

``ec2_metadata`` reads the attributes of this instance lazily. ``crawl`` reads everything into a Snapshot, and ``facts``
turns a Snapshot into one nested dict.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ec2facts.lazy import lazy_names
from ec2facts.version import __version__ as __version__

if TYPE_CHECKING:
    from ec2facts.collection.crawl import crawl
    from ec2facts.collection.facts import facts
    from ec2facts.collection.typed import FactsDict
    from ec2facts.errors import (
        AbsentError,
        CheckError,
        CommandError,
        ConfigError,
        DecodeError,
        DisabledError,
        EC2FactsError,
        IncompleteError,
        InstallError,
        NotReadyError,
        SnapshotError,
        StaleError,
        TemplateError,
        UnavailableError,
        UnreadError,
        UnrepresentableError,
        UsageError,
        WithheldError,
    )
    from ec2facts.imds.client import IMDSClient
    from ec2facts.imds.snapshot import Snapshot
    from ec2facts.imds.source import TOKEN_TTL_SECONDS
    from ec2facts.metadata.decoders import SpotInstanceAction
    from ec2facts.metadata.documents import (
        IamInfoDict,
        IamSecurityCredentialsDict,
        InstanceIdentityDocumentDict,
    )
    from ec2facts.metadata.instance import EC2Metadata, InstanceTags, NetworkInterface, PublicKey, ec2_metadata

__all__ = [
    "TOKEN_TTL_SECONDS",
    "AbsentError",
    "CheckError",
    "CommandError",
    "ConfigError",
    "DecodeError",
    "DisabledError",
    "EC2FactsError",
    "EC2Metadata",
    "FactsDict",
    "IMDSClient",
    "IamInfoDict",
    "IamSecurityCredentialsDict",
    "IncompleteError",
    "InstallError",
    "InstanceIdentityDocumentDict",
    "InstanceTags",
    "NetworkInterface",
    "NotReadyError",
    "PublicKey",
    "Snapshot",
    "SnapshotError",
    "SpotInstanceAction",
    "StaleError",
    "TemplateError",
    "UnavailableError",
    "UnreadError",
    "UnrepresentableError",
    "UsageError",
    "WithheldError",
    "crawl",
    "ec2_metadata",
    "facts",
]

if not TYPE_CHECKING:  # a type checker would accept every misspelled name
    __getattr__, __dir__ = lazy_names(
        __name__,
        {
            "collection.crawl": ("crawl",),
            "collection.facts": ("facts",),
            "collection.typed": ("FactsDict",),
            "errors": (
                "EC2FactsError",
                "UsageError",
                "ConfigError",
                "UnavailableError",
                "DisabledError",
                "NotReadyError",
                "AbsentError",
                "UnreadError",
                "DecodeError",
                "WithheldError",
                "IncompleteError",
                "SnapshotError",
                "TemplateError",
                "UnrepresentableError",
                "InstallError",
                "StaleError",
                "CheckError",
                "CommandError",
            ),
            "imds.client": ("IMDSClient",),
            "imds.snapshot": ("Snapshot",),
            "imds.source": ("TOKEN_TTL_SECONDS",),
            "metadata.decoders": ("SpotInstanceAction",),
            "metadata.documents": ("IamInfoDict", "IamSecurityCredentialsDict", "InstanceIdentityDocumentDict"),
            "metadata.instance": ("EC2Metadata", "InstanceTags", "NetworkInterface", "PublicKey", "ec2_metadata"),
        },
    )
