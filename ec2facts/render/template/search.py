"""Where templates are found: by path, by name on a search path, and those that ship with ec2facts.

The first line of a template that ships says what it is for and which program proves it, in the form
``{#- One sentence. Checked by: PROGRAM -#}``. Units and scripts that ship have nothing to fill in and no suffix: theirs
is the comment ``# One sentence. Checked by: PROGRAM``, in a script below the line that names its interpreter.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from ec2facts.errors import TemplateError
from ec2facts.files import trace
from ec2facts.render.template.variables import Variable, declared_variables
from ec2facts.text import did_you_mean

SUFFIX = ".j2"
"""Ends the name of every file that ships and has something to fill in; a name may be given without it."""

_FIRST_LINE = re.compile(r"(?:#!.*\n)?(?:\{#-|#) (?P<sentence>.+\.) Checked by: (?P<checked_by>.+?)(?: -#\})?\n")


class PackagedTemplate(NamedTuple):
    """A template that ships: its purpose in one sentence, the program that checks its output, and its variables."""

    name: str
    sentence: str
    checked_by: str
    variables: list[Variable]


@cache
def packaged_templates() -> Path:
    """Return the directory of the templates that ship: of an install, a checkout, or a copy of those in a zip file."""
    package = Path(__file__).parent.parent.parent
    for directory in (package / "templates", package.parent / "templates"):
        if directory.is_dir():
            return directory
    return Path(_extracted().name)


@cache
def _extracted() -> TemporaryDirectory[str]:
    """Return a copy of the templates in a zip file, which ends with this process: Jinja loads them by their paths."""
    from importlib.resources import files

    copy = TemporaryDirectory(prefix="ec2facts-templates-")
    for template in (files("ec2facts") / "templates").iterdir():
        Path(copy.name, template.name).write_bytes(template.read_bytes())
    return copy


def is_packaged(file: Path) -> bool:
    """Tell whether the absolute path ``file`` is a template that ships."""
    return file.parent == packaged_templates()


def list_templates() -> list[PackagedTemplate]:
    """Return the templates that ship, by name."""
    return [_described(file) for file in _packaged_files()]


def packaged_template(name: str) -> Path:
    """Return the file of a template that ships, by its name with or without ``.j2``; raise TemplateError for none."""
    files = {file.name: file for file in _packaged_files()}
    try:
        return files.get(name) or files[name + SUFFIX]
    except KeyError:
        advice = did_you_mean(name, files) or " (`ec2facts templates` lists them)"
        raise TemplateError(f"no template {name!r} ships{advice}") from None


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
    """Return the directories in which a template is looked for by name, for the user ``uid``.

    Root does not search below the working directory, where somebody else may have put the template.
    """
    home = environ.get("HOME")
    configuration = Path(environ.get("XDG_CONFIG_HOME", ""))
    if not configuration.is_absolute() and home:
        configuration = Path(home) / ".config"
    own = [configuration / "ec2facts/templates"] if configuration.is_absolute() else []
    here = [Path("templates")] if uid != 0 else []
    return [*here, *own, Path("/etc/ec2facts/templates"), packaged_templates()]


def find_template(template: str | os.PathLike[str], search_path: Sequence[Path], *, uid: int) -> Path:
    """Return the file of a template: one given by path, or the first on the search path with that name.

    What has a slash or is a PathLike is a path. Another file of the working directory is found by its whole name;
    one that does not end in ``.j2`` comes after the search path, so that ``hosts`` does not mean ``/etc/hosts`` in
    ``/etc``. Raises TemplateError where there is none, and where one lies in a directory in which others than
    ``uid`` and root may have put it; a path with a slash is taken as it is.
    """
    name = os.fspath(template)
    if not isinstance(template, str) or "/" in name:
        if not Path(name).is_file():
            raise TemplateError("no such template", file=name)
        return Path(name)
    directories = [Path(), *search_path] if name.endswith(SUFFIX) else [*search_path, Path()]
    found = find_named(name, directories, owners={0, uid})
    if found is None:
        searched = ", ".join(map(str, search_path))
        raise TemplateError(f"no template {name!r} in {searched or 'an empty search path'}")
    return found


def find_named(name: str, directories: Sequence[Path], *, owners: Collection[int]) -> Path | None:
    """Return the first file of that name, with or without the suffix, in ``directories``; None if there is none.

    Raises TemplateError if others than root, the effective user and ``owners`` can change the file or its path.
    """
    for directory in directories:
        # In the working directory a file goes by its whole name, as to every other command.
        for file in [directory / name] + [directory / (name + SUFFIX)] * (directory != Path()):
            if file.is_file():
                _refuse_strangers(file, owners)
                return file
    return None


def find_included(name: str, parent: str, search_path: Sequence[Path], *, uid: int) -> Path | None:
    """Resolve ``name`` in the template ``parent``: look beside ``parent``, then on the search path.

    Returns None if there is no such file. Raises TemplateError like find_named, but the owner of ``parent`` may own the
    directory too.
    """
    including = Path(parent)
    beside, owners = [], {0, uid}
    if including.is_absolute():
        beside.append(including.parent)
        owners.add(including.stat().st_uid)  # that user's template is being rendered already
    return find_named(name, [*beside, *search_path], owners=owners)


def _refuse_strangers(file: Path, owners: Collection[int]) -> None:
    if is_packaged(file):
        return  # whoever could put a template there could have changed this code as well
    reason = trace(file, content=True, trusted=owners).reason
    if reason is not None:
        raise TemplateError(f"{reason}, or give a path with a slash", file=str(file))
