"""Why an instance lacks a fact that other instances have, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ec2facts.errors import AbsentError

_TAGS = "meta-data/tags/instance"
_ROLE = ("iam_", "instance_profile_", "meta_data.iam")
_ROLE_PATHS = ("meta-data/iam", "meta-data/iam/info", "meta-data/iam/security-credentials")

NO_ROLE = "no role is attached to this instance"


def why_absent(name: str, facts: Mapping[str, Any]) -> str:
    """Return why ``name``, a dotted name, is not in ``facts``, with the remedy if one is known."""
    head, *rest = name.split(".")
    if head == "tags" and "tags" not in facts:
        instance_id = facts.get("instance_id")
        return tags_are_off(instance_id if isinstance(instance_id, str) else None)
    if name.startswith(_ROLE) and "iam_info" not in facts:
        return NO_ROLE
    if head == "network_interfaces" and rest and head in facts:
        return no_interface(rest[0], list(facts[head]))
    return "it is absent on this instance"


def explained(error: AbsentError, *, hint: str = "") -> AbsentError:
    """Return ``error`` with the reason and the remedy, if known, instead of a bare 404."""
    path = error.path.rstrip("/")
    if error.reason != AbsentError(path).reason:
        return error
    if path in {_TAGS, "meta-data/tags"}:
        return AbsentError(error.path, tags_are_off(None))
    if path in _ROLE_PATHS:
        return AbsentError(error.path, NO_ROLE)
    if path.startswith("meta-data/tags/"):
        key = path.removeprefix(f"{_TAGS}/").removeprefix("meta-data/tags/")
        return AbsentError(error.path, f"use tags.{key} or the path tags/instance/{key}")
    return AbsentError(error.path, error.reason + hint)


def tags_are_off(instance_id: str | None) -> str:
    """Return the message that tags are switched off, with the command that switches them on."""
    which = instance_id or '"$(ec2facts get instance_id)"'
    return (
        "tags are switched off in the instance metadata; switch them on with `aws ec2 "
        f"modify-instance-metadata-options --instance-id {which} --instance-metadata-tags enabled`"
    )


def no_interface(name: str, macs: Sequence[str]) -> str:
    """Return why the network interface ``name`` lacks a fact; for an unknown interface, list the valid positions."""
    if name in macs or name in map(str, range(len(macs))):
        return "it is absent on this interface"
    count = "is 1 interface" if len(macs) == 1 else f"are {len(macs)} interfaces"
    return f"there {count}: {', '.join(map(str, range(len(macs))))}"
