"""Text for people and logs: escapes for terminals and encodings, and suggestions for mistyped names."""

from __future__ import annotations

import re
from collections.abc import Iterable


def escape_unprintable(text: str, *, keep: str = "") -> str:
    """Return ``text`` with an escape for each character that could move a terminal's cursor or cannot be encoded.

    Characters in ``keep``, such as a tab, are not escaped.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char in keep else ascii(char)[1:-1] for char in text)


def escape_lone_surrogates(text: str) -> str:
    r"""Return JSON ``text`` with ``\udXXX`` for each half of a surrogate pair: no encoding can hold the character."""
    return re.sub("[\ud800-\udfff]", lambda half: f"\\u{ord(half[0]):04x}", text)


def closest(name: str, known: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """Return the name in ``known`` closest to ``name``, ignoring case; None if none is close."""
    import difflib  # slow to import, and only errors need it

    spelled = {each.casefold(): each for each in known}
    matches = difflib.get_close_matches(name.casefold(), spelled, n=1, cutoff=cutoff)
    return spelled[matches[0]] if matches else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return " (did you mean 'X'?)" for the name in ``known`` closest to ``name``, or "" if none is close."""
    meant = closest(name, known)
    return "" if meant is None else f" (did you mean {meant!r}?)"
