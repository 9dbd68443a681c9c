"""The facts: what a snapshot says, as one nested dict that JSON can hold."""

from __future__ import annotations

import base64
from collections.abc import Collection, Mapping
from datetime import datetime
from types import TracebackType
from typing import Any

from ec2facts.collection.crawl import crawl, listed
from ec2facts.collection.withholding import Withholding
from ec2facts.errors import AbsentError, IncompleteError, UnreadError, WithheldError
from ec2facts.imds.snapshot import Snapshot
from ec2facts.imds.source import REDIRECTS, ROOTS, Source, read
from ec2facts.metadata.attributes import Resource, attributes
from ec2facts.metadata.decoders import SpotInstanceAction
from ec2facts.metadata.instance import EC2Metadata
from ec2facts.metadata.parts import NetworkInterface


def facts(snapshot: Snapshot, *, include: Collection[str] = ()) -> dict[str, Any]:
    """Return the facts of a snapshot.

    First the attributes by name, then ``meta_data`` and ``dynamic``, the service's own tree as served, then
    ``collection``: what was withheld (path → how to include it) and what was unread (path → why). What is absent
    is not a key. A body that is not UTF-8 is ``{"base64": …}``, a time ISO 8601 text.
    """
    source = Withholding(snapshot, include)
    undecoded, gaps = Gaps(), Gaps()
    everything: dict[str, Any] = jsonable(EC2Metadata(source=source), undecoded)
    # Whether what is withheld exists is for the tree to say: an attribute is refused before it is looked for.
    for root in ROOTS:
        with gaps:
            served = _served(source, root, gaps)
            if root.endswith("/"):
                everything[root[:-1].replace("-", "_")] = served
    everything["collection"] = {
        "withheld": dict(sorted(gaps.withheld.items())),
        "unread": dict(sorted({**undecoded.unread, **gaps.unread}.items())),
    }
    return everything


def collect(source: Source, *, include: Collection[str] = (), allow_partial: bool = False) -> dict[str, Any]:
    """Crawl ``source`` and return its facts; raise IncompleteError if any is unread, unless that is allowed."""
    collected = facts(crawl(source, include=include), include=include)
    unread = collected["collection"]["unread"]
    if unread and not allow_partial:
        raise IncompleteError(unread)
    return collected


class Gaps:
    """Where values are missing; as a context, it notes an error that says why one is, and goes on behind it."""

    def __init__(self) -> None:
        self.withheld: dict[str, str] = {}
        self.unread: dict[str, str] = {}

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> bool:
        if isinstance(error, WithheldError):
            self.withheld[error.path] = error.reason
        elif isinstance(error, UnreadError):
            self.unread[error.path] = error.reason
        return isinstance(error, (AbsentError, WithheldError, UnreadError))


def jsonable(value: Any, gaps: Gaps) -> Any:
    """Return an attribute's value as JSON holds it; what is missing in it is no key, and noted in ``gaps``."""
    if isinstance(value, bytes):
        return _text(value)
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, SpotInstanceAction):
        return jsonable(value._asdict(), gaps)
    if isinstance(value, list):
        return [jsonable(item, gaps) for item in value]
    result: dict[str, Any] = {}
    if isinstance(value, Resource):
        for name, attribute in attributes(type(value)).items():
            with gaps:
                result[name] = jsonable(attribute.require(value), gaps)
        return result
    if isinstance(value, Mapping):
        for key in value:
            with gaps:
                result[key] = jsonable(value[key], gaps)
        if isinstance(value, dict) and any(isinstance(item, NetworkInterface) for item in value.values()):
            return dict(sorted(result.items(), key=_attachment))
        return result
    return value


def _served(source: Source, path: str, gaps: Gaps) -> Any:
    """Return the body of ``path``, for a directory the names and bodies below it, as served."""
    try:
        body = read(source, path)
    except UnreadError as error:
        if error.status not in REDIRECTS or path.endswith("/"):
            raise
        return _served(source, path + "/", gaps)
    if not path.endswith("/"):
        return _text(body)
    listing = listed(path, body)
    gaps.unread.update(listing.unreachable)
    tree: dict[str, Any] = {}
    for child in listing.children:
        with gaps:
            tree[child[len(path) :].rstrip("/")] = _served(source, child, gaps)
    return tree


def _text(body: bytes) -> str | dict[str, str]:
    try:
        return body.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(body).decode()}


def _attachment(item: tuple[str, dict[str, Any]]) -> tuple[int, float]:
    """Order network interfaces; one whose device number is missing comes last on its card."""
    _, interface = item
    return interface.get("network_card", 0), interface.get("device_number", float("inf"))
