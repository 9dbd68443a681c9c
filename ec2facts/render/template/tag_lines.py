"""Removal of template lines that hold only block tags, comments and blanks.

Jinja's ``trim_blocks`` drops the newline after every block tag, and joins ``yes{% endif %}`` to the next line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

Token = tuple[int, str, str]
"""A token of Jinja's lexer: first line, kind, text."""

_TAG_BEGINS = {"block_begin", "comment_begin", "raw_begin", "raw_end"}
_TAG_ENDS = {"block_end", "comment_end", "raw_begin", "raw_end"}

_PRINTING = {"include", "call", "block", "filter"}
"""Tags that can print: blanks between two of them can separate words."""

_LINE = re.compile("[^\n]*\n|[^\n]+")


def without_tag_lines(tokens: Iterable[Token], *, lstrip_blocks: bool) -> Iterator[Token]:
    """Drop the blanks and the newline of each line that holds only tags from the tokens of a template.

    A tag that spans several lines counts as one line. A line with ``{%+`` or ``+%}`` is left to Jinja.
    """
    tokens = list(tokens)
    alone, printing = _tag_lines(tokens)
    spaced = printing if lstrip_blocks else alone
    for line, kind, text in tokens:
        if kind != "data":
            yield line, kind, text
            continue
        parts = enumerate(_LINE.findall(text), line)
        kept = [part for number, part in parts if number not in alone or (number in spaced and not part.endswith("\n"))]
        if kept:
            yield line, kind, "".join(kept)


def _tag_lines(tokens: Iterable[Token]) -> tuple[set[int], set[int]]:
    """Return the numbers of the lines that hold only tags, and of the lines with a tag that can print."""
    first_line: dict[int, int] = {}  # by line: the first line of the tag that spans it
    tagged: set[int] = set()
    filled: set[int] = set()
    printing: set[int] = set()
    begin, before = 0, ""
    for line, kind, text in tokens:
        first = first_line.setdefault(line, line)
        if kind == "data":
            parts = enumerate(text.split("\n"), line)
            filled.update(first_line.get(number, number) for number, part in parts if part.strip())
        elif kind in _TAG_BEGINS or kind == "variable_begin":
            begin = first
            (filled if kind == "variable_begin" else tagged).add(begin)
        elif kind == "name" and before == "block_begin" and text in _PRINTING:
            printing.add(begin)
        if kind in _TAG_ENDS or kind == "variable_end":
            first_line.update(dict.fromkeys(range(begin, line + 1), begin))
        if kind in _TAG_BEGINS | _TAG_ENDS and "+" in text:
            filled.add(begin)
        before = before if kind == "whitespace" else kind
    alone = tagged - filled
    return {line for line, first in first_line.items() if first in alone}, printing
