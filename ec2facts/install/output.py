"""One output: a file of a format or a template, with the facts that it may hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ec2facts.errors import IncompleteError
from ec2facts.facts import facts
from ec2facts.imds.snapshot import Snapshot
from ec2facts.install.file import File
from ec2facts.install.observer import Observer
from ec2facts.render import TREE_FORMATS, render_tree


class Variables(NamedTuple):
    """The arguments of ``render_env`` beside facts and format."""

    only: Sequence[str] = ()
    prefix: str = "EC2_"
    separator: str = "_"
    export: bool = False
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
    outputs: Iterable[Output],
    snapshot: Snapshot,
    *,
    allow_partial: bool = False,
    compiled: Path | None = None,
    observer: Observer,
) -> list[File]:
    """Return the files with their contents; each sees only the withheld facts that it includes.

    ``compiled`` is a directory for what templates have been compiled to, for the next time.

    Raises IncompleteError if any fact is unread, unless that is allowed, and whatever the renderers raise.
    """
    known: dict[tuple[str, ...], dict[str, Any]] = {}
    for output in outputs:
        if output.include not in known:
            known[output.include] = facts(snapshot, include=output.include)
            unread = known[output.include]["collection"]["unread"]
            if unread and not allow_partial:
                raise IncompleteError(unread)
    return [
        output.file._replace(
            content=_render(output, known[output.include], compiled, observer).encode(),
            secret=bool(output.include),
        )
        for output in outputs
    ]


def _render(output: Output, everything: Mapping[str, Any], compiled: Path | None, observer: Observer) -> str:
    if output.template is not None:
        from ec2facts.render.template import render_template

        return render_template(everything, output.template, search_path=output.search_path, compiled=compiled)
    if output.format in TREE_FORMATS:
        return render_tree(everything, output.format)
    from ec2facts.render.env import render_env

    def left_out(name: str, reason: str) -> None:
        observer.left_out(output.file, name, reason)

    arguments = output.variables._asdict()
    skips = arguments.pop("skip_unrepresentable")
    return render_env(everything, output.format, **arguments, on_skip=left_out if skips else None)
