"""One output: a file of a format or a template, with the facts that it may hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ec2facts.errors import EC2FactsError, IncompleteError, UnrepresentableError, UsageError
from ec2facts.facts import facts
from ec2facts.imds.snapshot import Snapshot
from ec2facts.install.file import File
from ec2facts.install.observer import Observer
from ec2facts.install.renderings import Renderings
from ec2facts.render import TREE_FORMATS, render_tree
from ec2facts.render.catalog import Reads


class Variables(NamedTuple):
    """The arguments of ``render_env`` beside facts and format; what one means may depend on those before it."""

    prefix: str = "EC2_"
    separator: str = "_"
    export: bool = False
    only: Sequence[str] = ()
    skip_unrepresentable: bool = False


class Output(NamedTuple):
    """A ``file`` whose content is still to come: from a ``template``, else in a ``format``.

    What is withheld is in it only where ``include`` names it; then the file is secret.
    """

    file: File
    format: str = "json"
    template: str | None = None
    include: tuple[str, ...] = ()
    search_path: tuple[Path, ...] = ()
    """Where a template is looked for by name."""
    variables: Variables = Variables()


def render_outputs(
    outputs: Sequence[Output],
    snapshot: Snapshot,
    *,
    allow_partial: bool = False,
    state: Path | None = None,
    observer: Observer,
) -> list[File]:
    """Return the files with their contents; each sees only the withheld facts that it includes.

    A template is rendered anew unless its facts and files are those of the last run with the directory ``state``.

    Raises IncompleteError if any fact is unread, unless that is allowed, and the first of what the renderers raise;
    the others are told to the ``observer``.
    """
    known = {include: facts(snapshot, include=include) for include in {output.include for output in outputs}}
    unread = {path: reason for each in known.values() for path, reason in each["collection"]["unread"].items()}
    if unread and not allow_partial:
        raise IncompleteError(unread)
    for path, reason in sorted(unread.items()):
        observer.unread(path, reason)
    renderings = None if state is None else Renderings(state, known.get((), {}))
    files: list[File] = []
    failures: list[EC2FactsError] = []
    for output in outputs:
        try:
            text = _render(output, known[output.include], None if output.include else renderings, observer)
        except EC2FactsError as error:  # noqa: PERF203 (all that are wrong are told at once)
            failures.append(error)
        else:
            files.append(output.file._replace(content=text.encode(), secret=bool(output.include)))
    for failure in failures[1:]:
        observer.failed(failure)
    for failure in failures:
        raise failure
    if renderings is not None:
        renderings.save()
    return files


def _render(output: Output, everything: Mapping[str, Any], renderings: Renderings | None, observer: Observer) -> str:
    if output.template is not None:
        return _render_template(everything, output.template, output.search_path, renderings)
    if output.format in TREE_FORMATS:
        return render_tree(everything, output.format)
    from ec2facts.render.env import render_env

    def left_out(name: str, reason: str) -> None:
        observer.left_out(output.file, name, reason)

    arguments = output.variables._asdict()
    skips = arguments.pop("skip_unrepresentable")
    file = str(output.file.path)
    try:
        return render_env(everything, output.format, **arguments, on_skip=left_out if skips else None)
    except UnrepresentableError as error:
        raise UnrepresentableError(error.format_name, error.offenders, file=file) from error
    except UsageError as error:
        raise UsageError(f"{file}: {error}") from error


def _render_template(
    everything: Mapping[str, Any], template: str, search_path: Sequence[Path], renderings: Renderings | None
) -> str:
    text = None if renderings is None else renderings.get(template, search_path)
    if text is None:
        from ec2facts.render.template import render_template

        reads = Reads([], {})
        text = render_template(everything, template, search_path=search_path, reads=reads)
        if renderings is not None:
            renderings.add(template, search_path, text, reads)
    return text
