"""The last complete snapshot of this instance, kept for when the service is unavailable."""

from __future__ import annotations

import errno
import json
import os
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from ec2facts.atomic_replace import write_file
from ec2facts.collection.crawl import crawl
from ec2facts.errors import EC2FactsError, StaleError
from ec2facts.imds.snapshot import Snapshot
from ec2facts.imds.source import Source
from ec2facts.metadata.instance import EC2Metadata
from ec2facts.trust import trace


class Identity(NamedTuple):
    """Kernel files that identify the instance without the service."""

    instance_id: Path = Path("/sys/devices/virtual/dmi/id/board_asset_tag")
    """Holds the instance id on Nitro instances."""
    boot_id: Path = Path("/proc/sys/kernel/random/boot_id")
    """Changes at each boot: facts of the same boot are facts of the same instance."""


THIS_MACHINE = Identity()


class Last(NamedTuple):
    """The last facts: a snapshot without withheld facts, its instance, and its age in seconds."""

    snapshot: Snapshot
    instance_id: str
    age: float


class LastFacts:
    """The last facts in a state directory, with the endpoint and the boot of their collection.

    Only this machine's live service is saved and replaced: a source whose ``is_live`` is True.
    """

    def __init__(
        self, directory: Path, identity: Identity = THIS_MACHINE, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._snapshot = directory / "last.json"
        self._origin = directory / "last.origin"
        self._identity = identity
        self._clock = clock

    def keep(self, snapshot: Snapshot, source: Source, *, include: Collection[str] = ()) -> None:
        """Save a complete snapshot of the live service, without withheld facts; ignore any other."""
        if snapshot.unread or not is_live(source) or _instance_id(snapshot) is None:
            return
        _refuse_untrusted(self._snapshot)
        self._snapshot.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # In this order: an interruption in between leaves facts that are refused, never facts of another instance.
        _write(self._snapshot, (crawl(snapshot) if include else snapshot).dump())
        _write(self._origin, json.dumps({"endpoint": _name(source), "boot": _read(self._identity.boot_id)}).encode())
        os.utime(self._snapshot, (self._clock(), self._clock()))

    def read(self, source: Source, now: Snapshot | None = None, *, include: Collection[str] = ()) -> Last:
        """Return the last facts of the instance whose live service is ``source``.

        Raises StaleError if there are none, if they are of another endpoint or of another instance than this machine
        or the snapshot ``now``, or if ``include`` names withheld facts.
        """
        if not is_live(source):
            raise StaleError(f"no last facts are saved for {_name(source)}: it is not this machine's own service")
        if include:
            raise StaleError(f"the last facts never hold withheld facts, such as {', '.join(include)}")
        try:
            _refuse_untrusted(self._snapshot)
            snapshot = Snapshot.load(self._snapshot)
            age = max(0.0, self._clock() - self._snapshot.stat().st_mtime)
        except (OSError, EC2FactsError) as error:
            raise StaleError(f"there are no last facts: {error}") from error
        instance = _instance_id(snapshot)
        if instance is None:
            raise StaleError("the last facts hold no instance id")
        origin = self._read_origin()
        if origin.get("endpoint") != _name(source):
            raise StaleError(f"the last facts of {instance} were read from another endpoint, {origin.get('endpoint')}")
        self._check_instance(instance, origin, None if now is None else _instance_id(now))
        return Last(snapshot, instance, age)

    def _check_instance(self, instance: str, origin: dict[str, Any], answered: str | None) -> None:
        here = answered or _read(self._identity.instance_id) or ""
        if here.startswith("i-"):
            if here != instance:
                raise StaleError(f"the last facts are of another instance: {instance}, and this one is {here}")
        elif not origin.get("boot") or origin["boot"] != _read(self._identity.boot_id):
            raise StaleError(
                f"the last facts of {instance} are from before this boot, "
                f"and {self._identity.instance_id} does not identify this instance"
            )

    def _read_origin(self) -> dict[str, Any]:
        with suppress(OSError, ValueError):
            origin = json.loads(self._origin.read_bytes())
            return origin if isinstance(origin, dict) else {}
        return {}


def is_live(source: Source) -> bool:
    """Return whether a source says that it is the live service of this machine."""
    return getattr(source, "is_live", False) is True


def _name(source: Source) -> str:
    return str(getattr(source, "name", type(source).__name__))


def _instance_id(snapshot: Snapshot) -> str | None:
    with suppress(EC2FactsError):
        return EC2Metadata(source=snapshot).instance_id or None
    return None


def _refuse_untrusted(file: Path) -> None:
    reason = trace(file, content=True).reason
    if reason is not None:
        raise PermissionError(errno.EPERM, reason, str(file))


def _read(file: Path) -> str | None:
    with suppress(OSError):
        return file.read_text(encoding="utf-8", errors="replace").strip()
    return None


def _write(file: Path, content: bytes) -> None:
    with suppress(OSError):
        if file.read_bytes() == content:
            return
    write_file(file, content, mode=0o600)
