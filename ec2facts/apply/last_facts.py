"""The last facts: what the service said when it last said everything, for when it says nothing."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from ec2facts.collection.crawl import crawl
from ec2facts.errors import EC2FactsError, StaleError
from ec2facts.files import is_own, write_file
from ec2facts.imds.snapshot import Snapshot
from ec2facts.metadata.instance import EC2Metadata


class Identity(NamedTuple):
    """What tells, without the service, which instance this is: files of the kernel."""

    instance_id: Path = Path("/sys/devices/virtual/dmi/id/board_asset_tag")
    """Holds the id on Nitro instances."""
    boot_id: Path = Path("/proc/sys/kernel/random/boot_id")
    """Another at each boot: what was read since this boot was read on this instance."""


THIS_MACHINE = Identity()


class LastFacts:
    """The last facts in a directory for state: a snapshot without anything withheld, and the boot that read it."""

    def __init__(self, directory: Path, identity: Identity = THIS_MACHINE) -> None:
        self._snapshot = directory / "last.json"
        self._boot = directory / "last.boot"
        self._identity = identity

    def keep(self, snapshot: Snapshot, *, include: Collection[str] = ()) -> None:
        """Keep a complete snapshot, but for what was included in it; nothing is written if it is the last one's."""
        self._snapshot.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # In this order: killed in between, what is of this instance passes for another's, not the reverse.
        _write(self._snapshot, (crawl(snapshot) if include else snapshot).dump())
        _write(self._boot, (_read(self._identity.boot_id) or "").encode())

    def read(self, *, include: Collection[str] = ()) -> Snapshot:
        """Return the last snapshot; raise StaleError if there is none, or none of this instance or of so much."""
        if include:
            raise StaleError(f"the last facts hold nothing that is withheld, such as {', '.join(include)}")
        try:
            if not is_own(self._snapshot.parent):
                raise StaleError(f"others can write to {self._snapshot.parent}")
            snapshot = Snapshot.load(self._snapshot)
            instance = EC2Metadata(source=snapshot).instance_id
        except (OSError, EC2FactsError) as error:
            raise StaleError(f"there are no last facts: {error}") from error
        here = _read(self._identity.instance_id) or ""
        if here.startswith("i-"):
            if here != instance:
                raise StaleError(f"the last facts are of another instance: {instance}, and this one is {here}")
        elif not _read(self._boot) or _read(self._boot) != _read(self._identity.boot_id):
            raise StaleError(
                f"the last facts, of {instance}, are from before this boot, "
                f"and {self._identity.instance_id} does not tell which instance this is"
            )
        return snapshot


def _read(file: Path) -> str | None:
    with suppress(OSError):
        return file.read_text(encoding="utf-8", errors="replace").strip()
    return None


def _write(file: Path, content: bytes) -> None:
    with suppress(OSError):
        if file.read_bytes() == content:
            return
    write_file(file, content, mode=0o600)
