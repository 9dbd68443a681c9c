"""Users other than root, for tests of owners and rights."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

NOBODY = 65534
OTHER = 12345
"""A uid and a gid without a user or a group."""

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can change the owner of a file")


@contextmanager
def without_privileges() -> Iterator[Path]:
    """Act as a user without privileges, who owns the yielded directory."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        if os.geteuid() != 0:
            yield directory
            return
        os.chown(directory, NOBODY, NOBODY)
        os.setegid(NOBODY)
        os.seteuid(NOBODY)
        try:
            yield directory
        finally:
            os.seteuid(0)
            os.setegid(0)
