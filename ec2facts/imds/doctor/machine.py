"""Evidence of where a machine runs, from its files below the directory ``root`` (``/`` on the machine itself)."""

from __future__ import annotations

import re
from pathlib import Path

DMI = "sys/class/dmi/id"
CONTAINER_FILES = (".dockerenv", "run/.containerenv")


def ec2_evidence(root: Path) -> str | None:
    """Return the evidence for an EC2 instance, "" for evidence against it, None for neither.

    AWS, «Detect whether a host is an EC2 instance»: the UUID begins with ec2, or contains it where SMBIOS 2.4 swaps
    bytes.
    """
    vendor = read_text(root, f"{DMI}/sys_vendor")
    if vendor == "Amazon EC2":
        return f"the vendor is {vendor}"
    if instance_id(root):
        return f"the asset tag is {instance_id(root)}"
    for name in ("sys/hypervisor/uuid", f"{DMI}/product_uuid"):
        if re.match("ec2|[0-9a-f]{4}2[0-9a-f]ec", read_text(root, name).lower()):
            return f"the UUID is {read_text(root, name)}"
    if "amazon" in read_text(root, f"{DMI}/bios_version").lower():
        return f"the BIOS is {read_text(root, f'{DMI}/bios_version')}"
    return "" if vendor else None


def vendor(root: Path) -> str:
    """Return the vendor of the machine, "" if unknown."""
    return read_text(root, f"{DMI}/sys_vendor")


def instance_id(root: Path) -> str:
    """Return the instance id from the asset tag (Nitro), or ""."""
    tag = read_text(root, f"{DMI}/board_asset_tag")
    return tag if re.fullmatch("i-[0-9a-f]{8,17}", tag) else ""


def container_evidence(root: Path) -> str:
    """Return the evidence for a container, or ""."""
    for name in CONTAINER_FILES:
        if (root / name).exists():
            return f"/{name} is there"
    found = re.search("docker|kubepods|containerd|libpod|lxc", read_text(root, "proc/1/cgroup"))
    return f"/proc/1/cgroup names {found[0]}" if found else ""


def is_ipv6_only(root: Path) -> bool:
    """Whether the machine has a global IPv6 address and no IPv4 route."""
    routes = read_text(root, "proc/net/route").splitlines()[1:]
    addresses = [line.split() for line in read_text(root, "proc/net/if_inet6").splitlines()]
    return not routes and any(fields[3] == "00" and fields[-1] != "lo" for fields in addresses if len(fields) == 6)


def read_text(root: Path, name: str) -> str:
    """Return the text of a file, "" if it cannot be read."""
    try:
        return (root / name).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
