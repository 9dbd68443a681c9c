"""Why an instance lacks a fact that other instances have, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_ROLE = ("iam_", "instance_profile_", "meta_data.iam")


def why_absent(name: str, facts: Mapping[str, Any]) -> str:
    """Return why ``facts`` lack the fact with the dotted ``name``, with the remedy where one is known."""
    head, *rest = name.split(".")
    if head == "tags" and "tags" not in facts:
        instance_id = facts.get("instance_id")
        return tags_are_off(instance_id if isinstance(instance_id, str) else None)
    if name.startswith(_ROLE) and not facts.keys() & {"iam_info"}:
        return NO_ROLE
    if head == "network_interfaces" and rest and head in facts:
        return no_interface(rest[0], list(facts[head]))
    return "this instance has none"


NO_ROLE = "no role is attached to this instance"


def tags_are_off(instance_id: str | None) -> str:
    """Return that tags are switched off, and the command that switches them on."""
    return (
        "tags are switched off in the metadata of this instance; switch them on with `aws ec2 "
        f"modify-instance-metadata-options --instance-id {instance_id or 'ID'} --instance-metadata-tags enabled`"
    )


def no_interface(name: str, macs: list[str]) -> str:
    """Return which network interfaces there are, where ``name`` is the position of no interface."""
    positions = ", ".join(map(str, range(len(macs))))
    if name in macs or (name.isdecimal() and int(name) < len(macs)):
        return "this interface has none"
    return f"there is 1 interface: {positions}" if len(macs) == 1 else f"there are {len(macs)} interfaces: {positions}"
