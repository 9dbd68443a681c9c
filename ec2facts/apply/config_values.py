"""What the values of a config may be, key by key."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import yaml

from ec2facts.collection.withholding import Withholding
from ec2facts.imds.snapshot import Snapshot
from ec2facts.install.settings import group_number, parse_check, parse_mode, parse_suffix, user_number
from ec2facts.render.env_formats import FORMATS
from ec2facts.render.tree import TREE_FORMATS

Reader = Callable[[yaml.Node], Any]
"""Reads a value; raises ValueError or UsageError for one that means nothing."""

_DAY = 86400


def _text(node: yaml.Node) -> str:
    if not isinstance(node, yaml.ScalarNode):
        raise ValueError("not a text")
    if node.tag == "tag:yaml.org,2002:null":
        raise ValueError("has no value")
    text: str = node.value
    if "\0" in text:
        raise ValueError("holds a NUL")
    return text


def _path(node: yaml.Node) -> str:
    if not _text(node):
        raise ValueError("the name of the file is empty")
    return _text(node)


def _items(node: yaml.Node) -> list[yaml.Node]:
    if not isinstance(node, yaml.SequenceNode):
        raise ValueError("not a list")
    items: list[yaml.Node] = node.value
    return items


def _texts(node: yaml.Node) -> list[str]:
    return [_text(node)] if isinstance(node, yaml.ScalarNode) else [_text(item) for item in _items(node)]


def _names(node: yaml.Node) -> list[str]:
    names = _texts(node)
    Withholding(Snapshot({}), names)  # raises UsageError for a name that means nothing
    return names


def _boolean(node: yaml.Node) -> bool:
    if node.tag != "tag:yaml.org,2002:bool":
        raise ValueError("neither true nor false")
    return str(node.value).lower() in {"true", "yes", "on"}


def _format(node: yaml.Node) -> str:
    known = [*TREE_FORMATS, *FORMATS]
    name = str(node.value)  # one is called null
    if name not in known:
        raise ValueError(f"no format {name!r}, choose from {', '.join(known)}")
    return name


def _mode(node: yaml.Node) -> int:
    # The text, not YAML's value: to YAML, 0644 is octal, "0644" is text, and 644 is another number.
    return parse_mode(_text(node))


def _user(node: yaml.Node) -> str:
    user_number(_text(node))
    return _text(node)


def _group(node: yaml.Node) -> str:
    group_number(_text(node))
    return _text(node)


def _check(node: yaml.Node) -> str:
    return parse_check(_text(node))


def _suffix(node: yaml.Node) -> str:
    return parse_suffix(_text(node))


def _seconds(node: yaml.Node) -> float:
    text = _text(node)
    if not re.fullmatch(r"\d+(\.\d+)?", text) or not 0 < float(text) <= _DAY:
        raise ValueError(f"{text!r} is not a number of seconds up to {_DAY}")
    return float(text)


OUTPUT: Mapping[str, Reader] = {
    "path": _path,
    "format": _format,
    "template": _text,
    "include": _names,
    "mode": _mode,
    "owner": _user,
    "group": _group,
    "check": _check,
    "check_suffix": _suffix,
    "check_live": _text,
    "command": _text,
    "time_limit": _seconds,
    "together": _text,
    "backup": _boolean,
    "in_place": _boolean,
    "follow": _boolean,
    "only": _texts,
    "prefix": _text,
    "separator": _text,
    "export": _boolean,
    "skip_unrepresentable": _boolean,
}
"""The keys of an output, and what reads the value of each."""

TOP: Mapping[str, Reader] = {"include": _names, "outputs": _items}
"""The keys of a config."""
