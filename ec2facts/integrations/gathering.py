"""What an engine gathers: the facts of this instance, within the bounds that suit a fleet."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from ec2facts.collection.crawl import crawl
from ec2facts.collection.facts import TREE, facts
from ec2facts.collection.selection import select
from ec2facts.errors import IncompleteError
from ec2facts.imds.client import IMDSClient

ABSENT_AFTER = 1.5
"""Seconds without an answer after which a machine counts as no EC2 instance: two, less the start of a process."""


def gather(
    *,
    endpoint: str | None = None,
    include: Collection[str] = (),
    only: Collection[str] = (),
    tree: bool = False,
    wait: float = 0,
    deadline: float = 30,
    partial: bool = True,
) -> dict[str, Any]:
    """Return the facts of this instance, without the service's own tree unless ``tree``.

    ``only`` are globs as ``select`` takes them; ``collection`` is there whatever they are. Its ``withheld`` maps each
    path to the name that includes it. Raises UnavailableError within two seconds where no service answers, later
    only with ``wait``; IncompleteError if a fact is unread, unless ``partial``.
    """
    if not wait:
        IMDSClient(endpoint, deadline=min(ABSENT_AFTER, deadline)).get("meta-data/instance-id")
    snapshot = crawl(IMDSClient(endpoint, wait=wait, deadline=deadline), include=include)
    everything = facts(snapshot, include=include)
    collection = everything["collection"]
    if collection["unread"] and not partial:
        raise IncompleteError(collection["unread"])
    # The library explains how to include a value in the words of the command line, which engines do not have.
    collection["withheld"] = {path: gap.detail for path, gap in sorted(snapshot.gaps.items()) if gap.kind == "withheld"}
    if not tree:
        everything = {name: value for name, value in everything.items() if name not in TREE}
    return {**select(everything, only), "collection": collection} if only else everything
