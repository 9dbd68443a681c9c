"""The package ec2-metadata, 2.x or 3.x: all its attributes except the role's credentials."""

from __future__ import annotations

from functools import cached_property
from importlib.metadata import version as version_of
from typing import Any
from urllib.parse import urlsplit

from ec2_metadata import EC2Metadata

WITHOUT = "iam_security_credentials"


def version() -> str:
    """Return the version."""
    return version_of("ec2-metadata")


def collect(url: str) -> list[Any]:
    """Return the values of the instance, its interfaces, its tags and its keys."""
    metadata = _metadata(url)
    interfaces = [_attributes(interface) for interface in metadata.network_interfaces.values()]
    keys = [_attributes(key) for key in metadata.public_keys.values()]
    return [_attributes(metadata), interfaces, dict(metadata.tags), keys]


def collect_instance(url: str) -> list[Any]:
    """Return only the values of the instance, whose number does not depend on the tree."""
    return _attributes(_metadata(url))


def collect_first(url: str) -> str:
    """Return the first attribute of a new instance of the class."""
    first: str = _metadata(url).instance_id
    return first


def _metadata(url: str) -> EC2Metadata:
    metadata = EC2Metadata()
    metadata.service_url = f"{url}/latest/"
    metadata.dynamic_url = f"{url}/latest/dynamic/"
    metadata.metadata_url = f"{url}/latest/meta-data/"
    metadata.userdata_url = f"{url}/latest/user-data/"
    assert urlsplit(url).hostname == "127.0.0.1"
    assert "169.254" not in repr(vars(metadata))
    return metadata


def _attributes(resource: object) -> list[Any]:
    declared = vars(type(resource)).items()
    names = [name for name, value in declared if isinstance(value, (property, cached_property)) and name != WITHOUT]
    return [getattr(resource, name) for name in names]
