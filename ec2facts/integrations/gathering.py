"""The facts of this instance for an engine, with time limits for a fleet."""

from __future__ import annotations

import json
import os
import stat
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any, Callable

from ec2facts.apply.paths import names_matching, roots_of
from ec2facts.collection.crawl import crawl
from ec2facts.collection.facts import TREE, Missing, facts, jsonable
from ec2facts.collection.lookup import lookup
from ec2facts.collection.selection import select
from ec2facts.errors import EC2FactsError, IncompleteError, WithheldError
from ec2facts.imds.client import INSTANCE_ID, IMDSClient
from ec2facts.imds.source import ROOTS

ABSENT_AFTER = 1.5
"""A machine that has not answered after this many seconds is not in EC2; the process gets the rest of two seconds."""

BOOT_FACTS = Path("/run/ec2facts/facts.json")
"""The facts that ec2facts.service writes at boot."""

FRESH = 3600.0
"""The maximum age of the boot facts in seconds."""

_INCLUDED_WITH = WithheldError("", "").reason
"""The text before the name that includes a fact; it names an option of the command line, which engines do not have."""


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

    ``only`` are globs (see ``select``); no other facts are read. ``collection`` is always included. Its ``withheld``
    maps each path to the name that includes it. Raises UnavailableError within two seconds if no service answers, later
    only with ``wait``; IncompleteError if a fact is unread, unless ``partial``.
    """
    if not wait:
        IMDSClient(endpoint, deadline=min(ABSENT_AFTER, deadline)).get(INSTANCE_ID)
    roots = (roots_of(names_matching(only)) or (INSTANCE_ID,)) if only else ROOTS
    client = IMDSClient(endpoint, wait=wait, deadline=deadline)
    everything = facts(crawl(client, include=include, roots=roots), include=include)
    unread = everything["collection"]["unread"]
    if unread and not partial:
        raise IncompleteError(unread)
    gathered = _for_engines(everything, tree=tree)
    return {**select(gathered, only), "collection": gathered["collection"]} if only else gathered


def boot_facts(
    file: Path = BOOT_FACTS, *, max_age: float = FRESH, clock: Callable[[], float] = time.time
) -> dict[str, Any] | None:
    """Return the facts that were written at boot, in the form of ``gather``.

    Returns None unless the file is complete, at most ``max_age`` seconds old, owned by root or this user, and writable
    only by its owner.
    """
    try:
        with file.open("rb") as opened:
            status = os.fstat(opened.fileno())
            is_trusted = status.st_uid in {0, os.geteuid()} and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
            if not is_trusted or not 0 <= clock() - status.st_mtime <= max_age:
                return None
            everything = json.load(opened)
            return None if everything["collection"]["unread"] else _for_engines(everything, tree=False)
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None  # absent or malformed


def read(names: Collection[str], *, endpoint: str | None = None, deadline: float = 30) -> dict[str, Any]:
    """Return single facts by name, each read with as few requests as possible."""
    client = IMDSClient(endpoint, deadline=deadline)
    return {name: jsonable(lookup(client, name), Missing()) for name in names}


def message_of(error: EC2FactsError) -> str:
    """Return the message of ``error`` without the options of the command line, which engines do not have."""
    if isinstance(error, WithheldError):
        return f"{error.path} is withheld"
    if isinstance(error, IncompleteError):
        return "could not be read: " + "; ".join(f"{path} ({reason})" for path, reason in error.unread.items())
    return str(error)


def _for_engines(everything: dict[str, Any], *, tree: bool) -> dict[str, Any]:
    collection = everything["collection"]
    withheld = {path: reason.removeprefix(_INCLUDED_WITH) for path, reason in collection["withheld"].items()}
    kept = {name: value for name, value in everything.items() if tree or name not in TREE}
    return {**kept, "collection": {**collection, "withheld": withheld}}
