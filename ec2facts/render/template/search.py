"""The search for templates: by path, by name on a search path, and among the shipped templates.

The first line of a shipped template gives its purpose and the program that checks it:
``{#- One sentence. Checked by: PROGRAM -#}``. Shipped units, configs and scripts have no suffix ``.j2``, and this line
as a comment: ``# One sentence. Checked by: PROGRAM``, in a script after the shebang.
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
"""Suffix of shipped templates, optional in a name."""

_FIRST_LINE = re.compile(r"(?:#!.*\n)?(?:\{#-|#) (?P<sentence>.+\.) Checked by: (?P<checked_by>.+?)(?: -#\})?\n")


class PackagedTemplate(NamedTuple):
    """A shipped template: its purpose in one sentence, the program that checks it, and its variables."""

    name: str
    sentence: str
    checked_by: str
    variables: list[Variable]


@cache
def packaged_templates() -> Path:
    """Return the directory of the shipped templates: in an install, in a checkout, or extracted from a zip file."""
    package = Path(__file__).parent.parent.parent
    for directory in (package / "templates", package.parent / "templates"):
        if directory.is_dir():
            return directory
    return Path(_extracted().name)


@cache
def _extracted() -> TemporaryDirectory[str]:
    """Extract the templates from the zip file until this process exits: templates are loaded by path."""
    from importlib.resources import files
    from tempfile import TemporaryDirectory

    copy = TemporaryDirectory(prefix="ec2facts-templates-")
    for template in (files("ec2facts") / "templates").iterdir():
        Path(copy.name, template.name).write_bytes(template.read_bytes())
    return copy


def is_packaged(file: Path) -> bool:
    """Return whether the absolute path ``file`` is a shipped template."""
    return file.parent == packaged_templates()


def list_templates() -> list[PackagedTemplate]:
    """Return the shipped templates, sorted by name."""
    return [_described(file) for file in _packaged_files()]


def packaged_template(name: str) -> Path:
    """Return the file of the shipped template ``name``, with or without ``.j2``; raise TemplateError if none exists."""
    files = {file.name: file for file in _packaged_files()}
    try:
        return files.get(name) or files[name + SUFFIX]
    except KeyError:
        advice = _suggestion(name) or " (`ec2facts templates` lists them)"
        raise TemplateError(f"no shipped template {name!r}{advice}") from None


def _suggestion(name: str) -> str:
    """Return " (did you mean …?)" for the shipped templates that start with ``name``, else for the closest one."""
    names = [file.stem if file.suffix == SUFFIX else file.name for file in _packaged_files()]
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
        raise TemplateError("the first line does not describe the template", file=str(file), line=1)
    return PackagedTemplate(file.name, match["sentence"], match["checked_by"], declared_variables(source))


def default_search_path(environ: Mapping[str, str], *, uid: int) -> list[Path]:
    """Return the directories that the user ``uid`` searches for a template's name.

    Root does not search the working directory: another user may have put the template there.
    """
    home = environ.get("HOME")
    configuration = Path(environ.get("XDG_CONFIG_HOME", ""))
    if not configuration.is_absolute() and home:
        configuration = Path(home) / ".config"
    own = [configuration / "ec2facts/templates"] if configuration.is_absolute() else []
    here = [Path("templates")] if uid != 0 else []
    return [*here, *own, Path("/etc/ec2facts/templates"), packaged_templates()]


def find_template(template: str | os.PathLike[str], search_path: Sequence[Path]) -> Path:
    """Return the file of a template: a path, or the first file with that name on the search path.

    A PathLike, or a text with a slash, is a path and is not searched for. The working directory is searched for the
    full name only: before the search path if the name ends in ``.j2``, else after it, so that ``hosts`` in ``/etc``
    does not mean ``/etc/hosts``. Raises TemplateError if there is no such file, or if anyone but this user and root can
    change the file that the search found.
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
    """Return the first file in ``directories`` with that name, with or without the suffix, or None.

    Raises TemplateError if anyone but root, the effective user and ``owners`` can change the file or its path.
    """
    for directory in directories:
        # In the working directory only the full name counts, as for every other command.
        for file in [directory / name] + [directory / (name + SUFFIX)] * (directory != Path()):
            if _is_file(file):
                _check_trust(file, owners)
                return file
    return None


def unsearchable(directories: Iterable[Path]) -> dict[Path, str]:
    """Return the directories that this user has no permission to search, with the reason."""
    reasons = {}
    for directory in directories:
        with suppress(FileNotFoundError, NotADirectoryError):  # no such directory, or no such file in it
            try:
                (directory / "any").lstat()
            except PermissionError as error:
                reasons[directory] = str(error.strerror)
    return reasons


def _is_file(file: Path) -> bool:
    try:
        return file.is_file()
    except PermissionError:  # such as another user's home directory
        return False


def find_included(name: str, parent: str, search_path: Sequence[Path]) -> Path | None:
    """Resolve ``name`` in the template ``parent``: look beside ``parent``, then on the search path.

    Returns None if there is no such file. Raises TemplateError like find_named, which trusts the owner of ``parent``
    here.
    """
    including = Path(parent)
    if not including.is_absolute():
        return find_named(name, search_path)
    owners = [including.stat().st_uid]  # this user already controls the output
    return find_named(name, [including.parent, *search_path], owners=owners)


def _check_trust(file: Path, owners: Collection[int]) -> None:
    if is_packaged(file):
        return  # whoever can change it can change this code too
    reason = trace(file, content=True, trusted=owners).reason
    if reason is not None:
        raise TemplateError(f"{reason}, or give a path with a slash", file=str(file))
