"""Facts as variables: which of them, by what names, in which format."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from ec2facts.errors import UnrepresentableError, UsageError
from ec2facts.metadata import DOCUMENTS
from ec2facts.render.encodings import FORMATS, Format

_ONLY_BY_NAME = DOCUMENTS | {"meta_data", "dynamic", "collection"}


class Scalar(NamedTuple):
    """One scalar of the facts, and the parts of its dotted name."""

    parts: tuple[str, ...]
    value: str | int | float | bool

    @property
    def dotted(self) -> str:
        """The fact's name as ``ec2facts get`` takes it."""
        return ".".join(self.parts)

    @property
    def text(self) -> str:
        """The value as text, in the spelling of JSON where it is not text itself."""
        return self.value if isinstance(self.value, str) else json.dumps(self.value)


def scalars(facts: Mapping[str, Any]) -> Iterator[Scalar]:
    """Yield every scalar of the facts, in their order; network interfaces go by position, as lists do.

    Empty lists, empty dicts and the nulls of JSON documents hold no scalar and give nothing.
    """
    for key, value in facts.items():
        yield from _below((key,), list(value.values()) if key == "network_interfaces" else value)


def _below(parts: tuple[str, ...], value: Any) -> Iterator[Scalar]:
    children: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, Mapping):
        children = value.items()
    elif isinstance(value, list):
        children = enumerate(value)
    elif value is not None:
        yield Scalar(parts, value)
    for key, child in children:
        yield from _below((*parts, str(key)), child)


def render_env(
    facts: Mapping[str, Any],
    format: str = "sh",  # noqa: A002 (what the option is called)
    *,
    prefix: str = "EC2_",
    separator: str = "_",
    only: Sequence[str] = (),
    export: bool = False,
    on_skip: Callable[[str, str], None] | None = None,
) -> str:
    """Return one assignment for each scalar fact, in the facts' order, in one of FORMATS.

    A variable's name is ``prefix`` and the parts of the fact's dotted name, in capitals, joined by ``separator``.
    ``only`` chooses from every fact by globs, each for dotted names or variables' names, or for a parent's, which
    chooses all below it. Without it, all is chosen but the verbatim tree and whole documents. ``export`` is for sh.

    Raises UsageError for an argument that means nothing, as a glob that matches nothing does. Raises
    UnrepresentableError, all of them at once, for values that the format cannot hold and names that two facts want;
    with ``on_skip``, that is called with each such name and the reason instead, and the rest is written.

    Values may hold any line ending: write the text without translating newlines.
    """
    if format not in FORMATS:
        raise UsageError(f"no format {format!r}, choose from {', '.join(FORMATS)}")
    if export and format != "sh":
        raise UsageError(f"export is for the format sh, not for {format}")
    name_of = _naming(prefix, separator)
    variables: dict[str, list[Scalar]] = {}
    for scalar in _chosen(facts, only, name_of):
        variables.setdefault(name_of(scalar.parts), []).append(scalar)

    encoding = FORMATS[format]
    refusals = ((name, _refusal(encoding, name, wanting)) for name, wanting in variables.items())
    refused = {name: reason for name, reason in refusals if reason}
    if refused and on_skip is None:
        raise UnrepresentableError(format, refused)
    lines = []
    for name, reason in refused.items():
        if on_skip is not None:
            on_skip(name, reason)
        lines.append(encoding.comment(f"left out: {name}"))
    for name, (scalar, *_) in variables.items():
        if name not in refused:
            lines.append(("export " if export else "") + encoding.encode(name, scalar.text))
    return "".join(lines)


def _naming(prefix: str, separator: str) -> Callable[[Sequence[str]], str]:
    """Return what names a variable, always in characters that every format takes for a name."""
    if not prefix:
        raise UsageError("an empty prefix would leave it to the facts which variables are set, LD_PRELOAD or PATH")
    if not re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", prefix):
        raise UsageError(f"the prefix {prefix!r} cannot begin a name: letters, digits and _, no digit first")
    if not re.fullmatch("[A-Za-z0-9_]*", separator):
        raise UsageError(f"the separator {separator!r} cannot stand in a name: letters, digits and _")
    return lambda parts: prefix + separator.join(re.sub("[^A-Z0-9_]", "_", part.upper()) for part in parts)


def _chosen(facts: Mapping[str, Any], only: Sequence[str], name_of: Callable[[Sequence[str]], str]) -> list[Scalar]:
    if not only:
        return [scalar for scalar in scalars(facts) if scalar.parts[0] not in _ONLY_BY_NAME]
    chosen = []
    matching: set[str] = set()
    for scalar in scalars(facts):
        ancestors = [scalar.parts[:depth] for depth in range(1, len(scalar.parts) + 1)]
        names = [name for parts in ancestors for name in (".".join(parts), name_of(parts))]
        globs = [glob for glob in only if any(fnmatchcase(name, glob) for name in names)]
        matching.update(globs)
        if globs:
            chosen.append(scalar)
    unmatched = [glob for glob in only if glob not in matching]
    if unmatched:
        raise UsageError(f"no fact matches {', '.join(map(repr, unmatched))}")
    return chosen


def _refusal(encoding: Format, name: str, wanting: Sequence[Scalar]) -> str | None:
    if len(wanting) == 1:
        return encoding.refusal(name, wanting[0].text)
    # Repr, because tag keys are text from outside and the reason is printed.
    return "wanted by " + " and ".join(repr(scalar.dotted) for scalar in wanting)
