"""The search for templates: by path, by name on a search path, and among the templates that ship.

The first line of a template that ships says what it is for and which program checks it, in the form
``{#- One sentence. Checked by: PROGRAM -#}``. Units and scripts that ship are not templates and have no suffix: their
line is the comment ``# One sentence. Checked by: PROGRAM``, in a script below the line that names its interpreter.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ec2facts.errors import TemplateError
from ec2facts.render.template.variables import Variable, declared_variables
from ec2facts.text import did_you_mean
from ec2facts.trust import trace

if TYPE_CHECKING:
    from tempfile import TemporaryDirectory

SUFFIX = ".j2"
"""Suffix of every template that ships; users may leave it out."""

_FIRST_LINE = re.compile(r"(?:#!.*\n)?(?:\{#-|#) (?P<sentence>.+\.) Checked by: (?P<checked_by>.+?)(?: -#\})?\n")


class PackagedTemplate(NamedTuple):
    """A template that ships: its purpose in one sentence, the program that checks its output, and its variables."""

    name: str
    sentence: str
    checked_by: str
    variables: list[Variable]


@cache
def packaged_templates() -> Path:
    """Return the directory of the templates that ship: in an install, in a checkout, or copied from a zip file."""
    package = Path(__file__).parent.parent.parent
    for directory in (package / "templates", package.parent / "templates"):
        if directory.is_dir():
            return directory
    return Path(_extracted().name)


@cache
def _extracted() -> TemporaryDirectory[str]:
    """Copy the templates from the zip file until this process ends: Jinja loads templates by path."""
    from importlib.resources import files
    from tempfile import TemporaryDirectory

    copy = TemporaryDirectory(prefix="ec2facts-templates-")
    for template in (files("ec2facts") / "templates").iterdir():
        Path(copy.name, template.name).write_bytes(template.read_bytes())
    return copy


def is_packaged(file: Path) -> bool:
    """Tell whether the absolute path ``file`` is a template that ships."""
    return file.parent == packaged_templates()


def list_templates() -> list[PackagedTemplate]:
    """Return the templates that ship, in the order of their names."""
    return [_described(file) for file in _packaged_files()]


def packaged_template(name: str) -> Path:
    """Return the file of a shipped template by its name, with or without ``.j2``; raise TemplateError if none ships."""
    files = {file.name: file for file in _packaged_files()}
    try:
        return files.get(name) or files[name + SUFFIX]
    except KeyError:
        advice = _suggestion(name) or " (`ec2facts templates` lists them)"
        raise TemplateError(f"no template {name!r} ships{advice}") from None


def _suggestion(name: str) -> str:
    """Return " (did you mean …?)" for the templates that ship and start with ``name``, else the most similar one."""
    names = [file.name[: -len(SUFFIX)] if file.name.endswith(SUFFIX) else file.name for file in _packaged_files()]
    longer = [each for each in names if each.startswith(name)]
    return f" (did you mean {' or '.join(map(repr, longer))}?)" if longer else did_you_mean(name, names)


def _packaged_files() -> list[Path]:
    return sorted(
        file for file in packaged_templates().iterdir() if not file.name.startswith(".") and file.suffix != ".md"
    )


def _described(file: Path) -> PackagedTemplate:
    source = file.read_text(encoding="utf-8")
    match = _FIRST_LINE.match(source)
    if match is None:
        raise TemplateError("the first line does not say what the template is for", file=str(file), line=1)
    return PackagedTemplate(file.name, match["sentence"], match["checked_by"], declared_variables(source))


def default_search_path(environ: Mapping[str, str], *, uid: int) -> list[Path]:
    """Return the directories in which the user ``uid`` finds a template by name.

    Root does not search the working directory, where another user may have put the template.
    """
    home = environ.get("HOME")
    configuration = Path(environ.get("XDG_CONFIG_HOME", ""))
    if not configuration.is_absolute() and home:
        configuration = Path(home) / ".config"
    own = [configuration / "ec2facts/templates"] if configuration.is_absolute() else []
    here = [Path("templates")] if uid != 0 else []
    return [*here, *own, Path("/etc/ec2facts/templates"), packaged_templates()]


def find_template(template: str | os.PathLike[str], search_path: Sequence[Path]) -> Path:
    """Return the file of a template: a path, or the first file of that name on the search path.

    A PathLike, or a text with a slash, is a path and is not searched for. A file of the working directory is found by
    its full name: before the search path if it ends in ``.j2``, else after it, so that ``hosts`` does not mean
    ``/etc/hosts`` in ``/etc``. Raises TemplateError if there is no such file, or if users other than this one and root
    can change the file that the search found.
    """
    name = os.fspath(template)
    if not isinstance(template, str) or "/" in name:
        if not Path(name).is_file():
            reason = "is a directory, not a template" if Path(name).is_dir() else "no such template"
            raise TemplateError(reason, file=name)
        return Path(name)
    directories = [Path(), *search_path] if name.endswith(SUFFIX) else [*search_path, Path()]
    found = find_named(name, directories)
    if found is None:
        searched = ", ".join(map(str, search_path))
        raise TemplateError(f"no template {name!r} in {searched or 'an empty search path'}{_suggestion(name)}")
    return found


def find_named(name: str, directories: Sequence[Path], *, owners: Collection[int] = ()) -> Path | None:
    """Return the first file in ``directories`` with that name, with or without the suffix; None if there is none.

    Raises TemplateError if others than root, the effective user and ``owners`` can change the file or its path.
    """
    for directory in directories:
        # In the working directory a file has its full name, as for every other command.
        for file in [directory / name] + [directory / (name + SUFFIX)] * (directory != Path()):
            if _is_file(file):
                _refuse_strangers(file, owners)
                return file
    return None


def unsearchable(directories: Iterable[Path]) -> dict[Path, str]:
    """Return the directories in which no template can be found for want of permission, with the reason."""
    reasons = {directory: _refusal(directory) for directory in directories}
    return {directory: reason for directory, reason in reasons.items() if reason is not None}


def _refusal(directory: Path) -> str | None:
    with suppress(FileNotFoundError, NotADirectoryError):  # there is no such directory, or nothing in it
        try:
            (directory / "any").lstat()
        except PermissionError as error:
            return error.strerror
    return None


def _is_file(file: Path) -> bool:
    try:
        return file.is_file()
    except PermissionError:  # another user's home directory, or a working directory
        return False


def find_included(name: str, parent: str, search_path: Sequence[Path]) -> Path | None:
    """Resolve ``name`` in the template ``parent``: look beside ``parent``, then on the search path.

    Returns None if there is no such file. Raises TemplateError like find_named, but the owner of ``parent`` may own the
    directory too.
    """
    including = Path(parent)
    if not including.is_absolute():
        return find_named(name, search_path)
    owners = [including.stat().st_uid]  # that user already decides what is rendered
    return find_named(name, [including.parent, *search_path], owners=owners)


def _refuse_strangers(file: Path, owners: Collection[int]) -> None:
    if is_packaged(file):
        return  # whoever can write there can change this code too
    reason = trace(file, content=True, trusted=owners).reason
    if reason is not None:
        raise TemplateError(f"{reason}, or give a path with a slash", file=str(file))
