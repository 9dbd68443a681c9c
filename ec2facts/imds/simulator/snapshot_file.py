"""Snapshot files that are reloaded when they change, with a warning if other users can read their secrets."""

from __future__ import annotations

import logging
import re
import stat
import threading
from os import PathLike
from pathlib import Path

from ec2facts.errors import SnapshotError
from ec2facts.imds.snapshot import Snapshot
from ec2facts.text import escape_unprintable

_log = logging.getLogger(__name__)

_SECRET = re.compile(r"user-data/?|(?:.*/)?security-credentials/[^/]+|.*/instance-identity/(?!document\Z)[^/]+")
"""The paths whose bodies AWS documents as secret."""


class SnapshotFile:
    """A source that reloads a snapshot file when the file is edited or replaced.

    If the file becomes invalid or is deleted, the last valid snapshot stays in use, and a warning is logged.
    """

    def __init__(self, file: str | PathLike[str]) -> None:
        self.file = Path(file)
        self._lock = threading.Lock()
        self._version = self._current_version()
        self.snapshot = Snapshot.load(self.file)

    def get(self, path: str) -> bytes | None:
        """Return the body of ``path`` in the current file; errors are those of ``Snapshot.get``."""
        with self._lock:
            self._reload()
            snapshot = self.snapshot
        return snapshot.get(path)

    def _reload(self) -> None:
        version = self._current_version()
        if version == self._version:
            return
        self._version = version  # one warning per version of the file
        try:
            self.snapshot = Snapshot.load(self.file)
        except (OSError, SnapshotError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            _log.warning("%s", escape_unprintable(f"serving the last valid snapshot of {self.file}: {reason}"))
        else:
            warn_if_exposed(self.snapshot)

    def _current_version(self) -> tuple[int, ...]:
        try:
            status = self.file.stat()
        except OSError:
            return ()
        return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def warn_if_exposed(snapshot: Snapshot) -> None:
    """Log a warning if the file of ``snapshot`` holds secrets and other users can read it."""
    file = snapshot.file
    secrets = sorted(path for path in snapshot.bodies if _SECRET.fullmatch(path))
    if file is not None and secrets and _is_readable_by_others(file):
        text = f"other users can read {file}, which holds {', '.join(secrets)}: chmod 600 {file}"
        _log.warning("%s", escape_unprintable(text))


def _is_readable_by_others(file: Path) -> bool:
    try:
        path = file.resolve()
        ways = (parent.stat().st_mode & stat.S_IXOTH for parent in path.parents)
        return bool(path.stat().st_mode & stat.S_IROTH) and all(ways)
    except OSError:
        return False
