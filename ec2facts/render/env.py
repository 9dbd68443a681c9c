"""Facts as variables: which of them, by what names, in which format."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from ec2facts.errors import UnrepresentableError, UsageError
from ec2facts.metadata.schema import DOCUMENTS, schema
from ec2facts.render.env_formats import FORMATS, Format

Naming = Callable[[Sequence[str]], str]
"""Makes a variable's name of the parts of a fact's."""

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

    Raises UsageError for an argument that means nothing, as a glob does that is for no fact of any instance. Raises
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


def _naming(prefix: str, separator: str) -> Naming:
    """Return what names a variable, always in characters that every format takes for a name."""
    if not prefix:
        raise UsageError("an empty prefix would leave it to the facts which variables are set, LD_PRELOAD or PATH")
    if not re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", prefix):
        raise UsageError(f"the prefix {prefix!r} cannot begin a name: letters, digits and _, no digit first")
    if not re.fullmatch("[A-Za-z0-9_]*", separator):
        raise UsageError(f"the separator {separator!r} cannot stand in a name: letters, digits and _")
    return lambda parts: prefix + separator.join(re.sub("[^A-Z0-9_]", "_", part.upper()) for part in parts)


def _chosen(facts: Mapping[str, Any], only: Sequence[str], name_of: Naming) -> list[Scalar]:
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
    _refuse_meaningless([glob for glob in only if glob not in matching], facts, name_of)
    return chosen


def _refuse_meaningless(globs: Sequence[str], facts: Mapping[str, Any], name_of: Naming) -> None:
    """Raise UsageError for globs that are for no fact of any instance, or for a withheld one of this instance."""
    if not globs:
        return
    declared = schema()
    known = [*(entry.name.split(".") for entry in declared), *([key] for key in _ONLY_BY_NAME)]
    withheld = {path.rstrip("/"): reason for path, reason in facts.get("collection", {}).get("withheld", {}).items()}
    meaningless = []
    for glob in globs:
        for entry in declared:
            reason = withheld.get(entry.path.rstrip("/"))
            if reason and _is_for(glob, [entry.name], name_of):
                raise UsageError(f"{entry.name} is withheld, so that {glob!r} matches nothing: {reason}")
        if not any(_is_for(glob, parts, name_of) for parts in known):
            meaningless.append(glob)
    if meaningless:
        raise UsageError(f"no fact matches {', '.join(map(repr, meaningless))}; `ec2facts schema` lists them")


def _is_for(glob: str, parts: Sequence[str], name_of: Naming) -> bool:
    """Whether a glob matches a name, dotted or as a variable, or may match what is below it."""
    return any(
        fnmatchcase(spelled(parts), glob) or glob.startswith(spelled([*parts, ""])) for spelled in (".".join, name_of)
    )


def _refusal(encoding: Format, name: str, wanting: Sequence[Scalar]) -> str | None:
    if len(wanting) == 1:
        return encoding.refusal(name, wanting[0].text)
    # Repr, because tag keys are text from outside and the reason is printed.
    return "wanted by " + " and ".join(repr(scalar.dotted) for scalar in wanting)
