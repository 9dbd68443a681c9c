"""Env files: which facts are written, under which variable names."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ec2facts.collection.selection import Keys, matching
from ec2facts.collection.unread import Unread
from ec2facts.errors import IncompleteError, UnrepresentableError, UsageError
from ec2facts.metadata.descriptor import attributes
from ec2facts.metadata.instance import EC2Metadata
from ec2facts.metadata.schema import DOCUMENTS
from ec2facts.render.env_formats import FORMATS, Format

Naming = Callable[[Sequence[str]], str]
"""Builds a variable's name from the parts of a fact's dotted name."""

_ONLY_BY_NAME = DOCUMENTS | {"meta_data", "dynamic", "collection"}

ON_EVERY_INSTANCE = frozenset(
    name
    for name, attribute in attributes(EC2Metadata).items()
    if attribute.is_required and not attribute.withheld and name != "tags"  # tags are absent unless enabled
)
"""The facts that every instance has: if one of them is unread, no env file is written."""


class Scalar(NamedTuple):
    """A scalar fact, or an unread value."""

    parts: tuple[str, ...]
    """The parts of the dotted name; network interfaces and list items are named by position."""
    value: str | int | float | bool | Unread
    keys: Keys
    """The keys of the value in the facts, outermost first."""

    @property
    def dotted(self) -> str:
        """The dotted name that ``ec2facts get`` accepts."""
        return ".".join(self.parts)

    @property
    def text(self) -> str:
        """The value as text; numbers and booleans as in JSON."""
        return self.value if isinstance(self.value, str) else json.dumps(self.value)


def scalars(value: Any, parts: tuple[str, ...] = (), keys: Keys = ()) -> Iterator[Scalar]:
    """Yield every scalar and every unread value in the facts, in order; None and empty containers yield nothing."""
    children: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, Mapping):
        children = value.items()
    elif isinstance(value, list):
        children = enumerate(value)
    elif value is not None:
        yield Scalar(parts, value, keys)
    for position, (key, child) in enumerate(children):
        name = position if keys == ("network_interfaces",) else key
        yield from scalars(child, (*parts, str(name)), (*keys, key))


def render_env(
    facts: Mapping[str, Any],
    format: str = "sh",  # noqa: A002 (what the option is called)
    *,
    prefix: str = "EC2_",
    separator: str = "_",
    only: Sequence[str] = (),
    export: bool = False,
    on_skip: Callable[[str, str], None] | None = None,
    on_unread: Callable[[str, str], None] | None = None,
    on_absent: Callable[[str, str], None] | None = None,
) -> str:
    """Return one assignment for each scalar fact, in the facts' order, in one of FORMATS.

    A variable's name is ``prefix`` followed by the parts of the fact's dotted name in capitals, joined by
    ``separator``. ``only`` selects facts by globs. A glob matches a dotted name, AWS's own name, a path or a
    variable's name; a glob that matches a parent selects everything below it. By default every fact is selected except
    the verbatim tree and whole documents. ``export`` needs the format sh.

    Raises UsageError for an invalid argument, such as a glob that matches no fact of any instance.

    Raises IncompleteError if a selected fact is unread. With ``on_unread``, an unread fact is skipped and named in a
    comment, and ``on_unread`` is called with its path and the reason; a fact of ON_EVERY_INSTANCE still raises.

    ``on_absent`` is called with each glob of ``only`` that selects nothing on this instance, and with the reason.

    Raises UnrepresentableError, which names every variable that the format cannot hold or that two facts share. With
    ``on_skip``, such a variable is skipped, and ``on_skip`` is called with its name and the reason.

    Values can hold any line ending: write the text without newline translation.
    """
    if format not in FORMATS:
        raise UsageError(f"no format {format!r}, choose from {', '.join(FORMATS)}")
    if export and format != "sh":
        raise UsageError(f"export needs the format sh, not {format}")
    name_of = naming(prefix, separator)
    unread: dict[str, str] = {}
    required: dict[str, str] = {}
    variables: dict[str, list[Scalar]] = {}
    for scalar in _selected(facts, only, name_of, on_absent):
        if isinstance(scalar.value, Unread):
            unread[scalar.value.path] = scalar.value.reason
            if len(scalar.parts) == 1 and scalar.parts[0] in ON_EVERY_INSTANCE:
                required[scalar.value.path] = scalar.value.reason
        else:
            variables.setdefault(name_of(scalar.parts), []).append(scalar)
    if unread and on_unread is None:
        raise IncompleteError(unread)
    if required:
        raise IncompleteError(required, is_needed=True)

    encoding = FORMATS[format]
    refusals = ((name, _refusal(encoding, name, sources)) for name, sources in variables.items())
    refused = {name: reason for name, reason in refusals if reason}
    if refused and on_skip is None:
        raise UnrepresentableError(format, refused)
    lines = []
    for path, reason in unread.items():
        if on_unread is not None:
            on_unread(path, reason)
        lines.append(encoding.comment(f"unread: {path}: {reason}"))
    for name, reason in refused.items():
        if on_skip is not None:
            on_skip(name, reason)
        lines.append(encoding.comment(f"left out: {name}"))
    for name, (scalar, *_) in variables.items():
        if name not in refused:
            lines.append(("export " if export else "") + encoding.encode(name, scalar.text))
    return "".join(lines)


def naming(prefix: str, separator: str) -> Naming:
    """Return a function that builds variable names; every format accepts their characters."""
    if not prefix:
        raise UsageError("an empty prefix would let facts set any variable, such as LD_PRELOAD or PATH")
    if not re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", prefix):
        raise UsageError(f"invalid prefix {prefix!r}: use letters, digits and _, no digit first")
    if not re.fullmatch("[A-Za-z0-9_]*", separator):
        raise UsageError(f"invalid separator {separator!r}: use letters, digits and _")
    return lambda parts: prefix + separator.join(re.sub("[^A-Z0-9_]", "_", part.upper()) for part in parts)


def _selected(
    facts: Mapping[str, Any],
    only: Sequence[str],
    name_of: Naming,
    on_absent: Callable[[str, str], None] | None,
) -> Iterator[Scalar]:
    if not only:
        return (scalar for scalar in scalars(facts) if scalar.parts[0] not in _ONLY_BY_NAME)
    selected = set(matching(facts, only, spell=name_of, on_absent=on_absent))
    return (
        scalar
        for scalar in scalars(facts)
        if any(scalar.keys[:depth] in selected for depth in range(1, len(scalar.keys) + 1))
    )


def _refusal(encoding: Format, name: str, sources: Sequence[Scalar]) -> str | None:
    if len(sources) == 1:
        return encoding.refusal(name, sources[0].text)
    # Tag keys are untrusted and the reason is printed: repr() escapes control characters.
    return "shared by " + " and ".join(repr(scalar.dotted) for scalar in sources)
