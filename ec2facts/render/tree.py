"""Facts as a tree: JSON and YAML."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from functools import cache
from typing import Any

from ec2facts.collection.unread import refuse_unread
from ec2facts.errors import UsageError
from ec2facts.text import escape_lone_surrogates

TREE_FORMATS = ("json", "yaml")
"""The formats that can hold every fact."""


def render_tree(facts: Mapping[str, Any], format: str) -> str:  # noqa: A002 (the name of the option)
    """Return the facts in one of TREE_FORMATS; raise UsageError for another format.

    Raises IncompleteError if any of the facts is unread.
    """
    if format not in TREE_FORMATS:
        raise UsageError(f"no format {format!r}, choose from {', '.join(TREE_FORMATS)}")
    return render_json(facts) if format == "json" else render_yaml(facts)


def render_json(facts: Mapping[str, Any]) -> str:
    """Return the facts as one JSON object, in the facts' order; non-ASCII text is not escaped.

    Raises IncompleteError if any of the facts is unread, and ValueError for NaN and infinities: JSON has neither.
    """
    refuse_unread(facts)
    text = json.dumps(facts, indent=2, ensure_ascii=False, allow_nan=False)
    return escape_lone_surrogates(text) + "\n"


def render_yaml(facts: Mapping[str, Any]) -> str:
    """Return the facts as one YAML mapping, in the facts' order; YAML 1.1 and 1.2 parsers read the same values.

    Raises IncompleteError if any of the facts is unread.
    """
    refuse_unread(facts)
    return to_yaml(facts)


def to_yaml(value: Any, *, indent: int = 2, sort_keys: bool = False, explicit_start: bool = False) -> str:
    """Return ``value`` as YAML in block style that parses to an equal value; long lines are not wrapped."""
    import yaml

    text: str = yaml.dump(
        value,
        Dumper=_dumper(),
        indent=indent,
        width=sys.maxsize,
        allow_unicode=True,
        sort_keys=sort_keys,
        explicit_start=explicit_start,
    )
    # PyYAML ends a bare number or word with an end-of-document mark, which would break a template's output.
    return text[:-4] if text.endswith("\n...\n") else text


@cache
def _dumper() -> Any:
    """Return a Dumper that quotes every text but safe words, and writes no anchors."""
    import yaml

    # PyYAML itself quotes the words that YAML 1.1 reads as booleans, except y and n.
    plain = re.compile("(?![yn]$)[a-z][a-z0-9_./-]*", re.ASCII | re.IGNORECASE)
    # Line breaks of YAML 1.1; the last three are ordinary characters in 1.2, so all are escaped.
    line_break = re.compile("[\n\x85\u2028\u2029]")

    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:
            return True

        def represent_text(self, text: str) -> yaml.ScalarNode:
            style = None if plain.fullmatch(text) else '"' if line_break.search(text) else "'"
            return self.represent_scalar("tag:yaml.org,2002:str", text, style=style)

    Dumper.add_representer(str, Dumper.represent_text)
    return Dumper
