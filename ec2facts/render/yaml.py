"""Facts as YAML that every reader reads alike, whether it follows YAML 1.1 or 1.2."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from typing import Any

import yaml

_PLAIN = re.compile("(?![yn]$)[a-z][a-z0-9_./-]*", re.ASCII | re.IGNORECASE)
"""What may stand without quotes, once PyYAML has seen to the words of YAML 1.1 that it knows: all but y and n."""

_BREAK = re.compile("[\n\x85\u2028\u2029]")
"""Line breaks of YAML 1.1; the last three are plain characters in 1.2, so each is written as an escape."""


def render_yaml(facts: Mapping[str, Any]) -> str:
    """Return the facts as one YAML mapping, in their own order, non-ASCII text as it is."""
    return to_yaml(facts)


def to_yaml(value: Any, *, indent: int = 2, sort_keys: bool = False, explicit_start: bool = False) -> str:
    """Return ``value`` as YAML in block style that reads back equal; no string is folded, none becomes a number."""
    text: str = yaml.dump(
        value,
        Dumper=_Dumper,
        indent=indent,
        width=sys.maxsize,
        allow_unicode=True,
        sort_keys=sort_keys,
        explicit_start=explicit_start,
    )
    # Behind a bare number or word comes the end of the document, which has no place in a template.
    return text[:-4] if text.endswith("\n...\n") else text


class _Dumper(yaml.SafeDumper):
    """Quotes every string that is not plainly safe, and repeats what an anchor would share."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def represent_text(self, text: str) -> yaml.ScalarNode:
        if _PLAIN.fullmatch(text):
            return self.represent_scalar("tag:yaml.org,2002:str", text)
        return self.represent_scalar("tag:yaml.org,2002:str", text, style='"' if _BREAK.search(text) else "'")


_Dumper.add_representer(str, _Dumper.represent_text)
