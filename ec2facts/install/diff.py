"""Diffs of changes, for people."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from ec2facts.text import escape_unprintable

if TYPE_CHECKING:
    from ec2facts.install.change import Change


def diff(change: Change) -> str:
    """Return a unified diff of a file's content; empty if the content is unchanged.

    The content is hidden if the file is secret, was written as a secret, or is readable only by its owner.
    """
    if change.kind not in {"changed", "removed"}:
        return ""
    name = escape_unprintable(str(change.file.path))
    old = "/dev/null" if change.before is None else name
    new = "/dev/null" if change.kind == "removed" else name
    attributes = [change.wanted] if change.existing is None else [change.wanted, change.existing]
    if change.secret or any(not each.mode & 0o077 for each in attributes):
        return f"--- {old}\n+++ {new}\n(not shown: the file is private, or held a secret)\n"
    lines = difflib.unified_diff(_lines(change.before or b""), _lines(change.file.content), old, new, lineterm="")
    return "".join(line + "\n" for line in lines)


def _lines(content: bytes) -> list[str]:
    lines = [escape_unprintable(line, keep="\t") for line in content.decode(errors="backslashreplace").split("\n")]
    return lines[:-1] if not lines[-1] else [*lines[:-1], lines[-1] + "\n\\ No newline at end of file"]
