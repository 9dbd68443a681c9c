"""Other clouds with a metadata service at the same address, recognised by a machine's files or a reply's headers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from ec2facts.imds.doctor.machine import DMI, ec2_evidence, read_text


class Cloud(NamedTuple):
    """A cloud, and the patterns that identify it."""

    name: str
    files: str
    """Matches the firmware's vendor, product or asset tag."""
    headers: str
    """Matches a header of its metadata service, as ``name: value`` in lower case."""


CLOUDS = (
    Cloud("Microsoft Azure", "7783-7084-3265-9085-8269-3286-77", "server: imds/"),
    Cloud("Google Cloud", "Google", "metadata-flavor: google|server: (metadata server for vm|gke metadata server)"),
    Cloud("DigitalOcean", "DigitalOcean", "digitalocean"),
    Cloud("OpenStack", "OpenStack", "openstack"),
    Cloud("Eucalyptus", "Eucalyptus", "eucalyptus"),
)


def cloud_of_reply(headers: Mapping[str, str]) -> str:
    """Return the cloud whose service sent ``headers`` (names in lower case), "" if unknown."""
    lines = [f"{name}: {value.lower()}" for name, value in headers.items()]
    found = (cloud.name for cloud in CLOUDS for line in lines if re.search(cloud.headers, line))
    return next(found, "")


def cloud_of_machine(root: Path) -> str:
    """Return the cloud that a machine runs in, "" for Amazon EC2 and unknown clouds."""
    if ec2_evidence(root):
        return ""
    said = "\n".join(read_text(root, f"{DMI}/{name}") for name in ("sys_vendor", "product_name", "chassis_asset_tag"))
    return next((cloud.name for cloud in CLOUDS if re.search(cloud.files, said)), "")
