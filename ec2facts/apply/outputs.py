"""One output: a file of a format or a template, with the facts that it may hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ec2facts.apply.observer import ApplyObserver
from ec2facts.collection.facts import facts
from ec2facts.errors import EC2FactsError, IncompleteError, UnrepresentableError, UsageError
from ec2facts.imds.snapshot import Snapshot
from ec2facts.install.file import File
from ec2facts.render.tree import TREE_FORMATS, render_tree


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
    observer: ApplyObserver,
) -> list[File]:
    """Return the files with their contents; each sees only the withheld facts that it includes.

    Raises IncompleteError if any fact is unread, unless that is allowed, and the first of what the renderers raise;
    the others are told to the ``observer``.
    """
    known = {include: facts(snapshot, include=include) for include in {output.include for output in outputs}}
    unread = {path: reason for each in known.values() for path, reason in each["collection"]["unread"].items()}
    if unread and not allow_partial:
        raise IncompleteError(unread)
    for path, reason in sorted(unread.items()):
        observer.unread(path, reason)
    files: list[File] = []
    failures: list[EC2FactsError] = []
    for output in outputs:
        try:
            text = _render(output, known[output.include], observer)
        except EC2FactsError as error:  # noqa: PERF203 (all that are wrong are told at once)
            failures.append(error)
        else:
            files.append(output.file._replace(content=text.encode(), secret=bool(output.include)))
    for failure in failures[1:]:
        observer.failed(failure)
    for failure in failures:
        raise failure
    return files


def _render(output: Output, everything: Mapping[str, Any], observer: ApplyObserver) -> str:
    if output.template is not None:
        from ec2facts.render.template.environment import render_template

        return render_template(everything, output.template, search_path=output.search_path)
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
