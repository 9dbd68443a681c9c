"""Other clouds, whose metadata services answer at the same address: by a machine's files, and by a reply's headers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from ec2facts.imds.doctor.machine import DMI, ec2_evidence, read_text


class Cloud(NamedTuple):
    """A cloud and what gives it away."""

    name: str
    files: str
    """A pattern of what the firmware says about the machine."""
    headers: str
    """A pattern of a line ``name: value`` of its metadata service's replies, in lower case."""


CLOUDS = (
    Cloud("Microsoft Azure", "7783-7084-3265-9085-8269-3286-77", "server: imds/"),
    Cloud("Google Cloud", "Google", "metadata-flavor: google|server: (metadata server for vm|gke metadata server)"),
    Cloud("DigitalOcean", "DigitalOcean", "digitalocean"),
    Cloud("OpenStack", "OpenStack", "openstack"),
    Cloud("Eucalyptus", "Eucalyptus", "eucalyptus"),
)


def cloud_of_reply(headers: Mapping[str, str]) -> str:
    """Return the cloud whose service sent a reply with these headers, by name in lower case; "" if unknown."""
    lines = [f"{name}: {value.lower()}" for name, value in headers.items()]
    found = (cloud.name for cloud in CLOUDS for line in lines if re.search(cloud.headers, line))
    return next(found, "")


def cloud_of_machine(root: Path) -> str:
    """Return the cloud that a machine runs in, "" if it is unknown or Amazon EC2."""
    if ec2_evidence(root):
        return ""
    said = "\n".join(read_text(root, f"{DMI}/{name}") for name in ("sys_vendor", "product_name", "chassis_asset_tag"))
    return next((cloud.name for cloud in CLOUDS if re.search(cloud.files, said)), "")
