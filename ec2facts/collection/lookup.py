"""Single facts by name, read one by one from their source."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import islice
from typing import Any, Callable

from ec2facts.collection.crawl import crawl
from ec2facts.collection.facts import Missing, facts, jsonable, without_unread
from ec2facts.collection.withholding import Withholding
from ec2facts.errors import AbsentError, IncompleteError, UsageError
from ec2facts.imds.snapshot import Snapshot
from ec2facts.imds.source import Source, below_root, read
from ec2facts.metadata.attributes import Resource, attributes
from ec2facts.metadata.decoders import SpotInstanceAction
from ec2facts.metadata.instance import EC2Metadata
from ec2facts.text import did_you_mean


def lookup(
    source: Source, name: str, *, include: Collection[str] = (), on_unread: Callable[[str, str], object] | None = None
) -> Any:
    """Return the fact ``name``, reading no more than it takes.

    ``name`` is dotted (``tags.Name``, ``network_interfaces.0.subnet_id``), dashes as good as underscores in what
    ec2facts names itself, a number the position where it is no key; or it is a path, with a slash before any dot
    (``placement/region``, ``dynamic/instance-identity/document``), below ``meta-data/`` unless it starts with a
    root. A path gives its body, as bytes, and so do user data; all else is as in the facts.

    Raises UsageError for a name that no instance has, AbsentError for one that this instance does not have,
    WithheldError, UnreadError, and IncompleteError for a fact with something unread in it; with ``on_unread``, that
    is called with the path and the reason of each instead, and the rest is returned.
    """
    guarded = Withholding(source, include)
    parts = name.split(".")
    if "/" in parts[0]:
        path = name.lstrip("/").removeprefix("latest/").lstrip("/")
        return read(guarded, below_root(path))
    top = parts[0].replace("-", "_")
    if top in {"meta_data", "dynamic", "collection"}:
        snapshot = crawl(source, include=include)
        _tell(_unread_inside(snapshot, ".".join([top.replace("_", "-"), *parts[1:]])), on_unread)
        return _descend(facts(snapshot, include=include), [top, *parts[1:]], name)
    missing = Missing()
    value = _descend(EC2Metadata(source=guarded), parts, name)
    result = value if isinstance(value, bytes) else jsonable(value, missing)
    _tell(missing.unread, on_unread)
    return without_unread(result)


def _tell(unread: Mapping[str, str], on_unread: Callable[[str, str], object] | None) -> None:
    if unread and on_unread is None:
        raise IncompleteError(unread)
    for path, reason in unread.items():
        if on_unread is not None:
            on_unread(path, reason)


def _unread_inside(snapshot: Snapshot, name: str) -> dict[str, str]:
    """Return what is unread inside the dotted path ``name``; raise what the gap says that it is at or below."""
    unread = snapshot.unread
    for path, gap in snapshot.gaps.items():
        if f"{name}.".startswith(_dotted(path)) and (gap.kind == "withheld" or path in unread):
            snapshot.get(path)
    return {path: reason for path, reason in unread.items() if _dotted(path).startswith(f"{name}.")}


def _dotted(path: str) -> str:
    return path.removesuffix("/").replace("/", ".") + "."


def _descend(value: Any, parts: list[str], name: str) -> Any:
    """Return what ``parts``, the rest of ``name``, lead to from ``value``."""
    if not parts:
        return value
    head, *rest = parts
    if isinstance(value, Resource):
        return _descend(_attribute(value, head), rest, name)
    if isinstance(value, SpotInstanceAction):
        value = value._asdict()
    if isinstance(value, list):
        value = {str(position): item for position, item in enumerate(value)}
    if not isinstance(value, Mapping):
        raise UsageError(f"{name!r} leads too far: what holds {head!r} is a single value")
    for count in range(len(parts), 0, -1):  # keys may hold dots
        key = ".".join(parts[:count])
        if key in value:
            return _descend(value[key], parts[count:], name)
    if head.isdecimal() and int(head) < len(value):
        return _descend(value[next(islice(value, int(head), None))], rest, name)
    raise AbsentError(name, f"there is no {head!r}{did_you_mean(head, value)}")


def _attribute(resource: Resource, name: str) -> Any:
    known = attributes(type(resource))
    attribute = known.get(name.replace("-", "_"))
    if attribute is None:
        raise UsageError(f"there is no fact {name!r}{did_you_mean(name, known)}; `ec2facts schema` lists them")
    return attribute.require(resource)
