"""Names of facts as users type them: dotted names, AWS's own names and paths, with or without globs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from functools import cache

from ec2facts.imds.source import below_root
from ec2facts.metadata.descriptor import Resource, attributes
from ec2facts.metadata.instance import EC2Metadata, NetworkInterface, PublicKey
from ec2facts.text import closest

TREES = ("meta_data", "dynamic", "collection")
"""The facts that are not attributes: the service's own tree, and ``collection``."""

PARTS: Mapping[str, type[Resource]] = {"network_interfaces": NetworkInterface, "public_keys": PublicKey}
"""The attributes that hold resources by key, with the class of the resources."""


def is_path(name: str) -> bool:
    """Whether ``name`` is a path of the service, with a slash before any dot, rather than a dotted name."""
    return "/" in name.partition(".")[0]


def path_of(name: str) -> str:
    """Return the path ``name`` relative to ``/latest/``; a path without a root is below ``meta-data/``."""
    return below_root(name.lstrip("/").removeprefix("latest/").lstrip("/"))


def resolve(name: str) -> list[str]:
    """Resolve ``name`` to dotted names; an unknown name resolves to itself.

    Declared names match with dashes for underscores, and ``[0]`` for ``.0``. AWS's own name of an interface's attribute
    resolves to the primary interface. A path resolves to the attributes that are read from it, or else to its dotted
    name in the service's own tree.
    """
    if is_path(name):
        return _resolve_path(path_of(name).strip("/"))
    head, *rest = re.sub(r"(?<=\w)\[(\d+)\]", r".\1", name).split(".")
    names = _resolve_head(head).split(".") + rest
    if names[0] in PARTS and len(names) > 2:
        names[2] = _by_any_name(PARTS[names[0]]).get(_underscored(names[2]), names[2])
    return [".".join(names)]


def in_tree(path: str) -> str:
    """Return the dotted name of ``path`` in the service's own tree."""
    root, *segments = path.strip("/").split("/")
    return ".".join([_underscored(root), *segments])


def declared_name(dotted: str) -> str | None:
    """Return the declared name of ``dotted`` or of its parent, with ``*`` for the key of an interface or public key."""
    head, *rest = dotted.split(".")
    if head in PARTS and len(rest) > 1 and rest[1] in attributes(PARTS[head]):
        return f"{head}.*.{rest[1]}"
    return head if head in attributes(EC2Metadata) else None


def declared_paths() -> list[str]:
    """Return the path of each attribute of the instance."""
    return [path for _, path in _own_paths()]


def suggestion(name: str) -> str:
    """Return " (did you mean …?)" for the attribute, AWS name or interface field most similar to ``name``, or ""."""
    head = name.partition(".")[0]
    known = {_underscored(each): each for each in (*_by_aws_name(NetworkInterface), *_aws_names())}
    known |= {each: each for each in (*_by_any_name(NetworkInterface).values(), *attributes(EC2Metadata), *TREES)}
    meant = closest(_underscored(head), known)
    if meant is None:
        return ""
    resolved = _resolve_head(known[meant])
    which = "" if resolved == known[meant] else f", which is {resolved}"
    return f" (did you mean {known[meant]!r}{which}?)"


def _underscored(name: str) -> str:
    return name.replace("-", "_")


def _resolve_head(head: str) -> str:
    name = _underscored(head)
    if name in attributes(EC2Metadata) or name in TREES:
        return name
    for aws, meant in _aws_names().items():
        if _underscored(aws) == name:
            return meant
    field = _by_any_name(NetworkInterface).get(name)
    return head if field is None else f"network_interfaces.0.{field}"


def _resolve_path(path: str) -> list[str]:
    read = [name for name, each in _own_paths() if fnmatchcase(each, path)]
    return read or [_name_inside(path) or in_tree(path)]


def _name_inside(path: str) -> str | None:
    """Return the dotted name of ``path`` inside an attribute that holds several values."""
    for name, directory in _own_paths():
        if name not in PARTS and path.startswith(f"{directory}/"):
            return f"{name}.{path[len(directory) + 1 :]}"
    interface = re.fullmatch("meta-data/network/interfaces/macs/([^/]+)(?:/(.+))?", path)
    if interface is None:
        return None
    mac, field = interface.groups()
    names = ["network_interfaces", mac]
    if field is not None:
        names += [_by_aws_name(NetworkInterface).get(part, part) for part in field.split("/")]
    return ".".join(names)


@cache
def _own_paths() -> tuple[tuple[str, str], ...]:
    """Return each attribute of the instance that has its own path, with the path."""
    declared = attributes(EC2Metadata).items()
    taken = {each.path for _, each in declared if not each.is_derived}
    return tuple(
        (name, each.path.rstrip("/")) for name, each in declared if not each.is_derived or each.path not in taken
    )


@cache
def _aws_names() -> dict[str, str]:
    """Return the attributes by AWS's own name, the last segment of the path; leave out ambiguous names."""
    names: dict[str, list[str]] = {}
    for name, path in _own_paths():
        if path.count("/") == 1 or not attributes(EC2Metadata)[name].is_derived:
            names.setdefault(path.rpartition("/")[2], []).append(name)
    top = {path.rpartition("/")[2]: name for name, path in _own_paths() if path.count("/") == 1}
    return {**{segment: found[0] for segment, found in names.items() if len(found) == 1}, **top}


@cache
def _by_aws_name(kind: type[Resource]) -> dict[str, str]:
    """Return the attributes of ``kind`` by AWS's own name."""
    return {each.path.rstrip("/"): name for name, each in attributes(kind).items()}


@cache
def _by_any_name(kind: type[Resource]) -> dict[str, str]:
    """Return the attributes of ``kind`` by our name and by AWS's, both with underscores."""
    aws = {_underscored(path): name for path, name in _by_aws_name(kind).items()}
    return {**aws, **{name: name for name in attributes(kind)}}
