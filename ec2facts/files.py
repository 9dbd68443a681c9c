"""Files, replaced whole: a reader sees the old content or the new, never a part."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path


def write_file(path: Path, content: bytes, *, mode: int | None = None) -> None:
    """Replace the file at ``path``, or what it links to, by ``content``; on any failure it stays as it was.

    ``mode`` is the file's; None keeps that of an existing file and gives a new one what the umask leaves. What
    is not a regular file (a terminal, a pipe) is written to as it is. Raises OSError.
    """
    target = Path(os.path.realpath(path))
    try:
        existing = target.stat().st_mode
    except FileNotFoundError:
        existing = None
    if existing is not None and not stat.S_ISREG(existing):
        path.write_bytes(content)
        return
    descriptor, name = tempfile.mkstemp(prefix=".ec2facts-", dir=target.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fchmod(descriptor, _mode(mode, existing))
            os.fsync(descriptor)
        temporary.replace(target)
    except BaseException:
        temporary.unlink()
        raise
    _sync_directory(target.parent)


def _mode(wanted: int | None, existing: int | None) -> int:
    if wanted is not None:
        return wanted
    if existing is not None:
        return stat.S_IMODE(existing)
    umask = os.umask(0o077)
    os.umask(umask)
    return 0o666 & ~umask


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
