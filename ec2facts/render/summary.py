"""Facts for a person at a terminal: one instance on one screen, or one fact in full."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ec2facts.text import escape_unprintable as _shown

_LABEL_WIDTH = 12

_COMMAND_INDENT = "    "
"""The indent of a command to copy and paste; such a line is never truncated."""

_MAX_INTERFACES = 6
_MAX_TAGS = 10

_FULL_IPV6 = re.compile("(?:[0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}")
"""An IPv6 address with all of its groups, as the service writes it."""


class Style(NamedTuple):
    """Escape sequences for a terminal; empty for a file or a pipe."""

    heading: str = ""
    label: str = ""
    notice: str = ""
    end: str = ""


PLAIN = Style()
COLORED = Style(heading="\x1b[1m", label="\x1b[2m", notice="\x1b[1;33m", end="\x1b[0m")


def render_summary(facts: Mapping[str, Any], *, width: int = 80, style: Style = PLAIN) -> str:
    """Return one screen about an instance: notices, identity, addresses, interfaces, tags.

    Lines are truncated to ``width`` columns, except a command to copy. Control characters are escaped.
    """
    sections = [_notices(facts, style), _identity(facts, style), _interfaces(facts, width, style), _tags(facts, style)]
    return "\n".join("".join(f"{_fit(line, width, style)}\n" for line in section) for section in sections if section)


def render_fact(name: str, value: Any, *, style: Style = PLAIN) -> str:
    """Return the fact ``name`` in full: a heading, and one line for each value, indented by depth."""
    return f"{style.heading}{_shown(name)}{style.end}\n" + "".join(f"{line}\n" for line in _tree(value, 1, style))


def _notices(facts: Mapping[str, Any], style: Style) -> list[str]:
    notices = []
    spot = facts.get("spot_instance_action")
    if spot:
        notices.append(f"Spot Instance: {spot.get('action', 'interruption')} at {spot.get('time', 'an unknown time')}")
    elif facts.get("spot_termination_time"):
        notices.append(f"Spot Instance: terminate at {facts['spot_termination_time']}")
    if facts.get("rebalance_recommendation"):
        notices.append(f"Rebalance recommendation, given at {facts['rebalance_recommendation']}")
    notices += [
        f"Maintenance {event.get('Code', '')} from {event.get('NotBefore', '?')}: {event.get('Description', '')}"
        for event in facts.get("maintenance_scheduled", ())
    ]
    state = facts.get("autoscaling_target_lifecycle_state")
    if state and state != "InService":
        notices.append(f"Auto Scaling: target lifecycle state {state}")
    unread = facts.get("collection", {}).get("unread", {})
    notices += [f"Unread: {path}: {reason}" for path, reason in unread.items()]
    return [f"{style.notice}! {_shown(notice)}{style.end}" for notice in notices]


def _identity(facts: Mapping[str, Any], style: Style) -> list[str]:
    document = facts.get("instance_identity_document", {})
    role = facts.get("iam_role_name") or facts.get("instance_profile_name")
    no_role = "unread" if _is_unread(facts, "meta-data/iam/info") else "none"
    rows: list[tuple[str, Sequence[Any]]] = [
        ("Instance", (facts.get("instance_id"), facts.get("tags", {}).get("Name"))),
        ("Type", (facts.get("instance_type"), document.get("architecture"), facts.get("instance_life_cycle"))),
        ("Image", (facts.get("ami_id"),)),
        ("Zone", (facts.get("availability_zone"), facts.get("availability_zone_id"), facts.get("region"))),
        ("Account", (facts.get("account_id"),)),
        ("Launched", (document.get("pendingTime"),)),
        ("Private", (facts.get("private_ipv4"), facts.get("private_hostname"))),
        ("Public", (facts.get("public_ipv4"), facts.get("public_hostname"))),
        ("IPv6", (_address(facts["ipv6"]) if "ipv6" in facts else None,)),
        ("Role", (role or no_role,)),
    ]
    return [_row(label, [value for value in values if value], style) for label, values in rows if any(values)]


def _is_unread(facts: Mapping[str, Any], path: str) -> bool:
    """Whether ``path`` or a directory above it is unread."""
    return any(path.startswith(unread) for unread in facts.get("collection", {}).get("unread", ()))


def _interfaces(facts: Mapping[str, Any], width: int, style: Style) -> list[str]:
    interfaces = list(facts.get("network_interfaces", {}).values())
    if not interfaces:
        return []
    cards = any(each.get("network_card") for each in interfaces)
    head = ("CARD/DEVICE" if cards else "DEVICE", "INTERFACE", "MAC", "SUBNET", "ADDRESSES")
    rows = [
        (
            f"{each.get('network_card', 0)}/" * cards + str(each.get("device_number", "?")),
            each.get("interface_id", "?"),
            each.get("mac", "?"),
            each.get("subnet_id", "?"),
            ", ".join(
                [
                    *each.get("private_ipv4s", ()),
                    *each.get("public_ipv4s", ()),
                    *map(_address, each.get("ipv6s", ())),
                ]
            ),
        )
        for each in interfaces[:_MAX_INTERFACES]
    ]
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head) - 1)]
    longest = min(32, max(len(row[4]) for row in (head, *rows)))
    # A narrow terminal drops the subnet, then the MAC, to make room for the addresses.
    shown = [0, 1, 2, 3, 4]
    for optional in (3, 2):
        if 2 + sum(widths[column] + 2 for column in shown[:-1]) + longest > width:
            shown.remove(optional)
    lines = [_heading("Interfaces", len(interfaces), style)]
    for row in (head, *rows):
        cells = [row[column].ljust(widths[column]) for column in shown[:-1]]
        text = "  ".join(["", *map(_shown, cells), _shown(row[4])])
        lines.append(f"{style.label}{text}{style.end}" if row is head else text)
    return lines + _more(len(interfaces), _MAX_INTERFACES, "network_interfaces")


def _tags(facts: Mapping[str, Any], style: Style) -> list[str]:
    tags = facts.get("tags")
    if tags is None and _is_unread(facts, "meta-data/tags/instance/"):
        return [f"{_heading('Tags', 0, style)} could not be read."]
    if tags is None:
        switch = f"--instance-id {_shown(facts.get('instance_id', 'ID'))} --instance-metadata-tags enabled"
        return [
            f"{_heading('Tags', 0, style)} are not in the metadata; this command enables them:",
            f"{_COMMAND_INDENT}aws ec2 modify-instance-metadata-options \\",
            f"{_COMMAND_INDENT}  {switch}",
        ]
    own = sorted(tags, key=lambda key: key.startswith("aws:"))
    lines = [f"  {_shown(key)} = {_shown(str(tags[key]))}" for key in own[:_MAX_TAGS]]
    return [_heading("Tags", len(tags), style), *lines, *_more(len(tags), _MAX_TAGS, "tags")]


def _heading(title: str, count: int, style: Style) -> str:
    return f"{style.heading}{title}{style.end}" + f" ({count})" * bool(count)


def _more(count: int, limit: int, name: str) -> list[str]:
    return [f"  … and {count - limit} more: ec2facts show {name}"] if count > limit else []


def _row(label: str, values: Iterable[Any], style: Style) -> str:
    return f"{style.label}{label.ljust(_LABEL_WIDTH)}{style.end}" + "  ".join(_shown(str(value)) for value in values)


def _tree(value: Any, depth: int, style: Style) -> Iterator[str]:
    indent = "  " * depth
    if isinstance(value, Mapping):
        for key, item in value.items():
            label = f"{indent}{style.label}{_shown(str(key))}{style.end}"
            if isinstance(item, (Mapping, list)) and item:
                yield label
                yield from _tree(item, depth + 1, style)
            else:
                yield f"{label} = {_scalar(item)}"
    elif isinstance(value, list):
        for item in value:
            if isinstance(item, (Mapping, list)):
                yield f"{indent}-"
                yield from _tree(item, depth + 1, style)
            else:
                yield f"{indent}{_scalar(item)}"
    else:
        yield f"{indent}{_scalar(value)}"


def _scalar(value: Any) -> str:
    if isinstance(value, (Mapping, list)):
        return "(empty)"
    return _shown(_address(value) if isinstance(value, str) else str(value))


def _address(text: str) -> str:
    """Return an IPv6 address or network in its short form, and any other text unchanged."""
    host, slash, length = text.partition("/")
    return f"{ipaddress.ip_address(host)}{slash}{length}" if _FULL_IPV6.fullmatch(host) else text


def _fit(line: str, width: int, style: Style) -> str:
    """Truncate a line to ``width`` columns; escape sequences do not count."""
    if line.startswith(_COMMAND_INDENT):
        return line
    plain = re.sub("\x1b\\[[0-9;]*m", "", line)
    if len(plain) <= width:
        return line
    excess = len(plain) - width + 1
    text = line.removesuffix(style.end)
    return text[:-excess] + "…" + line[len(text) :]
