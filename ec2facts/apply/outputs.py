"""One output: a file in a format or from a template, and the facts that it uses."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, Union

from ec2facts.apply.observer import ApplyObserver
from ec2facts.apply.paths import names_matching
from ec2facts.collection.crawl import crawl
from ec2facts.collection.facts import TREE, collected, without_unread
from ec2facts.collection.selection import select
from ec2facts.errors import EC2FactsError, IncompleteError, UnrepresentableError, UsageError
from ec2facts.imds.snapshot import Snapshot
from ec2facts.install.file import File
from ec2facts.render.tree import TREE_FORMATS, render_tree
from ec2facts.render.unread import unread_in

SNAPSHOT = "snapshot"
"""The format of ``ec2facts snapshot``: bodies by path, for ``--from``."""

Result = Union[File, EC2FactsError]
"""What rendering an output gives: the file with its content, or why there is none."""


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

    It holds withheld facts only if ``include`` names them; the file is then secret. An unread fact fails it only if it
    uses that fact, and not at all with ``allow_partial``: JSON and YAML then say so in ``collection.unread``, env files
    in comments, and to a template the fact is absent.
    """

    file: File
    format: str = "json"
    template: str | Callable[..., str] | None = None
    """The name or path of a template, or a function with the arguments of ``render_template`` but the template."""
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


def names_used(output: Output) -> set[str] | None:
    """Return the top-level facts that an output may use; None for any of them."""
    if not output.only or output.template is not None or output.format == SNAPSHOT:
        return None
    if output.format in TREE_FORMATS:
        return names_matching(output.only)
    from ec2facts.render.env import naming

    try:
        return names_matching(output.only, spell=naming(output.env.prefix, output.env.separator))
    except UsageError:  # the output fails when it is rendered
        return set()


class Facts:
    """The facts of one snapshot, by what an output includes."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self._collected: dict[tuple[str, ...], dict[str, Any]] = {}

    def including(self, include: tuple[str, ...]) -> dict[str, Any]:
        """Return the facts, with those withheld that ``include`` does not name, and with markers where unread."""
        if include not in self._collected:
            self._collected[include] = collected(self.snapshot, include=include)
        return self._collected[include]


def render_outputs(outputs: Sequence[Output], facts: Facts, *, observer: ApplyObserver) -> list[Result]:
    """Render every output by itself; return the file or the failure of each."""
    return [_result(output, facts, observer) for output in outputs]


def _result(output: Output, facts: Facts, observer: ApplyObserver) -> Result:
    try:
        return render_output(output, facts, observer=observer)
    except (IncompleteError, UnrepresentableError, UsageError) as error:
        return _at(output.file.path, error)
    except EC2FactsError as error:
        return error


def _at(path: Path, error: EC2FactsError) -> EC2FactsError:
    """Return the error with the file that it keeps from being written."""
    if isinstance(error, IncompleteError):
        return IncompleteError(error.unread, file=str(path))
    if isinstance(error, UnrepresentableError):
        return UnrepresentableError(error.format_name, error.offenders, file=str(path))
    return UsageError(f"{path}: {error}")


def render_output(output: Output, facts: Facts, *, observer: ApplyObserver) -> File:
    """Return the file of an output with its content; raise what the renderers raise."""
    if output.format == SNAPSHOT:
        content = _snapshot(output, facts.snapshot, observer)
    else:
        content = _text(output, facts.including(output.include), observer).encode()
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
        return render_tree(_present(_selected(facts, output), output, observer), output.format)
    return _env(output, facts, observer)


def _selected(facts: dict[str, Any], output: Output) -> dict[str, Any]:
    """Return the facts that a tree shows, in their place."""
    if output.only:
        facts = select(facts, output.only)
    if not output.tree:
        facts = {key: value for key, value in facts.items() if key not in TREE}
    return facts if output.under is None else {output.under: facts}


def _present(facts: dict[str, Any], output: Output, observer: ApplyObserver) -> dict[str, Any]:
    """Return the facts for the renderer: without what is unread, where the output may be partial."""
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

    if callable(output.template):
        return output.template(facts, variables=output.variables, search_path=output.search_path)
    return render_template(facts, str(output.template), variables=output.variables, search_path=output.search_path)


def _env(output: Output, facts: dict[str, Any], observer: ApplyObserver) -> str:
    from ec2facts.render.env import render_env

    def left_out(name: str, reason: str) -> None:
        observer.left_out(output.file, name, reason)

    arguments = output.env._asdict()
    skips = arguments.pop("skip_unrepresentable")
    return render_env(
        facts,
        output.format,
        **arguments,
        only=output.only,
        on_skip=left_out if skips else None,
        on_unread=observer.unread if output.allow_partial else None,
    )
