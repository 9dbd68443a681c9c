"""The facts: the whole snapshot as one nested, JSON-ready dict."""

from __future__ import annotations

import binascii
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Callable

from ec2facts.collection.crawl import crawl
from ec2facts.collection.unread import Unread, without_unread
from ec2facts.collection.withholding import Withholding
from ec2facts.errors import AbsentError, IncompleteError, UnreadError, WithheldError
from ec2facts.imds.snapshot import Snapshot
from ec2facts.imds.source import ROOTS, Source, read
from ec2facts.metadata.decoders import SpotInstanceAction
from ec2facts.metadata.descriptor import Attribute, Resource, attributes
from ec2facts.metadata.instance import EC2Metadata

TREE = tuple(root[:-1].replace("-", "_") for root in ROOTS if root.endswith("/"))
"""The names of the facts that hold the service's own tree."""


def facts(snapshot: Snapshot, *, include: Collection[str] = ()) -> dict[str, Any]:
    """Return the facts of a snapshot.

    The attributes come first, then ``meta_data`` and ``dynamic``, the service's own tree as served, then
    ``collection``: the withheld paths (path → how to include it) and the unread paths (path → reason). An absent or
    unread value has no key. A body that is not UTF-8 is ``{"base64": …}``; a time is ISO 8601 text. ``FactsDict`` is
    the type of the result.
    """
    stripped: dict[str, Any] = without_unread(collected(snapshot, include=include))
    return stripped


def collected(snapshot: Snapshot, *, include: Collection[str] = ()) -> dict[str, Any]:
    """Return the facts of a snapshot with an Unread marker at the key of each unread value.

    An unread directory is one marker. Renderers take this form, so that an output fails only if it uses a marker.
    """
    source = Withholding(snapshot, include)
    undecoded, missing = Missing(), Missing()
    everything: dict[str, Any] = jsonable(EC2Metadata(source=source), undecoded)
    # Only the tree records withheld paths: an attribute is withheld without a check that its path exists.
    tree: dict[str, Any] = {}
    for root in ROOTS:
        missing.put(tree, root, served, source, snapshot, root, missing)
    everything.update({root[:-1].replace("-", "_"): value for root, value in tree.items() if root.endswith("/")})
    everything["collection"] = {
        "withheld": dict(sorted(missing.withheld.items())),
        "unread": dict(sorted({**undecoded.unread, **missing.unread}.items())),
    }
    return everything


def collect(source: Source, *, include: Collection[str] = (), allow_partial: bool = False) -> dict[str, Any]:
    """Crawl ``source`` and return its facts; raise IncompleteError if any is unread, unless ``allow_partial``."""
    everything = facts(crawl(source, include=include), include=include)
    unread = everything["collection"]["unread"]
    if unread and not allow_partial:
        raise IncompleteError(unread)
    return everything


class Missing:
    """The withheld and the unread paths of a collection, each with the reason."""

    def __init__(self) -> None:
        self.withheld: dict[str, str] = {}
        self.unread: dict[str, str] = {}

    def put(self, tree: dict[Any, Any], key: Any, value: Callable[..., Any], *arguments: Any) -> None:
        """Set ``tree[key]`` to ``value(*arguments)``, or to a marker if unread; skip it if absent or withheld."""
        try:
            tree[key] = value(*arguments)
        except AbsentError:
            pass
        except WithheldError as error:
            self.withheld[error.path] = error.reason
        except UnreadError as error:
            tree[key] = self.mark(error.path, error.reason)

    def mark(self, path: str, reason: str) -> Unread:
        """Record an unread path and return its marker."""
        self.unread[path] = reason
        return Unread(path, reason)


def jsonable(value: Any, missing: Missing) -> Any:
    """Return the JSON form of an attribute's value; record its missing parts in ``missing``."""
    if isinstance(value, bytes):
        return _text(value)
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, SpotInstanceAction):
        return jsonable(value._asdict(), missing)
    if isinstance(value, list):
        return [jsonable(item, missing) for item in value]
    result: dict[str, Any] = {}
    if isinstance(value, Resource):
        for name, attribute in attributes(type(value)).items():
            missing.put(result, name, _attribute, value, attribute, missing)
        return result
    if isinstance(value, Mapping):
        for key in value:
            missing.put(result, key, _item, value, key, missing)
        return result
    return value


def attribute_value(resource: Resource, attribute: Attribute[Any], value: Any, missing: Missing) -> Any:
    """Return the JSON form of an attribute's ``value``, with markers for the unreachable names in its listing."""
    result = jsonable(value, missing)
    directory = resource.directory + attribute.path
    if isinstance(result, dict) and directory.endswith("/"):
        named = [(path, reason) for path, reason in resource.unreachable.items() if path.startswith(directory)]
        result.update((path[len(directory) :], missing.mark(path, reason)) for path, reason in named)
    return result


def _attribute(resource: Resource, attribute: Attribute[Any], missing: Missing) -> Any:
    return attribute_value(resource, attribute, attribute.require(resource), missing)


def _item(values: Mapping[str, Any], key: str, missing: Missing) -> Any:
    return jsonable(values[key], missing)


def served(source: Source, snapshot: Snapshot, path: str, missing: Missing) -> Any:
    """Return the body of ``path`` as served; for a directory, a dict of the names and bodies below it."""
    body = read(source, path)
    if not path.endswith("/"):
        return _text(body)
    tree: dict[str, Any] = {}
    children, unreachable = snapshot.listing(path)
    for child in children:
        missing.put(tree, child[len(path) :].rstrip("/"), served, source, snapshot, child, missing)
    for child, reason in unreachable.items():
        tree[child[len(path) :]] = missing.mark(child, reason)
    return tree


def _text(body: bytes) -> str | dict[str, str]:
    try:
        return body.decode()
    except UnicodeDecodeError:
        return {"base64": binascii.b2a_base64(body, newline=False).decode()}
