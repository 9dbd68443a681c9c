"""What templates have been compiled to, kept for the next time."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import jinja2
from jinja2.bccache import Bucket, FileSystemBytecodeCache


def bytecode_cache(directory: Path) -> FileSystemBytecodeCache | None:
    """Return the cache in ``directory``, which is made if need be; None where others than its owner may enter it.

    What lies there is run, so nobody else may put anything there.
    """
    with suppress(OSError):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = directory.lstat()
        if status.st_uid == os.geteuid() and not status.st_mode & 0o077:
            return _Cache(str(directory), "%s.code")
    return None


class _Cache(FileSystemBytecodeCache):
    """A cache whose entries are those of this very Jinja, and which does without rather than fail."""

    def get_source_checksum(self, source: str) -> str:
        return super().get_source_checksum(f"{Path(jinja2.__file__).stat().st_mtime_ns}{source}")

    def load_bytecode(self, bucket: Bucket) -> None:
        with suppress(OSError):
            super().load_bytecode(bucket)

    def dump_bytecode(self, bucket: Bucket) -> None:
        with suppress(OSError):
            super().dump_bytecode(bucket)
