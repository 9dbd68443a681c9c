"""The wanted state of one file."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple


class File(NamedTuple):
    """The wanted state of a file, and what to run when it changes.

    ``mode``, ``owner`` and ``group`` are repaired if they differ; None keeps those of an existing file. A ``secret``
    file has mode 0600 and the effective user as owner by default, and no diff shows it.
    """

    path: Path
    content: bytes = b""
    mode: int | None = None
    owner: str | None = None
    """A user name or a uid."""
    group: str | None = None
    """A group name or a gid."""
    secret: bool = False
    follow: bool = True
    """Replace the target of a symbolic link at ``path``; False refuses links."""
    in_place: bool = False
    """Write into an existing file instead of replacing it: neither atomic nor safe from power loss."""
    backup: bool = False
    """Keep the old file under its name with a tilde appended."""
    check: str | None = None
    """A shell command that checks a copy of the new file, named ``{}``; if it fails, the old file is kept."""
    check_suffix: str = ""
    """The suffix of the copy's name, for checkers that depend on it."""
    check_live: str | None = None
    """A shell command that checks the installed file; if it fails, the old file is restored."""
    command: str | None = None
    """A shell command that runs after all files are installed, if this one changed."""
    together: str | None = None
    """Files with the same value change together or not at all."""
    time_limit: float = 60.0
    """Each shell command is killed after this many seconds."""
    parents: bool = False
    """Create missing directories, with mode 0755 and the owner and group of the file."""
    prune: bool = False
    """Remove the file when a later run of the same name no longer installs it."""
    remove: bool = False
    """Remove the file instead of writing it."""
