"""The facts that a watch reads for one output: at least those that the output uses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from ec2facts.apply.outputs import Output, names_selected
from ec2facts.errors import TemplateError
from ec2facts.metadata.descriptor import attributes
from ec2facts.metadata.instance import EC2Metadata
from ec2facts.render.template.search import SUFFIX, find_included, find_template

_WORD = re.compile(r"\w+")

_REFERENCE = re.compile(r"\b(?:include|import|extends|from)\s*(?P<quote>['\"])(?P<name>.+?)(?P=quote)(?:\s+import\b)?")
"""A literal reference to another template."""

_REFERRING = {"include", "import", "extends"}

_ANY_FACT = {"facts", "meta_data", "dynamic", "collection"}
"""Words through which a template uses facts without naming them."""


def names_watched(output: Output) -> set[str] | None:
    """Return a superset of the attributes that an output uses; None if it can use any fact."""
    texts = [output.when or "", output.for_each or "", output.path]
    names: set[str] = set()
    if output.template is None and output.directory is None:
        selected = names_selected(output)
        if selected is None:
            return None
        names |= selected
    else:
        try:
            texts += _texts(output)
        except (TemplateError, OSError, UnicodeDecodeError):
            return None
    words = {word for text in texts for word in _WORD.findall(text)}
    return None if words & _ANY_FACT else names | (words & attributes(EC2Metadata).keys())


def _texts(output: Output) -> Iterator[str]:
    """Yield the text of each template of an output; raise TemplateError if the name of a template is computed."""
    if output.directory is not None:
        waiting = sorted(output.directory.rglob(f"*{SUFFIX}"))
    else:
        waiting = [find_template(str(output.template), output.search_path)]
    seen: set[Path] = set()
    while waiting:
        file = waiting.pop()
        if file not in seen:
            seen.add(file)
            text = file.read_text(encoding="utf-8-sig")
            yield text
            waiting += [_referenced(match["name"], file, output) for match in _REFERENCE.finditer(text)]
            if _REFERRING & {*_WORD.findall(_REFERENCE.sub("", text))}:
                raise TemplateError("the name of a template is computed", file=str(file))


def _referenced(name: str, file: Path, output: Output) -> Path:
    found = find_included(name, str(file.absolute()), output.search_path)
    if found is None:
        raise TemplateError(f"no template {name!r}", file=str(file))
    return found
