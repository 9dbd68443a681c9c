"""Regular expressions of templates."""

from __future__ import annotations

import re
from typing import Any

from ec2facts.render.printable import printable


def compiled(pattern: str, ignorecase: bool = False, multiline: bool = False) -> re.Pattern[str]:  # noqa: FBT001, FBT002 (in the place that Ansible has them)
    """Return a regular expression; raise ValueError, with the reason, if it is none."""
    try:
        return re.compile(backslashed(pattern), re.IGNORECASE * ignorecase | re.MULTILINE * multiline)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from error


def backslashed(text: Any) -> str:
    r"""Return a text of a template for ``re``; refuse one in which Jinja took a backslash for its own, as in ``\1``."""
    if re.search("[\x01-\x08]", printable(text)):
        raise ValueError("a control character where a backslash may have been meant, which is written twice")
    return printable(text)
