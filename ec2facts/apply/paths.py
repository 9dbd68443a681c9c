"""The paths of facts: the roots of a crawl for outputs that use only some facts."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from functools import cache
from typing import Any

from ec2facts.collection.names import TREES
from ec2facts.collection.selection import Spell, matching
from ec2facts.collection.unread import Unread
from ec2facts.errors import AbsentError, UsageError
from ec2facts.imds.source import ROOTS
from ec2facts.metadata.descriptor import attributes
from ec2facts.metadata.instance import EC2Metadata


def names_matching(globs: Collection[str], *, spell: Spell | None = None) -> set[str]:
    """Return the top-level facts that ``globs`` can select on some instance."""
    # With each fact as an unread directory, a glob matches it if it can match anything inside it.
    unknown: dict[str, Any] = {name: Unread(f"{name}/", "unknown") for name in (*attributes(EC2Metadata), *TREES)}
    unknown["collection"] = {"withheld": {}, "unread": unknown["collection"]}
    with suppress(UsageError):  # the output fails when it is rendered
        return {str(keys[0]) for keys in matching(unknown, globs, spell=spell)}
    return set()


def roots_of(names: Collection[str]) -> tuple[str, ...]:
    """Return the roots of a crawl for the facts ``names``: only their paths if all are attributes, else everything."""
    if not attributes(EC2Metadata).keys() >= set(names):
        return ROOTS
    return tuple(dict.fromkeys(path for name in sorted(names) for path in paths_of(name)))


def changeable_names(include: Collection[str]) -> set[str]:
    """Return the attributes that can change while an instance runs; withheld ones only if they are included."""
    return {
        name
        for name, attribute in attributes(EC2Metadata).items()
        if attribute.changeable and (not attribute.withheld or name in include)
    }


@cache
def paths_of(name: str) -> tuple[str, ...]:
    """Return the paths that the attribute ``name`` reads."""
    attribute = attributes(EC2Metadata)[name]
    paths = {attribute.path}
    if attribute.needs is not None:
        paths.add(attribute.needs.path)
    nothing = _Nothing()
    with suppress(AbsentError):  # the fallback path is read when the first path is absent
        attribute.require(EC2Metadata(source=nothing))
    return tuple(sorted(paths | {path for path in nothing.paths if path.rstrip("/") not in paths}))


class _Nothing:
    """A source in which every path is absent; it records the paths that are read."""

    def __init__(self) -> None:
        self.paths: list[str] = []

    def get(self, path: str) -> bytes | None:
        self.paths.append(path)
        return None
