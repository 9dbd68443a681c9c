"""One output: a file in a format or from a template, rendered with the facts that it uses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from ec2facts.apply.observer import ApplyObserver
from ec2facts.apply.paths import names_matching
from ec2facts.collection.crawl import crawl
from ec2facts.collection.facts import TREE, collected
from ec2facts.collection.selection import select
from ec2facts.collection.unread import unread_in, without_unread
from ec2facts.errors import IncompleteError, UsageError
from ec2facts.imds.snapshot import Snapshot
from ec2facts.install.file import File
from ec2facts.render.template.search import find_template, is_packaged
from ec2facts.render.template.variables import declared_variables
from ec2facts.render.tree import TREE_FORMATS, render_tree

COPY = "copy"
"""The format of a file whose content is not rendered."""

SNAPSHOT = "snapshot"
"""The format of ``ec2facts snapshot``: bodies by path, for ``--from``."""

STDOUT_FILE = File(Path("-"))
"""The file of an output that goes to standard output."""


class EnvOptions(NamedTuple):
    """The options of env files; they are arguments of ``render_env``."""

    prefix: str = "EC2_"
    separator: str = "_"
    export: bool = False
    skip_unrepresentable: bool = False


class Output(NamedTuple):
    """One file to keep up to date, rendered from a ``template`` or, without one, in a ``format``.

    The file holds withheld facts only if ``include`` names them, and is then secret. An unread fact fails the output
    only if the output uses it. With ``allow_partial``, JSON and YAML list the fact in ``collection.unread`` instead,
    env files name it in a comment, and for a template it is absent.
    """

    file: File
    format: str = "json"
    template: str | Callable[..., str] | None = None
    """The name or path of a template, or a function with the other arguments of ``render_template``."""
    include: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    """Globs of the facts to write; not for templates."""
    under: str | None = None
    """The key that holds the facts in JSON and YAML."""
    tree: bool = True
    """Whether JSON and YAML hold the service's own tree."""
    env: EnvOptions = EnvOptions()
    allow_partial: bool = False
    search_path: tuple[Path, ...] = ()
    """Directories in which a template is looked up by name."""
    variables: Mapping[str, Any] = MappingProxyType({})
    """The template's own variables."""
    shared_variables: Mapping[str, Any] = MappingProxyType({})
    """Variables of all templates; a template that ships with ec2facts gets only those it declares."""
    directory: Path | None = None
    """A directory of templates and files to install instead; the path of ``file`` is then a directory."""
    exclude: tuple[str, ...] = ()
    """Globs of files in ``directory`` to skip."""
    path: str = ""
    """The path of the file if it holds expressions, such as ``{{ key }}.conf``."""
    base: Path = Path()
    """The directory that ``path`` is relative to."""
    when: str | None = None
    """An expression; if it is false, the output is skipped."""
    for_each: str | None = None
    """An expression for a list or a mapping; each item becomes one file."""

    @property
    def name(self) -> str:
        """The name of the output in errors: its path."""
        return self.path or str(self.file.path)


def names_used(output: Output) -> set[str] | None:
    """Return the top-level facts that an output can use; None means every fact."""
    has_expressions = output.when is not None or output.for_each is not None or bool(output.path)
    return None if output.template is not None or output.directory or has_expressions else names_selected(output)


def names_selected(output: Output) -> set[str] | None:
    """Return the top-level facts that an output in a format can show; None means every fact."""
    if not output.only or output.format == SNAPSHOT:
        return None
    if output.format in TREE_FORMATS:
        return names_matching(output.only)
    from ec2facts.render.env import naming

    try:
        return names_matching(output.only, spell=naming(output.env.prefix, output.env.separator))
    except UsageError:  # the output fails when it is rendered
        return set()


def names_included(outputs: Iterable[Output]) -> list[str]:
    """Return the withheld facts that any output includes."""
    return sorted({name for output in outputs for name in output.include})


class Facts:
    """A cache of the facts of one snapshot, by the withheld facts that are included."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self._collected: dict[tuple[str, ...], dict[str, Any]] = {}

    def including(self, include: tuple[str, ...]) -> dict[str, Any]:
        """Return the facts with the withheld ones that ``include`` names, and a marker for each unread one."""
        if include not in self._collected:
            self._collected[include] = collected(self.snapshot, include=include)
        return self._collected[include]

    def present(self, output: Output) -> dict[str, Any]:
        """Return the facts for the expressions of an output, without unread ones if it allows partial facts."""
        facts = self.including(output.include)
        return without_unread(facts) if output.allow_partial else facts


def render_output(output: Output, facts: Facts, *, observer: ApplyObserver) -> File:
    """Return the file of an output with its content; raise the errors of the renderers."""
    try:
        if output.format == COPY:
            content = output.file.content
        elif output.format == SNAPSHOT:
            content = _snapshot(output, facts.snapshot, observer)
        else:
            content = _text(output, facts.including(output.include), observer).encode()
    except IncompleteError as error:
        total = len(facts.snapshot.bodies) + len(facts.snapshot.gaps)
        raise IncompleteError(error.unread, total=total, is_needed=error.is_needed) from error
    return output.file._replace(content=content, secret=output.file.secret or bool(output.include))


def _snapshot(output: Output, snapshot: Snapshot, observer: ApplyObserver) -> bytes:
    own = crawl(snapshot, include=output.include)  # another output may have included more
    if own.unread and not output.allow_partial:
        raise IncompleteError(own.unread)
    _warn(own.unread, observer)
    return own.dump()


def _text(output: Output, facts: dict[str, Any], observer: ApplyObserver) -> str:
    if output.template is not None:
        return _template(output, _present(facts, output, observer))
    if output.format in TREE_FORMATS:
        return render_tree(_present(_selected(facts, output, observer), output, observer), output.format)
    return _env(output, facts, observer)


def _selected(facts: dict[str, Any], output: Output, observer: ApplyObserver) -> dict[str, Any]:
    """Return the selected facts, as JSON and YAML nest them."""
    if output.only:
        facts = select(facts, output.only, on_absent=partial(observer.absent, output.file))
    if not output.tree:
        facts = {key: value for key, value in facts.items() if key not in TREE}
    return facts if output.under is None else {output.under: facts}


def _present(facts: dict[str, Any], output: Output, observer: ApplyObserver) -> dict[str, Any]:
    """Return the facts for the renderer, without unread ones if the output allows partial facts."""
    if not output.allow_partial:
        return facts
    _warn(unread_in(facts), observer)
    present: dict[str, Any] = without_unread(facts)
    return present


def _warn(unread: Mapping[str, str], observer: ApplyObserver) -> None:
    for path, reason in sorted(unread.items()):
        observer.unread(path, reason)


def _template(output: Output, facts: dict[str, Any]) -> str:
    from ec2facts.render.template.environment import render_template

    own = output.variables
    if callable(output.template):
        return output.template(facts, variables=own, search_path=output.search_path)
    shared = dict(output.shared_variables)
    if shared:
        file = find_template(str(output.template), output.search_path).absolute()
        if is_packaged(file):
            declared = {each.name for each in declared_variables(file.read_text(encoding="utf-8"))}
            shared = {name: value for name, value in shared.items() if name in declared}
    return render_template(facts, str(output.template), variables={**shared, **own}, search_path=output.search_path)


def _env(output: Output, facts: dict[str, Any], observer: ApplyObserver) -> str:
    from ec2facts.render.env import render_env

    arguments = output.env._asdict()
    skips = arguments.pop("skip_unrepresentable")
    return render_env(
        facts,
        output.format,
        **arguments,
        only=output.only,
        on_skip=partial(observer.left_out, output.file) if skips else None,
        on_unread=observer.unread if output.allow_partial else None,
        on_absent=partial(observer.absent, output.file),
    )
