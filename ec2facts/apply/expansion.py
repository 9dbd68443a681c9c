"""The files of one output: ``when``, ``for_each``, expressions in the path, and a directory of templates."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from ec2facts.apply.outputs import COPY, Output
from ec2facts.errors import TemplateError, UsageError
from ec2facts.render.template.search import SUFFIX

EXPRESSION = re.compile(r"\{\{(.*?)\}\}")
"""An expression in a path."""


def expand(output: Output, facts: Mapping[str, Any]) -> Iterator[Output]:
    """Yield an output for each file of ``output`` on this instance; none if ``when`` is false.

    Raises the errors of the expressions, and UsageError for a value that is not one path component.
    """
    for item in _items(output, facts):
        variables = {**output.variables, **item}
        if output.when is None or _is_true(output, facts, variables):
            path = _path(output, facts, variables) if output.path else output.file.path
            each = output._replace(file=output.file._replace(path=path), variables=variables)
            yield from [each] if output.directory is None else _files(each, output.directory)


def _items(output: Output, facts: Mapping[str, Any]) -> Sequence[dict[str, Any]]:
    """Return the variables of each item of ``for_each``; without it, one empty dict."""
    if output.for_each is None:
        return [{}]
    value = _evaluate(output, "for_each", output.for_each, facts, output.variables)
    if isinstance(value, Mapping):
        return [{"key": key, "item": item} for key, item in value.items()]
    if isinstance(value, (list, tuple)):
        return [{"item": item} for item in value]
    raise TemplateError("the value is neither a list nor a mapping", file=f"{output.name}: for_each")


def _is_true(output: Output, facts: Mapping[str, Any], variables: Mapping[str, Any]) -> bool:
    value = _evaluate(output, "when", str(output.when), facts, variables)
    if isinstance(value, str):  # the text "false" would be true
        raise TemplateError("the value is text; write a comparison", file=f"{output.name}: when")
    return bool(value)


def _path(output: Output, facts: Mapping[str, Any], variables: Mapping[str, Any]) -> Path:
    def name(match: re.Match[str]) -> str:
        value = _evaluate(output, "path", match[1].strip(), facts, variables)
        if isinstance(value, bool) or not isinstance(value, (str, int)):
            raise UsageError(f"the value of {match[0]} is neither text nor a whole number")
        return _checked_name(str(value), match[0])

    path = EXPRESSION.sub(name, output.path)
    for before, after in zip(EXPRESSION.sub("x", output.path).split("/"), path.split("/")):
        if before != after:
            _checked_name(after, output.path)
    return output.base / path


def _checked_name(name: str, expression: str) -> str:
    if name in {"", ".", ".."} or "/" in name or "\0" in name:
        raise UsageError(f"the value of {expression}, {name!r}, is not a file name")
    return name


def _evaluate(output: Output, key: str, expression: str, facts: Mapping[str, Any], variables: Mapping[str, Any]) -> Any:
    from ec2facts.render.template.environment import evaluate

    return evaluate(facts, expression, variables={**output.shared_variables, **variables}, name=f"{output.name}: {key}")


def _files(output: Output, directory: Path) -> Iterator[Output]:
    """Yield an output for each file in a directory of templates."""
    check_directory(str(directory))
    for folder, folders, names in os.walk(directory):
        folders.sort()
        for name in sorted(names):
            source = Path(folder, name)
            inside = source.relative_to(directory)
            if not any(fnmatchcase(text, glob) for text in (str(inside), name) for glob in output.exclude):
                yield _file(output, source, inside)


def check_directory(name: str) -> None:
    """Raise UsageError if a directory of templates does not exist."""
    if not Path(name).is_dir():
        raise UsageError(f"there is no directory {name}")


def _file(output: Output, source: Path, inside: Path) -> Output:
    target = output.file.path / inside
    executable = stat.S_IMODE(source.stat().st_mode) & 0o111
    mode = (0o644 if output.file.mode is None else output.file.mode) | executable if executable else output.file.mode
    file = output.file._replace(path=target, mode=mode, parents=True)
    if source.suffix == SUFFIX:
        return output._replace(
            file=file._replace(path=target.with_suffix("")), template=str(source.absolute()), directory=None
        )
    return output._replace(file=file._replace(content=source.read_bytes()), format=COPY, directory=None)
